"""Special functions: the frequent ones as primitives of their own, all others as the one primitive `special`.

Their NumPy meaning is scipy.special's, which is loaded when first used. The table behind `special` is
`diffiface.special_functions`: an engine that lacks a function supplies it as a call on the host.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.primitives.definitions import Sample, define
from diffiface.special_functions import SPECIAL_FUNCTIONS


def _sample(*arrays: Any, **parameters: Any) -> Sample:
    return Sample(arrays, parameters)


_v = np.array([0.31, 0.72, 0.55, 0.18])
_w = np.array([0.83, 0.24, 0.41, 0.67])
_m = np.array([[0.31, 0.72, 0.55], [0.18, 0.93, 0.44]])
_col = np.array([0.7, -0.2, 1.1])


def _scipy_special(name: str) -> Callable[..., Any]:
    def definition(*args: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(*args)

    definition.__name__ = name
    return definition


def polygamma(x: Any, *, order: int) -> Any:
    """The `order`-th derivative of digamma."""
    import scipy.special

    return scipy.special.polygamma(order, x)


def special(*arguments: Any, function: str) -> Any:
    """The function of that name in the table of special functions; elementwise, broadcasting."""
    return SPECIAL_FUNCTIONS[function].value(*arguments)


for _name in ("erf", "erfc", "expit", "log_expit", "gammaln", "digamma", "ndtr", "log_ndtr"):
    define(_name, _scipy_special(_name), "special", _sample(_v), _sample(1 + _m))
define("xlogy", _scipy_special("xlogy"), "special", _sample(_v, _w), _sample(_m, _col**2))
define("polygamma", polygamma, "special", _sample(1 + _v, order=1), _sample(1 + _v, order=2))
define(
    "special",
    special,
    "special",
    _sample(1 + _v, function="j1"),
    _sample(1 + _m, _col**2, function="boxcox"),
    _sample(1 + _m, _col**2, function="gammainc"),
    _sample(1 + _v, 2 + _w, _w, function="betainc"),
)
