"""scipy.linalg on every engine."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.linalg

import diffiface as di
from tests.numpy_api.linear_algebra_checks import OTHER_ENGINES, check_engine, check_value_and_derivatives

EXPRESSIONS = [
    e.strip()
    for e in re.split(
        r"[;\n]",
        """
    sl.solve(S, v[:3]); sl.solve(P, M.T, assume_a="pos"); sl.solve(P, v[:3], assume_a="sym", lower=True)
    sl.solve(H, v[:3], assume_a="her"); sl.solve(S, v[:3], transposed=True); sl.solve(S, v[:3], check_finite=False)
    sl.solve_triangular(S, v[:3]); sl.solve_triangular(S, M.T, lower=True)
    sl.solve_triangular(S, M.T, trans=1, lower=True); sl.solve_triangular(Z, M.T, trans="C")
    sl.solve_triangular(S, v[:3], unit_diagonal=True, trans="T"); sl.cho_factor(P)[0]
    sl.cho_solve(sl.cho_factor(P), v[:3]); sl.cho_solve(sl.cho_factor(H, lower=True), M.T); sl.cholesky(H)
    sl.cholesky(P, lower=True); sl.inv(S); sl.inv(P, assume_a="pos"); sl.det(S); sl.lu(S)[1:]; sl.lu(M)[1:]
    sl.lu(S[::-1], permute_l=True); sl.lu(M.T)[1:]; sl.lu_factor(S[::-1])[0]
    sl.lu_solve(sl.lu_factor(S[::-1]), v[:3]); sl.lu_solve(sl.lu_factor(S[::-1]), M.T, trans=1)
    sl.qr(S); sl.qr(M.T, mode="economic"); sl.qr(M, mode="economic"); sl.svd(M)[1]; sl.svdvals(M); sl.polar(S)
    sl.polar(S, "left"); sl.eigh(P)[0]; sl.eigh(H, lower=False, eigvals_only=True)
    sl.eigh(P, S @ S.T, eigvals_only=True); sl.eigh(P, S @ S.T)[1] ** 2; sl.eigvalsh(P, subset_by_index=[1, 2])
    sl.eigvals(Z); sl.expm(S); sl.expm(Z); sl.logm(S); sl.logm(Z); sl.sqrtm(S); sl.sqrtm(Z); sl.cosm(S); sl.sinm(S)
    sl.tanm(S / 9); sl.coshm(S); sl.sinhm(Z); sl.tanhm(S); sl.cosm(Z); sl.block_diag(M, v, S); sl.toeplitz(v)
    sl.toeplitz(v, v[::-1]); sl.toeplitz(Z[0]); sl.circulant(v); sl.hankel(v); sl.hankel(v[:3], v[2:])
    sl.solve_sylvester(S, P, S @ P); sl.solve_continuous_lyapunov(S, P); sl.solve_discrete_lyapunov(S / 9, P)
    sl.solve_discrete_lyapunov(Z / 9, P, method="bilinear"); sl.pinv(M); sl.pinvh(P); sl.lstsq(M.T, v[:3])[:2]
    sl.norm(M, 2); sl.norm(v, 1); sl.solve_banded((1, 1), M.T @ M + 2 * np.eye(3), v[:3])
    sl.solveh_banded(np.stack([v[:3] / 9, v[3:] + 1]), v[:3]); sl.solve_toeplitz(v + np.eye(6)[0], v)
    sl.matmul_toeplitz((v, v), v)
""",
    )
    if e.strip()
]


@pytest.mark.filterwarnings("ignore:logm result")
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_value_and_derivatives(expression: str) -> None:
    check_value_and_derivatives(expression, sl=scipy.linalg)


# Of these hundreds of operations JAX compiles a program for seconds; expm and logm stand for them by day.
DEAR_TO_JAX = ("coshm", "cosm", "sinhm", "sinm", "tanhm", "tanm")
ON_OTHER_ENGINES = [
    pytest.param(
        e, engine, marks=[pytest.mark.nightly] if engine == "jax" and any(name in e for name in DEAR_TO_JAX) else []
    )
    for e in EXPRESSIONS[::3]
    for engine in OTHER_ENGINES
]


@pytest.mark.filterwarnings("ignore:logm result")
@pytest.mark.parametrize(("expression", "engine"), ON_OTHER_ENGINES)
def test_other_engines(expression: str, engine: str) -> None:
    check_engine(expression, engine, sl=scipy.linalg)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("pivoting", lambda a: scipy.linalg.qr(a, pivoting=True)[0][0, 0]),
        ("left", lambda a: scipy.linalg.eig(a, left=True)[0][0].real),
        ("type", lambda a: scipy.linalg.eigh(a, a, type=2)[0][0]),
    ],
)
def test_what_is_refused_is_named(name: str, call) -> None:
    with pytest.raises(di.UnsupportedOperationError, match=name):
        di.gradient(call, "reverse", np.eye(2) + 1.0)
