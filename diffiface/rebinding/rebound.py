"""What any value that f's code can reach becomes while f is traced: the way in for all kinds of values."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import BuiltinFunctionType, NoneType
from typing import Any, TypeVar

import numpy as np

from diffiface.numpy_api.array import Array, Scalar
from diffiface.rebinding.substitutes import substitute_for

Handler = TypeVar("Handler", bound=Callable[[Any], Any])

PLAIN: frozenset[type] = frozenset(
    {int, float, complex, bool, str, bytes, NoneType, slice, range, set, frozenset, bytearray}
    | {np.ndarray, np.float64, np.float32, np.int64, np.int32, np.bool_, np.complex128, np.dtype, Array, Scalar}
)
"""Types whose values are data: nothing in them is ever rebound."""

HANDLERS: dict[type, Callable[[Any], Any]] = {BuiltinFunctionType: substitute_for, type(np.sum): substitute_for}
"""Exact type -> what rebinds a value of it. (The modules of this package enter theirs.)"""

OTHERS: list[Callable[[Any], Any]] = []
"""What rebinds a value of a type not listed (entered by `objects`, a list so that there is no cycle of imports)."""

lock = threading.RLock()
"""Held while copies of functions and classes are made, so that there is one of each."""


def rebinds(*kinds: type) -> Callable[[Handler], Handler]:
    """Enter the handler of values of these very types."""

    def enter(handler: Handler) -> Handler:
        for kind in kinds:
            HANDLERS[kind] = handler
        return handler

    return enter


def rebound(value: Any) -> Any:
    """Return what stands for a value in f's rebound code: the value itself, unless something in it must be replaced."""
    kind = type(value)
    if kind in PLAIN:
        return value
    handler = HANDLERS.get(kind)
    return handler(value) if handler is not None else OTHERS[0](value)


CHECKS: dict[type, Callable[[Any], Callable[[], bool] | None]] = {}
"""Type of a replacement -> what gives its check. (Classes of this package give it by a method `_diffiface_check`.)"""


def check_of(replacement: Any) -> Callable[[], bool] | None:
    """Return what says whether a replacement is what its original would still give (None: it cannot go stale)."""
    give = CHECKS.get(type(replacement)) or getattr(type(replacement), "_diffiface_check", None)
    return None if give is None else give(replacement)


def is_current(replacement: Any) -> bool:
    """Say whether a replacement is what its original would give now."""
    check = check_of(replacement)
    return check is None or check()
