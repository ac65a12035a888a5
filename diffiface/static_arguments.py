"""Which constants of a function are arguments of a compiled program, and which are compiled in."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

_TRACED_NUMBERS = (float, complex, np.floating, np.complexfloating)


def is_traced_argument(context: Any, array_type: type) -> bool:
    """Whether a constant can be an argument, so that its value may change without another program.

    Arrays of numbers are, NumPy's and the library's own (`array_type`), and numbers that are no integers. An integer may
    say how often a loop runs or which axis is meant.
    """
    if isinstance(context, np.ndarray):
        return context.dtype.kind in "fciub"
    return isinstance(context, (*_TRACED_NUMBERS, array_type))


def static_key(context: Any) -> Hashable:
    """Return what tells a constant that is compiled in from others; an unhashable one is known by its identity."""
    # 1, 1.0 and True are equal but not the same argument of f.
    try:
        hash(context)
    except TypeError:
        return id(context)
    return type(context), context
