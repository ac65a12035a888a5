"""Sparse Jacobians and Hessians on every engine, against the dense ones of that engine and values derived by hand."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import diffiface as di
from tests.conftest import require
from tests.problems import rosenbrock, rosenbrock_gradient, rosenbrock_hessian

X = np.array([1.2, -0.7, 0.4, 2.1, -1.5, 0.9])
WEIGHTS = np.array([0.5, 2.0, -1.0, 0.0, 3.0])


def products(x, w):
    """The Jacobian has w[i] * x[i + 1] at (i, i) and w[i] * x[i] at (i, i + 1)."""
    return w * x[1:] * x[:-1]


def products_jacobian(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    J = np.zeros((x.size - 1, x.size), np.result_type(x, w))
    i = np.arange(x.size - 1)
    J[i, i], J[i, i + 1] = w * x[1:], w * x[:-1]
    return J


def close(engine: str, found: Any, expected: np.ndarray, order: int = 1) -> None:
    exact = di.capabilities(engine).exact
    tolerance = 1e-10 if exact else (1e-6 if order == 1 else 1e-4)
    assert type(found) is sparse.csr_array and found.has_sorted_indices
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(found.toarray(), expected, rtol=0, atol=tolerance * scale)


# ---- every engine


def test_jacobians(engine: str) -> None:
    backend = di.Sparse(engine)
    expected = products_jacobian(X, WEIGHTS)
    close(engine, di.jacobian(products, backend, X, WEIGHTS), expected)
    y, J = di.value_and_jacobian(products, backend, X, WEIGHTS)
    np.testing.assert_allclose(y, products(X, WEIGHTS), rtol=1e-12)
    close(engine, J, expected)
    prep = di.prepare_jacobian(products, backend, np.zeros(6), np.zeros(5))
    assert prep.n_colors == 2 and prep.pattern.nnz == 10 and prep.pattern.scope == "global"
    for x in (X, 2 * X, X[::-1].copy()):
        close(engine, prep.jacobian(x, WEIGHTS), products_jacobian(x, WEIGHTS))
        y, J = prep.value_and_jacobian(x, 3 * WEIGHTS)
        np.testing.assert_allclose(y, products(x, 3 * WEIGHTS), rtol=1e-12)
        close(engine, J, products_jacobian(x, 3 * WEIGHTS))
    close(engine, di.jacobian(products, backend, X, WEIGHTS, prep=prep), expected)


@pytest.mark.parametrize("decompression", ["direct", "substitution"])
def test_hessians(engine: str, decompression: str) -> None:
    backend = di.Sparse(engine, coloring=di.sparse.Coloring(decompression=decompression))
    prep = di.prepare_hessian(rosenbrock, backend, np.zeros(6))
    assert prep.n_colors == {"direct": 3, "substitution": 2}[decompression]
    for x in (X, X / 2):
        close(engine, prep.hessian(x), rosenbrock_hessian(x), order=2)
        y, g, H = prep.value_gradient_and_hessian(x)
        np.testing.assert_allclose(y, rosenbrock(x), rtol=1e-12)
        np.testing.assert_allclose(g, rosenbrock_gradient(x), rtol=1e-5, atol=1e-6)
        close(engine, H, rosenbrock_hessian(x), order=2)
    close(engine, di.hessian(rosenbrock, backend, X), rosenbrock_hessian(X), order=2)


def test_x_and_y_of_size_zero_and_constant_functions(engine: str) -> None:
    backend = di.Sparse(engine)
    assert di.jacobian(lambda x: x**2, backend, np.zeros(0)).shape == (0, 0)
    assert di.hessian(lambda x: np.sum(x**2), backend, np.zeros(0)).shape == (0, 0)
    J = di.jacobian(lambda x: np.ones(3), backend, X)
    assert J.shape == (3, 6) and J.nnz == 0
    H = di.hessian(lambda x: np.sum(x) + 2.0, backend, X)
    assert H.shape == (6, 6) and H.nnz == 0
    assert di.jacobian(lambda x: x[:0], backend, X).shape == (0, 6)
    y, J = di.prepare_jacobian(lambda x: np.stack([x[0], 2.0]), backend, X).value_and_jacobian(X)
    np.testing.assert_allclose(y, [1.2, 2.0])
    assert J.nnz == 1


def test_other_operators_are_the_engines_own(engine: str) -> None:
    backend = di.Sparse(engine)
    tolerance = 1e-10 if di.capabilities(engine).exact else 1e-5
    np.testing.assert_allclose(di.gradient(rosenbrock, backend, X), rosenbrock_gradient(X), rtol=tolerance)
    t = np.eye(6)[2]
    expected = rosenbrock_hessian(X) @ t
    np.testing.assert_allclose(di.hvp(rosenbrock, backend, X, t), expected, rtol=1e-4, atol=1e-3)
    prep = di.prepare_gradient(rosenbrock, backend, X)
    np.testing.assert_allclose(prep.gradient(X), rosenbrock_gradient(X), rtol=tolerance)
    moved = di.pushforward(products, backend, X, t, WEIGHTS)
    np.testing.assert_allclose(moved, products_jacobian(X, WEIGHTS) @ t, atol=1e-6)
    with pytest.raises(di.InputError, match="prepared densely"):
        _ = prep.pattern


# ---- structures


def test_pytrees_contexts_argnums_and_aux() -> None:
    def f(w, x, y):
        return {"u": w * x["a"] ** 2 * x["b"], "v": y * x["a"][:1, ::-1]}, "beside"

    w, x, y = np.arange(6.0).reshape(2, 3), {"a": X.reshape(2, 3), "b": 2.0}, 3.0
    expected = np.zeros((9, 8))
    expected[np.arange(6), np.arange(6)] = (2 * w * x["a"] * 2).ravel()
    expected[:6, 6] = (w * x["a"] ** 2).ravel()
    expected[[6, 7, 8], [2, 1, 0]] = 3.0
    expected[6:, 7] = x["a"][0, ::-1]
    for backend in (di.Sparse("forward"), di.Sparse("reverse"), di.Sparse(di.MixedMode("forward", "reverse"))):
        J, aux = di.jacobian(f, backend, w, x, y, argnums=(1, 2), has_aux=True)
        assert aux == "beside"
        np.testing.assert_allclose(J.toarray(), expected)
        prep = di.prepare_jacobian(f, backend, w, x, y, argnums=(1, 2), has_aux=True)
        (value, aux), J = prep.value_and_jacobian(w, x, y)
        assert aux == "beside" and set(value) == {"u", "v"}
        np.testing.assert_allclose(J.toarray(), expected)
    H = di.hessian(lambda x: np.sum(x["a"] ** 3) * x["b"], di.Sparse("reverse"), x)
    dense = np.zeros((7, 7))
    dense[np.arange(6), np.arange(6)] = 12 * X
    dense[6, :6] = dense[:6, 6] = 3 * X**2
    np.testing.assert_allclose(H.toarray(), dense)


def test_functions_that_fill_their_output_and_caches() -> None:
    def f(y, x, scratch):
        scratch[:] = x[1:]
        y[:] = scratch * x[:-1]

    y = np.empty(5)
    J = di.jacobian(f, di.Sparse("forward"), X, di.Cache(np.empty(5)), y=y)
    np.testing.assert_allclose(J.toarray(), products_jacobian(X, np.ones(5)))
    np.testing.assert_allclose(y, X[1:] * X[:-1])


def test_results_go_into_a_matrix_that_has_the_structure() -> None:
    prep = di.prepare_hessian(rosenbrock, di.Sparse("reverse"), X)
    H = prep.pattern.matrix(np.zeros(prep.pattern.nnz))
    data = H.data
    assert prep.hessian(X, out=H) is H and H.data is data
    np.testing.assert_allclose(H.toarray(), rosenbrock_hessian(X))
    g = np.empty(6)
    y, g_found, H_found = prep.value_gradient_and_hessian(X / 2, out=(g, H))
    assert g_found is g and H_found is H
    np.testing.assert_allclose(y, rosenbrock(X / 2), rtol=1e-12)
    np.testing.assert_allclose(H.toarray(), rosenbrock_hessian(X / 2))
    J = di.jacobian(products, di.Sparse("forward"), X, WEIGHTS)
    assert di.jacobian(products, di.Sparse("forward"), 2 * X, WEIGHTS, out=J) is J
    np.testing.assert_allclose(J.toarray(), products_jacobian(2 * X, WEIGHTS))


@pytest.mark.parametrize(
    "out",
    [np.zeros((6, 6)), sparse.eye_array(6, format="csr"), sparse.eye_array(6, format="csc"), sparse.csr_array((5, 6))],
)
def test_a_matrix_of_another_structure_is_refused(out: Any) -> None:
    before = out.copy()
    with pytest.raises(di.InputError, match=r"out= (must be|is a)"):
        di.hessian(rosenbrock, di.Sparse("reverse"), X, out=out)
    assert (before != out).sum() == 0


def test_a_result_may_be_changed_without_harm() -> None:
    prep = di.prepare_hessian(rosenbrock, di.Sparse("reverse"), X)
    first = prep.hessian(X)
    first.data[:] = 0
    first.eliminate_zeros()
    np.testing.assert_allclose(prep.hessian(X).toarray(), rosenbrock_hessian(X))
    assert prep.pattern.nnz == 16


def test_float32_and_complex_numbers() -> None:
    x = X.astype(np.float32)
    for engine in ("forward", "reverse"):
        J = di.jacobian(lambda x: x[1:] * x[:-1], di.Sparse(engine), x)
        assert J.dtype == np.float32
        np.testing.assert_allclose(J.toarray(), products_jacobian(X, np.ones(5)), rtol=1e-6)
        assert di.hessian(lambda x: np.sum(x[1:] ** 2 * x[:-1]), di.Sparse(engine), x).dtype == np.float32
    z = X + 1j * X[::-1]
    for engine in ("forward", "reverse", "jax", "torch"):
        if engine not in di.available_backends():
            continue
        J = di.jacobian(lambda z: z[1:] * z[:-1] * 2j, di.Sparse(engine), z)
        np.testing.assert_allclose(J.toarray(), products_jacobian(z, np.full(5, 2j)), rtol=1e-12)
        # a complex function of a real x, which reverse engines see half of in one go
        J = di.jacobian(lambda x: x[1:] * x[:-1] * (1 + 2j), di.Sparse(engine), X)
        np.testing.assert_allclose(J.toarray(), products_jacobian(X, np.full(5, 1 + 2j)), rtol=1e-12)
        dense = di.jacobian(lambda z: np.abs(z) ** 2, engine, z)  # not holomorphic
        np.testing.assert_allclose(di.jacobian(lambda z: np.abs(z) ** 2, di.Sparse(engine), z).toarray(), dense)


@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_arrays_of_an_engine_and_functions_written_for_it(engine: str) -> None:
    require(engine)
    if engine == "jax":
        import jax
        import jax.numpy as jnp

        def f(x):
            return jnp.sin(x[1:]) * x[:-1]

        def g(x):
            return jnp.sum(jnp.sin(x[1:]) * x[:-1])

        with jax.enable_x64(True):
            x = jnp.asarray(X)
    else:
        import torch

        def f(x):
            return torch.sin(x[1:]) * x[:-1]

        def g(x):
            return torch.sum(torch.sin(x[1:]) * x[:-1])

        x = torch.as_tensor(X)

    def of_numpy(x):
        return np.sin(x[1:]) * x[:-1]

    expected = di.jacobian(of_numpy, "forward", X)
    expected_hessian = di.hessian(lambda x: np.sum(np.sin(x[1:]) * x[:-1]), "forward", X)
    for function, value in ((f, x), (f, X), (of_numpy, x)):
        for detector in ("auto", "dense"):
            prep = di.prepare_jacobian(function, di.Sparse(engine, detector), value)
            J = prep.jacobian(value)
            assert type(J) is sparse.csr_array
            np.testing.assert_allclose(J.toarray(), expected, rtol=1e-12, atol=1e-15)
    for value in (x, X):
        prep = di.prepare_hessian(g, di.Sparse(engine), value)
        np.testing.assert_allclose(prep.hessian(value).toarray(), expected_hessian, rtol=1e-10, atol=1e-13)
        assert prep.n_colors <= 3


def test_the_engines_own_pattern() -> None:
    require("jax")
    pytest.importorskip("asdex")
    import jax.numpy as jnp

    prep = di.prepare_jacobian(lambda x: jnp.sin(x[1:]) * x[:-1], di.Sparse("jax", "engine"), X)
    assert repr(prep.pattern) == "<SparsityPattern 5x6, 10 nonzeros, global, engine>"
    prep = di.prepare_hessian(lambda x: np.sum(x**3), di.Sparse("jax", "engine"), X)
    assert prep.pattern.nnz == 6 and prep.pattern.origin == "engine"
    with pytest.raises(di.UnsupportedOperationError, match="cannot tell the pattern"):
        di.jacobian(lambda x: x, di.Sparse("forward", "engine"), X)


# ---- mixed mode


@pytest.mark.parametrize(
    "pair", [("forward", "reverse"), ("jax", "jax"), ("forward", "torch"), ("finite_differences",) * 2]
)
def test_dense_rows_and_dense_columns(pair: tuple[str, str]) -> None:
    for name in pair:
        require(name)
    x = np.linspace(0.5, 1.5, 40)

    def arrow(x):
        return np.concatenate([np.sum(x**2)[None], x[0] * np.sin(x[1:])])

    expected = np.diag(x[0] * np.cos(x))
    expected[0], expected[1:, 0] = 2 * x, np.sin(x[1:])
    mixed = di.MixedMode(*pair)
    prep = di.prepare_jacobian(arrow, di.Sparse(mixed), x)
    assert prep.n_colors == 3
    columns, rows = prep.colors
    assert columns.max() + rows.max() + 2 == 3
    np.testing.assert_allclose(prep.jacobian(x).toarray(), expected, rtol=0, atol=1e-7)
    np.testing.assert_allclose(di.jacobian(arrow, mixed, x), expected, rtol=0, atol=1e-7)  # (densely, too)
    H = di.hessian(rosenbrock, di.Sparse(mixed), X)
    np.testing.assert_allclose(H.toarray(), rosenbrock_hessian(X), rtol=1e-3, atol=1e-2)


def test_engines_that_do_not_mix() -> None:
    with pytest.raises(di.InputError, match="no pushforward of its own"):
        di.MixedMode("reverse", "reverse")
    with pytest.raises(di.InputError, match="different kinds of values"):
        di.MixedMode("finite_differences", "reverse")


# ---- backends and preparations as values


def test_sparse_is_a_backend_like_any_other() -> None:
    names = {name: getattr(di.sparse, name) for name in ("Sparse", "MixedMode", "Coloring", "Known", "Dense")}
    names["backend"] = di.backend
    for backend in (
        di.Sparse("forward"),
        di.Sparse(di.backend("forward", chunk_size=3), "dense", verify="always"),
        di.Sparse("reverse", np.eye(3), "smallest_last", verify=False),
        di.Sparse(di.MixedMode("forward", "reverse"), coloring=di.sparse.Coloring("random", seed=3)),
    ):
        assert eval(repr(backend), names) == backend
        assert pickle.loads(pickle.dumps(backend)) == backend
        assert hash(copy.deepcopy(backend)) == hash(backend)
    assert di.Sparse("reverse", np.eye(3)) == di.Sparse("reverse", sparse.eye_array(3))
    assert di.Sparse("reverse", np.eye(3)) != di.Sparse("reverse", np.eye(3)[::-1])
    assert di.Sparse("forward") != di.Sparse("reverse")


def test_a_preparation_belongs_to_its_backend_and_arguments() -> None:
    prep = di.prepare_jacobian(products, di.Sparse("forward"), X, WEIGHTS)
    with pytest.raises(di.PreparationMismatchError):
        di.jacobian(products, "forward", X, WEIGHTS, prep=prep)
    with pytest.raises(di.PreparationMismatchError):
        prep.jacobian(X[:4], WEIGHTS[:3])
    again = di.prepare_jacobian(products, di.Sparse("forward"), X, WEIGHTS, strict="reprepare")
    np.testing.assert_allclose(again.jacobian(X[:4], WEIGHTS[:3]).toarray(), products_jacobian(X[:4], WEIGHTS[:3]))
    assert "2 colors of columns" in prep.explain()


def test_several_threads() -> None:
    prep = di.prepare_hessian(rosenbrock, di.Sparse("reverse"), X)
    wrong: list[Any] = []

    def work(seed: int) -> None:
        x = np.random.default_rng(seed).random(6)
        for _ in range(50):
            if not np.allclose(prep.hessian(x).toarray(), rosenbrock_hessian(x)):
                wrong.append(x)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_chunks() -> None:
    x = np.linspace(0.5, 1.5, 30)

    def f(x):
        return np.concatenate([np.cumsum(x[:12]) ** 2, x[12:]])

    expected = di.jacobian(f, "forward", x)
    for engine in ("forward", "reverse"):
        for size in (1, 5, 7, 100):
            prep = di.prepare_jacobian(f, di.Sparse(di.backend(engine, chunk_size=size)), x)
            assert prep.n_colors == 12
            np.testing.assert_allclose(prep.jacobian(x).toarray(), expected, rtol=1e-12)


def test_inside_a_function_being_differentiated() -> None:
    with pytest.raises(di.UnsupportedOperationError, match="cannot hold values that are being differentiated"):
        di.gradient(lambda x: np.sum(di.jacobian(lambda x: x**2, di.Sparse("forward"), x).data), "reverse", X)


def test_a_picture() -> None:
    pytest.importorskip("matplotlib").use("Agg")
    for f, backend in (
        (products, di.Sparse("forward")),
        (products, di.Sparse("reverse")),
        (products, di.Sparse(di.MixedMode("forward", "reverse"))),
    ):
        axes = di.prepare_jacobian(f, backend, X, WEIGHTS).plot_pattern()
        assert "10 nonzeros, 2 colors" in axes.get_title()
        assert sum(len(c.get_offsets()) for c in axes.collections) == 10
    acyclic = di.Sparse("reverse", coloring=di.sparse.Coloring(decompression="substitution"))
    axes = di.prepare_hessian(rosenbrock, acyclic, X).plot_pattern()
    assert sum(len(c.get_offsets()) for c in axes.collections) == 16
