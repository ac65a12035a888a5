"""Loops over integers that must be fast: compiled by numba where it is installed and the work is worth loading it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

_SMALL = 30_000
"""So many steps take Python itself less time than numba takes to be imported."""


def compiled(loop: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function over arrays of integers fast (a decorator); its first argument becomes the number of steps.

    The function is the same with and without numba, which only saves time: some hundredfold.
    """

    @functools.wraps(loop)
    def run(steps: int, *arguments: Any) -> Any:
        small = steps < _SMALL and "numba" not in sys.modules
        return loop(*arguments) if small or find_spec("numba") is None else machine_code()(*arguments)

    @functools.cache
    def machine_code() -> Callable[..., Any]:
        import numba

        try:
            return numba.njit(loop, cache=True)
        except RuntimeError:  # there is no folder where it may keep what it compiled
            return numba.njit(loop)

    return run
