"""The two values a plain NumPy function meets instead of arrays: `Array` and the immutable `Scalar`.

Two classes, because NumPy's own results of rank 0 are immutable scalars without a length: `s = y[0]; s += 1`
must leave y alone, and `np.zeros(3)[0] = s` must reach `Scalar.__float__`, whose message says what to write.
An Array never changes a raw value: writing replaces it, so neither the caller's arrays nor an engine's are touched.
Operators, methods and NumPy's functions are added to both classes by `operators`, `methods` and `dispatch`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from diffiface.numpy_api import subscripts
from diffiface.numpy_api.conversion import raw_index, raw_operand
from diffiface.numpy_api.dressed import Dressed
from diffiface.numpy_api.views import Reshape, Step, Subscript, View
from diffiface.primitives import Primitives
from diffiface.tracing import innermost

_BOUNDS = frozenset({int, type(None)})


class Scalar(Dressed):
    """A value of rank 0: immutable, as NumPy's scalars are."""

    __slots__ = ()

    # isinstance(x[0], float) in a user's function must take the branch that it takes in plain NumPy.
    @property
    def __class__(self) -> type:
        return np.complex128 if self.dtype.kind == "c" else np.float64

    def __getitem__(self, index: Any) -> Any:
        parts = index if type(index) is tuple else (index,)
        if any(part is not None and part is not Ellipsis for part in parts):
            raise IndexError("invalid index to scalar variable.")
        new_axes = sum(part is None for part in parts)
        return Array(self._p.reshape(self._value, shape=(1,) * new_axes), self._p) if new_axes else self


class Array(Dressed):
    """A value of rank 1 or more: mutable, with views."""

    __slots__ = ("_root", "_seen", "_view")

    _root: Array | None
    """The array this is a view of (None when it is no view)."""
    _view: View
    """How this view sees its root. (Set on views only, like `_seen`.)"""
    _seen: Any
    """The root's raw value when this view last read it: raw values are replaced, so identity tells of writes."""

    def __init__(self, value: Any, p: Primitives):
        self._value = value
        self._p = p
        self._root = None

    # isinstance(x, np.ndarray) likewise.
    @property
    def __class__(self) -> type:
        return np.ndarray

    # ---- reading and writing as a whole

    def _read(self) -> Any:
        root = self._root
        if root is not None and root._value is not self._seen:
            self._p = root._p
            self._value = self._view.read(root._p, root._value)
            self._seen = root._value
        return self._value

    def _replace(self, value: Any, p: Primitives) -> None:
        """Put a raw value of the same shape and dtype in the place of this one (and of a view's part of its root)."""
        root = self._root
        if root is not None:
            p = innermost(p, root._p)
            root._value = self._view.write(p, root._value, value)
            root._p = p
            self._seen = root._value
        self._value, self._p = value, p

    def _store(self, value: Any, p: Primitives) -> None:
        """Write a result into the whole array, as `out=` and the augmented operators do."""
        shape, dtype, found = self.shape, self.dtype, p.dtype(value)
        if found != dtype:
            if not np.can_cast(found, dtype, "same_kind"):
                raise TypeError(f"cannot cast the result from {found} to {dtype} with casting rule 'same_kind'")
            value = p.astype(value, dtype=dtype)
        if tuple(value.shape) != shape:
            value = p.broadcast_to(value, shape=shape)
        self._replace(value, innermost(p, self._p))

    # ---- views

    def _viewed(self, step: Step) -> Any:
        """Return the view that a further step gives (a Scalar where nothing is left to be a view of)."""
        value, p = self._read(), self._p
        raw = step.read(p, value)
        return self._view_of(raw, step) if p.shape(raw) else Scalar(raw, p)

    def _view_of(self, raw: Any, step: Step) -> Array:
        view = Array(raw, self._p)
        if self._root is None:
            view._root = self
            view._view = View(None, step)
            view._seen = self._value
        else:
            view._root = self._root
            view._view = View(self._view, step)
            view._seen = self._seen
        return view

    def _shadow(self) -> np.ndarray:
        """Return an ordinary array laid out in memory as NumPy would lay out this one."""
        if self._root is None:
            return np.empty(self.shape, bool)
        return self._view.shadow(self._root.shape, self._root.dtype)

    def _reshaped(self, shape: tuple[int, ...]) -> Array | Scalar:
        """Return a view or a copy of another shape: what NumPy would return."""
        step = Reshape(shape)
        if self._root is not None and self.size:
            shadow = self._shadow()
            if not np.may_share_memory(shadow, shadow.reshape(shape)):
                return dress(step.read(self._p, self._read()), self._p)
        return self._viewed(step)

    @property
    def flat(self) -> Any:
        """All elements in C order; writing to it writes to the array."""
        return self._viewed(Reshape((self.size,)))

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[...] = value

    # ---- as a sequence

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self == value))

    # ---- indexing

    def __getitem__(self, index: Any) -> Any:
        value = self._value if self._root is None else self._read()
        p, index, basic = self._settled(index, value)
        raw = p.getitem(value, index=index)
        if not raw.shape:
            return Scalar(raw, p)
        return self._view_of(raw, Subscript(index)) if basic else Array(raw, p)

    def __setitem__(self, index: Any, item: Any) -> None:
        current = self._value if self._root is None else self._read()
        p, index, basic = self._settled(index, current)
        if type(item) is not float:
            if basic and type(item) is Array and self._holds(item, index):
                return
            p, item = raw_operand(item, p)
            if item is NotImplemented:
                raise TypeError("only numbers and arrays can be assigned to the elements of an array")
            item = _cast_item(p, item, p.dtype(current))
        if basic or not _is_unknown_mask(p, index, current, item):
            self._replace(p.setitem(current, item, index=index), p)
        else:
            self._replace(p.where(index, item, current), p)

    def _settled(self, index: Any, value: Any) -> tuple[Primitives, Any, bool]:
        """Return the trace that can use an index, the index with raw values in it, and whether it is basic."""
        p = self._p
        kind = type(index)
        if kind is int:
            length = value.shape[0]
            if not -length <= index < length:
                raise IndexError(f"index {index} is out of bounds for axis 0 with size {length}")
            return p, index, True
        if (
            kind is slice
            and type(index.start) in _BOUNDS
            and type(index.stop) in _BOUNDS
            and type(index.step) in _BOUNDS
        ):
            return p, index, True
        p, index = raw_index(index, p)
        index, basic = subscripts.settle(index, p.shape(value))
        return p, index, basic

    def _holds(self, view: Array, index: Any) -> bool:
        """Say whether a view is this array's own part at `index`: `y[i:j] += v` ends by assigning it to itself."""
        root = self if self._root is None else self._root
        return (
            view._root is root
            and view._seen is root._value
            and view._view.previous is (None if self._root is None else self._view)
            and type(view._view.step) is Subscript
            and view._view.step.index == index
        )


