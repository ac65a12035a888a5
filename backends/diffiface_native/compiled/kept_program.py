"""Programs kept on disk under their graphs, so that a later process need not plan and write them again.

Beside the object code (an entry of its own) that is the Python that calls the kernels and what it refers to: numbers,
arrays, dtypes, NumPy's and our own functions by name. A program that refers to anything else, or to large arrays, is not
kept; only its object code is.
"""

from __future__ import annotations

import functools
import io
import pickle
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from diffiface_native.compiled import object_cache
from diffiface_native.compiled.direct import KernelCall
from diffiface_native.compiled.graph_key import Unkeyable, graph_text
from diffiface_native.compiled.machine import KeptCodeMissing, MachineCode, host_description
from diffiface_native.compiled.program import CompiledProgram
from diffiface_native.compiled.sharing import Sharing, Threads
from diffiface_native.ground import GROUND
from diffiface_native.recorded.graph import Graph, Value
from diffiface_native.recorded.replay import ALWAYS, Local

_MOST_BYTES = 1 << 20
"""How large an entry may be: a program that refers to large arrays is planned again faster than they are read."""


_FOUND_BY_NAME = ("numpy", "diffiface_native")
"""The packages whose functions another process finds by their names. (A function within a function has none.)"""


def compiled_program(graph: Graph, *, strict: bool, threads: Threads) -> CompiledProgram | KeptProgram:
    """Return a graph's program: from the directory, if one is set and has it, else compiled (and kept there).

    Raises:
        TooMuchCode: if LLVM would take longer than most users will wait.
        TooManyPieces: if there are too many arrays put together of parts.
    """
    name = _entry_name(graph, strict, threads) if object_cache.is_used() else None
    if name is not None:
        kept = _read(name)
        if kept is not None:
            try:
                return KeptProgram(kept, graph, threads)
            except KeptCodeMissing:
                pass  # somebody has cleaned up the directory, or it is damaged
    program = CompiledProgram(graph, strict=strict, threads=threads)
    if name is not None:
        content = _content(program, graph)
        if content is not None and len(content) <= _MOST_BYTES:
            object_cache.write(name, content)
    return program


def _entry_name(graph: Graph, strict: bool, threads: Threads) -> str | None:
    try:
        text = graph_text(graph)
    except Unkeyable:
        return None
    options = repr((strict, threads, Sharing(threads).threads))
    return object_cache.entry_name(object_cache.PROGRAM, host_description(), _versions(), options, text)


@functools.cache
def _versions() -> str:
    """Return what tells this version of the compiler from others.

    (Those are its files: a number stays the same while a clone of it changes.)
    """
    files = sorted(Path(__file__).parent.parent.rglob("*.py"))
    stamps = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return repr((np.__version__, stamps))


@dataclass
class Kept:
    """Of a program, what a later process needs."""

    lines: list[str]
    results: list[str]
    fits: str | None
    names: dict[str, Any]
    """Those that are neither in every program nor made of its code."""
    buffers: list[tuple[tuple[int, ...], np.dtype]]
    large_results: int
    shares: bool
    """Whether threads may share its loops."""
    text: str
    """Its description."""
    kernels_alone: bool
    is_long: bool
    array_of: dict[int, str]
    memory_sizes: dict[str, int]
    direct_steps: list[KernelCall | tuple[str, bytes]]
    code: str | None
    """The name of the entry that holds its object code, if it has any."""
    functions: list[str]


class KeptProgram:
    """A program that was made by another process (for its attributes see `CompiledProgram`)."""

    how = CompiledProgram.how

    def __init__(self, kept: Kept, graph: Graph, threads: Threads):
        self.graph = graph
        self.lines, self.results, self.fits = kept.lines, kept.results, kept.fits
        self.kernels_alone, self.is_long, self.direct_steps = kept.kernels_alone, kept.is_long, kept.direct_steps
        self._kept = kept
        self._local = Local(kept.buffers, kept.large_results)
        self.names: dict[str, Any] = {**ALWAYS, **kept.names, "local": self._local}
        if kept.shares:
            self.names["sharing"] = Sharing(threads)
        if kept.code is not None:
            self._code = MachineCode.kept(kept.code, kept.functions)
            self.names["code"] = self._code
            self.names.update({f"kernel_{name}": function for name, function in self._code.functions.items()})

    @property
    def buffer_bytes(self) -> int:
        return sum(buffer.nbytes for buffer in self._local.buffers)

    def describe(self) -> str:
        return self._kept.text

    def name(self, thing: Any, prefix: str = "k") -> str:
        name = f"{prefix}{len(self.names)}"
        self.names[name] = thing
        return name

    def array_of(self, value: Value) -> str | None:
        return self._kept.array_of.get(value.number)

    def address_of(self, function: str) -> int:
        return self._code.addresses[function]

    def memory_sizes(self) -> dict[str, int]:
        return self._kept.memory_sizes


