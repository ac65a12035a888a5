"""Functions of NumPy that are refused when they meet a value being differentiated: why, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from diffiface.numpy_api.conversion import trace_among
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.table import (
    FUNCTIONS,
    REFUSED_METHODS,
    UFUNCS,
    Entry,
    UfuncEntry,
    available,
    parameters_of,
    public_name,
)
from diffiface.primitives import NUMPY, Primitives


def refuse_function(function: Callable[..., Any], reason: str, instead: str) -> None:
    """Enter a function that raises, with the reason and what to write instead."""
    name = public_name(function)

    def refused(*args: Any, **keywords: Any) -> NoReturn:
        p = trace_among((args, tuple(keywords.values())), None) or NUMPY
        unsupported(p, f"{name} is refused: {reason}", instead)

    FUNCTIONS[function] = Entry(
        name=name,
        translation=refused,
        arrays=1,
        keywords=frozenset(parameters_of(function) or ()),
        variadic=True,
        any_keyword=True,
        dressed=True,
        kind="refused",
        note=f"{reason}; {instead}",
    )


def refuse_ufunc(function: np.ufunc, reason: str, instead: str) -> None:
    """Enter a ufunc that raises, with the reason and what to write instead."""
    name = public_name(function)

    def refused(p: Primitives, *operands: Any) -> NoReturn:
        unsupported(p, f"{name} is refused: {reason}", instead)

    UFUNCS[function] = UfuncEntry(name, refused, False, "refused", f"{reason}; {instead}")


# ---- integers, bits and dates

for _function in available(
    np, "bitwise_count", "left_shift", "right_shift", "bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm"
):
    refuse_ufunc(_function, "it is defined for integers only", "apply it to plain integers")
refuse_ufunc(np.isnat, "it is about dates", "use np.isnan")
for _function in (np.packbits, np.unpackbits):
    refuse_function(_function, "it is about bits", "apply it to plain integers")
for _function in (np.busday_count, np.busday_offset, np.is_busday, np.datetime_as_string):
    refuse_function(_function, "it is about dates", "compute dates outside of the function")

# ---- files

for _function in (np.save, np.savetxt, np.savez, np.savez_compressed):
    refuse_function(
        _function,
        "a file holds plain numbers, which would lose the derivative",
        "return the value (has_aux=True) and save it outside of the function",
    )

# ---- counts

for _function in (np.histogram2d, np.histogramdd):
    refuse_function(
        _function,
        "counts have no derivative",
        "count outside of the function, or sum weights by np.bincount(bins, weights=w) with plain bins",
    )

# ---- memory and classes of arrays

refuse_function(
    np.lib.stride_tricks.as_strided,
    "it looks at memory, which a value being differentiated has not",
    "index instead, or use np.lib.stride_tricks.sliding_window_view",
)
refuse_function(
    np.lib.array_utils.byte_bounds, "it looks at memory, which a value being differentiated has not", "leave it out"
)
for _function in (np.bmat, np.asmatrix):
    refuse_function(_function, "np.matrix is not supported", "use two-dimensional arrays: np.block, np.atleast_2d")

# ---- methods and attributes of ndarray

_MEMORY = "it looks at memory, which a value being differentiated has not"
REFUSED_METHODS.update(
    {
        "base": (_MEMORY, "use np.shares_memory(a, b)"),
        "byteswap": (_MEMORY, "leave it out"),
        "ctypes": (_MEMORY, "hand plain arrays to C code"),
        "data": (_MEMORY, "leave it out"),
        "device": ("the device is the engine's affair", "leave it out"),
        "dump": ("a file holds plain numbers", "return the value and save it outside of the function"),
        "dumps": ("a file holds plain numbers", "return the value and save it outside of the function"),
        "flags": (_MEMORY, "leave it out"),
        "getfield": (_MEMORY, "use .real, .imag, or an index"),
        "resize": ("it changes an array's size in place", "use np.resize(a, shape), which returns a new array"),
        "setfield": (_MEMORY, "assign to .real, .imag, or by an index"),
        "setflags": (_MEMORY, "leave it out"),
        "strides": (_MEMORY, "leave it out"),
        "to_device": ("the device is the engine's affair", "leave it out"),
        "tobytes": ("bytes would lose the derivative", "return the value and convert it outside of the function"),
        "tofile": ("a file holds plain numbers", "return the value and save it outside of the function"),
        "view": (
            "another dtype or type would read the bytes of numbers as other numbers",
            "use .astype(dtype), .real, .imag, or a[...]",
        ),
    }
)
