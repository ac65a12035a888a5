"""Numbers, empty arrays, strides and Fortran order: the same results as NumPy, or an error where NumPy has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.numpy_api.boxes import BoxTrace
from tests.numpy_api.test_functions import _assert_same, _plain

ARRAYS = {
    "empty": np.zeros(0),
    "no rows": np.zeros((0, 3)),
    "every second, backwards": np.arange(12.0)[::-2] ** 1.1,
    "Fortran order": np.asfortranarray(np.arange(6.0).reshape(2, 3) ** 1.5),
}
FUNCTIONS = (
    "sum prod max min ptp mean var std nansum nanprod nanmean nanvar nanstd nanmax nanmin cumsum cumprod nancumsum "
    "nancumprod median nanmedian sort argsort argmax argmin diff ediff1d unwrap sort_complex gradient trapezoid average "
    "unique count_nonzero all any nan_to_num round sinc trim_zeros flip exp square ravel transpose copy atleast_2d"
).split()
WITH_ARGUMENTS: dict[str, Callable[[Any], Any]] = {
    "partition": lambda v: np.partition(v, 1),
    "roll": lambda v: np.roll(v, 1),
    "tile": lambda v: np.tile(v, 2),
    "repeat": lambda v: np.repeat(v, 2),
    "pad": lambda v: np.pad(v, 1),
    "percentile": lambda v: np.percentile(v, 30.0),
    "concatenate": lambda v: np.concatenate([v, v]),
    "reshape": lambda v: np.reshape(v, -1),
    "where": lambda v: np.where(v > 1, v, 0.0),
}
CALLS = {name: getattr(np, name) for name in FUNCTIONS} | WITH_ARGUMENTS


def outcome(function: Callable[[Any], Any], v: Any) -> Any:
    try:
        return _plain(function(v))
    except (ValueError, IndexError) as error:
        return type(error).__name__


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("array", ARRAYS)
def test_like_numpy(name: str, array: str) -> None:
    expected = outcome(CALLS[name], ARRAYS[array])
    found = outcome(CALLS[name], BoxTrace().array(ARRAYS[array].copy(order="K")))
    if isinstance(expected, str):
        assert found == expected
    else:
        _assert_same(name, found, expected, 1e-12)


ON_NUMBERS = "sum prod max min mean var median cumsum argsort argmax nan_to_num trim_zeros sinc ravel tile".split()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ON_NUMBERS)
def test_numbers_of_no_axes(name: str) -> None:
    function = (lambda v: np.tile(v, 2)) if name == "tile" else getattr(np, name)
    scalar = BoxTrace().array(np.array([0.3, 0.7]))[0]
    _assert_same(name, outcome(function, scalar), outcome(function, np.float64(0.3)), 1e-12)
