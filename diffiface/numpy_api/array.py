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
from diffiface.numpy_api.memory_order import Layout, agreed, layout_of, new_array_shares, possible_layouts, shares
from diffiface.numpy_api.pending import PendingWrites, place_of
from diffiface.numpy_api.views import Reshape, Step, Subscript, UncertainReshape, View
from diffiface.primitives import Primitives
from diffiface.tracing import innermost

_BOUNDS = frozenset({int, type(None)})
_UNSEEN: Any = object()


class Scalar(Dressed):
    """A value of rank 0: immutable, as NumPy's scalars are."""

    __slots__ = ()

    # isinstance(x[0], float) in a user's function must take the branch that it takes in plain NumPy.
    @property
    def __class__(self) -> type:
        return np.complex128 if self.dtype.kind == "c" else np.float64

    def __getitem__(self, index: Any) -> Any:
        parts = index if type(index) is tuple else (index,)
        if any(part is not None and part is not Ellipsis and not isinstance(part, (bool, np.bool_)) for part in parts):
            raise IndexError("invalid index to scalar variable.")
        shape = np.empty(())[index].shape
        if not shape:
            return self
        one = Array(self._p.reshape(self._value, shape=(1,) * len(shape)), self._p)
        return one if 0 not in shape else one[tuple(slice(n) for n in shape)]


