"""From a NumPy call to its translation: arguments undressed, `out=`, `where=` and `dtype=` served in one place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from inspect import getattr_static
from types import FunctionType
from typing import Any, NoReturn, TypeVar

import numpy as np

from diffiface.errors import TracedValueError, UnsupportedOperationError, user_line
from diffiface.numpy_api.array import Array, Scalar, dress
from diffiface.numpy_api.conversion import array_in, raw_in, raw_operand, trace_among
from diffiface.numpy_api.dressed import PLAIN_NUMBER_FIX, Dressed
from diffiface.numpy_api.table import (
    FUNCTIONS,
    UFUNC_METHODS,
    UFUNCS,
    Entry,
    UfuncEntry,
    parameters_of,
    public_name,
)
from diffiface.primitives import NUMPY, Primitives

_ABSENT: Any = object()
_BOOL = np.dtype(bool)
_LAYOUT_ONLY = frozenset({"casting", "order", "subok"})
"""Arguments of ufuncs that change no number once the result's dtype is settled."""


AnyEntry = TypeVar("AnyEntry", Entry, UfuncEntry)


def unsupported(p: Primitives, problem: str, fix: str = "write it with other NumPy functions") -> NoReturn:
    """Refuse what is not translated, naming the user's line."""
    raise UnsupportedOperationError(problem, engine=p.engine, where=user_line(), fix=fix)


# ---- ufuncs


def _entry_of(function: np.ufunc, p: Primitives) -> UfuncEntry:
    entry = UFUNCS.get(function)
    if entry is None and "scipy.special" in sys.modules:
        from diffiface.scipy_api import special as special

        entry = UFUNCS.get(function)
    if entry is None and p is NUMPY:  # plain numbers need no translation
        return UfuncEntry(public_name(function), lambda p, *raw: function(*raw), discrete=True)
    if entry is None:
        unsupported(p, f"{public_name(function)} is not translated")
    return _kept(entry, function, p)


def _kept(entry: AnyEntry, function: Callable[..., Any], p: Primitives) -> AnyEntry:
    """Keep the entry of a function for traces of this class, with the engine's own version of it if there is one."""
    composite = p.composites.get(entry.name)
    if composite is not None and not getattr(entry, "dressed", False):
        entry = replace(entry, translation=_own_or(composite, entry.translation))
    elif isinstance(entry, UfuncEntry) and entry.primitive and entry.primitive not in vars(p):
        # The ufunc is the primitive, so the engine's own method can be called without anything between.
        own = getattr_static(type(p), entry.primitive, None)
        if isinstance(own, FunctionType):
            entry = replace(entry, translation=own)
    p.entries[function] = entry
    return entry


def _own_or(composite: Callable[..., Any], translation: Callable[..., Any]) -> Callable[..., Any]:
    """Return an engine's own version of a function, which leaves to the translation what it does not do better."""

    def either(p: Primitives, *raw: Any, **keywords: Any) -> Any:
        result = composite(p, *raw, **keywords)
        return translation(p, *raw, **keywords) if result is NotImplemented else result

    return either


def _operands(inputs: Sequence[Any]) -> tuple[Primitives, Sequence[Any]]:
    """Return the trace in which the inputs of a ufunc meet, and their raw values."""
    if len(inputs) > 2:
        p = trace_among(inputs, None)
        assert p is not None
        return p, [array_in(value, p) for value in inputs]
    first, second = inputs
    if isinstance(first, Dressed):
        raw = first._value if first._root is None else first._read()
        p, other = raw_operand(second, first._p)
        return p, (raw, other)
    raw = second._value if second._root is None else second._read()
    p, other = raw_operand(first, second._p)
    return p, (other, raw)


def array_ufunc(
    self: Dressed, function: np.ufunc, method: str, first: Any, second: Any = _ABSENT, *more: Any, **keywords: Any
) -> Any:
    """NumPy's `__array_ufunc__`. (The inputs one by one, because nearly every ufunc has one or two.)"""
    if method == "__call__" and not keywords:
        if second is _ABSENT:
            raw = self._value if self._root is None else self._read()
            p = self._p
            entry = p.entries.get(function) or _entry_of(function, p)
            result = entry.translation(p, raw)
        elif not more:
            if second is self and self._root is None and type(first) is np.ndarray and first.dtype.char != "O":
                p, second = self._p, self._value  # an array meets this value: common, so without a call
            else:
                p, (first, second) = _operands((first, second))
                if first is NotImplemented or second is NotImplemented:
                    return NotImplemented
            entry = p.entries.get(function) or _entry_of(function, p)
            result = entry.translation(p, first, second)
        else:
            p, operands = _operands((first, second, *more))
            entry = p.entries.get(function) or _entry_of(function, p)
            result = entry.translation(p, *operands)
        if entry.discrete or type(result) is tuple:
            return dress(result, p)
        return Array(result, p) if (result.shape if p.quick_attributes else p.shape(result)) else Scalar(result, p)
    inputs: tuple[Any, ...] = (first,) if second is _ABSENT else (first, second, *more)
    if method == "__call__":
        return _call_with_keywords(self, function, inputs, keywords)
    if method == "at":
        return _at(self, function, inputs)
    if method == "outer":
        a, b = inputs
        p = trace_among(inputs, None) or self._p
        a, b = (np.asarray(v) if isinstance(v, (int, float, complex)) else array_in(v, p) for v in (a, b))
        a = p.reshape(a, shape=(*p.shape(a), *(1 for _ in p.shape(b))))
        return function(dress(a, p), dress(b, p), **keywords)
    return _reduce_or_accumulate(self, function, method, inputs, keywords)


