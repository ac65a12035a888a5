"""What stands in the place of library objects that do not dispatch on traced values, while f is traced.

How to make a library function or object work on traced values:

1. A function (`scipy.special.logsumexp`): enter its translation in `numpy_api.table.FUNCTIONS`, keyed by the function
   object, with `@numpy_function(scipy.special.logsumexp)`. That is all: every function of that table is redirected. A
   call with a dressed argument anywhere (in nested lists, tuples, dicts and object arrays too) runs the translation;
   any other call runs the original.
2. Any other object (`np.r_`, the distribution `scipy.stats.norm`, a class): `substitute(original, replacement)`, or
   `@substitute(original)` above a function or a class. The replacement itself must hand calls without dressed
   arguments (`find_dressed(arguments) is None`) to the original.
3. Objects that users make outside f and use inside (a spline, a frozen distribution): `@substitute_instances(cls)`
   above a function that takes the instance and returns what replaces it.
4. Translations of a library that is not imported yet live in a module that is loaded when the library is found
   loaded: add a line to `TRANSLATIONS` below.

f's own global names, its closure and its helpers are rebound to the replacements by `diffiface.rebinding.rebind`; the
library's modules are never changed, so no other code notices.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from diffiface.errors import UnsupportedOperationError, user_line
from diffiface.numpy_api.array import Array, Scalar
from diffiface.numpy_api.dispatch import array_function, call, short_way
from diffiface.numpy_api.dressed import Dressed
from diffiface.numpy_api.table import FUNCTIONS, public_name
from diffiface.primitives import NUMPY

T = TypeVar("T")

TRANSLATIONS: dict[str, str] = {
    "scipy.special": "diffiface.scipy_api.special",
    "scipy.linalg": "diffiface.scipy_api.linalg",
    "scipy.fft": "diffiface.scipy_api.fft",
    "scipy.stats": "diffiface.scipy_api.stats",
    "scipy.integrate": "diffiface.scipy_api.integrate",
    "scipy.interpolate": "diffiface.scipy_api.interpolate_more",
    "scipy.optimize": "diffiface.scipy_api.optimize",
    "scipy.signal": "diffiface.scipy_api.signal",
    "scipy.sparse": "diffiface.scipy_api.sparse",
}
"""Library module -> our module to import once the library's is loaded."""

_pending = dict(TRANSLATIONS)

_replacements: dict[int, tuple[Any, Any]] = {}
"""id of an object -> the object (kept, so that the id stays its own) and what replaces it."""

_factories: dict[type, Callable[[Any], Any]] = {}
"""Class -> the function that makes the replacement of an instance."""


def substitute(original: Any, *replacement: Any) -> Any:
    """Enter what replaces `original`: `substitute(np.r_, ours)`, or `@substitute(np.zeros)` above a definition."""

    def enter(definition: T) -> T:
        _replacements[id(original)] = (original, definition)
        return definition

    return enter(*replacement) if replacement else enter


def substitute_instances(*classes: type) -> Callable[[T], T]:
    """Enter the function that makes the replacement of an instance of these very classes."""

    def enter(factory: T) -> T:
        for cls in classes:
            _factories[cls] = factory  # type: ignore[assignment]
        return factory

    return enter


_loaders: list[Callable[[], None]] = []


def before_rebinding(load: Callable[[], None]) -> None:
    """Enter a function that is called whenever f's code is about to be rebound, to load further replacements."""
    _loaders.append(load)


def load_translations() -> None:
    """Load our translations of the libraries that have been imported meanwhile."""
    for load in _loaders:
        load()
    for library in [name for name in _pending if name in sys.modules]:
        module = _pending.pop(library, None)
        if module is not None:  # else another thread was faster
            importlib.import_module(module)


def substitute_for(value: Any) -> Any:
    """Return what replaces a library's object, or the object itself."""
    found = _replacements.get(id(value))
    if found is not None:
        return found[1]
    factory = _factories.get(type(value)) if _factories else None
    if factory is not None:
        return factory(value)
    try:
        translated = value in FUNCTIONS
    except TypeError:  # it cannot be hashed
        return value
    return substitute(value, redirected(value)) if translated else value


def find_dressed(value: Any) -> Dressed | None:
    """Return a dressed value in an argument (one that is differentiated rather than a constant), or None."""
    kind = type(value)
    if kind is Array or kind is Scalar:
        return value
    found = None
    if kind is list or kind is tuple:
        items = value
    elif kind is dict:
        items = value.values()
    elif kind is np.ndarray and value.dtype.char == "O":
        items = value.flat
    elif isinstance(value, Dressed):
        return value
    elif isinstance(value, (list, tuple)):
        items = value
    else:
        return None
    for item in items:
        dressed = find_dressed(item)
        if dressed is not None:
            if dressed._p is not NUMPY:
                return dressed
            found = dressed
    return found


def redirected(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that runs the translation when an argument is dressed, and the original otherwise."""

    short = short_way(function)

    @functools.wraps(function)
    def redirect(*args: Any, **keywords: Any) -> Any:
        if not keywords:
            result = short(function, args)
            if result is not NotImplemented:
                return result
        for argument in args:
            kind = type(argument)
            if kind is Array or kind is Scalar:
                return array_function(argument, function, (), args, keywords)
        dressed = find_dressed(args)
        if dressed is None and keywords:
            dressed = find_dressed(keywords)
        return function(*args, **keywords) if dressed is None else call(dressed, function, args, keywords)

    return redirect


def refusing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function without translation, whose failure on traced values names it."""

    @functools.wraps(function)
    def run(*args: Any, **keywords: Any) -> Any:
        try:
            return function(*args, **keywords)
        except Exception as error:
            dressed = find_dressed((args, keywords))
            if dressed is None or dressed._p is NUMPY:
                raise
            raise UnsupportedOperationError(
                f"{public_name(function)} is not translated, and cannot use a value that is being differentiated",
                engine=dressed._p.engine,
                where=user_line(),
                fix="write it with NumPy functions, or outside the differentiated function if it needs no derivative",
            ) from error

    return run
