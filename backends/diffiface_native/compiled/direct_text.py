"""The way from a Python call into kernels and back, in machine code: one function for all preparations.

What a generated Python function would do around a small kernel (compare the arguments, make arrays for the results, fill
a tuple) takes ten times as long as the kernel. Here it is LLVM IR that walks through tables, which `direct` fills in for
one recording; so it is compiled once, and a preparation pays nothing for it. No address is in the text: what it calls
stands in the table `API`.

    entry(self, arguments, count, keywords):
        no keywords, no trace running: attempt the recordings' tables in turn
        otherwise, or if none fits: the Python function that knows all cases
    attempt(self, arguments, count, table, api):
        compare arguments and what f refers to; make result arrays; run kernels; compare guards; make result scalars
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from diffiface_native.compiled.objects import C_CONTIGUOUS, DATA, DESCR, DIMENSIONS, FLAGS, HEADER, ND, TYPE

API = (
    "vectorcall", "getattr", "decref", "clear", "dict_get", "call", "tuple_new", "tuple_set", "array_new", "scalar_new",
    "running", "traces", "ndarray", "true",
)  # fmt: skip
"""The words of the table of what Python and NumPy offer, in order."""

TABLE = (
    "next", "count",
    "n_arguments", "arguments", "n_cells", "cells", "n_entries", "entries", "unchanged",
    "n_live", "live", "n_returned", "returned", "n_slots", "slots", "n_scratch", "scratch", "scratch_bytes",
    "n_patches", "patches", "n_kernels", "kernels", "n_guards", "guards",
)  # fmt: skip
"""The words of a recording's table: numbers, and pointers to arrays of records."""

RECORDS = {
    "arguments": ("kind", "object", "descr", "nd", "dims"),
    "cells": ("address", "expected"),
    "entries": ("dict", "key", "expected"),
    "live": ("kind", "container", "key", "descr", "nd", "dims", "same_as"),
    "returned": ("kind", "descr", "nd", "dims", "number", "object", "size", "table"),
    "scratch": ("offset",),
    "patches": ("slot", "object"),
    "kernels": ("function", "first", "count"),
    "guards": ("kernel", "object", "bytes", "expected"),
}
"""The words of one record."""

ARRAY, FLOAT, SAME = 0, 1, 2
"""Kinds of arguments: an array, a float, what must be the very same object."""
FIXED, CELL, ENTRY = 0, 1, 2
"""Kinds of ways to an array that is read live: the array itself, a closure cell, an entry of a dictionary."""
SCALAR, TAKEN = 1, 2
"""Kinds of what is returned: an ARRAY; a NumPy scalar; an array of entries that are taken from memory on the stack."""

_MISS = "inttoptr (i64 1 to ptr)"
"""What an attempt returns when its recording does not hold (null is an exception)."""


