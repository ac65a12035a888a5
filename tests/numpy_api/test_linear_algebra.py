"""numpy.linalg on every engine."""

from __future__ import annotations

import re

import numpy as np
import pytest

import diffiface as di
from tests.numpy_api.linear_algebra_checks import (
    OTHER_ENGINES,
    check_engine,
    check_shapes_and_dtypes,
    check_value_and_derivatives,
)

EXPRESSIONS = [
    e.strip()
    for e in re.split(
        r"[;\n]",
        """
    np.linalg.solve(S, v[:3]); np.linalg.solve(St, M.T); np.linalg.inv(Z); np.linalg.pinv(M); np.linalg.pinv(T)
    np.linalg.pinv(P, hermitian=True); np.linalg.pinv(Z[:, :2]); np.linalg.lstsq(M.T, v[:3], rcond=None)[:2]
    np.linalg.lstsq(M, v[:2])[0]; np.linalg.lstsq(M.T, S)[0]; np.linalg.det(Z); np.linalg.slogdet(Z)
    np.linalg.cholesky(H); np.linalg.cholesky(H, upper=True)
    np.linalg.qr(S); np.linalg.qr(M); np.linalg.qr(M.T); np.linalg.qr(M.T, "complete")[0] ** 2
    np.linalg.qr(M, mode="complete"); np.linalg.qr(M, mode="r"); np.linalg.qr(St); np.abs(np.linalg.qr(Z)[1])
    np.linalg.svd(M)[0] ** 2; np.linalg.svd(M)[2] ** 2; np.linalg.svd(M, full_matrices=False)[2] ** 2
    np.linalg.svd(M, compute_uv=False); np.linalg.svd(P, hermitian=True)[1]; np.linalg.svdvals(T)
    np.abs(np.linalg.svd(Z)[0]); np.linalg.svd(P - 3 * np.eye(3), hermitian=True)[2] ** 2
    np.linalg.eig(S + np.diag(v[:3]))[1] ** 2; np.linalg.eigvals(S + np.diag(v[:3])); np.abs(np.linalg.eig(Z)[1])
    np.linalg.eigh(H)[0]; np.abs(np.linalg.eigh(H)[1]); np.linalg.eigvalsh(H, "U"); np.linalg.eigh(P)[1] ** 2
    np.linalg.norm(M, 2); np.linalg.norm(M, -2); np.linalg.norm(M, "nuc"); np.linalg.norm(T, 2, axis=(0, 2))
    np.linalg.norm(T + v[0] ** 2 * np.eye(2, 3), "nuc", axis=(2, 1), keepdims=True); np.linalg.norm(v, 3)
    np.linalg.matrix_norm(T, ord=2); np.linalg.vector_norm(M, axis=1, ord=3); np.linalg.norm(M, -np.inf)
    np.linalg.cond(S + np.diag(v[:3])); np.linalg.cond(S, 1); np.linalg.cond(S, "fro"); np.linalg.cond(M, -2)
    np.linalg.tensorinv(np.outer(v, v).reshape(2, 3, 6) + np.eye(6).reshape(2, 3, 6))
    np.linalg.tensorsolve(np.outer(v, v).reshape(2, 3, 6) + np.eye(6).reshape(2, 3, 6), M)
    np.linalg.matrix_power(S, 3); np.linalg.multi_dot([M, S, S])
""",
    )
    if e.strip()
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_value_and_derivatives(expression: str) -> None:
    check_value_and_derivatives(expression)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_shapes_and_dtypes(expression: str) -> None:
    check_shapes_and_dtypes(expression)


@pytest.mark.parametrize("engine", OTHER_ENGINES)
@pytest.mark.parametrize("expression", EXPRESSIONS[::3])
def test_other_engines(expression: str, engine: str) -> None:
    check_engine(expression, engine)


def test_rank_is_a_plain_number() -> None:
    def f(v):
        assert np.linalg.matrix_rank(v.reshape(2, 3)) == 2
        return np.sum(v)

    np.testing.assert_array_equal(di.gradient(f, "reverse", np.arange(1.0, 7.0)), np.ones(6))


def test_equal_singular_values_and_eigenvalues() -> None:
    """Values have their derivative; vectors of equal eigenvalues have none."""
    x = np.eye(3)
    np.testing.assert_allclose(di.gradient(lambda a: np.sum(np.linalg.svd(a, compute_uv=False)), "reverse", x), x)
    np.testing.assert_allclose(di.gradient(lambda a: np.sum(np.linalg.eigvalsh(a)), "reverse", x), x)
    assert np.isnan(di.gradient(lambda a: np.linalg.eigh(a)[1][0, 1], "reverse", x)).any()
    assert np.isnan(di.gradient(lambda a: np.linalg.eigh(a)[1][0, 1], "forward", x)).any()


def test_what_is_refused() -> None:
    with pytest.raises(di.UnsupportedOperationError, match="mode"):
        di.gradient(lambda a: np.sum(np.linalg.qr(a, mode="raw")[0]), "reverse", np.eye(2))


SINGULAR = {
    "rank 1 of 2": ([[1.0, 2.0], [2.0, 4.0]], [[4.0, -2.0], [-2.0, 1.0]]),
    "rank 2 of 3": ([[1.0, 2.0, 3.0], [0.0, 1.0, 1.0], [1.0, 2.0, 3.0]], [[1, 1, -1], [0, 0, 0], [-1, -1, 1]]),
    "rank 1 of 3": ([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 0.0, 0.0]], np.zeros((3, 3))),
    "zero": ([[0.0, 0.0], [0.0, 0.0]], np.zeros((2, 2))),
    "a number": ([[0.0]], [[1.0]]),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_the_gradient_of_det_at_singular_matrices_is_the_matrix_of_cofactors(name: str, exact_engine: str) -> None:
    matrix, cofactors = map(np.array, SINGULAR[name])
    np.testing.assert_allclose(di.gradient(np.linalg.det, exact_engine, matrix), cofactors, atol=1e-12)
    stack = np.stack([matrix, np.eye(len(matrix))])
    both = di.gradient(lambda x: np.sum(np.linalg.det(x)), exact_engine, stack)
    np.testing.assert_allclose(both, [cofactors, np.eye(len(matrix))], atol=1e-12)


def test_second_derivatives_of_det(exact_engine: str) -> None:
    x = np.array([[2.0, 1.0], [0.5, 3.0]])
    expected = np.zeros((2, 2, 2, 2))
    expected[0, 0, 1, 1] = expected[1, 1, 0, 0] = 1.0
    expected[0, 1, 1, 0] = expected[1, 0, 0, 1] = -1.0
    np.testing.assert_allclose(di.hessian(np.linalg.det, exact_engine, x), expected, atol=1e-12)
