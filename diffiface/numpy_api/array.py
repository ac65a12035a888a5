"""The two values a plain NumPy function meets instead of arrays: `Array` and the immutable `Scalar`.

Two classes, because NumPy's own results of rank 0 are immutable scalars without a length: `s = y[0]; s += 1`
must leave y alone, and `np.zeros(3)[0] = s` must reach `Scalar.__float__`, whose message says what to write.
An Array never changes a raw value: writing replaces it, so neither the caller's arrays nor an engine's are touched.
Operators, methods and NumPy's functions are added to both classes by `operators`, `methods` and `dispatch`.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import numpy as np

from diffiface.errors import DiffifaceError, TracedValueError, UnsupportedOperationError, user_line
from diffiface.numpy_api import subscripts
from diffiface.numpy_api.views import Reshape, Step, Subscript, View
from diffiface.primitives import Primitives
from diffiface.tracing import innermost

PLAIN_NUMBER_FIX = (
    "use np.* functions (np.exp, not math.exp); make buffers with np.zeros_like(x) or np.zeros(n, like=x), "
    "not np.zeros(n)"
)
LIVE_VALUE_FIX = (
    "write np.where for a choice between values, or let f run eagerly: turn jit off where the backend has the option "
    "(jit=False), or use another engine ('reverse', 'forward')"
)
_NUMBERS = frozenset({bool, int, float, complex, np.bool_, np.float64, np.float32, np.int64, np.complex128})
_NDARRAY_ATTRIBUTES = frozenset(name for name in dir(np.ndarray) if not name.startswith("_"))


class Dressed:
    """A raw value of an engine and the trace it belongs to."""

    __slots__ = ("_p", "_value")

    __array_priority__ = 1e6
    _root: Array | None = None
    _value: Any
    _p: Primitives

    __hash__ = object.__hash__

    def __init__(self, value: Any, p: Primitives):
        self._value = value
        self._p = p

    def _read(self) -> Any:
        """The raw value, after any write to the array that this is a view of."""
        return self._value

    def _value_in(self, p: Primitives) -> Any:
        """The raw value, as an operation of the trace `p` takes it."""
        return self._read()

    # ---- what it looks like

    @property
    def shape(self) -> tuple[int, ...]:
        value = self._read()
        return tuple(self._p.shape(value))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        value = self._read()
        return self._p.dtype(value)

    @property
    def size(self) -> int:
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    def __getattr__(self, name: str) -> NoReturn:
        if name in _NDARRAY_ATTRIBUTES:
            raise UnsupportedOperationError(
                f"ndarray.{name} of a value that is being differentiated is not translated",
                engine=self._p.engine,
                where=user_line(),
                fix="write it with other NumPy functions",
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # ---- plain numbers

    def _constant(self, asked: str) -> Any:
        """The plain number(s) of a value without derivative; an error for any other."""
        value = self._read()
        constant = self._p.concrete(value)
        if constant is None:
            raise TracedValueError(
                f"{asked} asks for the plain number behind a value that is being differentiated, "
                "which would lose the derivative",
                engine=self._p.engine,
                where=user_line(),
                fix=PLAIN_NUMBER_FIX,
            )
        return constant

    def _known(self, asked: str) -> Any:
        """The plain number(s) of any value, for decisions; an error where the engine does not know them."""
        value = self._read()
        return known(self._p, value, asked)

    def __float__(self) -> float:
        return float(self._constant("float() (or math.*, or storing it in a plain NumPy array)"))

    def __int__(self) -> int:
        return int(self._constant("int()"))

    def __complex__(self) -> complex:
        return complex(self._constant("complex()"))

    def __index__(self) -> int:
        return operator.index(self._constant("using it as an index or a count"))

    def __bool__(self) -> bool:
        return bool(self._known("its truth (if, while, and, or, not)"))

    # ---- printing and copying

    def _printable(self) -> Any:
        try:
            value = self._read()
            return self._p.primal(value)
        except Exception:  # whatever an engine says when it does not know the value: printing must never fail
            return None

    def __repr__(self) -> str:
        primal = self._printable()
        text = f"shape={self.shape}, dtype={self.dtype}" if primal is None else str(np.asarray(primal))
        return f"{type(self).__name__}({text}, traced by {self._p.engine!r})"

    def __str__(self) -> str:
        primal = self._printable()
        return repr(self) if primal is None else str(np.asarray(primal)[()])

    def __format__(self, spec: str) -> str:
        primal = self._printable()
        return repr(self) if primal is None else format(np.asarray(primal)[()], spec)

    def __copy__(self) -> Any:
        value = self._read()
        return type(self)(value, self._p)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise TracedValueError(
            "a value that is being differentiated cannot be pickled",
            engine=self._p.engine,
            where=user_line(),
            fix="pickle the results of the derivative, outside the function",
        )


class Scalar(Dressed):
    """A value of rank 0: immutable, as NumPy's scalars are."""

    __slots__ = ()

    @property
    def __class__(self) -> type:  # isinstance(x[0], float) in a user's function must take the branch it takes in NumPy
        return np.complex128 if self.dtype.kind == "c" else np.float64

    def __getitem__(self, index: Any) -> Any:
        if index == () or index is Ellipsis:
            return self
        raise IndexError("invalid index to scalar variable.")


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

    @property
    def __class__(self) -> type:  # isinstance(x, np.ndarray) in a user's function must take the branch it takes in NumPy
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
        """Let `value`, of the same shape and dtype, take the place of the raw value (and of a view's part of its root)."""
        root = self._root
        if root is not None:
            p = innermost(p, root._p)
            root._value = self._view.write(p, root._value, value)
            root._p = p
            self._seen = root._value
        self._value, self._p = value, p

    def _store(self, value: Any, p: Primitives) -> None:
        """Write a result into the whole array, as `out=` and the augmented operators do."""
        shape, dtype = self.shape, self.dtype
        if not np.can_cast(p.dtype(value), dtype, "same_kind"):
            raise TypeError(f"cannot cast the result from {p.dtype(value)} to {dtype} with casting rule 'same_kind'")
        if p.dtype(value) != dtype:
            value = p.astype(value, dtype=dtype)
        if tuple(p.shape(value)) != shape:
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
    def flat(self) -> Array | Scalar:
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
        if not p.shape(raw):
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
            length = p.shape(value)[0]
            if not -length <= index < length:
                raise IndexError(f"index {index} is out of bounds for axis 0 with size {length}")
            return p, index, True
        if kind is slice and {type(index.start), type(index.stop), type(index.step)} <= _SLICE_BOUNDS:
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


