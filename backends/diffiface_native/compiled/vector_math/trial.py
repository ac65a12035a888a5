"""One vector function in a loop over arrays, compiled: for tests and measurements. Kernels have a compiler of their own."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np

from . import ARITY, definition, symbol

Kernel = Callable[..., None]


def loop(name: str, width: int, element: str = "double") -> str:
    """IR of `void apply(x0, …, out, n)`: n a multiple of the width."""
    inputs = range(ARITY[name])
    kind = element if width == 1 else f"<{width} x {element}>"
    size = 8 if element == "double" else 4
    loads = "\n".join(
        f"  %p{i} = getelementptr {element}, ptr %x{i}, i64 %i\n  %v{i} = load {kind}, ptr %p{i}, align {size}"
        for i in inputs
    )
    return f"""{definition(name, width, element)}
define void @apply({", ".join(f"ptr noalias %x{i}" for i in inputs)}, ptr noalias %out, i64 %n) {{
entry:
  %empty = icmp eq i64 %n, 0
  br i1 %empty, label %end, label %body
body:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
{loads}
  %y = call {kind} @{symbol(name, width, element)}({", ".join(f"{kind} %v{i}" for i in inputs)})
  %po = getelementptr {element}, ptr %out, i64 %i
  store {kind} %y, ptr %po, align {size}
  %next = add nuw nsw i64 %i, {width}
  %more = icmp ult i64 %next, %n
  br i1 %more, label %body, label %end
end:
  ret void
}}
"""


@lru_cache(maxsize=1)
def _machine() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2, jit=True
    )


@cache
def compiled(name: str, width: int, element: str = "double") -> tuple[Kernel, Any]:
    """(the loop as a ctypes function, what keeps its code alive)."""
    import llvmlite.binding as llvm

    machine = _machine()
    text = f'target triple = "{machine.triple}"\ntarget datalayout = "{machine.target_data}"\n' + loop(
        name, width, element
    )
    parsed = llvm.parse_assembly(text)
    parsed.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)
    engine = llvm.create_mcjit_compiler(parsed, _shared_machine())
    engine.finalize_object()
    pointers = [ctypes.c_void_p] * (ARITY[name] + 1)
    return ctypes.CFUNCTYPE(None, *pointers, ctypes.c_long)(engine.get_function_address("apply")), engine


def _shared_machine() -> Any:
    """An engine takes its machine over, so each gets a new one."""
    _machine.cache_clear()
    return _machine()


def apply(name: str, *arrays: np.ndarray, width: int = 4) -> np.ndarray:
    """The function over 1-d arrays of one length, float64 or float32."""
    dtype = arrays[0].dtype
    element = "float" if dtype == np.float32 else "double"
    count = len(arrays[0])
    padded = -(-count // width) * width
    inputs = [np.concatenate([np.asarray(a, dtype), np.ones(padded - count, dtype)]) for a in arrays]
    out = np.empty(padded, dtype)
    kernel, _ = compiled(name, width, element)
    kernel(*(a.ctypes.data for a in inputs), out.ctypes.data, padded)
    return out[:count]
