"""Elementwise functions over SIMD lanes, as LLVM IR text: what the compiled kernels call for exp, sin, erf, …

`module(names, width)` is the text of the functions `symbol(name, width)`, each from `<width x double>` (one per argument)
to `<width x double>`, or from `double` to `double` when the width is 1. They are private and `alwaysinline`, so that LLVM
schedules them into the loop around; intrinsics are used without a declaration, which LLVM adds.

With `element="float"` lanes are float32 at the edges and double inside.

Accuracy (`benchmarks/vector_math.py` measures it): within 2 units in the last place over the whole domain, subnormals,
special values and signed zeros included, except where a function's own text says otherwise. The IR assumes the default
floating-point environment and relies on `llvm.fma`: without FMA instructions it is right, but slower than libm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from inspect import signature

from . import error_function, exponential, gamma, hyperbolic, inverse_trigonometric, logarithm, power, trigonometric
from .builder import Builder, Value

__all__ = ["ARITY", "INTRINSICS", "NAMES", "definition", "mixed_module", "module", "symbol"]

_FUNCTIONS: dict[str, Callable[..., Value]] = {
    **exponential.FUNCTIONS,
    **logarithm.FUNCTIONS,
    **trigonometric.FUNCTIONS,
    **hyperbolic.FUNCTIONS,
    **inverse_trigonometric.FUNCTIONS,
    **power.FUNCTIONS,
    **error_function.FUNCTIONS,
    **gamma.FUNCTIONS,
}

ARITY: dict[str, int] = {name: len(signature(function).parameters) for name, function in _FUNCTIONS.items()}
NAMES: frozenset[str] = frozenset(_FUNCTIONS)

INTRINSICS: dict[str, str] = {
    "sqrt": "llvm.sqrt",
    "absolute": "llvm.fabs",
    "floor": "llvm.floor",
    "ceil": "llvm.ceil",
    "trunc": "llvm.trunc",
    "rint": "llvm.rint",
    "copysign": "llvm.copysign",
    "fma": "llvm.fma",
}
"""What needs no definition here: the intrinsic that is a machine instruction (with SSE 4.1, NEON)."""

_ELEMENTS = {"double": "f", "float": "s"}


def symbol(name: str, width: int, element: str = "double") -> str:
    """The name of the function in the IR, without its `@`."""
    return f"vm_{name}_{width}" + {"double": "", "float": "f"}[element]


def definition(name: str, width: int, element: str = "double") -> str:
    """IR of `symbol(name, width)` and of the helpers and tables it needs."""
    return module([name], width, element)


def module(names: Iterable[str], width: int, element: str = "double") -> str:
    """IR of several functions of one width, what they share being defined once."""
    return mixed_module((name, width, element) for name in names)


def mixed_module(wanted: Iterable[tuple[str, int, str]]) -> str:
    """IR of functions (name, width, element) of several widths: a loop and its scalar remainder, say.

    The text depends on the set of functions only. Two modules put together may define a helper twice: use one.
    """
    helpers: dict[str, str] = {}
    functions = []
    for name, width, element in sorted(set(wanted)):
        text, needed = _one(name, width, element)
        functions.append(text)
        helpers.update(needed)
    return "\n".join([*(helpers[key] for key in sorted(helpers)), *functions])


@cache
def _one(name: str, width: int, element: str) -> tuple[str, dict[str, str]]:
    function = _FUNCTIONS[name]
    builder = Builder(width)
    outside = builder.type(_ELEMENTS[element])
    names = [f"%x{i}" for i in range(ARITY[name])]
    arguments = [Value(builder, "f", argument) for argument in names]
    if element == "float":
        arguments = [builder.emit("f", f"fpext {outside} {a.name} to {builder.type('f')}") for a in arguments]
    result = function(*arguments)
    if element == "float":
        result = builder.emit("s", f"fptrunc {builder.type('f')} {result.name} to {outside}")
    parameters = ", ".join(f"{outside} {argument}" for argument in names)
    text = (
        f"define private {outside} @{symbol(name, width, element)}({parameters}) alwaysinline nounwind willreturn {{\n"
        f"{builder.body()}\n  ret {outside} {result.name}\n}}\n"
    )
    return text, builder.globals
