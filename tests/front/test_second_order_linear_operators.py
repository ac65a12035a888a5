"""Jacobians and Hessians as SciPy linear operators: against dense ones derived by hand, and in SciPy's solvers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse.linalg

import diffiface as di
from tests.conftest import require
from tests.problems import SCALAR_PROBLEMS, VECTOR_PROBLEMS, rosenbrock, rosenbrock_gradient, rosenbrock_hessian

RNG = np.random.default_rng(5)


def products_match(operator, matrix, tolerance):
    """Check every product the operator offers against the dense matrix."""
    rows, columns = matrix.shape
    assert operator.shape == (rows, columns)
    options = {"rtol": 0, "atol": tolerance * max(1.0, np.abs(matrix).max(initial=0.0))}
    V, W = RNG.normal(size=(columns, 5)), RNG.normal(size=(rows, 5))
    v, w = V[:, 0], W[:, 0]
    assert operator.matvec(v).shape == (rows,) and operator.matvec(v[:, None]).shape == (rows, 1)
    np.testing.assert_allclose(operator.matvec(v), matrix @ v, **options)
    np.testing.assert_allclose(operator.rmatvec(w), matrix.conj().T @ w, **options)
    np.testing.assert_allclose(operator.matmat(V), matrix @ V, **options)
    np.testing.assert_allclose(operator.rmatmat(W), matrix.conj().T @ W, **options)
    np.testing.assert_allclose(operator @ (v + 2j * V[:, 1]), matrix @ (v + 2j * V[:, 1]), **options)
    np.testing.assert_allclose(operator.H @ (w - 1j * W[:, 1]), matrix.conj().T @ (w - 1j * W[:, 1]), **options)
    assert operator.matmat(V[:, :0]).shape == (rows, 0)


@pytest.mark.parametrize("problem", VECTOR_PROBLEMS, ids=repr)
def test_jacobians(engine, tolerance, problem):
    matrix = problem.jacobian(problem.x, *problem.contexts).reshape(-1, problem.x.size)
    operator = di.jacobian_operator(problem.f, engine, problem.x, *problem.contexts)
    assert isinstance(operator, scipy.sparse.linalg.LinearOperator) and operator.dtype == np.float64
    products_match(operator, matrix, tolerance)


@pytest.mark.parametrize("problem", SCALAR_PROBLEMS[:4], ids=repr)
def test_hessians(engine, tolerance, problem):
    n = problem.x.size
    matrix = problem.hessian(problem.x, *problem.contexts).reshape(n, n)
    operator = di.hessian_operator(problem.f, engine, problem.x, *problem.contexts)
    products_match(operator, matrix, tolerance if tolerance < 1e-8 else 2e-5)


def test_pairs_of_engines():
    problem = SCALAR_PROBLEMS[0]
    n = problem.x.size
    matrix = problem.hessian(problem.x, *problem.contexts).reshape(n, n)
    for pair in (di.SecondOrder("forward", "reverse"), di.SecondOrder(require("torch"), "forward")):
        products_match(di.hessian_operator(problem.f, pair, problem.x, *problem.contexts), matrix, 1e-10)
        products_match(di.jacobian_operator(np.cumsum, pair, np.ones(4)), np.tril(np.ones((4, 4))), 1e-12)


def test_pytrees_are_laid_end_to_end(exact_engine):
    f = lambda p, c: {"u": c * p["m"] @ p["v"], "w": [np.sum(p["m"]) * p["v"][0]]}
    m, v, c = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([5.0, -1.0]), 2.0
    # x is (m00, m01, m10, m11, v0, v1), y is (u0, u1, w)
    matrix = np.array(
        [
            [c * v[0], c * v[1], 0, 0, c * m[0, 0], c * m[0, 1]],
            [0, 0, c * v[0], c * v[1], c * m[1, 0], c * m[1, 1]],
            [v[0], v[0], v[0], v[0], m.sum(), 0],
        ]
    )
    products_match(di.jacobian_operator(f, exact_engine, {"m": m, "v": v}, c), matrix, 1e-12)


@pytest.mark.parametrize("engine", ["forward", "reverse", "jax", "torch", "autograd", "finite_differences"])
def test_complex_numbers(engine):
    require(engine)
    tolerance = 1e-8 if engine == "finite_differences" else 1e-12
    z = np.array([1.0 + 0.5j, -0.3 + 1j])
    holomorphic = di.jacobian_operator(lambda z: np.stack([z[0] * z[1], np.exp(z[1]), z[0] ** 2]), engine, z)
    assert holomorphic.dtype == np.complex128
    matrix = np.array([[z[1], z[0]], [0, np.exp(z[1])], [2 * z[0], 0]])
    products_match(holomorphic, matrix, tolerance)
    x = np.array([0.5, -1.0])
    waves = di.jacobian_operator(lambda x: x * np.exp(1j * x), engine, x)
    products_match(waves, np.diag(np.exp(1j * x) * (1 + 1j * x)), tolerance)
    with pytest.raises(di.UnsupportedOperationError, match="no complex linear operator"):
        di.jacobian_operator(np.abs, engine, z)
    with pytest.raises(di.UnsupportedOperationError, match="complex x"):
        di.hessian_operator(lambda z: np.sum(np.abs(z) ** 2), engine, z)


# ---- what it costs


def test_each_product_costs_a_few_runs_of_f():
    calls = []

    def f(x):
        calls.append(0)
        return np.concatenate([np.sin(x), x[:-1] * x[1:]])

    def g(x):
        return np.sum(f(x) ** 2)

    x = np.linspace(0.0, 1.0, 50)
    for name in ("forward", "reverse", require("autograd"), require("torch")):
        options = {} if name in ("autograd", "torch") else {"compile": False}
        engine = di.backend(name, **options)
        J, H = di.jacobian_operator(f, engine, x), di.hessian_operator(g, engine, x)
        for product, vector in ((J.matvec, x), (J.rmatvec, np.ones(99)), (H.matvec, x), (H.rmatvec, x)):
            calls.clear()
            product(vector)
            assert 1 <= len(calls) <= 3, (name, len(calls))
    # Of ours a matrix of 64 columns takes no more runs than a vector.
    J = di.jacobian_operator(f, di.backend("forward", compile=False), x)
    calls.clear()
    J.matmat(np.ones((50, 64)))
    assert len(calls) == 1


def test_widths_of_batches_are_few():
    widths = set()

    class Recording(type(di.backend("forward"))):
        def value_and_pushforward(self, f, xs, tangents, contexts):
            widths.add(len(tangents[0]))
            return super().value_and_pushforward(f, xs, tangents, contexts)

    J = di.jacobian_operator(np.sin, Recording(compile=False), np.arange(3.0))
    for width in range(1, 200, 7):
        V = RNG.normal(size=(3, width))
        np.testing.assert_allclose(J @ V, np.cos(np.arange(3.0))[:, None] * V, rtol=1e-12)
    assert widths == {1, 2, 4, 8, 16, 32, 64}


# ---- prepared, and at other points


def test_prepared(exact_engine):
    f = lambda x, a: a * x**2
    prep = di.prepare_jacobian_operator(f, exact_engine, np.zeros(3), 1.0)
    for x, a in ((np.array([1.0, 2.0, 3.0]), 2.0), (np.array([-1.0, 0.5, 0.0]), -1.0)):
        for operator in (prep.jacobian_operator(x, a), di.jacobian_operator(f, exact_engine, x, a, prep=prep)):
            products_match(operator, np.diag(2 * a * x), 1e-12)
    g = lambda x, a: np.sum(a * x**3)
    prep = di.prepare_hessian_operator(g, exact_engine, np.zeros(3), 1.0)
    x = np.array([1.0, 2.0, 3.0])
    for operator in (prep.hessian_operator(x, 2.0), di.hessian_operator(g, exact_engine, x, 2.0, prep=prep)):
        products_match(operator, np.diag(12 * x), 1e-12)


def test_an_operator_keeps_its_x():
    x = np.array([1.0, 2.0])
    operator = di.jacobian_operator(lambda x: x**2, "reverse", x)
    x[:] = 0.0
    assert (operator @ np.ones(2)).tolist() == [2.0, 4.0]
    prep = di.prepare_hessian_operator(lambda x: np.sum(x**3), "reverse", np.zeros(2))
    first, second = prep.hessian_operator(np.ones(2)), prep.hessian_operator(2 * np.ones(2))
    assert (first @ np.ones(2)).tolist() == [6.0, 6.0] and (second @ np.ones(2)).tolist() == [12.0, 12.0]


def test_mismatches():
    f = lambda x: x**2
    prep = di.prepare_jacobian_operator(f, "forward", np.zeros(2))
    with pytest.raises(di.PreparationMismatchError, match=r"float64\[3\]"):
        prep.jacobian_operator(np.zeros(3))
    with pytest.raises(di.PreparationMismatchError, match="another object"):
        di.jacobian_operator(lambda x: x**2, "forward", np.zeros(2), prep=prep)
    with pytest.raises(di.PreparationMismatchError, match="reverse"):
        di.jacobian_operator(f, "reverse", np.zeros(2), prep=prep)
    with pytest.raises(di.PreparationMismatchError, match="hessian_operator"):
        di.hessian_operator(f, "forward", np.zeros(2), prep=prep)
    with pytest.raises(di.InputError, match="strict"):
        di.prepare_jacobian_operator(f, "forward", np.zeros(2), strict="maybe")
    again = di.prepare_jacobian_operator(f, "forward", np.zeros(2), strict="reprepare")
    products_match(again.jacobian_operator(np.arange(3.0)), np.diag(2 * np.arange(3.0)), 1e-12)
    products_match(again.jacobian_operator(np.arange(2.0)), np.diag(2 * np.arange(2.0)), 1e-12)


def test_bad_input():
    with pytest.raises(di.OutputError, match="scalar y"):
        di.hessian_operator(lambda x: x, "reverse", np.ones(2))
    with pytest.raises(di.InputError, match="is being differentiated"):
        di.gradient(lambda x: np.sum(di.jacobian_operator(np.sin, "reverse", x) @ np.ones(2)), "reverse", np.ones(2))
    state = [0.0]

    def changing(x):
        state[0] += 1.0
        return x + state[0]

    with pytest.raises(di.TracingMismatchError):
        di.prepare_jacobian_operator(changing, "reverse", np.ones(2))
    with pytest.raises(ValueError, match="dimension mismatch"):
        di.jacobian_operator(np.sin, "reverse", np.ones(2)) @ np.ones(3)


def test_an_output_whose_shape_depends_on_x():
    f = lambda x: x[x > 0]
    prep = di.prepare_jacobian_operator(f, di.backend("forward", compile=False), np.array([1.0, 2.0]))
    with pytest.raises(di.OutputError, match="must not depend"):
        prep.jacobian_operator(np.array([1.0, -2.0])) @ np.ones(2)


def test_filled_outputs_arguments_by_number_and_aux():
    def fill(y, x):
        y[0] = x[0] * x[1]
        y[1:] = x**2

    buffer = np.full(3, 7.0)
    products_match(
        di.jacobian_operator(fill, "reverse", np.array([2.0, 3.0]), y=buffer),
        np.array([[3.0, 2.0], [4.0, 0.0], [0.0, 6.0]]),
        1e-12,
    )
    assert buffer.tolist() == [7.0, 7.0, 7.0]
    f = lambda a, x: (a * x**2, "beside")
    operator = di.jacobian_operator(f, "forward", 2.0, np.array([1.0, 3.0]), argnums=1, has_aux=True)
    products_match(operator, np.diag([4.0, 12.0]), 1e-12)
    both = di.jacobian_operator(lambda a, x: a * x, "forward", 2.0, np.array([1.0, 3.0]), argnums=(0, 1))
    products_match(both, np.array([[1.0, 2.0, 0.0], [3.0, 0.0, 2.0]]), 1e-12)


def test_arrays_of_other_libraries_and_of_single_precision():
    torch = pytest.importorskip("torch")
    x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    for engine in ("torch", "reverse"):
        products_match(di.jacobian_operator(lambda x: x**2, engine, x), np.diag([2.0, 4.0]), 1e-12)
    products_match(di.jacobian_operator(lambda x: x**2, require("jax"), np.arange(2.0)), np.diag([0.0, 2.0]), 1e-12)
    single = di.jacobian_operator(lambda x: x**2, "forward", np.array([1.0, 2.0], np.float32))
    assert single.dtype == np.float32 and (single @ np.ones(2, np.float32)).dtype == np.float32
    products_match(single, np.diag([2.0, 4.0]), 1e-6)


def test_nothing_to_multiply():
    assert (di.jacobian_operator(lambda x: x, "forward", np.zeros(0)) @ np.zeros(0)).shape == (0,)
    assert (di.jacobian_operator(lambda x: x[:0], "reverse", np.ones(3)) @ np.ones(3)).shape == (0,)
    assert (di.jacobian_operator(lambda x: x[:0], "reverse", np.ones(3)).T @ np.zeros(0)).tolist() == [0.0, 0.0, 0.0]


# ---- in SciPy's solvers


@pytest.mark.parametrize("engine", ["forward", "reverse", "torch"])
def test_solvers(engine):
    require(engine)
    n, rng = 12, np.random.default_rng(7)
    A, x = rng.normal(size=(n + 5, n)), rng.normal(size=n)
    energy = lambda x, A: np.sum(np.log1p(np.exp(A @ x))) + 0.5 * np.sum(x**2)
    p = 1 / (1 + np.exp(-(A @ x)))
    H, b = (A.T * (p * (1 - p))) @ A + np.eye(n), rng.normal(size=n)
    operator = di.hessian_operator(energy, engine, x, A)
    solution, status = scipy.sparse.linalg.cg(operator, b, rtol=1e-12)
    assert status == 0
    np.testing.assert_allclose(solution, np.linalg.solve(H, b), rtol=1e-8, atol=1e-8)
    solution, status = scipy.sparse.linalg.gmres(operator, b, rtol=1e-12)
    assert status == 0
    np.testing.assert_allclose(solution, np.linalg.solve(H, b), rtol=1e-8, atol=1e-8)
    largest = scipy.sparse.linalg.eigsh(operator, k=2, return_eigenvectors=False)
    np.testing.assert_allclose(np.sort(largest), np.linalg.eigvalsh(H)[-2:], rtol=1e-8)
    smallest = scipy.sparse.linalg.lobpcg(operator, rng.normal(size=(n, 2)), largest=False, tol=1e-10, maxiter=200)[0]
    np.testing.assert_allclose(np.sort(smallest), np.linalg.eigvalsh(H)[:2], rtol=1e-6)

    residuals = lambda x, A: A @ x + 0.1 * np.sin(A @ x)
    J = A * (1 + 0.1 * np.cos(A @ x))[:, None]
    r = rng.normal(size=n + 5)
    found = scipy.sparse.linalg.lsqr(di.jacobian_operator(residuals, engine, x, A), r, atol=1e-12, btol=1e-12)[0]
    np.testing.assert_allclose(found, np.linalg.lstsq(J, r, rcond=None)[0], rtol=1e-6, atol=1e-8)
    singular = scipy.sparse.linalg.svds(
        di.jacobian_operator(residuals, engine, x, A), k=2, return_singular_vectors=False
    )
    np.testing.assert_allclose(np.sort(singular), np.linalg.svd(J)[1][1::-1], rtol=1e-8)


@pytest.mark.parametrize("method", ["trust-ncg", "Newton-CG", "trust-krylov"])
def test_minimisers(method):
    x0 = np.array([-1.2, 1.0, 0.7, 0.3])
    prep = di.prepare_hessian_operator(rosenbrock, "reverse", x0)
    result = scipy.optimize.minimize(rosenbrock, x0, jac=rosenbrock_gradient, hess=prep.hessian_operator, method=method)
    assert result.success
    assert np.abs(rosenbrock_gradient(result.x)).max() < 1e-3  # (in four dimensions it has a second minimum)
    assert np.linalg.eigvalsh(rosenbrock_hessian(result.x)).min() > 0
