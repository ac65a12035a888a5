"""Bound calls that are machine code from the first argument to the result: the tables that `direct_text` walks through.

A `DirectCall` is made where a preparation binds its calls. Each recording that consists of kernels alone is then entered
as a table; a call tries the tables, the latest first, and goes to the Python function behind it where none fits: other
kinds of arguments, keywords, a call inside another derivative, another way through f.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffiface.adapter import running
from diffiface_native.compiled.direct_text import (
    API,
    ARRAY,
    CELL,
    ENTRY,
    FIXED,
    FLOAT,
    RECORDS,
    SAME,
    SCALAR,
    TABLE,
    TAKEN,
    entry_text,
)
from diffiface_native.compiled.machine import METH_FASTCALL, METH_KEYWORDS, WORDS_AT, MachineCode, function_at
from diffiface_native.compiled.objects import HEADER
from diffiface_native.recorded.entry import Entry
from diffiface_native.recorded.graph import Value

_MOST_SCRATCH = 1 << 16
"""How many bytes of the stack a call may take."""
_MOST_RETURNED = 120 * 1024
"""From how many bytes on a result's memory is better used again (`replay.renewed`) than asked for."""
_ALIGNED = 64


Place = tuple[tuple[int, ...], bool]
"""The path of one part of what a bound call returns among the engine method's results, and whether that part is a batch of
one, to be returned without the batch axis."""


@dataclass(frozen=True)
class KernelCall:
    """One kernel of a program: its name, and what it is called with, as the program's Python names it."""

    function: str
    arguments: tuple[str, ...]


class _NotDirect(Exception):
    """The recording needs Python between the kernels, or around them."""


class DirectCall:
    """The bound call of one variant of an operator.

    Args:
        places: what it returns, one object or a tuple.
        fallback: the Python function that is called with the same arguments where no recording fits.
        seeds: tangents or cotangents that are no arguments, but always these.
        take: which entries of the only place it returns.
    """

    def __init__(
        self,
        places: Sequence[Place],
        fallback: Callable[..., Any],
        seeds: Sequence[np.ndarray] | None = None,
        take: np.ndarray | None = None,
    ):
        self._places = tuple(places)
        self._seeds, self._taken = seeds, take
        self._first = np.zeros(1, np.uint64)
        """The address of the first table: a word that is replaced at once."""
        self._kept: list[Any] = [fallback, self._first, _api(), _entry()]
        """What the tables refer to. None is taken away while the function is there: another thread may be in it."""
        words = struct.pack("QQQ", self._first.ctypes.data, _api().table.ctypes.data, id(fallback))
        address = _entry().addresses["entry"]
        self.function = function_at(address, METH_FASTCALL | METH_KEYWORDS, words, (self._kept,))
        """The Python function object."""

    def add(self, program: Any, entry: Entry, results: Sequence[Any]) -> None:
        """Enter a recording, to be tried first, if it is kernels alone."""
        try:
            table = _Table(program, entry, results, self._places, self._seeds, self._taken)
        except _NotDirect:
            return
        table.words[TABLE.index("next")] = self._first[0]
        self._kept.append(table)
        self._first[0] = table.words.ctypes.data

    def clear(self) -> None:
        """Leave every call to the fallback."""
        self._first[0] = 0


