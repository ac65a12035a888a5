"""The entry-wise checkers: a right derivative passes in any precision, an entry that is 1 % off never does."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import diffiface as di
from diffiface.testing import (
    UncheckedEntryWarning,
    check_derivative,
    check_gradient,
    check_hessian,
    check_hvp,
    check_jacobian,
    check_pullback,
    check_pushforward,
    check_second_derivative,
)

SCALES = st.floats(-6, 6).map(lambda e: 10.0**e)
PRECISIONS = st.sampled_from([np.float64, np.float32])


def black_box(f):
    """Hide from every engine how f computes: its arguments leave NumPy on the way."""

    def hidden(x, *contexts):
        return f(np.frombuffer(np.asarray(x).tobytes(), np.asarray(x).dtype).reshape(np.shape(x)), *contexts)

    return hidden


def weighted(x, w):
    return np.sum(w * np.sin(x) * x)


def weighted_gradient(x, w):
    return w * (np.cos(x) * x + np.sin(x))


# ---- right ones pass, wrong ones do not, over many scales


@settings(max_examples=25, deadline=None)
@given(
    st.lists(SCALES, min_size=2, max_size=5), PRECISIONS, st.integers(0, 4), st.sampled_from([0.99, 1.01, -1.0, 0.0])
)
def test_over_scales(scales, precision, which, factor):
    w = np.array(scales)
    x = np.linspace(0.4, 1.6, len(w)).astype(precision)
    right = weighted_gradient(x.astype(float), w).astype(precision)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_gradient(weighted, x, right, w)
    wrong, entry = right.copy(), which % len(w)
    wrong[entry] *= factor
    with pytest.raises(AssertionError, match=rf"1 of {len(w)} entries wrong(.|\n)*\[{entry}\]"):
        check_gradient(weighted, x, wrong, w)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(-2, 2).map(lambda e: 10.0**e), min_size=2, max_size=5), PRECISIONS, st.integers(0, 4))
def test_over_scales_without_any_engine(scales, precision, which):
    w = np.array(scales)
    x = np.linspace(0.4, 1.6, len(w)).astype(precision)
    f = black_box(weighted)
    right = weighted_gradient(x.astype(float), w).astype(precision)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_gradient(f, x, right, w)
    wrong, entry = right.copy(), which % len(w)
    wrong[entry] *= 1.01
    with pytest.raises(AssertionError, match="by finite differences\n"):
        check_gradient(f, x, wrong, w)


def test_an_entry_that_drowns_is_not_passed_in_silence():
    w = np.array([1e9, 1e-9])
    x = np.array([0.5, 0.5])
    wrong = weighted_gradient(x, w) * [1, 1.01]
    with pytest.warns(UncheckedEntryWarning, match=r"\[1\]"):
        check_gradient(black_box(weighted), x, wrong, w)
    with pytest.raises(AssertionError, match=r"\[1\]"):
        check_gradient(weighted, x, wrong, w)


@settings(max_examples=15, deadline=None)
@given(PRECISIONS, st.integers(0, 8))
def test_cancelling_terms_in_single_precision(precision, seed):
    """The score of a logit near its maximum: sums of large terms that cancel, computed in float32 throughout."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 3)).astype(precision)
    y = (rng.random(200) < 0.5).astype(precision)
    b = np.array([0.01, -0.02, 0.03], precision)

    def loglike(b, y, X):
        z = X @ b
        return np.sum(y * z - np.log(1 + np.exp(z)))

    def score(b, y, X):
        return X.T @ (y - 1 / (1 + np.exp(-(X @ b))))

    check_gradient(loglike, b, score, y, X)
    assert score(b, y, X).dtype == precision


# ---- each checker, right and wrong


def outer(x):
    return np.outer(x, np.sin(x))


def outer_jacobian(x):
    unit = np.eye(len(x))
    return np.einsum("ik,j->ijk", unit, np.sin(x)) + np.einsum("i,j,jk->ijk", x, np.cos(x), unit)


def cubes(x):
    return np.sum(x**3) + x[0] * x[1]


def cubes_hessian(x):
    H = np.diag(6 * x)
    H[0, 1] = H[1, 0] = 1.0
    return H


X = np.array([0.6, -1.1, 1.7])
CHECKS = {
    "derivative": (check_derivative, np.sin, 0.7, np.cos),
    "second_derivative": (
        check_second_derivative,
        lambda x: x * np.arange(1.0, 3.0) * x,
        0.7,
        lambda x: np.array([2.0, 4.0]),
    ),
    "gradient": (check_gradient, cubes, X, lambda x: 3 * x**2 + np.array([x[1], x[0], 0.0])),
    "jacobian": (check_jacobian, outer, X, outer_jacobian),
    "hessian": (check_hessian, cubes, X, cubes_hessian),
    "hvp": (check_hvp, cubes, X, lambda x, t: cubes_hessian(x) @ t),
    "pushforward": (check_pushforward, outer, X, lambda x, t: np.tensordot(outer_jacobian(x), t, 1)),
    "pullback": (check_pullback, outer, X, lambda x, t: np.tensordot(t, outer_jacobian(x), 2)),
}


