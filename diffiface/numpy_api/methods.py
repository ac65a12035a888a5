"""The methods of ndarray, on dressed values: each is the NumPy function of the same meaning."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.array import Array, Scalar, dress
from diffiface.numpy_api.dispatch import call, unsupported
from diffiface.numpy_api.dressed import Dressed
from diffiface.numpy_api.functions import shape as shapes
from diffiface.numpy_api.functions.raw import cast
from diffiface.numpy_api.table import REFUSED_METHODS, UFUNCS

SAME_NAME = (
    "sum prod mean std var min max argmin argmax cumsum cumprod all any clip round take repeat trace diagonal "
    "argpartition argsort searchsorted nonzero dot squeeze swapaxes ravel choose"
).split()
"""Methods with the arguments of the function of that name."""


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Dressed, *args: Any, **keywords: Any) -> Any:
        return call(self, function, (self, *args), keywords)

    return method


def _in_tuple(numbers: tuple[Any, ...]) -> Any:
    """Return `a.reshape(2, 3)`'s arguments as `a.reshape((2, 3))` has them."""
    return numbers[0] if len(numbers) == 1 else numbers


def _reshape(self: Dressed, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
    return shapes.reshape(self, _in_tuple(shape), order, copy=copy)


def _transpose(self: Dressed, *axes: Any) -> Any:
    return shapes.transpose(self, _in_tuple(axes) if axes else None)


def _astype(
    self: Dressed, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Any:
    raw, p = self._read(), self._p
    if not copy and self.dtype == np.dtype(dtype):
        return self
    return dress(cast(p, raw, dtype), p)


def _item(self: Any, *place: Any) -> Any:
    if not place:
        if self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return shapes.reshape(self, ())
    return shapes.flatten(self)[place[0]] if len(place) == 1 and type(place[0]) is not tuple else self[_in_tuple(place)]


def _tolist(self: Any) -> Any:
    return [_tolist(row) for row in self] if type(self) is Array else self


def _fill(self: Array, value: Any) -> None:
    self[...] = value


def _sort(self: Any, axis: int = -1, kind: Any = None, order: None = None, *, stable: bool | None = None) -> None:
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    self[...] = np.sort(self, axis, kind)


def _partition(self: Any, kth: Any, axis: int = -1, kind: Any = "introselect", order: None = None) -> None:
    self[...] = np.partition(self, kth, axis, kind, order)


def _put(self: Any, indices: Any, values: Any, mode: Any = "raise") -> None:
    np.put(self, indices, values, mode)


def _copy(self: Dressed, order: str = "C") -> Any:
    return self._copied(order) if type(self) is Array else self.__copy__()


def _compress(self: Any, condition: Any, axis: int | None = None) -> Any:
    return np.compress(condition, self, axis)


def _conjugate(self: Any) -> Any:
    return np.conjugate(self) if self.dtype.kind == "c" else self  # real numbers are not copied: that is NumPy's way


def _view(self: Any, dtype: Any = None, type: Any = None) -> Any:
    if type is None and isinstance(dtype, builtins.type) and issubclass(dtype, np.ndarray):
        dtype, type = None, dtype
    if (dtype is None or np.dtype(dtype) == self.dtype) and type in (None, np.ndarray):
        return self[...]
    reason, fix = REFUSED_METHODS["view"]
    unsupported(self._p, f"ndarray.view of a value that is being differentiated is refused: {reason}", fix)


def _elementwise(ufunc: np.ufunc) -> Callable[..., Any]:
    def method(self: Scalar, *others: Any) -> Any:
        return ufunc(self, *others)

    return method


for _name in SAME_NAME:
    setattr(Dressed, _name, _method(getattr(np, _name)))
for _name, _function in {
    "reshape": _reshape,
    "transpose": _transpose,
    "astype": _astype,
    "item": _item,
    "tolist": _tolist,
    "copy": _copy,
    "compress": _compress,
    "flatten": shapes.flatten,
    "conj": _conjugate,
    "conjugate": _conjugate,
    "view": _view,
}.items():
    setattr(Dressed, _name, _function)
for _name, _function in {"fill": _fill, "sort": _sort, "partition": _partition, "put": _put}.items():
    setattr(Array, _name, _function)
for _name, _property in {
    "T": property(shapes.transpose),
    "mT": property(shapes.matrix_transpose),
    "real": property(shapes.real, lambda self, value: shapes.real(self).__setitem__(Ellipsis, value)),
    "imag": property(shapes.imag, lambda self, value: shapes.imag(self).__setitem__(Ellipsis, value)),
}.items():
    setattr(Dressed, _name, _property)

# NumPy computes a ufunc of an object array, which it makes of a list of Scalars, by the elements' methods.
for _ufunc in UFUNCS:
    if not hasattr(Scalar, _ufunc.__name__):
        setattr(Scalar, _ufunc.__name__, _elementwise(_ufunc))