class _Function:
    """Writes one function, in which every counter and every variable is a slot on the stack that LLVM makes a register."""

    def __init__(self, head: str):
        self._head = head
        self._slots: list[str] = []
        self.lines: list[str] = []
        self._count = 0

    def text(self) -> str:
        return "\n".join([f"define {self._head} {{", "begin:", *self._slots, *self.lines, "}"])

    def emit(self, instruction: str) -> str:
        self._count += 1
        self.lines.append(f"  %t{self._count} = {instruction}")
        return f"%t{self._count}"

    def variable(self, kind: str, initial: str) -> str:
        self._count += 1
        self._slots.append(f"  %s{self._count} = alloca {kind}")
        self.lines.append(f"  store {kind} {initial}, ptr %s{self._count}")
        return f"%s{self._count}"

    def set(self, kind: str, value: str, variable: str) -> None:
        self.lines.append(f"  store {kind} {value}, ptr {variable}")

    def label(self) -> str:
        self._count += 1
        return f"l{self._count}"

    def place(self, label: str) -> None:
        """Begin the block of that label; what was written before goes on to it."""
        self.lines += [f"  br label %{label}", f"{label}:"]

    def begin(self, label: str) -> None:
        """Begin the block of that label; what was written before has ended in a branch."""
        self.lines.append(f"{label}:")

    def branch(self, condition: str, yes: str, no: str) -> None:
        self.lines.append(f"  br i1 {condition}, label %{yes}, label %{no}")

    def require(self, condition: str, otherwise: str) -> None:
        go_on = self.label()
        self.branch(condition, go_on, otherwise)
        self.begin(go_on)

    def equal(self, kind: str, a: str, b: str) -> str:
        return self.emit(f"icmp eq {kind} {a}, {b}")

    def at(self, pointer: str, offset: int | str, kind: str = "ptr") -> str:
        """Load from so many bytes behind a pointer."""
        return self.emit(f"load {kind}, ptr {self.emit(f'getelementptr i8, ptr {pointer}, i64 {offset}')}, align 1")

    def element(self, pointer: str, index: str, kind: str = "ptr") -> str:
        """Load a word of an array of words."""
        return self.emit(f"load {kind}, ptr {self.place_of(pointer, index)}")

    def place_of(self, pointer: str, index: str) -> str:
        return self.emit(f"getelementptr i64, ptr {pointer}, i64 {index}")

    def call(self, function: str, *arguments: str, result: str = "ptr") -> str:
        return self.emit(f"call {result} {function}({', '.join(arguments)})")

    @contextmanager
    def only_if(self, condition: str) -> Iterator[None]:
        """Write what is done only where a condition holds."""
        do, go_on = self.label(), self.label()
        self.branch(condition, do, go_on)
        self.begin(do)
        yield
        self.place(go_on)

    @contextmanager
    def loop(self, count: str) -> Iterator[str]:
        """Write a loop from 0 to `count`; gives the counter."""
        counter, head, body, done = self.variable("i64", "0"), self.label(), self.label(), self.label()
        self.place(head)
        i = self.emit(f"load i64, ptr {counter}")
        self.branch(self.emit(f"icmp slt i64 {i}, {count}"), body, done)
        self.begin(body)
        yield i
        self.set("i64", self.emit(f"add nuw nsw i64 {i}, 1"), counter)
        self.lines.append(f"  br label %{head}")
        self.begin(done)


def entry_text(words_at: int) -> str:
    """Return the IR; behind `self` stand, from `words_at` on: the word of the first table, the API, the fallback."""
    return "\n".join([
        "declare i32 @memcmp(ptr, ptr, i64)",
        "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
        _attempt(),
        _entry(words_at),
    ])  # fmt: skip


def _entry(words_at: int) -> str:
    f = _Function("ptr @entry(ptr %self, ptr %arguments, i64 %count, ptr %keywords)")
    current, api, fallback = (f.at("%self", words_at + 8 * i) for i in range(3))
    f.require(f.equal("ptr", "%keywords", "null"), "slow")
    # Inside another derivative, plain arrays are constants of a trace: a matter for the thorough way.
    traces = f.call(_api(f, api, "getattr"), f"ptr {_api(f, api, 'running')}", f"ptr {_api(f, api, 'traces')}")
    f.require(f.emit(f"icmp ne ptr {traces}, null"), "failed")
    length = f.at(traces, HEADER, "i64")
    _decref(f, api, traces)
    f.require(f.equal("i64", length, "0"), "slow")
    table = f.variable("ptr", f.emit(f"load ptr, ptr {current}"))
    f.place("next")
    one = f.emit(f"load ptr, ptr {table}")
    f.require(f.emit(f"icmp ne ptr {one}, null"), "slow")
    result = f.call("@attempt", "ptr %self", "ptr %arguments", "i64 %count", f"ptr {one}", f"ptr {api}")
    f.set("ptr", _word(f, one, "next"), table)
    f.branch(f.equal("ptr", result, _MISS), "next", "done")
    f.begin("done")
    f.lines.append(f"  ret ptr {result}")
    f.begin("failed")
    f.lines.append(f"  call void {_api(f, api, 'clear')}()")
    f.lines.append("  br label %slow")
    f.begin("slow")
    called = f.call(_api(f, api, "vectorcall"), f"ptr {fallback}", "ptr %arguments", "i64 %count", "ptr %keywords")
    f.lines.append(f"  ret ptr {called}")
    return f.text()


