"""scipy.sparse: products of constant sparse matrices with differentiated vectors and matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse import linalg as sparse_linalg

import diffiface as di
from diffiface.errors import UnsupportedOperationError
from tests.conftest import require

RNG = np.random.default_rng(2)
D = RNG.normal(size=(4, 3)) * (RNG.random((4, 3)) < 0.6)
X, Z, M = RNG.normal(size=3), RNG.normal(size=4), RNG.normal(size=(3, 2))
KINDS = ["csr", "csc", "coo", "dia", "bsr", "dok", "lil"]
CLASSES = [getattr(sparse, f"{kind}_{family}") for kind in KINDS for family in ("array", "matrix")]


@pytest.mark.parametrize("cls", CLASSES)
def test_products(cls: Any) -> None:
    S = cls(D)
    for engine in ("forward", "reverse"):
        np.testing.assert_allclose(di.gradient(lambda v: np.sum((S @ v) ** 2), engine, X), 2 * D.T @ D @ X)
        np.testing.assert_allclose(di.gradient(lambda v: np.sum(S.dot(v) ** 2), engine, M), 2 * D.T @ D @ M)
        np.testing.assert_allclose(di.gradient(lambda v: np.sum((v @ S) ** 2), engine, Z), 2 * D @ D.T @ Z)
        np.testing.assert_allclose(di.gradient(lambda v: np.sum((S.T @ v) ** 2), engine, Z), 2 * D @ D.T @ Z)
        rows = np.stack([Z, -Z, Z**2])
        np.testing.assert_allclose(di.gradient(lambda v: np.sum((v @ S) ** 2), engine, rows), 2 * rows @ D @ D.T)
        np.testing.assert_allclose(di.jacobian(lambda v: S @ v, engine, X), D)
    np.testing.assert_allclose(di.hessian(lambda v: np.sum((S @ v) ** 2), "forward", X), 2 * D.T @ D)


def test_on_every_exact_engine(exact_engine: str) -> None:
    S = sparse.csr_array(D)
    prep = di.prepare_gradient(lambda v: np.sum(np.exp(S @ v)), exact_engine, X)  # compiled where it can be
    np.testing.assert_allclose(prep.gradient(X), D.T @ np.exp(D @ X), rtol=1e-12)


def test_as_a_context_and_made_inside(exact_engine: str) -> None:
    gradient = di.gradient(lambda v, S: np.sum((S @ v) ** 2), exact_engine, X, sparse.csc_array(D))
    np.testing.assert_allclose(gradient, 2 * D.T @ D @ X, rtol=1e-12)

    def f(v: Any) -> Any:
        S = sparse.csr_array(D)
        assert sparse.issparse(S) and isinstance(S, sparse.csr_array)
        return np.sum((S @ v) ** 2) + np.sum(sparse.diags([1.0, 2.0, 3.0]) @ v)

    np.testing.assert_allclose(di.gradient(f, exact_engine, X), 2 * D.T @ D @ X + [1, 2, 3], rtol=1e-12)


def test_the_star_of_the_older_classes_is_the_matrix_product() -> None:
    S = sparse.csr_matrix(D)
    np.testing.assert_allclose(di.gradient(lambda v: np.sum((S * v) ** 2), "reverse", X), 2 * D.T @ D @ X)


def test_all_else_is_scipys() -> None:
    S = sparse.csr_array(D)

    def f(v: Any) -> Any:
        gram = S.T @ S
        assert sparse.issparse(gram) and gram.shape == (3, 3) and S.nnz == np.count_nonzero(D)
        assert np.array_equal((2 * S - S).toarray(), D) and np.array_equal((-S).todense(), -D)
        assert S.sum() == pytest.approx(D.sum())
        return v @ (gram @ v) + np.sum(S + np.outer(Z, v))

    np.testing.assert_allclose(di.gradient(f, "reverse", X), 2 * D.T @ D @ X + Z.sum())


def test_spsolve() -> None:
    A = sparse.csc_array(np.diag([2.0, 3.0, 4.0]) + np.ones((3, 3)))
    np.testing.assert_allclose(
        di.jacobian(lambda b: sparse_linalg.spsolve(A, b), "reverse", X), np.linalg.inv(A.toarray()), rtol=1e-12
    )


@pytest.mark.parametrize(
    "f",
    [
        lambda v: np.sum(sparse.csr_array(D).multiply(v)),
        lambda v: np.sum(sparse.csr_array(D) * v),
        lambda v: (sparse.diags(v) @ np.ones(3)).sum(),
        lambda v: (sparse.csr_array((v, ([0, 1, 2], [0, 1, 2]))) @ np.ones(3)).sum(),
    ],
)
def test_refusals_say_what_to_write(f: Any) -> None:
    with pytest.raises(UnsupportedOperationError, match=r"sparse|csr_array"):
        di.gradient(f, "reverse", X)


def test_wrong_shapes_raise() -> None:
    S = sparse.csr_array(D)
    with pytest.raises(ValueError, match="mismatch"):
        di.gradient(lambda v: np.sum(S @ v), "reverse", Z)


def test_float32_stays() -> None:
    S = sparse.csr_array(D.astype(np.float32))
    value, gradient = di.value_and_gradient(lambda v: np.sum(S @ v), require("reverse"), X.astype(np.float32))
    assert np.asarray(value).dtype == gradient.dtype == np.float32