class Array(Dressed):
    """A value of rank 1 or more: mutable, with views."""

    __slots__ = ("_order", "_root", "_seen", "_view")

    _root: Array | PendingWrites | None
    """Where the value comes from: None when `_value` is all there is to know, else the array this is a view of, or the
    writes that wait to be joined with `_value`."""
    _view: View
    """How this view sees its root. (Set on views only, like `_seen`.)"""
    _seen: Any
    """The raw value this view last read: its root's, or of one entry that waits. Raw values are replaced and never
    changed, so identity tells of writes."""
    _order: Layout
    """How NumPy would lay this out in memory. (Roots only: until the first write the raw value tells.)"""

    def __init__(self, value: Any, p: Primitives):
        self._value = value
        self._p = p
        self._root = None
        self._order = _UNSEEN

    # isinstance(x, np.ndarray) likewise.
    @property
    def __class__(self) -> type:
        return np.ndarray

    def _is_root(self) -> bool:
        return self._root is None or type(self._root) is PendingWrites

    # Neither shape nor dtype ever changes, so they need no reading: a loop may ask for them at every step.
    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._p.shape(self._value))

    @property
    def dtype(self) -> np.dtype:
        return self._p.dtype(self._value)

    # ---- reading and writing as a whole

    def _read(self) -> Any:
        root = self._root
        if root is None:
            return self._value
        if type(root) is PendingWrites:
            self._value, self._p, self._root = root.join(self._value), root.p, None
            return self._value
        if root._root is not None:
            if self._sees_entry(root):
                return self._value
            root._read()
        if root._value is not self._seen:
            self._p = root._p
            self._value = self._view.read(root._p, root._value)
            self._seen = root._value
        return self._value

    def _sees_entry(self, root: Array) -> bool:
        """Say whether this is a view of one entry of a root with writes that wait, and up to date."""
        pending, view = root._root, self._view
        assert type(pending) is PendingWrites  # a root is no view
        if view.previous is not None or type(view.step) is not Subscript:
            return False
        position = pending.position(view.step.index)
        return position is not None and self._seen is pending.entries.get(position, root._value)

    def _keep_order(self) -> None:
        """Remember the layout before the raw value is replaced: writing to an array does not change it."""
        if self._order is _UNSEEN and len(self._value.shape) > 1:
            self._order = layout_of(self._p, self._value)

    def _replace(self, value: Any, p: Primitives) -> None:
        """Put a raw value of the same shape and dtype in the place of this one (and of a view's part of its root)."""
        root = self._root
        if root is None:
            self._keep_order()
        elif type(root) is PendingWrites:
            self._root = None
        else:
            view = self._view
            if view.previous is None and type(view.step) is Subscript and root._defer(view.step.index, value, p):
                self._seen = value
            else:
                root._read()
                root._keep_order()
                p = innermost(p, root._p)
                root._value = self._view.write(p, root._value, value)
                root._p = p
                self._seen = root._value
        self._value, self._p = value, p

    def _defer(self, index: Any, raw: Any, p: Primitives) -> bool:
        """Let a write wait, of a raw value in this array's dtype, if it is a write of one entry. (Roots only.)"""
        pending = self._root
        assert pending is None or type(pending) is PendingWrites
        if pending is None:
            own = self._p
            shape, dtype = tuple(own.shape(self._value)), own.dtype(self._value)
            place = place_of(index, shape) if dtype.kind in "fc" else None
            if place is None:
                return False
            self._keep_order()
            pending = PendingWrites(place[0], shape, dtype, own)
            position = place[1]
        else:
            position = pending.position(index)
            if position is None:
                return False
        if raw.shape != pending.entry_shape and tuple(p.shape(raw)) != pending.entry_shape:
            return False
        pending.put(position, raw, p)
        self._root = pending
        return True

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
        if self._is_root():
            view._root = self
            view._view = View(None, step)
            view._seen = self._value
        else:
            view._root = self._root
            view._view = View(self._view, step)
            view._seen = self._seen
        return view

    def _layout(self) -> Layout:
        """Return an ordinary array laid out in memory as NumPy would lay out this one, None where that is not known."""
        if self._is_root():
            return layout_of(self._p, self._value) if self._order is _UNSEEN else self._order
        root: Any = self._root
        layout = root._layout()
        return None if layout is None else self._view.shadow(layout)

    def _shadows(self) -> Iterator[np.ndarray]:
        """Yield an ordinary array for each way in which this one can be laid out."""
        root: Any = self if self._is_root() else self._root
        for array in possible_layouts(root._layout(), root.shape, root.dtype):
            yield array if root is self else self._view.shadow(array)

    def _reshaped(self, shape: tuple[int, ...]) -> Array | Scalar:
        """Return a view or a copy of another shape: what NumPy would return."""
        own = self.shape
        if len(own) == 1:  # one stride can be split into any shape, so NumPy never copies
            return self._viewed(Reshape(shape))
        if self._is_root() and self._order is _UNSEEN and self._p.laid_out(self._value) is None:
            is_view = new_array_shares(own, shape)
        else:
            is_view = agreed(shares(array, shape) for array in self._shadows())
        return self._reshaped_as(shape, is_view)

    def _raveled(self) -> Array:
        """Return all elements in C order: a view where they lie in memory so, else a copy."""
        return self._reshaped_as((self.size,), agreed(array.flags.c_contiguous for array in self._shadows()))

    def _reshaped_as(self, shape: tuple[int, ...], is_view: bool | None) -> Any:
        if is_view:
            return self._viewed(Reshape(shape))
        value, p = self._read(), self._p
        raw = p.reshape(value, shape=shape)
        if is_view is None and shape:
            return self._view_of(raw, UncertainReshape(shape, p.engine))
        return Array(raw, p)._copied("C") if shape else Scalar(raw, p)

    def _copied(self, order: str = "K") -> Array:
        """Return a copy, which NumPy lays out in this order."""
        copy = Array(self._read(), self._p)
        if order == "C" or order == "F":
            copy._order = np.empty(self.shape, self.dtype, order)
        else:
            layout = self._layout()
            copy._order = None if layout is None else np.empty_like(layout)
        return copy

    def __copy__(self) -> Array:
        return self._copied()

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
        root = self._root
        if root is None:
            value = self._value
        elif type(root) is PendingWrites:
            position = root.position(index)
            if position is None:
                value = self._read()
            else:
                raw = root.entries.get(position)
                if raw is not None:
                    return self._entry(raw, index, root.p)
                value = self._value
        else:
            value = self._read()
        p, index, basic = self._settled(index, value)
        raw = p.getitem(value, index=index if basic else subscripts.with_known_masks(p, index))
        if not (raw.shape if p.quick_attributes else p.shape(raw)):
            return Scalar(raw, p)
        return self._view_of(raw, Subscript(index)) if basic else Array(raw, p)

    def _entry(self, raw: Any, index: Any, p: Primitives) -> Any:
        """Return one entry that waits to be written: a Scalar, or a view."""
        if not (raw.shape if p.quick_attributes else p.shape(raw)):
            return Scalar(raw, p)
        view = Array(raw, p)
        view._root = self
        view._view = View(None, Subscript(index))
        view._seen = raw
        return view

    def __setitem__(self, index: Any, item: Any) -> None:
        root = self._root
        if root is None or type(root) is PendingWrites:
            kind = type(item)
            if kind is float:
                if self._defer(index, self.dtype.type(item), self._p):
                    return
            elif kind is Scalar or kind is Array:
                raw = item._value if item._root is None else item._read()
                p = item._p
                dtype = self._p.dtype(self._value)
                if not (p.quick_attributes and raw.dtype is dtype):
                    raw = _cast_item(p, raw, dtype)
                if self._defer(index, raw, p):
                    return
        current = self._value if self._root is None else self._read()
        p, index, basic = self._settled(index, current)
        if type(item) is not float:
            if basic and type(item) is Array and self._holds(item, index):
                return
            p, item = raw_operand(item, p)
            if item is NotImplemented:
                raise TypeError("only numbers and arrays can be assigned to the elements of an array")
            item = _cast_item(p, item, p.dtype(current))
        if basic or not subscripts.is_unknown_mask(p, index, current, item):
            index = index if basic else subscripts.with_known_masks(p, index)
            self._replace(p.setitem(current, item, index=index), p)
        else:
            self._replace(p.where(index, item, current), p)

    def _settled(self, index: Any, value: Any) -> tuple[Primitives, Any, bool]:
        """Return the trace that can use an index, the index with raw values in it, and whether it is basic."""
        p = self._p
        kind = type(index)
        if kind is int:
            length = (value.shape if p.quick_attributes else p.shape(value))[0]
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
        is_root = self._is_root()
        root: Any = self if is_root else self._root
        return (
            view._root is root
            and view._seen is root._value
            and root._root is None
            and view._view.previous is (None if is_root else self._view)
            and type(view._view.step) is Subscript
            and view._view.step.index == index
        )


