"""What a function refers to besides its arguments: arrays that are read live, and all else, watched for changes.

An array that f and its helper functions find under names of their own (in their closures, globals and defaults) is an
input of the recording like the arguments: what it holds, and what the name is bound to, is looked up at every call.

Of everything else a recording holds the numbers as they were. Before each replay they are compared with what was
recorded: scalars and functions by identity, arrays by their contents, containers and objects item by item. A function
that refers to what cannot be watched is not recorded.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffiface.rebinding import can_read_live, names_in, reaches_around

_MOST_ENTRIES = 2_000
_MOST_WRITTEN_OUT = 12
_ABSENT = object()
_LEAVES = (
    bool, int, float, complex, str, bytes, type(None), type(Ellipsis), slice, range, np.generic, np.dtype, np.ufunc,
    types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType, types.GenericAlias,
)  # fmt: skip
_LIBRARIES = frozenset(sys.stdlib_module_names) | {"numpy", "scipy", "diffiface"}
_ENGINES = "diffiface_"
"""How the names of engine packages begin."""


class NotWatchable(Exception):
    """A function refers to something whose changes cannot be noticed; the text says what."""


_CALLER = 0
"""Who reads the function itself (in the place of a function's id)."""


@dataclass
class Captured:
    """An array that f refers to, and the ways to it."""

    array: np.ndarray
    routes: list[tuple[Any, Any]] = field(default_factory=list)
    """Containers (a cell, a dict) and keys. The container of a default, or of an argument in a partial, is None."""
    readers: set[int | None] = field(default_factory=set)
    """The functions (their ids) that find it under a name of their own; None if there is any other way to it."""


class Watch:
    """Everything one function refers to, as it was.

    Args:
        f: The user's function.
        static: What else must stay as it is.
        live: Whether arrays are to be read live where they can be.
    """

    def __init__(self, f: Any, static: tuple[Any, ...] = (), *, live: bool = True):
        self._entries: list[tuple[Any, Any, Any]] = []
        self._sizes: list[tuple[Any, int]] = []
        self._captured: dict[int, Captured] = {}
        self._functions: dict[int, types.FunctionType] = {}
        self._readers: dict[int, set[int | None]] = {}
        """id of a function → who finds it under a name of his own; None if there is any other way to it."""
        self._seen: set[int] = set()
        self._kept: list[Any] = []
        self._visit(f, _CALLER)
        self._visit(static)
        self.functions = self._reading_live() if live else set[int]()
        """The ids of the functions that must find traced values in the place of the live arrays."""
        self.live = [captured for captured in self._captured.values() if self._is_live(captured)]
        """The arrays that are read live."""
        if not self.live:
            self.functions = set[int]()
        ids = {id(captured.array) for captured in self.live}
        self._entries = [entry for entry in self._entries if id(entry[2]) not in ids]
        self._arrays = [(c.array, c.array.copy()) for key, c in self._captured.items() if key not in ids]

    def reads(self, live: Captured, variable: str, name: Callable[[Any], str]) -> list[str]:
        """Return lines of Python that put what a live array's routes lead to now in a variable.

        They return MISS where the routes no longer lead to one array.
        """
        first, *others = [_route(name, live.array, *route) for route in live.routes]
        return [f"{variable} = {first}", *(f"if {other} is not {variable}: return MISS" for other in others)]

    def tests(self, name: Callable[[Any], str]) -> list[str]:
        """Return Python expressions that are true where something is not as it was; `name` names what they refer to.

        A few are written out: in a small function's time, a call would be much.
        """
        if not (self._entries or self._sizes or self._arrays):
            return []
        if len(self._entries) > _MOST_WRITTEN_OUT or self._sizes or self._arrays:
            return [f"not {name(self.holds)}()"]
        tests = []
        for container, key, value in self._entries:
            # (a cell that was emptied raises ValueError: f itself would fail)
            if value is _ABSENT or (type(container) is dict and value is None) or type(container) is list:
                return [f"not {name(self.holds)}()"]
            tests.append(f"{_route(name, value, container, key)} is not {name(value)}")
        return tests

    def plain_entries(self) -> tuple[list[tuple[Any, Any]], list[tuple[Any, Any, Any]]] | None:
        """Return what `tests` compares as cells with their contents, and dicts with keys and values; None if there is more."""
        if self._sizes or self._arrays:
            return None
        cells, entries = [], []
        for container, key, value in self._entries:
            if type(container) is types.CellType and value is not _ABSENT:
                cells.append((container, value))
            elif type(container) is dict and value is not _ABSENT:
                entries.append((container, key, value))
            else:
                return None
        return cells, entries

    def holds(self) -> bool:
        """Say whether everything that is not read live is as it was."""
        for container, key, value in self._entries:
            if _look_up(container, key) is not value:
                return False
        for container, size in self._sizes:
            if len(container) != size:
                return False
        return all(_same(array, copy) for array, copy in self._arrays)

    # ---- which arrays are read live

    def _reading_live(self) -> set[int]:
        """Return the ids of the functions that are found under names only, in functions for which that holds too."""
        found = {key for key, f in self._functions.items() if can_read_live(f)}
        while True:
            kept = {key for key in found if self._readers[key] <= found | {_CALLER}}
            if kept == found:
                return found
            found = kept

    def _is_live(self, captured: Captured) -> bool:
        array = captured.array
        fits = type(array) is np.ndarray and array.ndim > 0 and array.dtype.kind in "fcbiu" and array.dtype.isnative
        return fits and captured.readers <= self.functions | {_CALLER}

    # ---- finding it

    def _enter(self, container: Any, key: Any, value: Any, reader: int | None = None) -> None:
        if len(self._entries) >= _MOST_ENTRIES:
            raise NotWatchable(f"it refers to more than {_MOST_ENTRIES} objects")
        self._entries.append((container, key, value))
        self._visit(value, reader, (container, key))

    def _visit(self, value: Any, reader: int | None = None, route: tuple[Any, Any] = (None, None)) -> None:
        """Note a value, and what it refers to; `reader` is the function that finds it under a name of its own."""
        if isinstance(value, _LEAVES):
            return
        if isinstance(value, np.ndarray):
            if value.dtype.hasobject:
                raise NotWatchable("it refers to an array of objects")
            captured = self._captured.setdefault(id(value), Captured(value))
            captured.readers.add(reader)
            captured.routes.append(route)
            return
        if isinstance(value, functools.partial):
            self._kept.append(value)
            for part in (value.func, *value.args, *value.keywords.values()):
                self._visit(part, reader)
            return
        if isinstance(value, types.FunctionType):
            self._readers.setdefault(id(value), set()).add(reader)
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        self._kept.append(value)  # so that ids stay those of these objects
        if isinstance(value, types.FunctionType):
            self._visit_function(value)
        elif isinstance(value, (list, dict, set)):
            self._visit_container(value)
        elif isinstance(value, (tuple, frozenset)):
            for item in value:
                self._visit(item)
        elif isinstance(value, (types.MethodType, classmethod, staticmethod)):
            self._visit(value.__func__)
            self._visit(getattr(value, "__self__", None))
        elif isinstance(value, property):
            for part in (value.fget, value.fset):
                self._visit(part)
        elif isinstance(value, types.ModuleType):
            return  # what is taken from it is watched where it is used
        elif isinstance(value, type):
            self._visit_class(value)
        elif hasattr(type(value), "captured_parts"):  # what a function with rules refers to
            for part in value.captured_parts():
                self._visit(part)
        elif hasattr(value, "__wrapped__"):
            self._visit(value.__wrapped__)
        else:
            self._visit_object(value)

    def _visit_function(self, f: types.FunctionType) -> None:
        if _is_library(f.__module__):
            return
        if reaches_around(f.__code__):
            raise NotWatchable("it finds names by eval, exec or globals()")
        reader = id(f)
        self._functions[reader] = f
        for cell in f.__closure__ or ():
            try:
                self._enter(cell, None, cell.cell_contents, reader)
            except ValueError:  # not filled yet
                self._entries.append((cell, None, _ABSENT))
        for default in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
            self._visit(default, reader)
        names = set(names_in(f.__code__))
        for name in names:
            if name in f.__globals__:
                value = f.__globals__[name]
                self._enter(f.__globals__, name, value, reader)
                if isinstance(value, types.ModuleType) and not _is_library(value.__name__):
                    for attribute in names & value.__dict__.keys():
                        self._enter(value.__dict__, attribute, value.__dict__[attribute])

    def _visit_container(self, container: Any) -> None:
        self._sizes.append((container, len(container)))
        if isinstance(container, set):
            for item in container:
                self._visit(item)
        else:
            for key, item in container.items() if isinstance(container, dict) else enumerate(container):
                self._enter(container, key, item)

    def _visit_class(self, cls: type) -> None:
        if _is_library(cls.__module__):
            return
        for base in cls.__mro__:
            if not _is_library(base.__module__):
                for name, value in list(vars(base).items()):
                    if not (name.startswith("__") and name != "__call__"):
                        self._visit(value)

    def _visit_object(self, value: Any) -> None:
        cls = type(value)
        if _is_library(cls.__module__) or not hasattr(value, "__dict__") or hasattr(cls, "__slots__"):
            raise NotWatchable(f"it refers to a {cls.__name__}, whose changes cannot be noticed")
        self._visit_container(value.__dict__)
        self._visit_class(cls)


def _route(name: Callable[[Any], str], value: Any, container: Any, key: Any) -> str:
    """Write what is at one place now."""
    if container is None:
        return name(value)
    return f"{name(container)}.cell_contents" if key is None else f"{name(container.get)}({key!r})"


def _look_up(container: Any, key: Any) -> Any:
    if type(container) is types.CellType:
        try:
            return container.cell_contents
        except ValueError:
            return _ABSENT
    if type(container) is list:
        return container[key] if key < len(container) else _ABSENT
    return container.get(key, _ABSENT)


def _same(array: np.ndarray, copy: np.ndarray) -> bool:
    """Say whether an array holds, bit for bit, what it did (0.0 is not -0.0, and NaN is NaN)."""
    if array.shape != copy.shape or array.dtype != copy.dtype:
        return False
    if array.size < 64 or array.itemsize not in _BITS:
        return array.tobytes() == copy.tobytes()
    return bool(np.array_equal(array.view(_BITS[array.itemsize]), copy.view(_BITS[array.itemsize])))


_BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def _is_library(module: str | None) -> bool:
    # (The functions of the testing kit stand for a user's own, closures that change among them.)
    if module is None or module.startswith("diffiface.testing."):
        return False
    return module.startswith(_ENGINES) or module.partition(".")[0] in _LIBRARIES


def watched(f: Any) -> Watch | None:
    """Watch what the user's function refers to, arrays by their contents; None where changes cannot be noticed."""
    try:
        return Watch(user_function(f), live=False)
    except NotWatchable:
        return None


class Revision:
    """Which state of what f refers to a program was made from, for an engine that cannot read it live.

    `is_current()` before a run; where it is not, `renew()`, and make the program again; `settle()` once f has run for it.
    Of a function that cannot be watched, the first program stays.
    """

    def __init__(self, f: Any, *, watch: bool = True):
        self._f = f
        self.is_current: Callable[[], bool] = _always
        """Says whether everything is as it was. (An attribute: `renew` and `settle` put another in its place.)"""
        if watch:
            self.renew()

    def renew(self) -> None:
        """Watch what f refers to as it is now."""
        watch = watched(self._f)
        self.is_current = _always if watch is None else _comparison(watch)

    def settle(self) -> None:
        """Give up watching what f itself changes when it runs: every call would find it changed."""
        if not self.is_current():
            self.is_current = _always


def _always() -> bool:
    return True


def _comparison(watch: Watch) -> Callable[[], bool]:
    """Return `watch.holds`, written out where there is little to compare: it is asked before every run."""
    names: dict[str, Any] = {}

    def name(thing: Any) -> str:
        names[f"thing_{len(names)}"] = thing
        return f"thing_{len(names) - 1}"

    changed = watch.tests(name)
    return eval(f"lambda: not ({' or '.join(changed)})", names) if changed else _always


def user_function(f: Any) -> Any:
    """Return what the user wrote behind the front end's flat functions."""
    while _is_library(type(f).__module__) and hasattr(f, "f"):
        f = f.f
    return f