@pytest.mark.parametrize("name", CHECKS)
def test_each_checker(name):
    check, f, x, right = CHECKS[name]
    assert check(f, x, right) is None

    def wrong(*args):
        result = np.array(right(*args))
        result.flat[-1] *= 1.01
        return result

    with pytest.raises(AssertionError, match="1 of") as caught:
        check(f, x, wrong)
    word = {"hvp": "Hessian-vector product", "hessian": "Hessian", "jacobian": "Jacobian"}.get(
        name, name.replace("_", " ")
    )
    assert f"is not the {word} of" in str(caught.value)
    with pytest.raises(AssertionError, match="shape"):
        check(f, x, lambda *args: np.ones((2, 7, 1)))


@pytest.mark.parametrize("index", [(0, 1), (2, 0)])
def test_one_of_two_symmetric_entries(index):
    wrong = cubes_hessian(X)
    wrong[index] += 0.01
    with pytest.raises(AssertionError, match=rf"1 of 9 entries wrong(.|\n)*\[{index[0]}, {index[1]}\]"):
        check_hessian(cubes, X, wrong)


def test_sparse_derivatives():
    check_jacobian(lambda x: x**2, X, lambda x: scipy.sparse.diags_array(2 * x).tocsr())
    with pytest.raises(AssertionError, match=r"\[1, 1\]"):
        check_jacobian(lambda x: x**2, X, scipy.sparse.diags_array([1.2, -2.3, 3.4]).tocsr())


def test_pytrees():
    x = {"slope": np.array([1.0, 2.0]), "level": 0.5}

    def f(p):
        return np.sum(p["slope"] ** 2) * p["level"]

    check_gradient(f, x, lambda p: {"slope": 2 * p["slope"] * p["level"], "level": np.sum(p["slope"] ** 2)})
    with pytest.raises(AssertionError, match=r"\['level'\]"):
        check_gradient(f, x, {"slope": np.array([1.0, 2.0]), "level": 5.1})
    with pytest.raises(AssertionError, match="structure"):
        check_gradient(f, x, np.array([1.0, 2.0, 5.0]))


def test_complex_x_follows_the_convention():
    z = np.array([3 + 4j, 1 - 2j])
    check_gradient(lambda z: np.sum(np.abs(z) ** 2), z, lambda z: 2 * z)
    with pytest.raises(AssertionError, match="2 of 2"):
        check_gradient(lambda z: np.sum(np.abs(z) ** 2), z, lambda z: 2 * np.conj(z))


@pytest.mark.parametrize("slope", [-1.0, 0.0, 0.3, 1.0])
def test_at_a_kink_every_slope_between_the_sides_is_right(slope):
    check_gradient(lambda x: np.sum(np.abs(x)), np.array([0.0, 2.0]), np.array([slope, 1.0]))


def test_at_a_kink_other_slopes_are_wrong():
    with pytest.raises(AssertionError, match=r"\[0\]"):
        check_gradient(lambda x: np.sum(np.abs(x)), np.array([0.0, 2.0]), np.array([1.5, 1.0]))


# ---- what the message says


def test_the_message_shows_the_worst_entry_first_and_a_common_factor():
    with pytest.raises(AssertionError) as caught:
        check_gradient(cubes, X, lambda x: 2 * (3 * x**2 + np.array([x[1], x[0], 0.0])))
    text = str(caught.value)
    assert "grad is not the gradient of cubes: 3 of 3 entries wrong" in text
    assert "every entry is 2 times what it should be" in text
    with pytest.raises(AssertionError) as caught:
        check_gradient(cubes, X, lambda x: (3 * x**2 + np.array([x[1], x[0], 0.0])) * [1.01, 1, -1])
    first = str(caught.value).splitlines()[2]
    assert first.startswith("  [2]") and "200 %" in first


def test_a_claim_that_spoils_its_arguments_or_returns_nothing():
    def spoiling(x):
        x *= 2
        return 3 * (x / 2) ** 2

    with pytest.raises(AssertionError, match="grad changed its arguments"):
        check_gradient(lambda x: np.sum(x**3), X, spoiling)
    with pytest.raises(AssertionError, match="returned None"):
        check_gradient(lambda x: np.sum(x**3), X, lambda x: None)
    assert np.array_equal(X, [0.6, -1.1, 1.7])


def test_nan_in_the_claim_and_in_f():
    with pytest.raises(AssertionError, match=r"\[1\]"):
        check_gradient(cubes, X, CHECKS["gradient"][3](X) * [1, np.nan, 1])
    with pytest.raises(AssertionError, match="f is not finite"), np.errstate(all="ignore"):
        check_gradient(lambda x: np.sum(np.log(x)), X, 1 / X)


def test_bad_input():
    with pytest.raises(di.InputError, match="rtol"):
        check_gradient(cubes, X, X, rtol=-1)
    with pytest.raises(di.InputError, match="t="):
        check_hvp(cubes, X, X)
    with pytest.raises(di.OutputError):
        check_gradient(lambda x: x, X, X)


def test_an_engine_that_lies_does_not_make_a_wrong_claim_right(monkeypatch):
    """A wrong witness is contradicted by finite differences, and dismissed."""
    from diffiface.testing import entrywise

    values = entrywise._values_of
    monkeypatch.setattr(entrywise, "_values_of", lambda *args: None if (v := values(*args)) is None else 1.01 * v)
    right = CHECKS["gradient"][3]
    check_gradient(cubes, X, right)
    with pytest.raises(AssertionError, match="3 of 3"):
        check_gradient(cubes, X, lambda x: 1.01 * right(x))