def _attempt() -> str:
    f = _Function("internal ptr @attempt(ptr %self, ptr %arguments, i64 %count, ptr %table, ptr %api)")
    f.require(f.equal("i64", "%count", _word(f, "%table", "n_arguments", "i64")), "miss")
    _compare_arguments(f)
    _compare_captured(f)
    # What belongs to the caller at the end: a tuple, or the only result.
    holder = f.variable("ptr", "null")
    count = _word(f, "%table", "n_returned", "i64")
    is_one = f.equal("i64", count, "1")
    with f.only_if(f.emit(f"icmp ne i64 {count}, 1")):
        made = f.call(_api(f, "%api", "tuple_new"), f"i64 {count}")
        f.require(f.emit(f"icmp ne ptr {made}, null"), "failed")
        f.set("ptr", made, holder)
    objects = _objects(f, holder, is_one)
    _run_kernels(f, objects)
    with _records(f, "returned") as (i, record):
        with f.only_if(f.equal("i64", _field(f, record, "returned", "kind", "i64"), str(SCALAR))):
            where = f.element(objects, _field(f, record, "returned", "object", "i64"))
            data, descr = f.at(where, DATA), _field(f, record, "returned", "descr")
            made = f.call(_api(f, "%api", "scalar_new"), f"ptr {data}", f"ptr {descr}", "ptr null")
            _hold(f, holder, is_one, i, made)
        with f.only_if(f.equal("i64", _field(f, record, "returned", "kind", "i64"), str(TAKEN))):
            _take(f, objects, i, record)
    f.lines.append(f"  ret ptr {f.emit(f'load ptr, ptr {holder}')}")
    f.begin("dropped")
    _drop(f, holder, "miss")
    f.begin("failed")
    _drop(f, holder, "null")
    f.begin("miss")
    f.lines.append(f"  ret ptr {_MISS}")
    f.begin("null")
    f.lines.append("  ret ptr null")
    return f.text()


def _compare_arguments(f: _Function) -> None:
    with _records(f, "arguments") as (i, record):
        given = f.element("%arguments", i)
        kind = _field(f, record, "arguments", "kind", "i64")
        wanted = _field(f, record, "arguments", "object")
        is_same = f.equal("i64", kind, str(SAME))
        compared = f.emit(f"select i1 {is_same}, ptr {given}, ptr {f.at(given, TYPE)}")
        f.require(f.equal("ptr", compared, wanted), "miss")
        with f.only_if(f.equal("i64", kind, str(ARRAY))):
            _compare_array(f, given, "arguments", record, "miss")


def _compare_array(f: _Function, given: str, of: str, record: str, otherwise: str) -> None:
    f.require(f.equal("ptr", f.at(given, DESCR), _field(f, record, of, "descr")), otherwise)
    flags = f.emit(f"and i32 {f.at(given, FLAGS, 'i32')}, {C_CONTIGUOUS}")
    f.require(f.emit(f"icmp ne i32 {flags}, 0"), otherwise)
    nd = _field(f, record, of, "nd", "i64")
    f.require(f.equal("i64", f.emit(f"sext i32 {f.at(given, ND, 'i32')} to i64"), nd), otherwise)
    dims, lengths = _field(f, record, of, "dims"), f.at(given, DIMENSIONS)
    with f.loop(nd) as axis:
        f.require(f.equal("i64", f.element(lengths, axis, "i64"), f.element(dims, axis, "i64")), otherwise)


def _compare_captured(f: _Function) -> None:
    """Compare what f refers to: closure cells, entries of dictionaries (globals), and what only Python can compare."""
    with _records(f, "cells") as (_, record):
        found = f.emit(f"load ptr, ptr {_field(f, record, 'cells', 'address')}")
        f.require(f.equal("ptr", found, _field(f, record, "cells", "expected")), "miss")
    with _records(f, "entries") as (_, record):
        pair = [f"ptr {_field(f, record, 'entries', name)}" for name in ("dict", "key")]
        found = f.call(_api(f, "%api", "dict_get"), *pair)
        f.require(f.equal("ptr", found, _field(f, record, "entries", "expected")), "miss")
    unchanged = _word(f, "%table", "unchanged")
    with f.only_if(f.emit(f"icmp ne ptr {unchanged}, null")):
        answer = f.call(_api(f, "%api", "call"), f"ptr {unchanged}")
        f.require(f.emit(f"icmp ne ptr {answer}, null"), "null")
        is_true = f.equal("ptr", answer, _api(f, "%api", "true"))
        _decref(f, "%api", answer)
        f.require(is_true, "miss")


