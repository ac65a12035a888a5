"""The check, at preparation, that f gives the same value traced as in plain NumPy."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from diffiface.adapter import NUMPY
from diffiface.arrays import TRACED
from diffiface.errors import TracingMismatchError
from diffiface.function import definition_of
from diffiface.operators.call import Call


def check_same_value(call: Call) -> None:
    """Run f once in plain NumPy and once dressed, and compare: one call each catches wrong branches and slips.

    It also tells the structure of y before any engine runs, and raises what f or its output do wrong.
    """
    if any(spec.family == TRACED for spec in call.x_specs):
        return
    function = call.function
    copies = tuple(np.array(x) for x in call.xs) if all(isinstance(x, np.ndarray) for x in call.xs) else None
    if copies is None or not all(isinstance(c, (np.ndarray, float, int, str, type(None))) for c in call.contexts):
        return
    plain = copy.copy(function)
    plain.traces = False
    expected, _ = plain(NUMPY, copies, call.contexts)
    function.y_structure = plain.y_structure
    if not function.traces:
        return
    found, _ = function(NUMPY, call.xs, call.contexts)
    for want, got in zip(expected, found, strict=True):
        if np.shape(want) != np.shape(got) or not _close(np.asarray(want), np.asarray(got)):
            raise TracingMismatchError(
                f"the function gave {_short(got)} when traced, but {_short(want)} in plain NumPy",
                engine=call.backend.name,
                where=definition_of(call.f),
                fix="look for random numbers, or state that changes from call to call",
            )


def _close(want: np.ndarray, got: np.ndarray) -> bool:
    single = np.result_type(want, got).itemsize <= 4 or "f4" in (want.dtype.str[1:], got.dtype.str[1:])
    scale = np.max(np.abs(want[np.isfinite(want)]), initial=0.0)
    tolerance = (1e-3 if single else 1e-8) * (scale + 1e-300)
    return bool(np.allclose(want, got, rtol=0, atol=tolerance, equal_nan=True))


def _short(value: Any) -> str:
    return np.array2string(np.asarray(value), threshold=6, precision=6)