class _Api:
    """The functions and objects of Python and NumPy that the entry uses."""

    def __init__(self) -> None:
        python = ctypes.pythonapi
        core: Any = getattr(np, "_core", None) or getattr(np, "core")  # noqa: B009 (its name before NumPy 2)
        get = python.PyCapsule_GetPointer
        get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        numpy = ctypes.cast(get(core._multiarray_umath._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
        functions = {
            "vectorcall": python.PyObject_Vectorcall, "getattr": python.PyObject_GetAttr, "decref": python.Py_DecRef,
            "clear": python.PyErr_Clear, "dict_get": python.PyDict_GetItemWithError, "call": python.PyObject_CallNoArgs,
            "tuple_new": python.PyTuple_New, "tuple_set": python.PyTuple_SetItem,
        }  # fmt: skip
        self._objects = {"running": running, "traces": "traces", "ndarray": np.ndarray, "true": True}
        words = {name: ctypes.cast(function, ctypes.c_void_p).value or 0 for name, function in functions.items()}
        # (the places of PyArray_New and PyArray_Scalar in NumPy's table are part of its ABI)
        words |= {"array_new": numpy[93] or 0, "scalar_new": numpy[60] or 0}
        words |= {name: id(thing) for name, thing in self._objects.items()}
        self.table = np.array([words[name] for name in API], np.uint64)


_made: list[Any] = []


def _api() -> _Api:
    _entry()
    return _made[0]


def _entry() -> MachineCode:
    """Return the entry, compiled at first use and kept."""
    if not _made:
        _made[:] = [_Api(), MachineCode(entry_text(WORDS_AT), ["entry"])]
    return _made[1]


class _Table:
    """What the entry must know of one recording."""

    def __init__(
        self,
        program: Any,
        entry: Entry,
        results: Sequence[Any],
        places: Sequence[Place],
        seeds: Sequence[np.ndarray] | None,
        taken: np.ndarray | None,
    ):
        if not program.kernels_alone:
            raise _NotDirect
        self._program, self._entry = program, entry
        self._seeds, self._taken = seeds, taken
        self._constants: dict[str, np.ndarray] = {}
        self._kept: list[Any] = [program]
        self._records: dict[str, list[list[int]]] = {name: [] for name in RECORDS}
        self._inputs: dict[str, int] = {}
        self._stand_ins: dict[str, int] = {}
        self._scratch_bytes = 0
        self._add_arguments()
        self._returned: dict[str, int] = {}
        found = [self._found(results, place) for place in places]
        self._count_returned = len(found)
        self._add_live()
        self._scratch_from = len(self._records["arguments"]) + len(found) + len(self._records["live"])
        for value, alone in found:
            self._add_returned(value, alone)
        slots = self._add_kernels()
        unchanged = self._add_captured()
        self._kept.append(slots)
        words = {
            "next": 0,
            "unchanged": 0 if unchanged is None else id(unchanged),
            "n_slots": len(slots),
            "slots": slots.ctypes.data,
            "scratch_bytes": self._scratch_bytes,
            "count": 0,
        }
        for name, records in self._records.items():
            array = np.array(records, np.uint64).reshape(-1)
            self._kept.append(array)
            words |= {f"n_{name}": len(records), name: array.ctypes.data}
        self.words = np.array([words[name] for name in TABLE], np.uint64)

    def _add(self, records: str, /, **words: int) -> None:
        self._records[records].append([words.get(word, 0) for word in RECORDS[records]])

    def _keep(self, thing: Any) -> int:
        """Keep an object alive and return its address."""
        self._kept.append(thing)
        return id(thing)

    def _lengths(self, shape: Sequence[int]) -> dict[str, int]:
        dims = np.array(shape, np.int64)
        self._kept.append(dims)
        return {"nd": len(shape), "dims": dims.ctypes.data}

    def _add_arguments(self) -> None:
        """List the user's arguments: x, a tangent or cotangent (recorded as a batch of one), contexts."""
        inputs = iter(zip(self._program.graph.inputs, self._entry.types, strict=True))
        static = iter(self._entry.static)
        for i, group in enumerate(self._entry.layout):
            is_batch = i == 1 and len(self._entry.layout) == 3
            if is_batch and self._seeds is not None:
                self._fix([next(inputs)[0] for is_input in group if is_input], self._seeds)
                continue
            if is_batch and len(group) != 1:
                raise _NotDirect
            for is_input in group:
                if not is_input:
                    self._add("arguments", kind=SAME, object=self._keep(next(static)))
                    continue
                value, kind = next(inputs)
                self._inputs[f"v{value.number}"] = len(self._records["arguments"])
                if kind is not np.ndarray:
                    # (a kernel reads a NumPy float as it does a Python float, in which it begins)
                    self._inputs[f"float(v{value.number})"] = len(self._records["arguments"])
                    self._add("arguments", kind=FLOAT, object=id(kind))
                    continue
                shape = value.shape[1:] if is_batch else value.shape
                if value.shape == () or (is_batch and value.shape[0] != 1):
                    raise _NotDirect
                lengths, descr = self._lengths(shape), self._keep(value.dtype)
                self._add("arguments", kind=ARRAY, object=id(np.ndarray), descr=descr, **lengths)

    def _fix(self, inputs: Sequence[Value], arrays: Sequence[np.ndarray]) -> None:
        """Let inputs be the same arrays in every call."""
        for value, array in zip(inputs, arrays, strict=True):
            if array.shape != value.shape or array.dtype != value.dtype or not array.flags.c_contiguous:
                raise _NotDirect
            self._constants[f"v{value.number}"] = array

    def _add_live(self) -> None:
        """List the arrays that f refers to (the last inputs), with the ways to them."""
        live = self._entry.watch.live
        if live and self._program.is_long:
            raise _NotDirect  # while the lock is released, somebody else may put another array there and drop this one
        values = self._program.graph.inputs[len(self._program.graph.inputs) - len(live) :]
        for value, captured in zip(values, live, strict=True):
            first = len(self._records["arguments"]) + self._count_returned + len(self._records["live"])
            self._inputs[f"v{value.number}"] = first
            lengths, descr = self._lengths(value.shape), self._keep(value.dtype)
            for container, key in captured.routes:
                kind, thing = (
                    (FIXED, captured.array) if container is None else (CELL if key is None else ENTRY, container)
                )
                way = {"kind": kind, "container": self._keep(thing), "key": self._keep(key)}
                self._add("live", **way, descr=descr, same_as=first, **lengths)

    def _found(self, results: Any, place: Place) -> tuple[Value, bool]:
        path, alone = place
        for step in path:
            results = results[step]
        if type(results) is not Value or results.operation == "input":
            raise _NotDirect  # a constant, of which every call returns a copy
        if alone and results.shape[0] != 1:
            raise _NotDirect
        return results, alone

    def _add_returned(self, value: Value, alone: bool) -> None:
        name = self._program.array_of(value)
        shape = value.shape[1:] if alone else value.shape
        if name is None or name in self._returned or value.sample.nbytes >= _MOST_RETURNED:
            raise _NotDirect
        descr = self._keep(value.dtype)
        if self._taken is not None:
            table = np.array(self._taken, np.int64)
            if value.dtype.itemsize != 8 or table.ndim != 1 or (table.size and table.max() >= value.sample.size):
                raise _NotDirect
            self._kept.append(table)
            thing, lengths = self._scratch(name, value.sample.nbytes), self._lengths(table.shape)
            words = {"object": thing, "number": value.dtype.num, "size": table.size, "table": table.ctypes.data}
            self._add("returned", kind=TAKEN, descr=descr, **words, **lengths)
            return
        if shape == ():
            self._add("returned", kind=SCALAR, descr=descr, object=self._scratch(name, value.sample.nbytes))
            return
        self._returned[name] = len(self._records["arguments"]) + len(self._records["returned"])
        self._add("returned", kind=ARRAY, descr=descr, number=value.dtype.num, **self._lengths(shape))

    def _scratch(self, name: str, size: int) -> int:
        """Return the object of that much memory on the stack."""
        if name not in self._stand_ins:
            self._stand_ins[name] = self._scratch_from + len(self._records["scratch"])
            self._add("scratch", offset=self._scratch_bytes)
            self._scratch_bytes += -(-size // _ALIGNED) * _ALIGNED
            if self._scratch_bytes > _MOST_SCRATCH:
                raise _NotDirect
        return self._stand_ins[name]

    def _add_kernels(self) -> np.ndarray:
        """List the kernels; return what they are called with, as far as that is the same in every call."""
        slots: list[int] = []
        sizes = self._program.memory_sizes()
        for step in self._program.direct_steps:
            if not isinstance(step, KernelCall):
                name, expected = step  # a guard, computed by the kernel before
                data = np.frombuffer(expected, np.uint8)
                self._kept.append(data)
                kernel = len(self._records["kernels"]) - 1
                if kernel < 0 or name not in sizes or sizes[name] != len(expected):
                    raise _NotDirect
                thing = self._object(name, sizes)
                self._add("guards", kernel=kernel, object=thing, bytes=len(expected), expected=data.ctypes.data)
                continue
            self._add(
                "kernels",
                function=self._program.address_of(step.function),
                first=len(slots),
                count=len(step.arguments),
            )
            for name in step.arguments:
                constant = self._constants.get(name, self._program.names.get(name))
                if isinstance(constant, np.ndarray):
                    slots.append(self._keep(constant))
                    continue
                self._add("patches", slot=len(slots), object=self._object(name, sizes))
                slots.append(0)
        return np.array(slots, np.uint64)

    def _object(self, name: str, sizes: dict[str, int]) -> int:
        if name in self._inputs:
            return self._inputs[name]
        if name in self._returned:
            return self._returned[name]
        if name == "None":  # which a kernel returns: nobody looks at it
            return self._scratch(name, 0)
        if name in sizes:
            return self._scratch(name, sizes[name])
        raise _NotDirect

    def _add_captured(self) -> Callable[[], bool] | None:
        """List what f refers to; return a function that compares it, if machine code cannot."""
        cells, entries = self._entry.watch.plain_entries() or ([], None)
        if entries is None:
            return self._keep_function(self._entry.watch.holds)
        for cell, value in cells:
            self._add("cells", address=self._keep(cell) + HEADER, expected=self._keep(value))
        for dictionary, key, value in entries:
            self._add("entries", dict=self._keep(dictionary), key=self._keep(key), expected=self._keep(value))
        return None

    def _keep_function(self, function: Callable[[], bool]) -> Callable[[], bool]:
        self._kept.append(function)
        return function