def _objects(f: _Function, holder: str, is_one: str) -> str:
    """List what kernels work on: the arguments, new arrays for results, what f refers to, memory on the stack.

    A kernel reads of an array only where its data is. So for memory on the stack a stand-in will do that has the pointer
    in the same place.
    """
    arguments, returned, scratch = (
        _word(f, "%table", f"n_{name}", "i64") for name in ("arguments", "returned", "scratch")
    )
    first = f.emit(f"add i64 {arguments}, {returned}")
    rest = f.emit(f"add i64 {first}, {_word(f, '%table', 'n_live', 'i64')}")
    objects = f.emit(f"alloca ptr, i64 {f.emit(f'add i64 {rest}, {scratch}')}")
    _copy(f, objects, "%arguments", arguments)
    block = f.emit(f"alloca i8, i64 {_word(f, '%table', 'scratch_bytes', 'i64')}, align 64")
    stand_ins = f.emit(f"alloca [{DATA + 8} x i8], i64 {scratch}, align 8")
    _find_live(f, objects, first)
    with _records(f, "returned") as (i, record):
        with f.only_if(f.emit(f"icmp ne i64 {_field(f, record, 'returned', 'kind', 'i64')}, {SCALAR}")):
            made = _new_array(f, record)
            _hold(f, holder, is_one, i, made)
            f.set("ptr", made, f.place_of(objects, f.emit(f"add i64 {arguments}, {i}")))
    with _records(f, "scratch") as (i, record):
        stand_in = f.emit(f"getelementptr [{DATA + 8} x i8], ptr {stand_ins}, i64 {i}")
        memory = f.emit(f"getelementptr i8, ptr {block}, i64 {_field(f, record, 'scratch', 'offset', 'i64')}")
        f.set("i64", "0", stand_in)
        f.set("ptr", memory, f.emit(f"getelementptr i8, ptr {stand_in}, i64 {DATA}"))
        f.set("ptr", stand_in, f.place_of(objects, f.emit(f"add i64 {rest}, {i}")))
    return objects


def _find_live(f: _Function, objects: str, place: str) -> None:
    """Find the arrays that f refers to and compare them as arguments are; several ways to one must lead to one still."""
    with _records(f, "live") as (i, record):
        kind, container = _field(f, record, "live", "kind", "i64"), _field(f, record, "live", "container")
        found = f.variable("ptr", container)
        with f.only_if(f.equal("i64", kind, str(CELL))):
            f.set("ptr", f.at(container, HEADER), found)
        with f.only_if(f.equal("i64", kind, str(ENTRY))):
            key = _field(f, record, "live", "key")
            f.set("ptr", f.call(_api(f, "%api", "dict_get"), f"ptr {container}", f"ptr {key}"), found)
        array = f.emit(f"load ptr, ptr {found}")
        f.require(f.emit(f"icmp ne ptr {array}, null"), "dropped")
        f.require(f.equal("ptr", f.at(array, TYPE), _api(f, "%api", "ndarray")), "dropped")
        _compare_array(f, array, "live", record, "dropped")
        f.set("ptr", array, f.place_of(objects, f.emit(f"add i64 {place}, {i}")))
        first = f.element(objects, _field(f, record, "live", "same_as", "i64"))
        f.require(f.equal("ptr", first, array), "dropped")


def _take(f: _Function, objects: str, i: str, record: str) -> None:
    """Fill a result with words from memory on the stack, by a table of where they stand."""
    place = f.emit(f"add i64 {_word(f, '%table', 'n_arguments', 'i64')}, {i}")
    to = f.at(f.element(objects, place), DATA)
    of = f.at(f.element(objects, _field(f, record, "returned", "object", "i64")), DATA)
    table = _field(f, record, "returned", "table")
    with f.loop(_field(f, record, "returned", "size", "i64")) as k:
        f.set("i64", f.element(of, f.element(table, k, "i64"), "i64"), f.place_of(to, k))