def dress(raw: Any, p: Primitives) -> Any:
    """Dress a raw value (tuples and lists of them by element).

    Booleans and integers that are known become plain NumPy, so that masks, indices and counts are ordinary.
    """
    if type(raw) is p.traced_type and p.traced_inexact:
        return Array(raw, p) if raw.shape else Scalar(raw, p)
    dtype = getattr(raw, "dtype", None)
    if dtype is None:
        if isinstance(raw, (tuple, list)):
            values = [dress(item, p) for item in raw]
            return getattr(raw, "_make", type(raw))(values)  # named tuples stay what they are
        if not isinstance(raw, (float, complex)):
            return raw
        raw = np.asarray(raw)[()]
        dtype = raw.dtype
    if (dtype if isinstance(dtype, np.dtype) else p.dtype(raw)).kind in "biu":
        constant = raw if isinstance(raw, (np.ndarray, np.generic)) else p.concrete(raw)
        if constant is not None:
            constant = np.asarray(constant)
            return (constant if constant.flags.writeable else constant.copy()) if constant.ndim else constant[()]
    return Array(raw, p) if (raw.shape if type(raw) is p.traced_type else p.shape(raw)) else Scalar(raw, p)


def _cast_item(p: Primitives, item: Any, dtype: np.dtype) -> Any:
    if isinstance(item, (bool, int, float)):
        return item
    found = p.dtype(item)
    if found.kind == "c" and dtype.kind != "c":
        raise TypeError(f"cannot store a complex number in an array of {dtype}")
    return item if found == dtype else p.astype(item, dtype=dtype)


def _is_unknown_mask(p: Primitives, index: Any, value: Any, item: Any) -> bool:
    """Say whether an index is a mask of the whole array, known only when a compiled function runs, for one number."""
    return (
        not isinstance(index, (np.ndarray, tuple))
        and p.dtype(index).kind == "b"
        and tuple(p.shape(index)) == tuple(p.shape(value))
        and not p.shape(item)
    )
