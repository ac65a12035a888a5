"""Arguments beside x: constants, which f reads, and caches, which f may write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from diffiface.errors import InputError


@dataclass(frozen=True, eq=False)
class Constant:
    """Mark an argument as a constant: passed to f as it is, never differentiated.

    Bare extra arguments are constants already; the mark is for readers.

    >>> import numpy as np, diffiface as di
    >>> di.gradient(lambda x, c: c * np.sum(x), "reverse", np.ones(2), di.Constant(3.0))
    array([3., 3.])
    """

    value: Any


@dataclass(frozen=True, eq=False)
class Cache:
    """Mark an array as scratch memory that f may write: each engine hands f its own, of this shape and dtype.

    What the array holds beforehand does not reach f, and the array itself is left as it was.

    >>> import numpy as np, diffiface as di
    >>> def f(x, scratch):
    ...     scratch[:] = x**2
    ...     return np.sum(scratch)
    >>> di.gradient(f, "reverse", np.array([1.0, 2.0]), di.Cache(np.zeros(2)))
    array([2., 4.])
    """

    value: np.ndarray

    def __post_init__(self) -> None:
        if not isinstance(self.value, np.ndarray) or self.value.dtype.kind not in "fciub":
            raise InputError(
                f"a Cache holds a NumPy array, not {type(self.value).__name__}", fix="di.Cache(np.zeros(n))"
            )


def unwrap(context: Any) -> Any:
    """Return what f receives in the place of a context."""
    return context.value if isinstance(context, (Constant, Cache)) else context
