"""A wrong matrix never comes out: lying patterns, patterns that change with x, patterns of the wrong kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import diffiface as di
from diffiface.adapter import Backend
from tests.conftest import require
from tests.problems import rosenbrock, rosenbrock_hessian

X = np.array([1.2, -0.7, 0.4, 2.1, -1.5, 0.9])


def products(x):
    return x[1:] * x[:-1]


FULL = sparse.diags_array([np.ones(5), np.ones(5)], offsets=[0, 1], shape=(5, 6)).toarray()


def without(matrix: np.ndarray, *entries: tuple[int, int]) -> np.ndarray:
    matrix = matrix.copy()
    for entry in entries:
        matrix[entry] = 0
    return matrix


# ---- lying patterns


@pytest.mark.parametrize("engine", ["forward", "reverse", "jax", "torch", "autograd", "finite_differences"])
def test_a_pattern_that_leaves_out_entries_is_an_error_that_names_them(engine: str) -> None:
    require(engine)
    with pytest.raises(di.SparsityPatternError, match=r"leaves out entries that are not zero.*\(2, 3\) = 0\.4\b"):
        di.prepare_jacobian(products, di.Sparse(engine, without(FULL, (2, 3))), X)
    band = np.abs(np.subtract.outer(range(6), range(6))) <= 1
    with pytest.raises(di.SparsityPatternError, match=r"\(1, 2\) = 280\b|\(2, 1\) = 280\b"):
        di.prepare_hessian(rosenbrock, di.Sparse(engine, without(band, (1, 2), (2, 1))), X)


def test_derivatives_that_vanish_by_chance_hide_nothing_and_full_patterns_pass() -> None:
    for engine in ("forward", "reverse"):
        with pytest.raises(di.SparsityPatternError):
            di.jacobian(products, di.Sparse(engine, without(FULL, (0, 0))), np.zeros(6))
        di.prepare_jacobian(products, di.Sparse(engine, FULL), X)
        di.prepare_jacobian(products, di.Sparse(engine, np.ones((5, 6))), np.zeros(6))


def test_a_lying_pattern_is_seen_by_mixed_engines_too() -> None:
    mixed = di.MixedMode("forward", "reverse")
    with pytest.raises(di.SparsityPatternError, match=r"\(4, 5\)"):
        di.prepare_jacobian(products, di.Sparse(mixed, without(FULL, (4, 5))), X)


def test_without_verification_a_lying_pattern_is_believed() -> None:
    """What the option says; and that the checks above are made by nothing else."""
    lying = di.Sparse("forward", without(FULL, (2, 3)), verify=False)
    assert di.jacobian(products, lying, X).nnz == 9


def test_verification_in_every_evaluation() -> None:
    def f(x, on):
        return x[1:] * x[:-1] + on * x[::-1][1:]

    pattern = sparse.csr_array(FULL)
    prep = di.prepare_jacobian(f, di.Sparse("forward", pattern), X, 0.0)
    assert prep.jacobian(X, 1.0).nnz == 10  # wrong, and unseen: it was asked to be checked at preparation only
    always = di.prepare_jacobian(f, di.Sparse("forward", pattern, verify="always"), X, 0.0)
    np.testing.assert_allclose(always.jacobian(X, 0.0).toarray(), di.jacobian(f, "forward", X, 0.0))
    with pytest.raises(di.SparsityPatternError, match=r"\(0, 4\)"):
        always.jacobian(X, 1.0)


# ---- an engine that is wrong is caught by the same product


@dataclass(frozen=True, repr=False)
class OffByABit(Backend):
    """'forward' with tangents that are right alone and wrong in a batch."""

    name = "off_by_a_bit"

    def value_and_pushforward(self, f: Any, xs: Any, tangents: Any, contexts: Any) -> Any:
        ys, tys, aux = di.backend("forward").value_and_pushforward(f, xs, tangents, contexts)
        return ys, [ty * (1 + 1e-4 * (len(ty) > 1)) for ty in tys], aux


def test_the_check_sees_a_wrong_engine() -> None:
    with pytest.raises(di.SparsityPatternError):
        di.jacobian(products, di.Sparse(OffByABit()), X)


# ---- patterns that change with x


def branching(x):
    return x[1:] * x[:-1] if x[0] > 0 else x[1:] * x[-1]


@pytest.mark.parametrize("engine", ["forward", "reverse", "torch", "autograd", "finite_differences"])
@pytest.mark.parametrize("detector", ["auto", "dense", "local"])
def test_a_branch_not_taken_before(engine: str, detector: str) -> None:
    require(engine)
    prep = di.prepare_jacobian(branching, di.Sparse(engine, detector), X)
    assert prep.pattern.scope == "local" and prep.pattern.nnz == 10
    for x in (X, -X, 2 * X, -3 * X):
        np.testing.assert_allclose(prep.jacobian(x).toarray(), di.jacobian(branching, "forward", x), atol=1e-6)
    assert prep.pattern.nnz == 14  # both ways together, so that they do not take turns


def test_second_derivatives_that_come_and_go() -> None:
    def f(x):
        return np.sum(x**2) if np.sum(x) > 0 else np.sum(x**2) + x[0] * x[5] ** 2

    for verify in (True, "always"):
        prep = di.prepare_hessian(f, di.Sparse("reverse", verify=verify), X)
        for x in (X, -X, X):
            y, g, H = prep.value_gradient_and_hessian(x)
            np.testing.assert_allclose(H.toarray(), di.hessian(f, "reverse", x))
            np.testing.assert_allclose(g, di.gradient(f, "reverse", x))
            assert y == f(x)


def test_a_dense_pattern_at_a_point_where_entries_vanish() -> None:
    prep = di.prepare_jacobian(products, di.Sparse("forward", "dense"), np.zeros(6))
    assert prep.pattern.nnz == 0
    np.testing.assert_allclose(prep.jacobian(X).toarray(), di.jacobian(products, "forward", X))
    assert prep.pattern.nnz == 10


def test_a_matrix_for_another_pattern_is_refused_when_the_pattern_grows() -> None:
    prep = di.prepare_jacobian(branching, di.Sparse("forward"), X)
    J = prep.jacobian(X)
    with pytest.raises(di.InputError, match="the very structure of the result"):
        prep.jacobian(-X, out=J)


def test_threshold() -> None:
    def f(x):
        return x + 1e-9 * x[::-1]

    assert di.prepare_jacobian(f, di.Sparse("forward", "dense"), X).pattern.nnz == 12
    loose = di.sparse.Dense(tolerance=1e-6)
    assert di.prepare_jacobian(f, di.Sparse("forward", loose, verify=False), X).pattern.nnz == 6


# ---- bad input


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (np.ones((4, 6)), r"has shape \(4, 6\), but the jacobian \(y by x\) has \(5, 6\)"),
        (np.ones((6, 5)), r"has shape \(6, 5\), but the jacobian \(y by x\) has \(5, 6\)"),
        (sparse.csr_array((0, 0)), r"has shape \(0, 0\), but"),
    ],
)
def test_patterns_of_the_wrong_shape(pattern: Any, message: str) -> None:
    for engine in ("forward", "reverse"):
        with pytest.raises(di.InputError, match=message):
            di.jacobian(products, di.Sparse(engine, pattern), X)
    with pytest.raises(di.InputError, match=r"but the hessian \(x by x\) has \(6, 6\)"):
        di.hessian(rosenbrock, di.Sparse("reverse", pattern), X)


@pytest.mark.parametrize("pattern", [np.ones(3), np.ones((2, 2, 2)), np.array([["a"]]), np.array(1.0)])
def test_what_is_no_matrix(pattern: Any) -> None:
    with pytest.raises(di.InputError, match="a sparsity pattern is a matrix"):
        di.Sparse("forward", pattern)


def test_an_empty_pattern_of_a_function_that_is_not_constant() -> None:
    for engine in ("forward", "reverse"):
        with pytest.raises(di.SparsityPatternError):
            di.jacobian(products, di.Sparse(engine, sparse.csr_array((5, 6))), X)


def test_stored_zeros_and_repeated_entries_count_once() -> None:
    entries = np.concatenate([np.arange(5), np.arange(5), [0]]), np.concatenate([np.arange(5), np.arange(1, 6), [0]])
    pattern = sparse.coo_array((np.zeros(11), entries), shape=(5, 6))
    prep = di.prepare_jacobian(products, di.Sparse("forward", pattern), X)
    assert prep.pattern.nnz == 10
    np.testing.assert_allclose(prep.jacobian(X).toarray(), di.jacobian(products, "forward", X))


def test_one_triangle_of_a_hessian_is_both() -> None:
    lower = np.tril(np.abs(np.subtract.outer(range(6), range(6))) <= 1)
    H = di.hessian(rosenbrock, di.Sparse("reverse", lower), X)
    np.testing.assert_allclose(H.toarray(), rosenbrock_hessian(X))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detector": "fast"}, "detector='fast' is not known"),
        ({"coloring": "best"}, "order='best' is not known"),
        ({"coloring": 3}, "coloring=3 is not known"),
        ({"verify": "sometimes"}, "verify='sometimes' is not known"),
        ({"inner": di.Sparse("forward")}, "sparse once"),
    ],
)
def test_unknown_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(di.InputError, match=message):
        di.Sparse(**options)


def test_errors_of_f_come_through() -> None:
    with pytest.raises(di.OutputError, match="needs a scalar y"):
        di.hessian(products, di.Sparse("reverse"), X)
    with pytest.raises(di.OutputError, match="returned None"):
        di.jacobian(lambda x: None, di.Sparse("forward"), X)
    with pytest.raises(di.UnsupportedOperationError, match="complex x"):
        di.hessian(lambda z: np.sum(np.abs(z)), di.Sparse("reverse"), X + 0j)
    with pytest.raises(di.UnsupportedOperationError, match="cannot be traced"):
        torch = pytest.importorskip("torch")
        di.jacobian(lambda x: torch.sin(x), di.Sparse("torch", "global"), X)


def test_what_cannot_be_traced_is_found_densely() -> None:
    require("jax")

    def f(x):  # JAX cannot run inside our run of f on index sets
        return di.gradient(lambda x: np.sum((x[1:] - x[:-1]) ** 4), "jax", x)

    with pytest.raises(di.UnsupportedOperationError, match=r"sparsity detection(.|\n)*detector='dense'"):
        di.jacobian(f, di.Sparse("finite_differences"), X)
    J = di.jacobian(f, di.Sparse("finite_differences", di.sparse.Dense(1e-3)), X)
    expected = di.hessian(lambda x: np.sum((x[1:] - x[:-1]) ** 4), "forward", X)
    np.testing.assert_allclose(J.toarray(), expected, rtol=1e-6, atol=1e-6)


def test_where_the_function_is_not_finite() -> None:
    """NaN says nothing about a pattern; what is finite is still right."""

    def f(x):
        return np.log(x) * x[0]

    x = np.array([2.0, -1.0, 0.0, 3.0])
    with np.errstate(all="ignore"):
        J = di.jacobian(f, di.Sparse("forward"), x).toarray()
        dense = di.jacobian(f, "forward", x)
    np.testing.assert_allclose(J[[0, 3]], dense[[0, 3]])