# ---- as bytes


def _content(program: CompiledProgram, graph: Graph) -> bytes | None:
    """Return what is kept of a program; None if it refers to what cannot be kept."""
    code = program.names.get("code")
    of_code = {f"kernel_{name}" for name in code.functions} if code is not None else set[str]()
    apart = {*ALWAYS, "local", "sharing", "code", *of_code}
    outputs = {value.number: program.array_of(value) for value in graph.outputs if type(value) is Value}
    kept = Kept(
        lines=program.lines,
        results=program.results,
        fits=program.fits,
        names={name: thing for name, thing in program.names.items() if name not in apart},
        buffers=program.buffers,
        large_results=program.large_results,
        shares="sharing" in program.names,
        text=program.describe(),
        kernels_alone=program.kernels_alone,
        is_long=program.is_long,
        array_of={number: array for number, array in outputs.items() if array is not None},
        memory_sizes=program.memory_sizes(),
        direct_steps=program.direct_steps,
        code=None if code is None else code.kept_as,
        functions=[] if code is None else [*code.functions],
    )
    file = io.BytesIO()
    try:
        _Pickler(file, {value.operation for value in graph.values}).dump([getattr(kept, f.name) for f in fields(kept)])
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
    return file.getvalue()


def _read(name: str) -> Kept | None:
    content = object_cache.read(name)
    if content is None:
        return None
    try:
        return Kept(*_Unpickler(io.BytesIO(content)).load())
    except Exception:  # whatever another version may have written: it is made anew
        return None


class _Pickler(pickle.Pickler):
    """Keeps functions by name, if they are a graph's operations or NumPy's."""

    def __init__(self, file: io.BytesIO, operations: Iterable[str]):
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._operations: Sequence[tuple[str, Any]] = [
            (name, getattr(GROUND, name)) for name in sorted(operations) if name != "input"
        ]

    def persistent_id(self, obj: Any) -> tuple[str, str] | None:
        if isinstance(obj, np.ufunc):
            return _ufunc_name(obj)
        if isinstance(obj, (types.FunctionType, types.MethodType)):
            for name, operation in self._operations:
                if operation == obj:
                    return "operation", name
            if str(obj.__module__).partition(".")[0] not in _FOUND_BY_NAME:
                raise pickle.PicklingError(f"{obj} is no operation of the graph")
        if isinstance(obj, np.ndarray) and type(obj) is not np.ndarray:
            raise pickle.PicklingError(f"a {type(obj).__name__}")
        return None

    def reducer_override(self, obj: Any) -> Any:
        """Keep an array with its strides: how NumPy lays out what it computes of it depends on them."""
        if type(obj) is not np.ndarray or obj.flags.c_contiguous:
            return NotImplemented
        parts = _in_memory_order(obj)
        if _laid_out(*parts).strides != obj.strides:
            raise pickle.PicklingError("an array with gaps between its entries")
        return _laid_out, parts


def _in_memory_order(array: np.ndarray) -> tuple[np.ndarray, tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return an array's entries as they lie in memory, its shape, its axes in that order, and those that run backwards."""
    entries = array[
        tuple(slice(0, 1) if step == 0 else slice(None, None, 1 if step > 0 else -1) for step in array.strides)
    ]
    axes = tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))
    backwards = tuple(axis for axis, step in enumerate(array.strides) if step < 0)
    return np.ascontiguousarray(entries.transpose(axes)), array.shape, axes, backwards


def _laid_out(
    entries: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...], backwards: tuple[int, ...]
) -> np.ndarray:
    turned = np.flip(entries.transpose(np.argsort(axes)), backwards)
    return np.broadcast_to(turned, shape)


def _ufunc_name(ufunc: np.ufunc) -> tuple[str, str]:
    import scipy.special

    for module in (np, scipy.special):
        if getattr(module, ufunc.__name__, None) is ufunc:
            return module.__name__, ufunc.__name__
    raise pickle.PicklingError(f"{ufunc} is neither NumPy's nor SciPy's")


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: tuple[str, str]) -> Any:
        kind, name = pid
        if kind == "operation":
            return getattr(GROUND, name)
        if kind == "numpy":
            return getattr(np, name)
        import scipy.special

        return getattr(scipy.special, name)
