"""Views as lenses: how a view reads its part of an array, and how it writes it back, without touching memory.

A view is a chain of steps from its root, an array that is no view. Whether a reshape is a step at all, or gives a
copy, `memory_order` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np

from diffiface.errors import UnsupportedOperationError, user_line
from diffiface.primitives import Primitives


class Step(Protocol):
    """One way of looking at an array."""

    def read(self, p: Primitives, value: Any) -> Any:
        """Return what is seen of a raw value."""
        ...

    def write(self, p: Primitives, value: Any, seen: Any) -> Any:
        """Return the raw value after what is seen of it has been replaced."""
        ...

    def shadow(self, array: np.ndarray) -> np.ndarray:
        """Do the same to an ordinary array, sharing its memory where NumPy does."""
        ...


@dataclass(slots=True)
class Subscript:
    """`a[index]` for a basic index."""

    index: Any

    def read(self, p: Primitives, value: Any) -> Any:
        return p.getitem(value, index=self.index)

    def write(self, p: Primitives, value: Any, seen: Any) -> Any:
        return p.setitem(value, seen, index=self.index)

    def shadow(self, array: np.ndarray) -> np.ndarray:
        return array[self.index]


@dataclass(slots=True)
class Reshape:
    """`a.reshape(shape)`."""

    shape: tuple[int, ...]

    def read(self, p: Primitives, value: Any) -> Any:
        return p.reshape(value, shape=self.shape)

    def write(self, p: Primitives, value: Any, seen: Any) -> Any:
        return p.reshape(seen, shape=p.shape(value))

    def shadow(self, array: np.ndarray) -> np.ndarray:
        return array.reshape(self.shape)


@dataclass(slots=True)
class UncertainReshape(Reshape):
    """`a.reshape(shape)` where NumPy gives a view or a copy depending on a layout that is not known.

    It may be read as long as nothing was written, to it or to the array: so long the two do not differ.
    """

    engine: str

    def read(self, p: Primitives, value: Any) -> Any:
        self._refuse("read after the array it was made of was written to")

    def write(self, p: Primitives, value: Any, seen: Any) -> Any:
        self._refuse("written to")

    def _refuse(self, what: str) -> NoReturn:
        raise UnsupportedOperationError(
            f"an array reshaped to {self.shape} was {what}; NumPy gives such a reshape as a view or as a copy, depending "
            "on the order of the elements in memory, which is not known here",
            engine=self.engine,
            where=user_line(),
            fix="reshape a copy (y = a.copy(), y.reshape(...)), or write to the array before it is reshaped",
        )


@dataclass(slots=True)
class Transpose:
    """`a.transpose(axes)`."""

    axes: tuple[int, ...]

    def read(self, p: Primitives, value: Any) -> Any:
        return p.transpose(value, axes=self.axes)

    def write(self, p: Primitives, value: Any, seen: Any) -> Any:
        return p.transpose(seen, axes=tuple(int(axis) for axis in np.argsort(self.axes)))

    def shadow(self, array: np.ndarray) -> np.ndarray:
        return array.transpose(self.axes)


@dataclass(slots=True)
class RealPart:
    """`a.real` of a complex array."""

    def read(self, p: Primitives, value: Any) -> Any:
        return p.real(value)

    def write(self, p: Primitives, value: Any, seen: Any) -> Any:
        return p.add(seen, p.multiply(1j, p.imag(value)))

    def shadow(self, array: np.ndarray) -> np.ndarray:
        return np.real(array)


@dataclass(slots=True)
class ImaginaryPart:
    """`a.imag` of a complex array."""

    def read(self, p: Primitives, value: Any) -> Any:
        return p.imag(value)

    def write(self, p: Primitives, value: Any, seen: Any) -> Any:
        return p.add(p.real(value), p.multiply(1j, seen))

    def shadow(self, array: np.ndarray) -> np.ndarray:
        return np.imag(array)


class _ReadOnly:
    """A view that NumPy does not let anyone write to."""

    __slots__ = ()

    def write(self, p: Primitives, value: Any, seen: Any) -> Any:
        raise ValueError("assignment destination is read-only")


@dataclass(slots=True)
class Broadcast(_ReadOnly):
    """`np.broadcast_to(a, shape)`."""

    shape: tuple[int, ...]

    def read(self, p: Primitives, value: Any) -> Any:
        return p.broadcast_to(value, shape=self.shape)

    def shadow(self, array: np.ndarray) -> np.ndarray:
        return np.broadcast_to(array, self.shape)


@dataclass(slots=True)
class Diagonal(_ReadOnly):
    """`np.diagonal(a, offset)` over the last two axes."""

    offset: int

    def read(self, p: Primitives, value: Any) -> Any:
        return p.getitem(value, index=diagonal_index(p.shape(value), self.offset))

    def shadow(self, array: np.ndarray) -> np.ndarray:
        return np.diagonal(array, self.offset, axis1=-2, axis2=-1)


def diagonal_index(shape: tuple[int, ...], offset: int) -> tuple[Any, ...]:
    """Return the index of a diagonal of the last two axes."""
    rows, columns = shape[-2:]
    start_row, start_column = max(0, -offset), max(0, offset)
    steps = np.arange(max(0, min(rows - start_row, columns - start_column)))
    return (Ellipsis, steps + start_row, steps + start_column)


@dataclass(slots=True)
class View:
    """A chain of steps: the last one, and the view it looks at (None for the root)."""

    previous: View | None
    step: Step

    def _steps(self) -> list[Step]:
        # A loop, because `x = x[1:]` in a loop makes chains longer than Python's recursion limit.
        steps, view = [], self
        while view is not None:
            steps.append(view.step)
            view = view.previous
        return steps[::-1]

    def read(self, p: Primitives, root: Any) -> Any:
        """Return what the view sees of the root's raw value."""
        for step in self._steps():
            root = step.read(p, root)
        return root

    def write(self, p: Primitives, root: Any, seen: Any) -> Any:
        """Return the root's raw value after a write through the view."""
        steps = self._steps()
        values = [root]
        for step in steps[:-1]:
            values.append(step.read(p, values[-1]))
        for step, value in zip(reversed(steps), reversed(values), strict=True):
            seen = step.write(p, value, seen)
        return seen

    def shadow(self, array: np.ndarray) -> np.ndarray:
        """Return an ordinary array in the view's place in memory, for a root laid out as `array`."""
        for step in self._steps():
            array = step.shadow(array)
        return array
