"""The vector functions over whole arrays, for the eager engine: several times faster than NumPy's where an array is long."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from diffiface_native.compiled.machine import MachineCode
from diffiface_native.compiled.vector_math import ARITY, NAMES, definition, symbol

_WIDTH = 8
_ENTRY = "whole_array"

WHOLE_ARRAYS = frozenset(name for name in NAMES if ARITY[name] == 1 and hasattr(np, name))
"""The functions of one array that NumPy has under the same name."""


def _text(name: str) -> str:
    """Return the IR of `double whole_array(x, out, n)`, n a multiple of the width.

    It returns 0, or NaN if an entry of the result is not finite: those are NumPy's business, warnings included.
    """
    lanes = f"<{_WIDTH} x double>"
    return f"""{definition(name, _WIDTH)}
declare {lanes} @llvm.fma.v{_WIDTH}f64({lanes}, {lanes}, {lanes})
declare double @llvm.vector.reduce.fadd.v{_WIDTH}f64(double, {lanes})
define double @{_ENTRY}(ptr noalias %x, ptr noalias %out, i64 %n) {{
entry:
  br label %body
body:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
  %doubt = phi {lanes} [ zeroinitializer, %entry ], [ %doubted, %body ]
  %from = getelementptr double, ptr %x, i64 %i
  %v = load {lanes}, ptr %from, align 8
  %y = call {lanes} @{symbol(name, _WIDTH)}({lanes} %v)
  %to = getelementptr double, ptr %out, i64 %i
  store {lanes} %y, ptr %to, align 8
  %doubted = call {lanes} @llvm.fma.v{_WIDTH}f64({lanes} %y, {lanes} zeroinitializer, {lanes} %doubt)
  %next = add nuw nsw i64 %i, {_WIDTH}
  %more = icmp ult i64 %next, %n
  br i1 %more, label %body, label %end
end:
  %all = call double @llvm.vector.reduce.fadd.v{_WIDTH}f64(double -0.0, {lanes} %doubted)
  ret double %all
}}
"""


@cache
def over_whole_arrays(name: str) -> Callable[[np.ndarray, np.ndarray], bool]:
    """Return `function(x, out)`, which fills `out` and says whether it could.

    Both are float64 arrays of one shape in C order, of at least eight entries. It could not where an entry of the
    result is infinite or NaN; then `out` is to be computed again by NumPy.
    """
    code = MachineCode(_text(name), [_ENTRY])
    loop = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long)(code.addresses[_ENTRY])

    def function(x: Any, out: Any) -> bool:
        count = x.size
        start, end = x.ctypes.data, out.ctypes.data
        whole = count - count % _WIDTH
        doubt = loop(start, end, whole)
        if whole != count:  # the last ones once more, with their predecessors
            last = 8 * (count - _WIDTH)
            doubt += loop(start + last, end + last, _WIDTH)
        return doubt == 0.0 and code is not None  # (the code lives as long as this)

    return function
