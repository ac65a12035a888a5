"""What a function is written in: plain NumPy, or one engine's own arrays.

The rule is static: a function is native to an engine when its code mentions that engine's package
(a module, or anything defined in one) in its globals, closure, defaults or bound object, or in those
of a helper it mentions. It is never run to find out. `di.backend("jax", style="native")` overrides it.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any

from diffiface import registry
from diffiface.errors import InputError
from diffiface.rebinding.namespaces import behind

# Packages whose types are not named after the engine they belong to.
_ALIASES = {"jaxlib": "jax"}


def _top_level(module: str | None) -> str:
    top = (module or "").partition(".")[0]
    return _ALIASES.get(top, top)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _mentioned(value: Any) -> Iterator[Any]:
    """Yield what a callable's code can reach by name."""
    if isinstance(value, functools.partial):
        yield value.func
        yield from value.args
        yield from value.keywords.values()
    elif isinstance(value, types.MethodType):
        yield value.__func__
        yield value.__self__
    elif isinstance(value, types.FunctionType):
        if hasattr(value, "__wrapped__"):
            yield value.__wrapped__
        module = behind(value.__globals__) or value.__globals__
        for name in _names(value.__code__):
            if name in module:
                yield module[name]
        for cell in value.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # a name that is not bound yet
                continue
        yield from value.__defaults__ or ()
        yield from (value.__kwdefaults__ or {}).values()
    elif callable(value) and not isinstance(value, type) and isinstance(type(value).__call__, types.FunctionType):
        yield type(value).__call__


def _engines_of(value: Any, engines: frozenset[str]) -> Iterator[str]:
    if isinstance(value, types.ModuleType):
        tops = [_top_level(value.__name__)]
    elif isinstance(value, type):
        tops = [_top_level(base.__module__) for base in value.__mro__]
    else:
        tops = [_top_level(getattr(value, "__module__", None))]
        tops += [_top_level(base.__module__) for base in type(value).__mro__]
    yield from (top for top in tops if top in engines)


def native_engines(f: Any) -> tuple[str, ...]:
    """Return the engines whose packages f mentions, sorted (usually none or one)."""
    engines = frozenset(registry.registered_backends())
    found: set[str] = set()
    seen: set[int] = set()
    pending = [f]
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        here = set(_engines_of(value, engines))
        found |= here
        if not here and callable(value):
            # Installed libraries are not searched: what they mention is not what f is written in.
            module = _top_level(getattr(value, "__module__", None))
            if value is f or module not in ("numpy", "scipy", "builtins", "diffiface"):
                pending.extend(_mentioned(value))
    return tuple(sorted(found))


def is_native(f: Any, engine: str, traces: bool, style: str, family: str = "numpy") -> str | None:
    """Return the engine whose raw arrays f must receive, or None for a plain NumPy function.

    An engine that computes on the arrays of another (`family`) runs what is written for that one too.

    Raises `InputError` when f is written for another engine than the one asked, which cannot run it.
    """
    if style == "numpy":
        return None
    if style == "native":
        return engine
    engines = native_engines(f)
    if not engines:
        return None
    if engine in engines or family in engines:
        return engine
    if not traces:
        return engines[0]  # numeric engines only call f: they can call it with that engine's arrays
    raise InputError(
        f"the function is written for {' and '.join(engines)} (its code mentions that package), not for NumPy",
        engine=engine,
        fix=f"use backend {engines[0]!r}, write it in plain NumPy, or say di.backend({engine!r}, style='numpy')",
    )
