"""Questions about arrays whose answers are not arrays: shapes, dtypes, memory, printing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.array import Array
from diffiface.numpy_api.dressed import Dressed
from diffiface.numpy_api.functions.raw import ndim as rank_of
from diffiface.numpy_api.functions.raw import size as size_of
from diffiface.numpy_api.subscripts import probe
from diffiface.numpy_api.table import dressed_function, numpy_function
from diffiface.primitives import Primitives


@numpy_function(np.shape, kind="structural")
def shape(p: Primitives, a: Any) -> tuple[int, ...]:
    return tuple(p.shape(a))


@numpy_function(np.ndim, kind="structural")
def ndim(p: Primitives, a: Any) -> int:
    return rank_of(p, a)


@numpy_function(np.size, kind="structural")
def size(p: Primitives, a: Any, axis: Any = None) -> int:
    return size_of(p, a, None if axis is None else tuple(np.atleast_1d(axis)))


@numpy_function(np.iscomplexobj, kind="structural")
def iscomplexobj(p: Primitives, x: Any) -> bool:
    return p.dtype(x).kind == "c"


@numpy_function(np.isrealobj, kind="structural")
def isrealobj(p: Primitives, x: Any) -> bool:
    return p.dtype(x).kind != "c"


@numpy_function(np.iscomplex, kind="structural")
def iscomplex(p: Primitives, x: Any) -> Any:
    return p.not_equal(p.imag(x), 0) if p.dtype(x).kind == "c" else np.zeros(p.shape(x), bool)


@numpy_function(np.isreal, kind="structural")
def isreal(p: Primitives, x: Any) -> Any:
    return p.equal(p.imag(x), 0) if p.dtype(x).kind == "c" else np.ones(p.shape(x), bool)


@dressed_function(np.result_type, kind="structural")
def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    return np.result_type(*[a.dtype if isinstance(a, Dressed) else a for a in arrays_and_dtypes])


@dressed_function(np.can_cast, kind="structural")
def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    return np.can_cast(from_.dtype if isinstance(from_, Dressed) else from_, to, casting)


@dressed_function(np.common_type, kind="structural")
def common_type(*arrays: Any) -> Any:
    return np.common_type(*[np.empty(0, a.dtype) if isinstance(a, Dressed) else a for a in arrays])


@dressed_function(np.min_scalar_type, kind="structural")
def min_scalar_type(a: Any, /) -> np.dtype:
    return a.dtype


@dressed_function(np.shares_memory, np.may_share_memory, kind="structural")
def shares_memory(a: Any, b: Any, /, max_work: int = -1) -> bool:
    if not (isinstance(a, Array) and isinstance(b, Array)):
        return False
    # One array, or views of one array, which may yet not overlap: "may" is what NumPy promises cheaply.
    return (a if a._is_root() else a._root) is (b if b._is_root() else b._root)


def _printed(function: Callable[..., str], a: Any, **options: Any) -> str | None:
    """Return what NumPy prints of the numbers, if it is asked how to print them; None to print the value as it is."""
    given = {name: value for name, value in options.items() if value is not None}
    numbers = a._printable() if isinstance(a, Dressed) else a
    return None if numbers is None or not given else function(np.asarray(numbers), **given)


@dressed_function(np.array_repr, kind="structural")
def array_repr(arr: Any, max_line_width: Any = None, precision: Any = None, suppress_small: Any = None) -> str:
    options = {"max_line_width": max_line_width, "precision": precision, "suppress_small": suppress_small}
    return _printed(np.array_repr, arr, **options) or repr(arr)


@dressed_function(np.array_str, kind="structural")
def array_str(a: Any, max_line_width: Any = None, precision: Any = None, suppress_small: Any = None) -> str:
    options = {"max_line_width": max_line_width, "precision": precision, "suppress_small": suppress_small}
    return _printed(np.array_str, a, **options) or str(a)


@dressed_function(np.array2string, kind="structural")
def array2string(
    a: Any,
    max_line_width: Any = None,
    precision: Any = None,
    suppress_small: Any = None,
    separator: str = " ",
    prefix: str = "",
    *,
    formatter: Any = None,
    threshold: Any = None,
    edgeitems: Any = None,
    sign: Any = None,
    floatmode: Any = None,
    suffix: str = "",
    legacy: Any = None,
) -> str:
    options = {
        "max_line_width": max_line_width,
        "precision": precision,
        "suppress_small": suppress_small,
        "separator": None if separator == " " else separator,
        "prefix": prefix or None,
        "formatter": formatter,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "sign": sign,
        "floatmode": floatmode,
        "suffix": suffix or None,
        "legacy": legacy,
    }
    return _printed(np.array2string, a, **options) or str(a)


def _indices_from(function: Callable[..., Any]) -> None:
    @numpy_function(function, kind="structural")
    def indices_from(p: Primitives, arr: Any, k: int = 0) -> Any:
        shape_only = probe(p.shape(arr))
        return function(shape_only, k) if k else function(shape_only)


for _function in (np.tril_indices_from, np.triu_indices_from, np.diag_indices_from):
    _indices_from(_function)