def _new_array(f: _Function, record: str) -> str:
    nd, number = (f.emit(f"trunc i64 {_field(f, record, 'returned', name, 'i64')} to i32") for name in ("nd", "number"))
    kind, dims = _api(f, "%api", "ndarray"), _field(f, record, "returned", "dims")
    return f.call(
        _api(f, "%api", "array_new"), f"ptr {kind}", f"i32 {nd}", f"ptr {dims}", f"i32 {number}",
        "ptr null", "ptr null", "i32 0", "i32 0", "ptr null",
    )  # fmt: skip


def _run_kernels(f: _Function, objects: str) -> None:
    """Call the kernels, each with its slots; compare a kernel's guards before the next one runs."""
    count = _word(f, "%table", "n_slots", "i64")
    slots = f.emit(f"alloca ptr, i64 {count}")
    _copy(f, slots, _word(f, "%table", "slots"), count)
    with _records(f, "patches") as (_, record):
        thing = f.element(objects, _field(f, record, "patches", "object", "i64"))
        f.set("ptr", thing, f.place_of(slots, _field(f, record, "patches", "slot", "i64")))
    with _records(f, "kernels") as (i, record):
        own = f.place_of(slots, _field(f, record, "kernels", "first", "i64"))
        number = _field(f, record, "kernels", "count", "i64")
        f.call(_field(f, record, "kernels", "function"), "ptr %self", f"ptr {own}", f"i64 {number}")
        with _records(f, "guards") as (_, guard):
            with f.only_if(f.equal("i64", _field(f, guard, "guards", "kernel", "i64"), i)):
                data = f.at(f.element(objects, _field(f, guard, "guards", "object", "i64")), DATA)
                expected, size = _field(f, guard, "guards", "expected"), _field(f, guard, "guards", "bytes", "i64")
                differs = f.call("@memcmp", f"ptr {data}", f"ptr {expected}", f"i64 {size}", result="i32")
                f.require(f.equal("i32", differs, "0"), "dropped")


def _hold(f: _Function, holder: str, is_one: str, i: str, made: str) -> None:
    """Give a new object to the tuple, or keep it as the only result."""
    f.require(f.emit(f"icmp ne ptr {made}, null"), "failed")
    alone, among, held = f.label(), f.label(), f.label()
    f.branch(is_one, alone, among)
    f.begin(alone)
    f.set("ptr", made, holder)
    f.lines.append(f"  br label %{held}")
    f.begin(among)
    whole = f.emit(f"load ptr, ptr {holder}")
    f.call(_api(f, "%api", "tuple_set"), f"ptr {whole}", f"i64 {i}", f"ptr {made}", result="i32")
    f.place(held)


def _drop(f: _Function, holder: str, then: str) -> None:
    held, some = f.emit(f"load ptr, ptr {holder}"), f.label()
    f.branch(f.equal("ptr", held, "null"), then, some)
    f.begin(some)
    _decref(f, "%api", held)
    f.lines.append(f"  br label %{then}")


def _copy(f: _Function, to: str, of: str, words: str) -> None:
    size = f.emit(f"mul i64 {words}, 8")
    f.lines.append(f"  call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {of}, i64 {size}, i1 false)")


def _decref(f: _Function, api: str, thing: str) -> None:
    f.lines.append(f"  call void {_api(f, api, 'decref')}(ptr {thing})")


def _api(f: _Function, api: str, name: str) -> str:
    return f.at(api, 8 * API.index(name))


def _word(f: _Function, table: str, name: str, kind: str = "ptr") -> str:
    return f.at(table, 8 * TABLE.index(name), kind)


def _field(f: _Function, record: str, of: str, name: str, kind: str = "ptr") -> str:
    return f.at(record, 8 * RECORDS[of].index(name), kind)


@contextmanager
def _records(f: _Function, name: str) -> Iterator[tuple[str, str]]:
    """Write a loop over the records of one kind; gives the counter and the record."""
    all_of_them, size = _word(f, "%table", name), 8 * len(RECORDS[name])
    with f.loop(_word(f, "%table", f"n_{name}", "i64")) as i:
        yield i, f.emit(f"getelementptr i8, ptr {all_of_them}, i64 {f.emit(f'mul i64 {i}, {size}')}")
