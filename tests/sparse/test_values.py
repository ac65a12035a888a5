"""The entries of a sparse matrix alone: what `prep.jacobian(x).data` holds, on every engine and in every case."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import diffiface as di
from diffiface.sparse import Coloring
from tests.conftest import require
from tests.problems import rosenbrock, rosenbrock_hessian

X = np.array([1.2, -0.7, 0.4, 2.1, -1.5, 0.9])
WEIGHTS = np.array([0.5, 2.0, -1.0, 0.0, 3.0])


def products(x, w):
    return w * x[1:] * x[:-1]


def test_jacobians(engine: str) -> None:
    prep = di.prepare_jacobian(products, di.Sparse(engine), np.zeros(6), np.zeros(5))
    tolerance = 1e-10 if di.capabilities(engine).exact else 1e-6
    for x in (X, 2 * X, X[::-1]):
        values = prep.jacobian_values(x, WEIGHTS)
        assert type(values) is np.ndarray and values.shape == (prep.pattern.nnz,)
        by_row = np.stack([WEIGHTS * x[1:], WEIGHTS * x[:-1]], axis=1).reshape(-1)
        np.testing.assert_allclose(values, by_row, rtol=0, atol=20 * tolerance)
        np.testing.assert_array_equal(values, prep.jacobian(x, WEIGHTS).data)


def test_hessians(engine: str) -> None:
    prep = di.prepare_hessian(rosenbrock, di.Sparse(engine), np.ones(6))
    expected = rosenbrock_hessian(X)
    values = prep.hessian_values(X)
    tolerance = 1e-10 if di.capabilities(engine).exact else 1e-4
    found = prep.pattern.matrix(values).toarray()
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("name", ["forward", "reverse"])
def test_out_is_filled(name: str) -> None:
    prep = di.prepare_jacobian(products, di.Sparse(name), X, WEIGHTS)
    out = np.zeros(prep.pattern.nnz)
    assert prep.jacobian_values(X, WEIGHTS, out=out) is out
    np.testing.assert_array_equal(out, prep.jacobian(X, WEIGHTS).data)
    with pytest.raises(di.InputError, match="out= has shape"):
        prep.jacobian_values(X, WEIGHTS, out=np.zeros(3))


def test_every_coloring() -> None:
    reference = None
    for coloring in (Coloring(), Coloring(decompression="substitution"), Coloring("natural")):
        prep = di.prepare_hessian(rosenbrock, di.Sparse("reverse", coloring=coloring), X)
        values = prep.hessian_values(X)
        reference = values if reference is None else reference
        np.testing.assert_allclose(values, reference, rtol=1e-12, atol=1e-10)


def test_rows_and_columns_together() -> None:
    def arrow(x):
        return np.concatenate([np.sum(x**2)[None], x[1:] * x[0]])

    prep = di.prepare_jacobian(arrow, di.Sparse(di.MixedMode("forward", "reverse")), X)
    np.testing.assert_array_equal(prep.jacobian_values(2 * X), prep.jacobian(2 * X).data)


def test_a_local_pattern_that_changes() -> None:
    def f(x):
        return x[1:] * x[:-1] if x[0] > 0 else x[1:] * x[-1]

    prep = di.prepare_jacobian(f, di.Sparse("forward"), X)
    before = prep.pattern.nnz
    values = prep.jacobian_values(-X)
    assert prep.pattern.nnz > before and values.shape == (prep.pattern.nnz,)
    np.testing.assert_allclose(prep.pattern.matrix(values).toarray(), di.jacobian(f, "forward", -X))


def test_pytrees_numbers_and_aux() -> None:
    def f(p):
        return np.sin(p["a"]) * p["b"]

    p: Any = {"a": np.array([0.3, 0.4]), "b": np.array([1.0, 2.0])}
    prep = di.prepare_jacobian(f, di.Sparse("reverse"), p)
    np.testing.assert_array_equal(prep.jacobian_values(p), prep.jacobian(p).data)
    prep = di.prepare_jacobian(lambda x: (x**2, "aux"), di.Sparse("forward"), X, has_aux=True)
    values, aux = prep.jacobian_values(X)
    assert aux == "aux"
    np.testing.assert_allclose(values, 2 * X)


def test_arrays_of_another_library() -> None:
    require("torch")
    import torch

    prep = di.prepare_jacobian(products, di.Sparse("torch"), torch.tensor(X), torch.tensor(WEIGHTS))
    values = prep.jacobian_values(torch.tensor(X), torch.tensor(WEIGHTS))
    np.testing.assert_allclose(
        values, di.prepare_jacobian(products, di.Sparse("forward"), X, WEIGHTS).jacobian_values(X, WEIGHTS)
    )


def test_single_precision() -> None:
    x = X.astype(np.float32)
    prep = di.prepare_jacobian(lambda x: np.diff(x**2), di.Sparse("forward"), x)
    values = prep.jacobian_values(x)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, prep.jacobian(x).data)


def test_what_cannot_be_asked() -> None:
    dense = di.prepare_jacobian(products, "forward", X, WEIGHTS)
    with pytest.raises(di.InputError, match="prepared densely"):
        dense.jacobian_values(X, WEIGHTS)
    prep = di.prepare_jacobian(products, di.Sparse("forward"), X, WEIGHTS)
    with pytest.raises(di.InputError, match="no hessian_values"):
        prep.hessian_values(X, WEIGHTS)
    with pytest.raises(di.PreparationMismatchError):
        prep.jacobian_values(X[:3], WEIGHTS)


def test_no_python_between_x_and_the_values() -> None:
    pytest.importorskip("llvmlite")
    from tests.backends.test_native_direct import python_calls

    prep = di.prepare_hessian(rosenbrock, di.Sparse("reverse"), X)
    prep.hessian_values(X)
    assert python_calls(prep.hessian_values, X) == 0
    for x in (X, -X, X * np.nan):
        np.testing.assert_array_equal(prep.hessian_values(x), prep.hessian(x).data)
