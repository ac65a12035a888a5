"""autograd's boxes as a family: its arrays outside a trace are NumPy's own."""

# autograd.numpy is filled when it is imported, which type checkers cannot see.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import Box

from diffiface.adapter import NUMPY, Primitives, TracedValueError


def plain(value: Any) -> Any:
    """Return the number(s) inside all the boxes of a value."""
    while isinstance(value, Box):
        value = value._value
    return value


class Family:
    """The family of autograd's boxes, which exist only while a function is being differentiated."""

    name = "autograd"
    mutable = False

    def owns(self, value: Any) -> bool:
        """Say whether a value is a box."""
        return isinstance(value, Box)

    def is_traced(self, value: Any) -> bool:
        """Say that a box is being differentiated: every box is."""
        return True

    def dtype(self, value: Any) -> np.dtype:
        """Return the NumPy dtype of what is inside."""
        return np.asarray(plain(value)).dtype

    def shape(self, value: Any) -> tuple[int, ...]:
        """Return the shape of what is inside."""
        return np.shape(plain(value))

    def to_numpy(self, value: Any) -> np.ndarray:
        """Refuse: the derivative would be lost."""
        raise TracedValueError(
            "a value that is being differentiated cannot become a plain array",
            engine="autograd",
            fix="use np.* functions on it, or return it beside y with has_aux=True",
        )

    def from_numpy(self, array: np.ndarray, like: Any = None) -> np.ndarray:
        """Copy an array: autograd's constants are NumPy arrays."""
        return np.array(array)

    def stack(self, arrays: Sequence[Any]) -> Any:
        """Stack boxes of one shape along a new leading axis."""
        return anp.stack(list(arrays))

    def converted(self, array: np.ndarray) -> np.ndarray:
        """Copy an array: autograd's constants are NumPy arrays."""
        return np.array(array)[()]

    def primitives(self, values: Sequence[Any]) -> Primitives:
        """Return what runs a NumPy function in a program written for this library."""
        from diffiface_autograd.primitives import AutogradPrimitives  # which imports this module

        return AutogradPrimitives(NUMPY, -1)

    def computing(self) -> AbstractContextManager[None]:
        """Change nothing: arrays keep the precision they have."""
        return nullcontext()


FAMILY = Family()


def private(value: Any) -> Any:
    """A constant's own copy: autograd's rules read it after f may have changed it."""
    return np.array(value) if isinstance(value, np.ndarray) and value.ndim else value