def argument(raw: Any, p: Primitives) -> Array:
    """Dress an argument of the user's function, which arrives in C order on engines that have their own arrays."""
    array = Array(raw, p)
    if len(raw.shape) > 1 and p.laid_out(raw) is None:
        array._order = np.empty(raw.shape, p.dtype(raw))
    return array


def dress_number(raw: Any, p: Primitives) -> Array | Scalar:
    """Dress a raw value of floats or complex numbers: no booleans or integers to be made plain."""
    return Array(raw, p) if (raw.shape if p.quick_attributes else p.shape(raw)) else Scalar(raw, p)


def dress(raw: Any, p: Primitives) -> Any:
    """Dress a raw value (tuples and lists of them by element).

    Booleans and integers that are known become plain NumPy, so that masks, indices and counts are ordinary.
    """
    if type(raw) is p.traced_type and (p.traced_inexact or raw.dtype in p.inexact_dtypes):
        return Array(raw, p) if (raw.shape if p.quick_attributes else p.shape(raw)) else Scalar(raw, p)
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
    return Array(raw, p) if p.shape(raw) else Scalar(raw, p)


def _cast_item(p: Primitives, item: Any, dtype: np.dtype) -> Any:
    if isinstance(item, (bool, int, float)):
        return item
    found = p.dtype(item)
    if found.kind == "c" and dtype.kind != "c":
        raise TypeError(f"cannot store a complex number in an array of {dtype}")
    return item if found == dtype else p.astype(item, dtype=dtype)