def _call_with_keywords(self: Dressed, function: np.ufunc, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    p = trace_among((inputs, keywords.get("out", ()), keywords.get("where")), None) or self._p
    targets = keywords.pop("out", (None,) * function.nout)
    where = array_in(keywords.pop("where", True), p)
    dtype = keywords.pop("dtype", None)
    for keyword in keywords.keys() - _LAYOUT_ONLY:
        unsupported(p, f"{public_name(function)} with {keyword}= is not translated", f"leave out {keyword}=")
    raw = [array_in(value, p) for value in inputs]
    if dtype is not None:
        raw = [p.astype(value, dtype=np.dtype(dtype)) for value in raw]
    result = _entry_of(function, p).translation(p, *raw)
    results = result if type(result) is tuple else (result,)
    if where is not True:
        kept = [0 if t is None else raw_in(t, p) for t in targets]
        results = tuple(p.where(where, r, old) for r, old in zip(results, kept, strict=True))
    finished = [
        dress(r, p) if target is None else store(target, r, p, public_name(function))
        for r, target in zip(results, targets, strict=True)
    ]
    return tuple(finished) if type(result) is tuple else finished[0]


def _at(self: Dressed, function: np.ufunc, inputs: tuple[Any, ...]) -> None:
    target, index, *values = inputs
    p = trace_among(inputs, None) or self._p
    name = f"{public_name(function)}.at"
    translation = UFUNC_METHODS.get((function, "at"))
    if translation is None:
        unsupported(p, f"{name} is not translated")
    if type(target) is not Array:
        store(target, None, p, name)
    current = target._read()
    _, index, _ = target._settled(index, current)
    target._store(translation(p, current, index, *[array_in(value, p) for value in values]), p)


def _reduce_or_accumulate(
    self: Dressed, function: np.ufunc, method: str, inputs: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    p = trace_among((inputs, tuple(keywords.values())), None) or self._p
    name = f"{public_name(function)}.{method}"
    translation = UFUNC_METHODS.get((function, method))
    if translation is None:
        unsupported(p, f"{name} is not translated")
    (target,) = keywords.pop("out", (None,))
    keywords.setdefault("axis", 0)
    for keyword in keywords.keys() - (parameters_of(translation) or {}).keys():
        unsupported(p, f"{name} with {keyword}= is not translated", f"leave out {keyword}=")
    raw = [array_in(value, p) for value in inputs]
    result = translation(p, *raw, **{k: raw_in(v, p) for k, v in keywords.items()})
    return dress(result, p) if target is None else store(target, result, p, name)


# ---- functions


def _function_entry(function: Callable[..., Any], p: Primitives) -> Entry | None:
    entry = FUNCTIONS.get(function)
    return None if entry is None else _kept(entry, function, p)


def array_function(
    self: Dressed, function: Callable[..., Any], types: Any, args: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """NumPy's `__array_function__`: run the translation of a NumPy function on arguments that may be dressed."""
    if not keywords:
        result = short_way(function)(function, args)
        if result is not NotImplemented:
            return result
    p = trace_among(args, self._p)
    assert p is not None
    if keywords:
        p = trace_among(keywords.values(), p) or p
    if p is NUMPY:
        try:
            return _translated(p, function, args, {**keywords})
        except UnsupportedOperationError:  # plain numbers need no translation
            return dress(function(*raw_in(args, p), **raw_in(keywords, p)), p)
    return _translated(p, function, args, keywords)


def call(self: Dressed, function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Do for a method what NumPy does for the function of the same name."""
    return array_function(self, function, (), args, keywords)


def _translated(p: Primitives, function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Run the translation in the trace in which the arguments meet."""
    entry = p.entries.get(function) or _function_entry(function, p)
    if entry is None:
        unsupported(p, f"{public_name(function)} is not translated")
    target = None
    if keywords or len(args) > entry.arrays:
        args, keywords = _named(entry, function, args, keywords)
        target = None if entry.dressed else keywords.pop("out", None)
        for keyword in () if entry.any_keyword else keywords.keys() - entry.keywords:
            _refuse_unless_default(p, entry, function, keyword, keywords.pop(keyword))
    if entry.dressed:
        return entry.translation(*args, **keywords)
    arrays = entry.arrays
    raw = [array_in(a, p) if i < arrays else raw_in(a, p) for i, a in enumerate(args)]
    result = entry.translation(p, *raw, **{k: raw_in(v, p) for k, v in keywords.items()})
    return dress(result, p) if target is None else store(target, result, p, entry.name)


def short_call(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Call a function on arrays, numbers and values of one trace that need no second look (else NotImplemented).

    One look at each argument finds the trace and the raw values: most calls of NumPy's functions end here.
    """
    if len(args) == 1:
        value = args[0]
        kind = type(value)
        if not (kind is Array or kind is Scalar):
            return NotImplemented
        own = value._value if value._root is None else value._read()
        p = value._p
        entry = p.entries.get(function)
        if entry is None or entry.dressed or not entry.arrays:
            return NotImplemented
        return dress(entry.translation(p, own), p)
    p = None
    raw = []
    for value in args:
        kind = type(value)
        if kind is Array or kind is Scalar:
            own = value._value if value._root is None else value._read()  # a view follows its root into another trace
            if p is None:
                p = value._p
            elif value._p is not p:
                return NotImplemented
            raw.append(own)
        elif kind is float or (kind is np.ndarray and value.dtype.char != "O"):
            raw.append(value)
        else:
            return NotImplemented
    if p is None:
        return NotImplemented
    entry = p.entries.get(function)
    if entry is None or entry.dressed or len(raw) > entry.arrays:  # (the first call enters it)
        return NotImplemented
    return dress(entry.translation(p, *raw), p)


def _short_where(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Do what `short_call` does for np.where by a mask: it is in most models, and has three arguments to look at."""
    if len(args) == 3:
        condition, a, b = args
        if type(condition) is np.ndarray and condition.dtype is _BOOL:
            p: Primitives | None = None
            kind = type(a)
            if kind is Array or kind is Scalar:
                raw_a = a._value if a._root is None else a._read()
                p = a._p
            elif kind is float:
                raw_a = a
            else:
                return short_call(function, args)
            kind = type(b)
            if kind is Array or kind is Scalar:
                raw_b = b._value if b._root is None else b._read()
                if p is None:
                    p = b._p
                elif b._p is not p:
                    return NotImplemented
            elif kind is float:
                raw_b = b
            else:
                return short_call(function, args)
            if p is not None:
                return dress(p.where(condition, raw_a, raw_b), p)
    return short_call(function, args)


def short_way(function: Callable[..., Any]) -> Callable[[Callable[..., Any], tuple[Any, ...]], Any]:
    """Return what answers the commonest calls of a function, `(function, args)`, and others with NotImplemented."""
    return _short_where if function is np.where else short_call


def _named(
    entry: Entry, function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Name the positional arguments behind the leading arrays as NumPy does (`out` may be among them)."""
    parameters = parameters_of(function)
    count = entry.arrays
    if parameters is None or len(args) <= count or entry.variadic or entry.dressed:
        return args, dict(keywords)
    names = list(parameters)[count : len(args)]
    return args[:count], dict(zip(names, args[count:], strict=True)) | keywords


def _refuse_unless_default(p: Primitives, entry: Entry, function: Callable[..., Any], keyword: str, value: Any) -> None:
    """Refuse an argument that is not translated, unless it says no more than NumPy's default does."""
    parameters = parameters_of(function)
    default = parameters[keyword].default if parameters and keyword in parameters else None
    if value is not default and not (isinstance(value, (str, bool, int, type(None))) and value == default):
        unsupported(p, f"{entry.name} with {keyword}={value!r:.40} is not translated", f"leave out {keyword}=")


def store(target: Any, raw: Any, p: Primitives, name: str) -> Any:
    """Write a result into an `out=` array and return that array."""
    if type(target) is Array:
        target._store(raw, p)
        return target
    constant = None if raw is None else p.concrete(raw)
    if constant is None or not isinstance(target, np.ndarray):
        raise TracedValueError(
            f"{name} would store a value that is being differentiated in a plain NumPy array (out= or an augmented "
            "assignment such as y += x), which would lose the derivative",
            engine=p.engine,
            where=user_line(),
            fix=PLAIN_NUMBER_FIX,
        )
    np.copyto(target, constant, casting="same_kind")
    return target


for _protocol, _method in {"__array_ufunc__": array_ufunc, "__array_function__": array_function}.items():
    setattr(Dressed, _protocol, _method)
