"""What a function refers to besides its arguments, watched for changes.

A recording holds the numbers that f found in its closure, its globals, its defaults and the objects it was bound
to. Before each replay they are compared with what was recorded: scalars and functions by identity, arrays by their
contents, containers and objects item by item. A function that refers to what cannot be watched is not recorded.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from diffiface_native.recorded.recorder import NotRecordable

_MOST_ENTRIES = 2_000
_MOST_WRITTEN_OUT = 12
_ABSENT = object()
_LEAVES = (
    bool, int, float, complex, str, bytes, type(None), type(Ellipsis), slice, range, np.generic, np.dtype, np.ufunc,
    types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType, types.GenericAlias,
)  # fmt: skip
_LIBRARIES = frozenset(sys.stdlib_module_names) | {"numpy", "scipy", "diffiface", "diffiface_native"}


class Watch:
    """Everything one function refers to, as it was."""

    def __init__(self, f: Any):
        self._entries: list[tuple[Any, Any, Any]] = []
        self._sizes: list[tuple[Any, int]] = []
        self._arrays: list[tuple[np.ndarray, np.ndarray]] = []
        self._seen: set[int] = set()
        self._kept: list[Any] = []
        self._visit(f)

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
            if type(container) is types.CellType and value is not _ABSENT:
                # (a cell that was emptied raises ValueError: f itself would fail)
                tests.append(f"{name(container)}.cell_contents is not {name(value)}")
            elif type(container) is dict and value is not None and value is not _ABSENT:
                tests.append(f"{name(container.get)}({key!r}) is not {name(value)}")
            else:
                return [f"not {name(self.holds)}()"]
        return tests

    def holds(self) -> bool:
        """Say whether everything is as it was."""
        for container, key, value in self._entries:
            if _look_up(container, key) is not value:
                return False
        for container, size in self._sizes:
            if len(container) != size:
                return False
        return all(_same(array, copy) for array, copy in self._arrays)

    # ---- finding it

    def _enter(self, container: Any, key: Any, value: Any) -> None:
        if len(self._entries) >= _MOST_ENTRIES:
            raise NotRecordable(f"it refers to more than {_MOST_ENTRIES} objects")
        self._entries.append((container, key, value))
        self._visit(value)

    def _visit(self, value: Any) -> None:
        if isinstance(value, _LEAVES) or id(value) in self._seen:
            return
        self._seen.add(id(value))
        self._kept.append(value)  # so that ids stay those of these objects
        if isinstance(value, types.FunctionType):
            self._visit_function(value)
        elif isinstance(value, np.ndarray):
            if value.dtype.hasobject:
                raise NotRecordable("it refers to an array of objects")
            self._arrays.append((value, value.copy()))
        elif isinstance(value, (list, dict, set)):
            self._visit_container(value)
        elif isinstance(value, (tuple, frozenset)):
            for item in value:
                self._visit(item)
        elif isinstance(value, functools.partial):
            for part in (value.func, value.args, value.keywords):
                self._visit(part)
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
        for cell in f.__closure__ or ():
            try:
                self._enter(cell, None, cell.cell_contents)
            except ValueError:  # not filled yet
                self._entries.append((cell, None, _ABSENT))
        self._visit(f.__defaults__)
        self._visit(f.__kwdefaults__)
        names = set(_names(f.__code__))
        for name in names:
            if name in f.__globals__:
                value = f.__globals__[name]
                self._enter(f.__globals__, name, value)
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
            raise NotRecordable(f"it refers to a {cls.__name__}, whose changes cannot be noticed")
        self._visit_container(value.__dict__)
        self._visit_class(cls)


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


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _is_library(module: str | None) -> bool:
    return module is not None and module.partition(".")[0] in _LIBRARIES


def user_function(f: Any) -> Any:
    """Return what the user wrote behind the front end's flat functions."""
    while _is_library(type(f).__module__) and hasattr(f, "f"):
        f = f.f
    return f
