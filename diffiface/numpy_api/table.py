"""The table of NumPy functions that are translated, keyed by the function object itself.

Whatever is not in the table is refused by name. An entry is written once, in primitives, and serves every
engine; the modules of `diffiface.numpy_api.functions` hold them by kind.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

import numpy as np

Translation = TypeVar("Translation", bound=Callable[..., Any])

Kind = Literal["differentiable", "zero derivative", "structural", "plain", "refused"]
"""What becomes of a call in which something is being differentiated.

"differentiable": the derivative goes through; "zero derivative": the result is piecewise constant, boolean or integer;
"structural": about shapes, conversions and new arrays; "plain": has no argument that could be differentiated, so
that NumPy itself is called; "refused": raises, and says why.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """The translation of one NumPy function."""

    name: str
    """The public name, such as "numpy.linalg.solve": for messages, and the key in an engine's `composites`."""
    translation: Callable[..., Any]
    arrays: int
    """How many leading arguments are array-likes: nested lists there have become arrays."""
    keywords: frozenset[str]
    """The arguments that the translation takes by name."""
    variadic: bool
    """Whether any number of positional arguments goes through as it is."""
    any_keyword: bool
    """Whether keywords of any name go through: they are for the user's function (`apply_along_axis`)."""
    dressed: bool
    """Whether the translation works on dressed values (views, callbacks, writes) or on raw ones."""
    kind: Kind = "differentiable"
    """What becomes of derivatives."""
    note: str = ""
    """What there is to know about the translation; of a refused function, why it is refused and what to write."""


@dataclass(frozen=True, slots=True)
class UfuncEntry:
    """The translation of one ufunc: a function `(p, *raw)`."""

    name: str
    translation: Callable[..., Any]
    discrete: bool
    """Whether the result can be boolean or integer though an argument is not."""
    kind: Kind = "differentiable"
    note: str = ""
    primitive: str = ""
    """The primitive that the ufunc is, if it is one and takes its operands as they come."""


FUNCTIONS: dict[Callable[..., Any], Entry] = {}
UFUNCS: dict[np.ufunc, UfuncEntry] = {}
UFUNC_METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {}
"""`reduce`, `accumulate` and `reduceat` of a ufunc: functions `(p, raw, *, axis, ...)`. (`outer` and `at` need no
entries, and those that have none here are folded by `ufunc_methods`.)"""

REFUSED_METHODS: dict[str, tuple[str, str]] = {}
"""Methods and attributes of ndarray that no traced value has: why, and what to write instead."""


def public_name(function: Callable[..., Any]) -> str:
    """Return the name under which users know a NumPy or SciPy function."""
    name = getattr(function, "__name__", repr(function))
    module = getattr(function, "__module__", None)
    if isinstance(function, np.ufunc) and module is None:
        module = "numpy" if getattr(np, name, None) is function else "scipy.special"
    if module:
        module = module.partition("._")[0]  # scipy.linalg._basic is known as scipy.linalg
    return f"{module}.{name.removeprefix('_')}" if module else name


def available(namespace: Any, *names: str) -> list[Any]:
    """Return the functions of these names that this version of NumPy has."""
    return [getattr(namespace, name) for name in names if hasattr(namespace, name)]


def _add_entry(
    function: Callable[..., Any], translation: Callable[..., Any], arrays: int, dressed: bool, kind: Kind, note: str
) -> None:
    parameters = list(inspect.signature(translation).parameters.values())
    if not dressed:
        parameters = parameters[1:]  # the primitives come first
    kinds = {parameter.kind for parameter in parameters}
    FUNCTIONS[function] = Entry(
        name=public_name(function),
        translation=translation,
        arrays=arrays,
        keywords=frozenset(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)),
        variadic=inspect.Parameter.VAR_POSITIONAL in kinds,
        any_keyword=dressed and inspect.Parameter.VAR_KEYWORD in kinds,
        dressed=dressed,
        kind=kind,
        note=note,
    )


def numpy_function(
    *functions: Callable[..., Any], arrays: int = 1, kind: Kind = "differentiable", note: str = ""
) -> Callable[[Translation], Translation]:
    """Enter a translation on raw values: `(p, *arguments)`, the arguments named as NumPy names them."""

    def enter(translation: Translation) -> Translation:
        for function in functions:
            _add_entry(function, translation, arrays, False, kind, note)
        return translation

    return enter


def dressed_function(
    *functions: Callable[..., Any], kind: Kind = "differentiable", note: str = ""
) -> Callable[[Translation], Translation]:
    """Enter a translation on dressed values, with NumPy's own signature."""

    def enter(translation: Translation) -> Translation:
        for function in functions:
            _add_entry(function, translation, 1, True, kind, note)
        return translation

    return enter


def ufunc(
    *ufuncs: np.ufunc,
    discrete: bool = False,
    kind: Kind = "differentiable",
    note: str = "",
    primitive: str = "",
) -> Callable[[Translation], Translation]:
    """Enter the translation of a ufunc: a function `(p, *raw)`."""

    def enter(translation: Translation) -> Translation:
        for function in ufuncs:
            UFUNCS[function] = UfuncEntry(
                public_name(function), translation, discrete, "zero derivative" if discrete else kind, note, primitive
            )
        return translation

    return enter


def ufunc_method(ufunc: np.ufunc, method: str) -> Callable[[Translation], Translation]:
    """Enter the translation of a ufunc's `reduce`, `accumulate` or `reduceat`."""

    def enter(translation: Translation) -> Translation:
        UFUNC_METHODS[ufunc, method] = translation
        return translation

    return enter


@cache
def parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    """Return the parameters of a function, in order (None where an older NumPy does not tell)."""
    try:
        return inspect.signature(function).parameters
    except ValueError:
        return None