# ---- between dressed and raw


def dress(raw: Any, p: Primitives) -> Any:
    """Dress a raw value (tuples and lists of them by element).

    Booleans and integers that are known become plain NumPy, so that masks, indices and counts are ordinary.
    """
    dtype = getattr(raw, "dtype", None)
    if dtype is None:
        if isinstance(raw, (tuple, list)):
            values = [dress(item, p) for item in raw]
            return raw._make(values) if hasattr(raw, "_make") else type(raw)(values)
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


def undress(value: Any) -> Any:
    """Return the raw value behind a dressed one, through nested lists, tuples and dicts, object arrays included."""
    if isinstance(value, Dressed):
        return value._read()
    if isinstance(value, (list, tuple)):
        items = [undress(item) for item in value]
        return value._make(items) if hasattr(value, "_make") else type(value)(items)
    if isinstance(value, dict):
        return {key: undress(item) for key, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.char == "O":
        p = trace_of(value)
        return value if p is None else _stacked(value, p)
    return value


def trace_of(value: Any) -> Primitives | None:
    """Return the innermost trace among dressed values (through nested lists, tuples, dicts and object arrays)."""
    return trace_among((value,), None)


def trace_among(values: Iterable[Any], p: Primitives | None) -> Primitives | None:
    """Return the innermost of `p` and the traces of the dressed values."""
    for value in values:
        kind = type(value)
        if kind is Array or kind is Scalar:
            if kind is Array:
                value._read()  # a view follows its root into another trace
            q = value._p
            if q is not p:
                p = q if p is None else innermost(p, q)
        elif kind is np.ndarray:
            if value.dtype.char == "O":
                p = trace_among(value.flat, p)
        elif isinstance(value, (list, tuple)):
            p = trace_among(value, p)
        elif kind is dict:
            p = trace_among(value.values(), p)
    return p


def raw_in(value: Any, p: Primitives) -> Any:
    """Return any argument with raw values in the place of dressed ones, for operations of the trace `p`."""
    kind = type(value)
    if kind is Array or kind is Scalar:
        return value._read()
    if kind in _NUMBERS or value is None:
        return value
    if kind is np.ndarray:
        return _stacked(value, p) if value.dtype.char == "O" else value
    if isinstance(value, (list, tuple)):
        items = [raw_in(item, p) for item in value]
        return value._make(items) if hasattr(value, "_make") else items if isinstance(value, list) else tuple(items)
    if kind is dict:
        return {key: raw_in(item, p) for key, item in value.items()}
    if not isinstance(value, (p.traced_type, type)) and hasattr(value, "__array__"):  # pandas and the like
        return np.asarray(value)
    return value


def raw_operand(value: Any, p: Primitives) -> tuple[Primitives, Any]:
    """Return the trace in which a value of `p` meets another operand, and that operand (NotImplemented if it is none)."""
    kind = type(value)
    if kind in _NUMBERS:
        return p, value
    if kind is Array or kind is Scalar:
        raw = value._read()
        return (p if value._p is p else innermost(p, value._p)), raw
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__array__"):
        p = trace_among((value,), p) or p
        return p, raw_in(value, p)
    if isinstance(value, (list, tuple)):
        p = trace_among(value, p) or p
        return p, array_in(value, p)
    if isinstance(value, (p.traced_type, int, float, complex)):
        return p, value
    return p, NotImplemented


def array_in(value: Any, p: Primitives) -> Any:
    """Return an array-like argument as one raw value: nested lists become arrays (numbers stay numbers)."""
    raw = raw_in(value, p)
    return _array_of_list(raw, p) if isinstance(raw, (list, tuple)) else raw


def _array_of_list(items: Any, p: Primitives) -> Any:
    arrays = [_array_of_list(i, p) if isinstance(i, (list, tuple)) else i for i in items]
    if all(isinstance(a, (bool, int, float, complex, np.ndarray, np.generic)) for a in arrays):
        return np.asarray(arrays)
    arrays = [np.asarray(a) if isinstance(a, (bool, int, float, complex)) else a for a in arrays]
    if len({tuple(p.shape(a)) for a in arrays}) > 1:
        raise ValueError("setting an array element with a sequence. The requested array has an inhomogeneous shape")
    return p.stack(arrays, axis=0)


def _stacked(objects: np.ndarray, p: Primitives) -> Any:
    """Return one raw array for an object array, which NumPy makes of a list of dressed values."""
    if objects.ndim == 0:
        return raw_in(objects.item(), p)
    if not objects.size:
        return np.zeros(objects.shape)
    flat = array_in(objects.ravel().tolist(), p)
    return flat if objects.ndim == 1 else p.reshape(flat, shape=objects.shape)


def known(p: Primitives, value: Any, asked: str) -> Any:
    """Return the plain number(s) behind a raw value, to decide something by; an error where they are not known."""
    cause: Exception | None = None
    try:
        primal = p.primal(value)
        if primal is not None:
            return np.asarray(primal)
    except DiffifaceError:
        raise
    except Exception as error:  # each engine has its own class for this
        cause = error
    raise TracedValueError(
        f"{asked} needs a value that is not known while the function is traced for compilation (jit)",
        engine=p.engine,
        where=user_line(),
        fix=LIVE_VALUE_FIX,
    ) from cause


# ---- indices and items


def raw_index(index: Any, p: Primitives) -> tuple[Primitives, Any]:
    """Return an index with plain or raw values in the place of dressed ones, and the trace that can use it."""
    if type(index) is tuple:
        parts = []
        for part in index:
            p, part = raw_index(part, p)
            parts.append(part)
        return p, tuple(parts)
    if isinstance(index, Dressed):
        raw = index._read()
        if index.dtype.kind not in "biu":
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        p = innermost(p, index._p)
        constant = p.concrete(raw)
        return p, raw if constant is None else constant
    if isinstance(index, (list, np.ndarray)) and trace_of(index) is not None:
        p = trace_among((index,), p) or p
        return p, array_in(index, p)
    return p, index


_SLICE_BOUNDS = frozenset({int, type(None)})


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
        and p.dtype(index) == bool
        and tuple(p.shape(index)) == tuple(p.shape(value))
        and not p.shape(item)
    )
