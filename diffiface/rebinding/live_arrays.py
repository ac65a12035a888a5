"""Arrays that f finds in its closure, its globals and its defaults, as traced values: for engines that record f.

An engine that runs f once and its record ever after must not take such an array for a constant: it may be changed in
place, or another may be bound to its name. `reading_live` lets f find a value of the engine's in its place while f runs.
f is then a copy of the copy that rebinding made, for one run, with other cells and names. Only functions in which this
reaches every use of the name are copied (`can_read_live`).
"""

from __future__ import annotations

import functools
import threading
import types
from collections.abc import Collection, Iterator, Mapping
from dis import get_instructions
from typing import Any

from diffiface.numpy_api.array import Array, argument
from diffiface.primitives import Primitives
from diffiface.rebinding.functions import cells_assigned, codes, content_of, globals_written, original_of
from diffiface.rebinding.namespaces import behind
from diffiface.rebinding.rebound import rebound

_REACHING_AROUND = frozenset({"globals", "eval", "exec"})
"""Builtins by which code reads names that are not in it."""

_CALLED = frozenset({types.FunctionType, functools.partial})


class _Running(threading.local):
    table: reading_live | None = None


_running = _Running()


def names_in(code: types.CodeType) -> Iterator[str]:
    """Yield the names of globals (and attributes) in a function's code and in the functions made in it."""
    for part in codes(code):
        yield from part.co_names


def reaches_around(code: types.CodeType) -> bool:
    """Say whether a function's code may read names that are not in it, by `eval` and the like."""
    return any(
        (_REACHING_AROUND & {*part.co_names})
        and any(
            i.opname in ("LOAD_GLOBAL", "LOAD_NAME") and i.argval in _REACHING_AROUND for i in get_instructions(part)
        )
        for part in codes(code)
    )


def can_read_live(f: types.FunctionType) -> bool:
    """Say whether all that a function does with the names it finds outside is to read them."""
    return (
        globals_written(f.__code__) == set()
        and not cells_assigned(f.__code__) & {*f.__code__.co_freevars}
        and not reaches_around(f.__code__)
    )


class reading_live:
    """Let the user's functions find traced values in the place of arrays (a context manager, for this thread).

    Args:
        p: The engine's primitives, to which the traced values belong.
        values: id of an array → the raw value that f is to find in its place.
        functions: ids of the user's functions in which it is to be found.
    """

    def __init__(self, p: Primitives, values: Mapping[int, Any], functions: Collection[int]):
        self._dressed: dict[int, Array] = {key: argument(raw, p) for key, raw in values.items()}
        self._raw = values
        self._functions = functions
        self._copies: dict[int, types.FunctionType] = {}
        """id of the user's function → the copy that reads traced values."""
        self._before: reading_live | None = None

    def __enter__(self) -> reading_live:
        self._before, _running.table = _running.table, self
        return self

    def __exit__(self, *_: object) -> None:
        _running.table = self._before

    @property
    def reached(self) -> bool:
        """Whether all functions were met."""
        return set(self._functions) <= self._copies.keys()

    @property
    def written(self) -> bool:
        """Whether f wrote to one of the arrays."""
        return any(dressed._read() is not self._raw[key] for key, dressed in self._dressed.items())

    # ---- copies

    def copied(self, value: Any) -> Any:
        """Return what stands for something that rebinding has made, or for an array."""
        if id(value) in self._dressed:
            return self._dressed[id(value)]
        if type(value) is functools.partial:
            keywords = {name: self.copied(item) for name, item in value.keywords.items()}
            return functools.partial(self.copied(value.func), *map(self.copied, value.args), **keywords)
        if type(value) is types.FunctionType and id(original_of(value)) in self._functions:
            known = self._copies.get(id(original_of(value)))
            return self._copy(value) if known is None else known
        return value

    def _copy(self, f: types.FunctionType) -> types.FunctionType:
        real = behind(f.__globals__)
        if real is None:  # it was not rebound after all
            return f
        contents = [content_of(cell) for cell in f.__closure__ or ()]
        to_fill = [self._may_change(content) for content in contents]
        cells = tuple(
            types.CellType() if changes else cell for cell, changes in zip(f.__closure__ or (), to_fill, strict=True)
        )
        names = {**f.__globals__}
        copy = types.FunctionType(f.__code__, names, f.__name__, self._each(f.__defaults__), cells or None)
        copy.__kwdefaults__ = f.__kwdefaults__ and {name: self.copied(item) for name, item in f.__kwdefaults__.items()}
        copy.__qualname__, copy.__dict__ = f.__qualname__, f.__dict__
        self._copies[id(original_of(f))] = copy  # (before its parts, which may lead back to it)
        for cell, content, changes in zip(cells, contents, to_fill, strict=True):
            if changes:
                cell.cell_contents = self.copied(content)
        for name in {*names_in(f.__code__)} & real.keys():
            value = rebound(real[name])
            became = self.copied(value)
            if became is not value:
                names[name] = became
        return copy

    def _each(self, items: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        return None if items is None else tuple(map(self.copied, items))

    def _may_change(self, content: Any) -> bool:
        return id(content) in self._dressed or type(content) in _CALLED


def with_live_arrays(f: Any) -> Any:
    """Return what runs in the place of a rebound function: a copy that reads traced values, if an engine asks for it."""
    table = _running.table
    return f if table is None else table.copied(f)
