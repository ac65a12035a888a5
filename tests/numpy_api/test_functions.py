"""Every translated function, with its keywords, against NumPy itself: values, shapes, dtypes, and the trace kept."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.special as special

from diffiface.numpy_api import Array, undress
from diffiface.primitives import NUMPY
from tests.numpy_api.boxes import Box, BoxTrace
from tests.numpy_api.expressions import EXPRESSIONS
from tests.numpy_api.rarer_expressions import RARER_EXPRESSIONS


def _expressions(*but: str) -> list[str]:
    """Return all expressions, except of some kinds."""
    kinds = [text for kind, text in (EXPRESSIONS | RARER_EXPRESSIONS).items() if kind not in but]
    return [part.strip() for text in kinds for part in re.split(r";\s", text) if part.strip()]


CONSTANTS = {
    "c": np.array([0.3, -1.2, 0.8, 2.1, -0.4, 1.5]),
    "m23": np.array([[0.5, -0.7, 1.1], [1.3, 0.2, -0.9]]),
    "mask": np.array([True, False, True, True, False, True]),
    "B": np.linspace(-1, 1, 18).reshape(6, 3) ** 3,
}


def _names(v: Any) -> dict[str, Any]:
    """Return what the expressions may name, made from v by the operations under test."""
    M = v.reshape(2, 3)
    S = np.outer(v[:3], v[3:]) + 3 * np.eye(3, dtype=v.dtype)
    w = np.where(np.array([False, False, True, False, False, False]), np.float32(np.nan), v)
    return {
        "np": np,
        "special": special,
        "v": v,
        "M": M,
        "T": M.reshape(2, 3, 1),
        "S": S,
        "P": M.T @ M + 2 * np.eye(3, dtype=v.dtype),
        "s": v[0],
        "w": w,
        "z": v * np.complex64(1 + 2j) if v.dtype == np.float32 else v * (1 + 2j),
        **{k: a if a.dtype == bool else a.astype(v.dtype) for k, a in CONSTANTS.items()},
    }


def _plain(value: Any) -> Any:
    value = undress(value)
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value.value if type(value) is Box else value


def _assert_same(expression: str, found: Any, expected: Any, rtol: float) -> None:
    if isinstance(expected, (tuple, list)):
        assert len(found) == len(expected)
        for f, e in zip(found, expected, strict=True):
            _assert_same(expression, f, e, rtol)
        return
    if not isinstance(expected, (np.ndarray, np.generic, int, float, complex)):
        assert found == expected
        return
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


def _leaves(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, (tuple, list)) else [value]


V = np.array([0.31, 0.82, 0.55, 0.17, 0.93, 0.46])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", _expressions())
def test_agrees_with_numpy(expression: str) -> None:
    expected = eval(expression, _names(V.copy()))
    for p, raw in ((NUMPY, V.copy()), (BoxTrace(), None)):
        v = Array(raw, p) if raw is not None else p.array(V.copy())
        _assert_same(expression, _plain(eval(expression, _names(v))), expected, 1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", _expressions("scipy.special", "to Python"))
def test_float32_stays_what_numpy_makes_of_it(expression: str) -> None:
    expected = eval(expression, _names(V.astype(np.float32)))
    v = BoxTrace().array(V.astype(np.float32))
    _assert_same(expression, _plain(eval(expression, _names(v))), expected, 2e-5)


# Parts of expressions whose results, or some of them, have no derivative to keep.
FRESH = ("sign(v", "heaviside", "floor", "ceil", "trunc", "rint", "round", "around", "fix", "modf", "divmod", "//")
FRESH += ("zeros", "ones", "_like", "np.eye", "arange", "np.imag(v)", "matrix_power(S, 0)", "norm(v, 0)", "gammasgn")
FRESH += (
    "returned=True",
    "meshgrid",
    "np.histogram",
    "polyfit(c, v, 1, r",
    "unscaled",
    "v, 9)",
    "spacing",
    "polydiv(v[:2]",
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", _expressions())
def test_keeps_the_trace(expression: str) -> None:
    """A float result that comes from v is a traced value: nothing on the way made it a plain number."""
    v = BoxTrace().array(V.copy())
    for leaf in _leaves(eval(expression, _names(v))):
        raw = undress(leaf)
        if type(raw) is not Box and isinstance(raw, (float, complex, np.ndarray, np.generic)):
            assert np.asarray(raw).dtype.kind not in "fc" or any(part in expression for part in FRESH)


def test_warns_of_nothing_it_does_itself() -> None:
    v = BoxTrace().array(V.copy())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.sum(np.where(v > 0.5, np.log(v), 0.0)) + np.linalg.norm(v) + np.median(v)
