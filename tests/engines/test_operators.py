"""Every operator and variant on every engine, against derivatives derived by hand."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di
from tests.problems import SCALAR_PROBLEMS, VECTOR_PROBLEMS, ScalarProblem, VectorProblem

scalar_problems = pytest.mark.parametrize("problem", SCALAR_PROBLEMS, ids=repr)
vector_problems = pytest.mark.parametrize("problem", VECTOR_PROBLEMS, ids=repr)


def close(found, expected, tolerance):
    expected = np.asarray(expected)
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)


def second_order(tolerance):
    """Numeric engines difference twice: their second derivatives are good to the square root."""
    return tolerance if tolerance < 1e-8 else 2e-5


@scalar_problems
def test_gradient(engine, tolerance, problem: ScalarProblem):
    x, contexts = problem.x.copy(), problem.contexts
    expected = problem.gradient(x, *contexts)
    g = di.gradient(problem.f, engine, x, *contexts)
    assert type(g) is np.ndarray and g.dtype == x.dtype and g.shape == x.shape
    assert g.flags.writeable and g.flags.c_contiguous and not np.shares_memory(g, x)
    close(g, expected, tolerance)
    y, g = di.value_and_gradient(problem.f, engine, x, *contexts)
    close(g, expected, tolerance)
    assert isinstance(y, np.float64)
    assert y == pytest.approx(problem.f(x, *contexts), rel=1e-12)
    np.testing.assert_array_equal(x, problem.x)


@scalar_problems
def test_hessian_and_hvp(engine, tolerance, problem: ScalarProblem):
    x, contexts = problem.x, problem.contexts
    expected = problem.hessian(x, *contexts)
    tolerance2 = second_order(tolerance)
    y, g, H = di.value_gradient_and_hessian(problem.f, engine, x, *contexts)
    assert type(H) is np.ndarray and H.shape == x.shape * 2
    assert y == pytest.approx(problem.f(x, *contexts), rel=1e-12)
    close(g, problem.gradient(x, *contexts), tolerance)
    close(H, expected, tolerance2)
    close(di.hessian(problem.f, engine, x, *contexts), expected, tolerance2)

    t = np.linspace(-1.0, 1.5, x.size).reshape(x.shape)
    product = np.tensordot(expected, t, axes=x.ndim)
    close(di.hvp(problem.f, engine, x, t, *contexts), product, tolerance2)
    g, h = di.gradient_and_hvp(problem.f, engine, x, t, *contexts)
    close(g, problem.gradient(x, *contexts), tolerance)
    close(h, product, tolerance2)
    y, g, pair = di.value_gradient_and_hvp(problem.f, engine, x, (t, -2 * t), *contexts)
    assert isinstance(pair, tuple) and len(pair) == 2
    close(pair[0], product, tolerance2)
    close(pair[1], -2 * product, tolerance2)


@vector_problems
def test_jacobian_pushforward_pullback(engine, tolerance, problem: VectorProblem):
    x, contexts = problem.x, problem.contexts
    value, expected = problem.f(x, *contexts), problem.jacobian(x, *contexts)
    y, J = di.value_and_jacobian(problem.f, engine, x, *contexts)
    assert J.shape == value.shape + x.shape and J.dtype == np.float64
    close(y, value, 1e-12)
    close(J, expected, tolerance)
    close(di.jacobian(problem.f, engine, x, *contexts), expected, tolerance)

    t = np.linspace(0.5, 1.5, x.size).reshape(x.shape)
    y, ty = di.value_and_pushforward(problem.f, engine, x, t, *contexts)
    close(y, value, 1e-12)
    close(ty, np.tensordot(expected, t, axes=x.ndim), tolerance)
    a, b = di.pushforward(problem.f, engine, x, (t, 3 * t), *contexts)
    close(a, np.tensordot(expected, t, axes=x.ndim), tolerance)
    close(b, 3 * np.tensordot(expected, t, axes=x.ndim), tolerance)
    close(di.jvp(problem.f, engine, x, t, *contexts), a, tolerance)

    c = np.linspace(-0.5, 1.5, value.size).reshape(value.shape)
    y, tx = di.value_and_pullback(problem.f, engine, x, c, *contexts)
    close(y, value, 1e-12)
    close(tx, np.tensordot(c, expected, axes=value.ndim), tolerance)
    a, b = di.pullback(problem.f, engine, x, (c, -c), *contexts)
    close(a, np.tensordot(c, expected, axes=value.ndim), tolerance)
    close(b, -np.tensordot(c, expected, axes=value.ndim), tolerance)
    close(di.vjp(problem.f, engine, x, c, *contexts), a, tolerance)


def test_derivatives_of_a_scalar(engine, tolerance):
    f = lambda t: np.exp(np.sin(t)) / (1 + t**2)
    t = 0.7
    u, v = np.exp(np.sin(t)), 1 + t**2
    d = u * np.cos(t) / v - u * 2 * t / v**2
    dd = u * (np.cos(t) ** 2 - np.sin(t)) / v - 2 * u * np.cos(t) * 2 * t / v**2 + u * (8 * t**2 / v**3 - 2 / v**2)
    assert di.derivative(f, engine, t) == pytest.approx(d, rel=tolerance)
    y, dy = di.value_and_derivative(f, engine, t)
    assert isinstance(dy, np.float64) and isinstance(y, np.float64)
    assert di.second_derivative(f, engine, t) == pytest.approx(dd, rel=second_order(tolerance))
    y, dy, ddy = di.value_derivative_and_second_derivative(f, engine, t)
    assert (y, dy) == (pytest.approx(f(t), rel=1e-13), pytest.approx(d, rel=tolerance))
    assert ddy == pytest.approx(dd, rel=second_order(tolerance))
    zero_d = di.derivative(f, engine, np.array(t))
    assert zero_d == pytest.approx(d, rel=tolerance)


def test_derivative_of_an_array_by_a_scalar(engine, tolerance):
    f = lambda t: np.stack([np.cos(t), np.sin(t), t * 0 + 2.0])
    close(di.derivative(f, engine, 0.3), [-np.sin(0.3), np.cos(0.3), 0.0], tolerance)
    close(di.second_derivative(f, engine, 0.3), [-np.cos(0.3), -np.sin(0.3), 0.0], second_order(tolerance))


@pytest.mark.parametrize("constant", [2.0, 3, np.float64(1.5), np.array(4.0)], ids=repr)
def test_constant_functions_have_zero_derivatives(engine, constant):
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(di.gradient(lambda x: constant, engine, x), np.zeros(2))
    np.testing.assert_array_equal(di.hessian(lambda x: constant, engine, x), np.zeros((2, 2)))
    np.testing.assert_array_equal(di.jacobian(lambda x: np.ones(3), engine, x), np.zeros((3, 2)))
    assert di.derivative(lambda t: constant, engine, 1.0) == 0.0
    assert di.second_derivative(lambda t: constant, engine, 1.0) == 0.0


def test_out_is_the_object_given(engine, tolerance):
    problem = SCALAR_PROBLEMS[0]
    x, contexts = problem.x, problem.contexts
    g, H = np.empty(3), np.empty((3, 3))
    assert di.gradient(problem.f, engine, x, *contexts, out=g) is g
    close(g, problem.gradient(x, *contexts), tolerance)
    _, g2 = di.value_and_gradient(problem.f, engine, x, *contexts, out=g)
    assert g2 is g
    _, g2, H2 = di.value_gradient_and_hessian(problem.f, engine, x, *contexts, out=(g, H))
    assert g2 is g and H2 is H
    close(H, problem.hessian(x, *contexts), second_order(tolerance))
    prep = di.prepare_gradient(problem.f, engine, x, *contexts)
    g[:] = 0
    assert prep.gradient(x, *contexts, out=g) is g
    close(g, problem.gradient(x, *contexts), tolerance)
    _, H2 = di.value_gradient_and_hessian(problem.f, engine, x, *contexts, out=(None, H))[1:]
    assert H2 is H


def test_functions_that_fill_their_output(engine, tolerance):
    def f(y, x, c):
        y[0] = c * x[0] * x[1]
        y[1:] = x**2

    x, c = np.array([2.0, 3.0]), 5.0
    J = np.array([[15.0, 10.0], [4.0, 0.0], [0.0, 6.0]])
    y = np.full(3, np.nan)
    close(di.jacobian(f, engine, x, c, y=y), J, tolerance)
    close(y, [30.0, 4.0, 9.0], 1e-12)
    value, _ = di.value_and_jacobian(f, engine, x, c, y=y)
    assert value is y
    close(di.pushforward(f, engine, x, np.array([1.0, 0.0]), c, y=y), J[:, 0], tolerance)
    close(di.pullback(f, engine, x, np.array([1.0, 0.0, 0.0]), c, y=y), J[0], tolerance)
    prep = di.prepare_jacobian(f, engine, x, c, y=y)
    close(prep.jacobian(x, c, y=y), J, tolerance)

    def g(y, t):
        y[:] = t ** np.arange(1, 4)

    close(di.derivative(g, engine, 2.0, y=np.empty(3)), [1.0, 4.0, 12.0], tolerance)


def test_pytrees(engine, tolerance):
    def model(m, scale):
        return scale * (np.sum(m["w"] ** 2) + m["b"][0] * m["b"][1])

    m = {"w": np.array([1.0, 2.0]), "b": (3.0, np.array(4.0))}
    g = di.gradient(model, engine, m, 10.0)
    assert set(g) == {"w", "b"} and isinstance(g["b"], tuple)
    close(g["w"], [20.0, 40.0], tolerance)
    assert g["b"][0] == pytest.approx(40.0, rel=tolerance) and g["b"][1] == pytest.approx(30.0, rel=tolerance)
    H = di.hessian(model, engine, m, 10.0)
    close(H["w"]["w"], 20 * np.eye(2), second_order(tolerance))
    assert H["b"][0]["b"][1] == pytest.approx(10.0, rel=second_order(tolerance))
    t = {"w": np.array([1.0, 0.0]), "b": (0.0, np.array(1.0))}
    h = di.hvp(model, engine, m, t, 10.0)
    close(h["w"], [20.0, 0.0], second_order(tolerance))
    assert h["b"][0] == pytest.approx(10.0, rel=second_order(tolerance))

    def outputs(m):
        return {"sum": np.sum(m["w"]), "all": m["w"] * m["b"][0]}

    J = di.jacobian(outputs, engine, m)
    close(J["sum"]["w"], [1.0, 1.0], tolerance)
    close(J["all"]["w"], 3 * np.eye(2), tolerance)
    close(J["all"]["b"][0], [1.0, 2.0], tolerance)


def test_argnums(engine, tolerance):
    f = lambda a, b, c: np.sum(a * b**2) * c
    a, b, c = np.array([1.0, 2.0]), np.array([3.0, 4.0]), 0.5
    close(di.gradient(f, engine, a, b, c, argnums=1), a * b, tolerance)
    ga, gc = di.gradient(f, engine, a, b, c, argnums=(0, 2))
    close(ga, b**2 / 2, tolerance)
    assert gc == pytest.approx(41.0, rel=tolerance)
    (g,) = di.gradient(f, engine, a, b, c, argnums=(-2,))
    close(g, a * b, tolerance)
    prep = di.prepare_gradient(f, engine, a, b, c, argnums=1)
    close(prep.gradient(a, 2 * b, c), 2 * a * b, tolerance)


def test_has_aux(engine, tolerance):
    def f(x):
        y = np.sum(x**2)
        return y, {"double": 2 * y, "note": "kept", "vector": 3 * x}

    x = np.array([1.0, 2.0])
    (y, aux), g = di.value_and_gradient(f, engine, x, has_aux=True)
    close(g, [2.0, 4.0], tolerance)
    assert y == pytest.approx(5.0) and aux["double"] == pytest.approx(10.0) and aux["note"] == "kept"
    assert isinstance(aux["vector"], np.ndarray)
    close(aux["vector"], [3.0, 6.0], 1e-12)
    g, aux = di.gradient(f, engine, x, has_aux=True)
    assert aux["note"] == "kept"
    prep = di.prepare_gradient(f, engine, x, has_aux=True)
    (y, aux), g = prep.value_and_gradient(2 * x)
    assert aux["double"] == pytest.approx(40.0) and aux["note"] == "kept"
    H, aux = di.hessian(f, engine, x, has_aux=True)
    close(H, 2 * np.eye(2), second_order(tolerance))


def test_cache(engine, tolerance):
    def f(x, scratch):
        scratch[0] = x[0] * x[1]
        scratch[1:] = x**2
        return np.sum(scratch)

    x, scratch = np.array([2.0, 3.0]), np.full(3, 7.0)
    close(di.gradient(f, engine, x, di.Cache(scratch)), [3 + 4.0, 2 + 6.0], tolerance)
    np.testing.assert_array_equal(scratch, np.full(3, 7.0))
    prep = di.prepare_gradient(f, engine, x, di.Cache(scratch))
    close(prep.gradient(2 * x, di.Cache(scratch)), [6 + 8.0, 4 + 12.0], tolerance)


def test_float32_stays_float32(engine):
    f = lambda x, c: np.sum(c * x**2)
    x = np.array([1.0, 2.0], np.float32)
    g = di.gradient(f, engine, x, np.float32(3.0))
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, [6.0, 12.0], rtol=1e-5)
    assert di.hessian(f, engine, x, np.float32(3.0)).dtype == np.float32


@pytest.mark.parametrize("x", [np.array([1, 2]), np.array([True, True])], ids=["int", "bool"])
def test_integers_are_promoted(engine, tolerance, x):
    g = di.gradient(lambda x: np.sum(x**3), engine, x)
    assert g.dtype == np.float64
    close(g, 3 * x.astype(float) ** 2, tolerance)


def test_empty_and_size_one(engine, tolerance):
    assert di.gradient(lambda x: np.sum(x**2), engine, np.zeros(0)).shape == (0,)
    assert di.jacobian(lambda x: x**2, engine, np.zeros(0)).shape == (0, 0)
    close(di.gradient(lambda x: np.sum(x**2), engine, np.array([3.0])), [6.0], tolerance)
    close(di.jacobian(lambda x: x**2, engine, np.array([3.0])), [[6.0]], tolerance)
    close(di.hessian(lambda x: np.sum(x**3), engine, np.array([3.0])), [[18.0]], second_order(tolerance))


def test_odd_memory(engine, tolerance):
    base = np.arange(1.0, 13.0)
    f = lambda x: np.sum(x**2)
    for x in (base[::-1], base[::3], base.reshape(3, 4).T, np.asfortranarray(base.reshape(3, 4))):
        close(di.gradient(f, engine, x), 2 * x, tolerance)
    frozen = base.copy()
    frozen.flags.writeable = False
    close(di.gradient(f, engine, frozen), 2 * frozen, tolerance)
    swapped = base.astype(">f8")
    close(di.gradient(f, engine, swapped), 2 * base, tolerance)


def test_complex_gradient_is_steepest_ascent(engine, tolerance):
    z = np.array([3.0 + 4.0j, 1.0 - 2.0j])
    close(di.gradient(lambda z: np.sum(np.real(z * np.conj(z))), engine, z), 2 * z, tolerance)
    close(di.gradient(lambda z: np.sum(np.real(z**2)), engine, z), 2 * np.conj(z), tolerance)
    J = di.jacobian(lambda z: z**2, engine, z)
    close(J, np.diag(2 * z), tolerance)
    t, c = np.array([1.0 + 1.0j, 0.5j]), np.array([1.0j, 2.0 - 1.0j])
    close(di.pushforward(lambda z: z**2, engine, z, t), 2 * z * t, tolerance)
    close(di.pullback(lambda z: z**2, engine, z, c), np.conj(2 * z) * c, tolerance)


def test_the_callers_arrays_are_intact(engine):
    def f(x, c):
        x[0] = x[1] ** 2
        x *= 2
        return np.sum(x * c)

    x, c = np.array([1.0, 2.0]), np.array([1.0, 1.0])
    np.testing.assert_allclose(di.gradient(f, engine, x, c), [0.0, 10.0], rtol=1e-6)
    np.testing.assert_array_equal(x, [1.0, 2.0])
    prep = di.prepare_gradient(f, engine, x, c)
    np.testing.assert_allclose(prep.gradient(x, c), [0.0, 10.0], rtol=1e-6)
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_results_do_not_alias(engine):
    x, c = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    for prepared in (False, True):
        f = lambda x, c: x
        if prepared:
            y, tx = di.prepare_pullback(f, engine, x, c, c).value_and_pullback(x, c, c)
        else:
            y, tx = di.value_and_pullback(f, engine, x, c, c)
        y[:] = -1
        tx[:] = -1
        np.testing.assert_array_equal(x, [1.0, 2.0])
        np.testing.assert_array_equal(c, [3.0, 4.0])
    ga, gb = di.gradient(lambda a, b: np.sum(a + b), engine, x, c, argnums=(0, 1))
    ga[:] = 7
    np.testing.assert_allclose(gb, [1.0, 1.0], rtol=1e-6)
    g = di.gradient(lambda x, c: np.sum(c * x), engine, x, c)
    g[:] = -1
    np.testing.assert_array_equal(c, [3.0, 4.0])


def test_branches_on_values(engine, tolerance):
    f = lambda x: np.sum(x**2) if x[0] > 0 else np.sum(x**3)
    if engine == "jax":
        prep_error = pytest.raises(di.TracedValueError, match=r"jax[\s\S]*test_operators\.py")
        with prep_error:
            di.prepare_gradient(f, engine, np.array([1.0, 2.0])).gradient(np.array([1.0, 2.0]))
    close(di.gradient(f, engine, np.array([1.0, 2.0])), [2.0, 4.0], tolerance)
    close(di.gradient(f, engine, np.array([-1.0, 2.0])), [3.0, 12.0], tolerance)
    backend = di.backend("jax", jit=False) if engine == "jax" else engine
    prep = di.prepare_gradient(f, backend, np.array([1.0, 2.0]))
    close(prep.gradient(np.array([1.0, 2.0])), [2.0, 4.0], tolerance)
    close(prep.gradient(np.array([-1.0, 2.0])), [3.0, 12.0], tolerance)


def test_real_and_complex_meet(engine, tolerance):
    x, t = np.array([0.5, 1.5]), np.array([1.0, -2.0])
    spiral = lambda x: np.exp(1j * x) * x[0]
    J = np.diag(1j * np.exp(1j * x) * x[0]) + np.outer(np.exp(1j * x), [1.0, 0.0])
    close(di.jacobian(spiral, engine, x), J, tolerance)
    close(di.pushforward(spiral, engine, x, t), J @ t, tolerance)
    z, tz = np.array([3.0 + 4.0j, 1.0 - 2.0j]), np.array([1.0 + 1.0j, 0.5j])
    size = lambda z: np.real(z * np.conj(z))
    close(di.pushforward(size, engine, z, tz), np.real(2 * np.conj(z) * tz), tolerance)
    close(di.pullback(size, engine, z, t), 2 * z * t, tolerance)
