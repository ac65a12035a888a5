"""Every public name of NumPy, ufunc method and method of ndarray, and what becomes of it: one table, read off the code.

`coverage()` is what the page docs/numpy_coverage.md is generated from. `missing_names()` tells which public names of
the NumPy that is installed have no place in it; a test says that there are none.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import diffiface.numpy_api.functions  # noqa: F401 - enters the translations in the table
from diffiface.numpy_api.array import Array
from diffiface.numpy_api.plain_names import PLAIN
from diffiface.numpy_api.table import (
    FUNCTIONS,
    REFUSED_METHODS,
    UFUNC_METHODS,
    UFUNCS,
    Entry,
    Kind,
    UfuncEntry,
    parameters_of,
)

NAMESPACES = ("", "linalg", "fft", "emath") + tuple(
    f"lib.{name}" for name in ("array_utils", "format", "introspect", "mixins", "npyio", "stride_tricks")
)
"""The modules of NumPy (as attributes of `numpy`, "" being numpy itself) whose public names are in the table."""

MODULES = {
    "char": "text",
    "core": "private to NumPy",
    "ctypeslib": "memory, for C code",
    "dtypes": "types of numbers",
    "exceptions": "exceptions",
    "f2py": "Fortran code",
    "lib": "the parts of NumPy's library, which are listed by themselves",
    "ma": "masked arrays are not supported: use np.where and the nan... functions",
    "matlib": "np.matrix is not supported: use two-dimensional arrays",
    "polynomial": "written in Python with operators, so that its functions and classes work on traced coefficients and "
    "points as they are",
    "random": "random numbers: draw them outside of the function and hand them in",
    "rec": "records are not supported: use one array per field",
    "strings": "text",
    "testing": "tests of plain arrays",
    "typing": "types for annotations",
}
"""The modules of NumPy whose names are not listed one by one: what they hold, and what that means here."""

UFUNC_METHOD_NAMES = ("reduce", "accumulate", "reduceat", "outer", "at")

UFUNC_KEYWORDS = ("out", "where", "dtype", "casting", "order", "subok")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What becomes of one public name."""

    name: str
    """As users write it: "numpy.linalg.solve", "numpy.add.reduce", "ndarray.sort"."""
    kind: Kind
    keywords: tuple[str, ...] = ()
    """The arguments that are translated, in NumPy's order."""
    note: str = ""


def public_names(namespace: str) -> Iterator[tuple[str, Any]]:
    """Find the public callables of a module of NumPy."""
    module: Any = np
    for part in filter(None, namespace.split(".")):
        module = getattr(module, part)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names on their way out warn when they are asked for
        for name in sorted({*getattr(module, "__all__", ()), *dir(module)}):
            value = None if name.startswith("_") else getattr(module, name, None)
            if callable(value) and not isinstance(value, types.ModuleType):
                yield name, value


def missing_names() -> list[str]:
    """Return the public names of the installed NumPy that have no place in the table."""
    plain = _plain_names()
    names = [
        _dotted(namespace, name)
        for namespace in (*NAMESPACES, "lib")
        for name, value in public_names(namespace)
        if _entry(value) is None and _dotted(namespace, name) not in plain
    ]
    names += [f"ndarray.{name}" for name in _array_names() if not _is_method(name) and name not in REFUSED_METHODS]
    modules = {name for name in dir(np) if name[0] != "_" and isinstance(getattr(np, name, None), types.ModuleType)}
    return names + sorted(modules - MODULES.keys() - set(NAMESPACES))


def coverage() -> dict[str, Coverage]:
    """Return the table, by name."""
    found: dict[str, Coverage] = {}
    for namespace in NAMESPACES:
        for name, value in public_names(namespace):
            entry = _entry(value)
            if entry is not None:
                dotted = _dotted(namespace, name)
                found[dotted] = Coverage(dotted, entry.kind, _keywords(value, entry), entry.note)
    for name, note in _plain_names().items():
        found.setdefault(name, Coverage(name, "plain", (), note))
    for row in (*_ufunc_methods(), *_array_methods()):
        found[row.name] = row
    return found


def _dotted(namespace: str, name: str) -> str:
    return ".".join(filter(None, ("numpy", namespace, name)))


def _entry(value: Any) -> Entry | UfuncEntry | None:
    try:
        return UFUNCS[value] if isinstance(value, np.ufunc) else FUNCTIONS.get(value)
    except (KeyError, TypeError):  # not in the table, or not even hashable
        return None


def _plain_names() -> dict[str, str]:
    return {_dotted(namespace, name): note for note, (namespace, names) in PLAIN.items() for name in names.split()}


def _keywords(value: Callable[..., Any], entry: Entry | UfuncEntry) -> tuple[str, ...]:
    if entry.kind == "refused":
        return ()
    if isinstance(entry, UfuncEntry):
        return UFUNC_KEYWORDS
    parameters = parameters_of(value) or {}
    return tuple(name for name in parameters if name in entry.keywords or name in ("out", "like"))


def _ufunc_methods() -> Iterator[Coverage]:
    for function, entry in UFUNCS.items():
        if entry.kind == "refused" or not entry.name.startswith("numpy."):
            continue
        if (function.nin, function.nout, function.signature) == (2, 1, None):
            yield Coverage(f"{entry.name}.outer", entry.kind, UFUNC_KEYWORDS)
        for method in ("reduce", "accumulate", "reduceat", "at"):
            translation = UFUNC_METHODS.get((function, method))
            if translation is not None:
                names = [
                    n for n in list(parameters_of(translation) or {})[2:] if n not in ("index", "values", "others")
                ]
                yield Coverage(f"{entry.name}.{method}", entry.kind, (*names, "out") if method != "at" else ())


def _array_names() -> list[str]:
    return [name for name in dir(np.ndarray) if not name.startswith("_")]


def _is_method(name: str) -> bool:
    return hasattr(Array, name)


_DISCRETE = frozenset("all any argmax argmin argpartition argsort nonzero searchsorted".split())
_STRUCTURAL = frozenset("shape ndim size dtype itemsize nbytes astype item tolist copy fill".split())


def _array_methods() -> Iterator[Coverage]:
    for name in _array_names():
        if _is_method(name):
            kind: Kind = "zero derivative" if name in _DISCRETE else "differentiable"
            yield Coverage(f"ndarray.{name}", "structural" if name in _STRUCTURAL else kind)
        elif name in REFUSED_METHODS:
            yield Coverage(f"ndarray.{name}", "refused", (), "; ".join(REFUSED_METHODS[name]))
