"""The primitives on arrays of Python objects: what engines share whose numbers are symbols or of arbitrary precision.

NumPy moves the objects about (shapes, indices, concatenation); what happens to one of them is said by the engine's
`EntryFunctions`. So such an engine supplies a table of scalar functions and gets every array operation.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.errors import TracedValueError, UnsupportedOperationError
from diffiface.primitives.complex_entries import ComplexFunctions
from diffiface.primitives.definitions import PRIMITIVES
from diffiface.primitives.entry_functions import EntryFunctions
from diffiface.primitives.interface import Primitives
from diffiface.primitives.numpy_arrays import NUMPY


class ObjectArray:
    """An array of an engine's entries that stands for a NumPy array of a numeric dtype."""

    __slots__ = ("dtype", "entries")
    __array_ufunc__ = None  # NumPy leaves operations with it to the dress

    def __init__(self, entries: np.ndarray, dtype: Any):
        self.entries, self.dtype = entries, np.dtype(dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.entries.shape

    def flat(self) -> list[Any]:
        """Return the entries one after the other, in C order."""
        return list(self.entries.reshape(-1))

    def __repr__(self) -> str:
        return f"ObjectArray(shape={self.shape}, dtype={self.dtype})"


def object_array(entries: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Return an object array of these entries; NumPy never looks into them (some are sequences themselves)."""
    flat = np.empty(len(entries), object)
    for i, entry in enumerate(entries):
        flat[i] = entry
    return flat.reshape(shape)


_COMPLEX = np.dtype(np.complex128)
_TRUTHS = frozenset(
    {"logical_and", "logical_or", "logical_xor", "logical_not", "invert", "bitwise_and", "bitwise_or", "bitwise_xor"}
)


class ObjectArrayPrimitives(Primitives):
    """Primitives on `ObjectArray`s by the functions in `entry_functions`."""

    traced_type = ObjectArray
    entry_functions: EntryFunctions
    """What the class says of one entry (an object of the class may have its own: another precision)."""
    max_operations: int | None = None
    """How many operations on entries the function may take before it is refused (None: any number)."""

    def __init__(self, outer: Primitives = NUMPY):
        self.accepts = (outer, *outer.accepts) if type(outer) is type(self) else ()
        self._operations = 0

    def __init_subclass__(cls) -> None:
        """Supply each elementwise primitive of which the engine's table has the function."""
        super().__init_subclass__()
        for name, primitive in PRIMITIVES.items():
            if primitive.kind in ("elementwise", "special") and hasattr(getattr(cls, "entry_functions", None), name):
                setattr(cls, name, _elementwise(name))

    # ---- questions about a value

    def concrete(self, value: Any) -> Any:
        if not isinstance(value, ObjectArray):
            return super().concrete(value)
        if value.dtype.kind not in "biu":
            return None
        known = [self.entry_functions.known(entry) for entry in value.flat()]
        if any(number is None for number in known):
            return None
        return np.array(known, value.dtype).reshape(value.shape)

    def _decided(self, value: Any, asked: str) -> np.ndarray:
        """Return the plain numbers behind a value by which something is decided, or say that they are not known."""
        plain = self.primal(value) if isinstance(value, ObjectArray) else np.asarray(value)
        if plain is None:
            raise TracedValueError(
                f"{asked} needs numbers, and this engine computes with symbols",
                engine=self.engine,
                fix="use np.where, np.minimum or np.maximum for choices, or an engine that runs on numbers ('reverse')",
            )
        return np.asarray(plain)

    # ---- between plain arrays and object arrays

    def raw(self, value: Any) -> ObjectArray:
        """Return any value as an `ObjectArray`; plain numbers become constants."""
        if isinstance(value, ObjectArray):
            return value
        array = np.asarray(value)
        if array.dtype.kind not in "biufc":
            raise UnsupportedOperationError(
                f"numbers of dtype {array.dtype} are not supported",
                engine=self.engine,
                fix="write the function for real numbers",
            )
        constant = self.functions_of(array.dtype).constant
        return ObjectArray(object_array([constant(n) for n in array.reshape(-1).tolist()], array.shape), array.dtype)

    def functions_of(self, dtype: np.dtype) -> Any:
        """Return the functions of entries of a dtype: the engine's, or those of complex numbers made of them."""
        return ComplexFunctions(self.entry_functions, self.engine) if dtype.kind == "c" else self.entry_functions

    def _numbers(self, value: Any) -> np.ndarray:
        """Return the entries of a value, truths as numbers."""
        value = self.raw(value)
        if value.dtype.kind != "b":
            return value.entries
        number = self.entry_functions.number
        return object_array([number(entry) for entry in value.flat()], value.shape)

    def _truths(self, value: Any) -> np.ndarray:
        """Return the entries of a value as truths."""
        if not isinstance(value, ObjectArray):
            return self.raw(np.asarray(value).astype(bool)).entries
        if value.dtype.kind == "b":
            return value.entries
        return self.not_equal(value, 0).entries

    def count(self, operations: int) -> None:
        """Add to the number of operations, and stop a function that grows beyond what this engine is good for."""
        self._operations += operations
        if self.max_operations is not None and self._operations > self.max_operations:
            raise UnsupportedOperationError(
                f"the function takes more than {self.max_operations} operations on single numbers",
                engine=self.engine,
                fix=f"raise the limit, di.backend({self.engine!r}, max_operations=...), or use 'reverse'",
            )

    def only_real(self, name: str, values: Sequence[Any]) -> None:
        """Refuse complex numbers for what is written for real ones."""
        if any(self.dtype(value).kind == "c" for value in values):
            raise UnsupportedOperationError(
                f"{name} of complex numbers is not supported",
                engine=self.engine,
                fix="write it with real and imaginary parts, or use 'reverse'",
            )

    # ---- selection and conversion

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        if not any(isinstance(v, ObjectArray) for v in (condition, x, y)):
            return NUMPY.where(condition, x, y)
        dtype = _dtype_of("where", (True, x, y), self)
        if not isinstance(condition, ObjectArray):
            chosen = np.where(np.asarray(condition), self._numbers_as(x, dtype), self._numbers_as(y, dtype))
            return ObjectArray(chosen, dtype)
        arrays = (self._truths(condition), self._numbers_as(x, dtype), self._numbers_as(y, dtype))
        return ObjectArray(self._apply("select", 3, arrays, self.functions_of(dtype)), dtype)

    def _numbers_as(self, value: Any, dtype: np.dtype) -> np.ndarray:
        if dtype.kind == "b":
            return self._truths(value)
        if dtype.kind == "c" and self.dtype(value).kind != "c":
            numbers = self._numbers(value)
            of_real = self.functions_of(dtype).of_real
            return object_array([of_real(entry) for entry in numbers.reshape(-1)], numbers.shape)
        return self._numbers(value)

    def astype(self, x: Any, *, dtype: np.dtype) -> Any:
        if not isinstance(x, ObjectArray):
            return NUMPY.astype(x, dtype=dtype)
        dtype = np.dtype(dtype)
        if dtype.kind == "b":
            return ObjectArray(self._truths(x), dtype)
        if dtype.kind in "iu" and x.dtype.kind == "f":
            return ObjectArray(self.trunc(x).entries, dtype)
        if dtype.kind not in "iufc":
            raise UnsupportedOperationError(f"numbers of dtype {dtype} are not supported", engine=self.engine)
        return ObjectArray(self._numbers_as(self.real(x) if dtype.kind != "c" else x, dtype), dtype)

    def _apply(self, name: str, count: int, arrays: Sequence[np.ndarray], functions: Any = None) -> np.ndarray:
        """Apply a function of entries to broadcast object arrays."""
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        self.count(math.prod(shape))
        function = np.frompyfunc(getattr(functions or self.entry_functions, name), count, 1)
        result = np.empty(shape, object)
        function(*arrays, out=result)
        return result

    # ---- reductions

    def _reduce(
        self, name: str, x: Any, axis: Sequence[int], keepdims: bool, combine: Callable[[list[Any]], Any], entries: Any
    ) -> Any:
        if not isinstance(x, ObjectArray):
            return getattr(NUMPY, name)(x, axis=axis, keepdims=keepdims)
        rank = len(x.shape)
        kept = [i for i in range(rank) if i not in axis]
        length = math.prod(x.shape[i] for i in axis)
        rows = entries.transpose((*kept, *axis)).reshape((*(x.shape[i] for i in kept), length))
        self.count(entries.size)
        shape = tuple(1 if i in axis else x.shape[i] for i in range(rank)) if keepdims else rows.shape[:-1]
        reduced = object_array([combine(list(rows[i])) for i in np.ndindex(rows.shape[:-1])], shape)
        return ObjectArray(reduced, _dtype_of(name, (x,), self, axis=0, keepdims=False))

    def sum(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        entries = self._numbers(x) if isinstance(x, ObjectArray) else None
        return self._reduce("sum", x, axis, keepdims, self.functions_of(self.dtype(x)).total, entries)

    def max(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        entries = self._numbers(x) if isinstance(x, ObjectArray) else None
        return self._reduce("max", x, axis, keepdims, self.functions_of(self.dtype(x)).largest, entries)

    def min(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        entries = self._numbers(x) if isinstance(x, ObjectArray) else None
        return self._reduce("min", x, axis, keepdims, self.functions_of(self.dtype(x)).smallest, entries)

    def any(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return self._reduce_truths("any", x, axis, keepdims, self.entry_functions.logical_or, False)

    def all(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return self._reduce_truths("all", x, axis, keepdims, self.entry_functions.logical_and, True)

    def _reduce_truths(
        self, name: str, x: Any, axis: tuple[int, ...], keepdims: bool, join: Callable[[Any, Any], Any], start: bool
    ) -> Any:
        entries = self._truths(x) if isinstance(x, ObjectArray) else None
        empty = self.entry_functions.constant(start)
        return self._reduce(name, x, axis, keepdims, lambda row: functools.reduce(join, row) if row else empty, entries)

    def prod(self, x: Any, *, axis: int, keepdims: bool) -> Any:
        if not isinstance(x, ObjectArray):
            return NUMPY.prod(x, axis=axis, keepdims=keepdims)
        functions = self.functions_of(x.dtype)
        one = functions.constant(1)
        return self._reduce(
            "prod",
            x,
            (axis,),
            keepdims,
            lambda row: functools.reduce(functions.multiply, row) if row else one,
            self._numbers(x),
        )

    def cumsum(self, x: Any, *, axis: int) -> Any:
        return self._accumulate("cumsum", "add", x, axis)

    def cumprod(self, x: Any, *, axis: int) -> Any:
        return self._accumulate("cumprod", "multiply", x, axis)

    def _accumulate(self, name: str, step: str, x: Any, axis: int) -> Any:
        if not isinstance(x, ObjectArray):
            return getattr(NUMPY, name)(x, axis=axis)
        entries = self._numbers(x)
        self.count(entries.size)
        accumulated = np.frompyfunc(getattr(self.functions_of(x.dtype), step), 2, 1).accumulate(
            entries, axis=axis, dtype=object
        )
        return ObjectArray(np.asarray(accumulated), _dtype_of(name, (x,), self, axis=0))

    # ---- positions of entries, decided by numbers

    def argmax(self, x: Any, *, axis: int) -> Any:
        return NUMPY.argmax(self._decided(x, "np.argmax"), axis=axis)

    def argmin(self, x: Any, *, axis: int) -> Any:
        return NUMPY.argmin(self._decided(x, "np.argmin"), axis=axis)

    def argsort(self, x: Any, *, axis: int) -> Any:
        return NUMPY.argsort(self._decided(x, "sorting"), axis=axis)

    def searchsorted(self, a: Any, v: Any, *, side: Any) -> Any:
        a, v = self._decided(a, "np.searchsorted"), self._decided(v, "np.searchsorted")
        return NUMPY.searchsorted(a, v, side=side)

    # ---- shape

    def _reshaped(self, x: Any, rearrange: Callable[[np.ndarray], np.ndarray]) -> Any:
        return ObjectArray(rearrange(x.entries), x.dtype) if isinstance(x, ObjectArray) else rearrange(np.asarray(x))

    def reshape(self, x: Any, *, shape: tuple[int, ...]) -> Any:
        return self._reshaped(x, lambda array: array.reshape(shape))

    def transpose(self, x: Any, *, axes: tuple[int, ...]) -> Any:
        return self._reshaped(x, lambda array: array.transpose(axes))

    def broadcast_to(self, x: Any, *, shape: tuple[int, ...]) -> Any:
        return self._reshaped(x, lambda array: np.broadcast_to(array, shape))

    def concatenate(self, arrays: list[Any], *, axis: int) -> Any:
        return self._joined("concatenate", np.concatenate, arrays, axis)

    def stack(self, arrays: list[Any], *, axis: int) -> Any:
        return self._joined("stack", np.stack, arrays, axis)

    def _joined(self, name: str, join: Callable[..., np.ndarray], arrays: Sequence[Any], axis: int) -> Any:
        if not any(isinstance(array, ObjectArray) for array in arrays):
            return getattr(NUMPY, name)(arrays, axis=axis)
        dtype = np.result_type(*(self.dtype(array) for array in arrays))
        return ObjectArray(join([self._numbers_as(array, dtype) for array in arrays], axis=axis), dtype)

    # ---- indexing

    def _places(self, shape: tuple[int, ...], index: Any) -> np.ndarray:
        """Return the positions, counted in C order, of what an index selects."""
        parts = index if isinstance(index, tuple) else (index,)
        known = tuple(self._decided(p, "an index or a mask") if isinstance(p, ObjectArray) else p for p in parts)
        # (A list between the brackets is an index of its own, not a tuple of indices.)
        return np.asarray(np.arange(math.prod(shape)).reshape(shape)[known])

    def getitem(self, x: Any, *, index: Any) -> Any:
        places = self._places(self.shape(x), index)
        if not isinstance(x, ObjectArray):
            return np.asarray(x).reshape(-1)[places]
        return ObjectArray(x.entries.reshape(-1)[places.reshape(-1)].reshape(places.shape), x.dtype)

    def setitem(self, x: Any, value: Any, *, index: Any) -> Any:
        if isinstance(index, ObjectArray) and index.shape == self.shape(x) and self.shape(value) == ():
            return self.astype(self.where(index, value, x), dtype=self.dtype(x))
        x, entries, places = self._copied(x, index)
        value = self.astype(self.raw(value), dtype=x.dtype)
        entries[places.reshape(-1)] = _fitted(value.entries, places.shape)
        return ObjectArray(entries.reshape(x.shape), x.dtype)

    def add_at(self, x: Any, value: Any, *, index: Any) -> Any:
        x, entries, places = self._copied(x, index)
        value = self.astype(self.raw(value), dtype=x.dtype)
        self.count(places.size)
        add = self.functions_of(x.dtype).add
        for place, entry in zip(places.reshape(-1), _fitted(value.entries, places.shape), strict=True):
            entries[place] = add(entries[place], entry)
        return ObjectArray(entries.reshape(x.shape), x.dtype)

    def _copied(self, x: Any, index: Any) -> tuple[ObjectArray, np.ndarray, np.ndarray]:
        x = self.raw(x)
        return x, x.entries.reshape(-1).copy(), self._places(x.shape, index)

    # ---- contraction

    def matmul(self, x: Any, y: Any) -> Any:
        if not (isinstance(x, ObjectArray) or isinstance(y, ObjectArray)):
            return NUMPY.matmul(x, y)
        dtype = np.result_type(self.dtype(x), self.dtype(y))
        a, b, total = self._numbers_as(x, dtype), self._numbers_as(y, dtype), self.functions_of(dtype).total
        rows, columns = a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b
        if rows.shape[-1] != columns.shape[-2]:
            raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not match")
        stack = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
        rows = np.broadcast_to(rows, stack + rows.shape[-2:])
        columns = np.broadcast_to(columns, stack + columns.shape[-2:])
        shape = (*stack, rows.shape[-2], columns.shape[-1])
        self.count(math.prod(shape) * rows.shape[-1])
        products = [total(list(rows[(*at, i)] * columns[(*at, slice(None), j)])) for *at, i, j in np.ndindex(shape)]
        if a.ndim == 1:
            shape = shape[:-2] + shape[-1:]
        if b.ndim == 1:
            shape = shape[:-1]
        return ObjectArray(object_array(products, shape), dtype)

    def einsum(self, arrays: list[Any], *, subscripts: str) -> Any:
        if not any(isinstance(array, ObjectArray) for array in arrays):
            return NUMPY.einsum(arrays, subscripts=subscripts)
        inputs, output = subscripts.replace(" ", "").split("->")
        operands = inputs.split(",")
        lengths = {
            letter: n
            for letters, array in zip(operands, arrays, strict=True)
            for letter, n in zip(letters, self.shape(array), strict=True)
        }
        letters = output + "".join(letter for letter in lengths if letter not in output)
        self.count(math.prod(lengths.values()) * len(arrays))
        dtype = np.result_type(*(self.dtype(array) for array in arrays))
        factors = [
            _along(self._numbers_as(array, dtype), own, letters) for own, array in zip(operands, arrays, strict=True)
        ]
        products = np.broadcast_to(functools.reduce(np.multiply, factors), tuple(lengths[i] for i in letters))
        shape = tuple(lengths[letter] for letter in output)
        rows = products.reshape((*shape, math.prod(products.shape[len(shape) :])))
        total = self.functions_of(dtype).total
        totals = [total(list(rows[i])) for i in np.ndindex(shape)]
        return ObjectArray(object_array(totals, shape), dtype)


def _elementwise(name: str) -> Callable[..., Any]:
    """Make the primitive of that name out of the engine's function of entries."""
    of_truths = name in _TRUTHS

    def primitive(self: ObjectArrayPrimitives, *operands: Any) -> Any:
        if not any(isinstance(operand, ObjectArray) for operand in operands):
            return getattr(NUMPY, name)(*operands)
        if of_truths and name != "logical_not" and any(self.dtype(o).kind != "b" for o in operands):
            if not name.startswith("logical"):
                raise UnsupportedOperationError(f"{name} of integers is not supported", engine=self.engine)
        dtype = _dtype_of(name, operands, self)
        if any(self.dtype(o).kind == "c" for o in operands):
            arrays = [self._numbers_as(o, _COMPLEX) for o in operands]
            return ObjectArray(self._apply(name, len(operands), arrays, self.functions_of(_COMPLEX)), dtype)
        arrays = [self._truths(o) if of_truths else self._numbers(o) for o in operands]
        return ObjectArray(self._apply(name, len(operands), arrays), dtype)

    primitive.__name__ = name
    return primitive


def _dtype_of(name: str, operands: Sequence[Any], p: Primitives, **parameters: Any) -> np.dtype:
    """Return the dtype that NumPy's result has for operands of these dtypes (Python numbers count as such)."""
    kinds = tuple(type(o) if isinstance(o, (bool, int, float)) else p.dtype(o) for o in operands)
    return _dtype_by_kinds(name, kinds, tuple(parameters.items()))


@functools.cache
def _dtype_by_kinds(name: str, kinds: tuple[Any, ...], parameters: tuple[Any, ...]) -> np.dtype:
    examples = [kind(1) if isinstance(kind, type) else np.ones(1, kind) for kind in kinds]
    with np.errstate(all="ignore"):
        return np.asarray(PRIMITIVES[name].definition(*examples, **dict(parameters))).dtype


def _fitted(entries: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the entries to write into places of a shape, one for each; leading axes of length 1 fall away."""
    extra = entries.ndim - len(shape)
    if extra > 0 and set(entries.shape[:extra]) == {1}:
        entries = entries.reshape(entries.shape[extra:])
    return np.broadcast_to(entries, shape).reshape(-1)


def _along(array: np.ndarray, own: str, letters: str) -> np.ndarray:
    """Return an operand of einsum with its axes in the order of `letters`, of length 1 where it has none."""
    ordered = array.transpose([own.index(letter) for letter in letters if letter in own])
    return ordered.reshape([array.shape[own.index(letter)] if letter in own else 1 for letter in letters])
