"""From a graph to straight-line Python: one NumPy call per value, into buffers that are allocated once.

A buffer is used again when nothing reads it any more, views included. Results are new arrays in every call.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from diffiface.adapter import PRIMITIVES
from diffiface_native.ground import GROUND
from diffiface_native.recorded.graph import Graph, Value, index_is_basic
from diffiface_native.recorded.recorder import TAKES_LIST

MISS: Any = object()
"""What a replay returns when a guard does not hold."""

_OPERATORS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
_REDUCTIONS = {"sum": np.add.reduce, "max": np.maximum.reduce, "min": np.minimum.reduce}


def _ufunc(name: str) -> np.ufunc | None:
    if PRIMITIVES[name].kind == "special":
        import scipy.special

        found = getattr(scipy.special, name, None)
    else:
        found = getattr(np, name, None)
    return found if isinstance(found, np.ufunc) else None


class Local(threading.local):
    """One thread's buffers of one replay."""

    def __init__(self, specs: list[tuple[tuple[int, ...], np.dtype]], results: int):
        self.buffers = [np.empty(shape, dtype) for shape, dtype in specs]
        self.results: list[Any] = [None] * results


_LARGE = 1 << 16
"""From how many bytes on a result's memory is used again when the caller has dropped the result."""


def renewed(results: list[Any], place: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return the array that was returned last if nobody has it any more, else a new one.

    The system gives memory for a large array page by page, which takes longer than to fill it.
    """
    if _references(results, place) == _UNSHARED:
        array = results[place]
        flags = array.flags  # what the caller may have changed
        if array.shape == shape and array.dtype is dtype and flags.owndata and flags.carray:
            return array
    results[place] = array = np.empty(shape, dtype)
    return array


def _references(results: list[Any], place: int) -> int:
    return sys.getrefcount(results[place])


_UNSHARED = _references([np.empty(0)], 0) if getattr(sys, "_is_gil_enabled", lambda: True)() else -1
"""The count for an array that is in the list only (without the GIL, counts of another thread's references lag)."""


ALWAYS: dict[str, Any] = {
    "MISS": MISS,
    "empty": np.empty,
    "copyto": np.copyto,
    "array": np.array,
    "renewed": renewed,
}
"""The names that every program's lines may use."""


class Program:
    """A graph as lines of Python: `lines` compute the outputs from the inputs `v0`, `v1`, ..., or return MISS."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.names: dict[str, Any] = dict(ALWAYS)
        self.lines: list[str] = []
        self.results: list[str] = []
        """The expression of each output."""
        self.large_results = 0
        """How many results are written to memory that is used again (`renewed`)."""
        self.fits: str | None = None
        """An expression that says whether the inputs that are arrays can be taken as they are."""
        self.buffers: list[tuple[tuple[int, ...], np.dtype]] = []
        """The shape and dtype of each array that a thread keeps."""
        self._free: dict[tuple[tuple[int, ...], np.dtype], list[int]] = {}
        self._buffer_of: dict[int, int] = {}
        self._root: dict[int, int] = {}
        """Whose memory a value is in (its own number, or that of the value it is a view of)."""
        self._fresh: set[int] = set()
        """Results that are new arrays already."""
        self._results = {output.number for output in graph.outputs if type(output) is Value}
        self._values = [value for part in graph.in_order() for value in part]
        self._last_use: dict[int, int] = {}
        self._now = 0
        """The number of the step that is being written."""
        self._write()
        self._compile()
        self._local = self.names["local"] = Local(self.buffers, self.large_results)

    @property
    def buffer_bytes(self) -> int:
        """How much memory one thread's buffers take."""
        return sum(buffer.nbytes for buffer in self._local.buffers)

    how = "with NumPy"
    """How a program of this kind runs, in words."""

    kernels_alone: bool = False
    """Whether nothing is computed, compared or laid out by Python (see `compiled/program.py`)."""

    def describe(self) -> str:
        """Say what the program does, in a line."""
        return self._count(self._values)

    def _count(self, values: Sequence[Value]) -> str:
        """Say which NumPy calls there are, and why they are."""
        counts = Counter((self._reason(value), value.operation) for value in values if value.operation != "input")
        by_reason: dict[str, list[str]] = {}
        for (reason, name), n in sorted(counts.items()):
            by_reason.setdefault(reason, []).append(f"{name} {n}" if n > 1 else name)
        texts = [f"{', '.join(names)}{reason and ': '}{reason}" for reason, names in by_reason.items()]
        parts = f" ({'; '.join(texts)})" if texts else ""
        return f"{counts.total()} NumPy call(s){parts}"

    def _reason(self, value: Value) -> str:
        """Say why a value is computed by a NumPy call, if there is more to say than that the program is of these."""
        return ""

    # ---- which memory a value lives in, and until when

    def _find_last_uses(self, steps: Sequence[Any]) -> dict[int, int]:
        """Map the number of each value that owns memory to the last step that reads it."""
        for value in self._values:
            self._root[value.number] = self._root_of(value)
        last: dict[int, int] = {}
        for place, step in enumerate(steps):
            for value in self._touched(step):
                root = self._root[value.number]
                last[root] = max(last.get(root, 0), place)
        for output in self.graph.outputs:
            if type(output) is Value:
                last[self._root[output.number]] = len(steps)
        return last

    def _root_of(self, value: Value) -> int:
        if is_view(value):
            argument = value.arguments[0]
            return self._root[argument.number] if type(argument) is Value else value.number
        return value.number

    def _dies_here(self, argument: Any) -> bool:
        """Say whether an argument's own buffer is read for the last time by the present step."""
        if type(argument) is not Value or self._root[argument.number] != argument.number:
            return False
        return argument.number in self._buffer_of and self._last_use[argument.number] == self._now

    def _allocate(self, value: Value) -> str:
        key = (value.shape, value.dtype)
        free = self._free.setdefault(key, [])
        if free:
            number = free.pop()
        else:
            number = len(self.buffers)
            self.buffers.append(key)
        self._buffer_of[value.number] = number
        return f"b{number}"

    def _take_over(self, value: Value, argument: Value) -> str:
        number = self._buffer_of.pop(argument.number)
        self._buffer_of[value.number] = number
        return f"b{number}"

    def _release(self, step: Any) -> None:
        roots = {self._root[value.number] for value in self._touched(step)}
        for root in sorted(roots):
            if self._last_use[root] == self._now and root in self._buffer_of:
                number = self._buffer_of.pop(root)
                self._free[self.buffers[number]].append(number)

    # ---- writing the program

    def name(self, thing: Any, prefix: str = "k") -> str:
        name = f"{prefix}{len(self.names)}"
        self.names[name] = thing
        return name

    def _argument(self, argument: Any) -> str:
        if type(argument) is Value:
            return f"v{argument.number}"
        if type(argument) in (int, float) and np.isfinite(argument):
            return f"({argument!r})"
        return self.name(argument)

    def _index(self, index: Any) -> str:
        if type(index) is Value:
            return f"v{index.number}"
        if type(index) is tuple:
            return f"({''.join(self._index(part) + ', ' for part in index)})"
        return self.name(index)

    def _steps(self) -> list[Any]:
        """Return what is computed, in order: Values, or what a subclass makes of several."""
        return self._values

    def _write(self) -> None:
        guards = {guard.value.number: guard for guard in self.graph.guards}
        for value in self.graph.inputs:
            self._write_guard(value, guards)
        steps = self._steps()
        self._last_use = self._find_last_uses(steps)
        for self._now, step in enumerate(steps):
            if type(step) is not Value:
                self._write_kernel(step)
            elif step.operation != "input":
                self.lines.append(f"v{step.number} = {self._expression(step)}")
            for value in self._results_of(step):
                self._note_layout(value)
                self._write_guard(value, guards)
            self._release(step)
        self.results = [self._result(output) for output in self.graph.outputs]
        if self.buffers:
            buffers = "".join(f"b{i}, " for i in range(len(self.buffers)))
            self.lines.insert(0, f"{buffers[:-1]} = local.buffers")

    def _results_of(self, step: Any) -> Sequence[Value]:
        """Return the values in memory that a step computes."""
        return (step,)

    def _touched(self, step: Any) -> Sequence[Value]:
        """Return the values in memory that a step reads or computes."""
        return (step, *step.operands)

    def _write_kernel(self, kernel: Any) -> None:
        raise NotImplementedError

    def _note_layout(self, value: Value) -> None:
        pass

    def _compile(self) -> None:
        """Add what the program calls by name, if a subclass has something to add."""

    def _write_guard(self, value: Value, guards: dict[int, Any]) -> None:
        guard = guards.get(value.number)
        if guard is not None:
            self.lines.append(self._guard(value, guard.expected))

    def _guard(self, value: Value, expected: bytes) -> str:
        if value.shape == () and value.dtype == bool:
            was_true = expected != bytes(1)
            return f"if {'not ' if was_true else ''}v{value.number}: return MISS"
        return f"if array(v{value.number}).tobytes() != {self.name(expected)}: return MISS"

    def _expression(self, value: Value) -> str:
        name, arguments = value.operation, value.arguments
        if value.place is not None:
            return self._one_of_several(value)
        if name in ("setitem", "add_at"):
            return self._updated(value)
        texts = [self._argument(a) for a in arguments]
        if name in ("getitem",):
            return f"{texts[0]}[{self._index(value.parameters['index'])}]"
        ufunc = _ufunc(name)
        if ufunc is not None and value.parameters == {}:
            if value.shape == () and name != "matmul":
                return self._on_scalars(name, ufunc, texts)
            if _fits_out(value):
                target = self._target(value)
                if name in ("maximum", "minimum") and "=" not in target:
                    target = f"out={target}"  # NumPy means to take a third array as one more to compare
                return f"{self.name(ufunc, name)}({', '.join(texts)}, {target})"
        if name in _REDUCTIONS:
            axis, keepdims = value.parameters["axis"], value.parameters["keepdims"]
            out = "None" if value.shape == () or self._is_new_result(value) else self._allocate(value)
            return f"{self.name(_REDUCTIONS[name], name)}({texts[0]}, {axis!r}, None, {out}, {keepdims})"
        return self._called(value, texts)

    def _on_scalars(self, name: str, ufunc: np.ufunc, texts: list[str]) -> str:
        symbol = _OPERATORS.get(name)
        if symbol is not None and len(texts) == 2:
            return f"{texts[0]} {symbol} {texts[1]}"
        return f"{self.name(ufunc, name)}({', '.join(texts)})"

    def _target(self, value: Value) -> str:
        """Return the buffer a result goes to: that of an argument that ends here, else another.

        For a new array it is what makes NumPy return one in C order.
        """
        if self._is_new_result(value):
            return "order='C'"
        if value.operation != "matmul":
            for argument in value.arguments:
                if (
                    self._dies_here(argument)
                    and argument.shape == value.shape
                    and argument.dtype == value.dtype
                    and not any(self._shares(other, argument) for other in value.arguments if other is not argument)
                ):
                    return self._take_over(value, argument)
        return self._allocate(value)

    def _is_new_result(self, value: Value) -> bool:
        """Say whether to let NumPy make a new array for this value, because the caller gets it."""
        if value.number not in self._results or not value.sample.flags.c_contiguous:
            return False
        self._fresh.add(value.number)
        return True

    def _new_array(self, value: Value) -> str:
        """Write an expression for an array that the caller gets."""
        shape, dtype = repr(value.shape), self.name(value.dtype)
        if value.sample.nbytes < _LARGE:
            return f"empty({shape}, {dtype})"
        self.large_results += 1
        return f"renewed(local.results, {self.large_results - 1}, {shape}, {dtype})"

    def _shares(self, other: Any, argument: Value) -> bool:
        return type(other) is Value and other is not argument and self._root[other.number] == argument.number

    def _updated(self, value: Value) -> str:
        """Write a functional update: in place where the old array is not needed any more, else into a copy."""
        base, item = value.arguments
        index = self._index(value.parameters["index"])
        if (
            self._dies_here(base)
            and base.shape == value.shape
            and base.dtype == value.dtype
            and not self._shares(item, base)
        ):
            target = self._take_over(value, base)
        else:
            target = self._allocate(value)
            self.lines.append(f"copyto({target}, {self._argument(base)})")
        text = self._argument(item)
        if value.operation == "setitem":
            self.lines.append(f"{target}[{index}] = {text}")
        elif index_is_basic(value.parameters["index"]):
            self.lines.append(f"{target}[{index}] += {text}")
        else:
            self.lines.append(f"{self.name(np.add.at, 'add_at')}({target}, {index}, {text})")
        return target

    def _one_of_several(self, value: Value) -> str:
        first = value.number - (value.place or 0)
        texts = [self._argument(a) for a in value.arguments]
        if not any(line.startswith(f"t{first} = ") for line in self.lines):
            self.lines.append(f"t{first} = {self._called(value, texts)}")
        return f"t{first}[{value.place}]"

    def _called(self, value: Value, texts: list[str]) -> str:
        name = value.operation
        arguments = f"[{', '.join(texts)}]" if name in TAKES_LIST else ", ".join(texts)
        parameters = "".join(f", {k}={self.name(p)}" for k, p in value.parameters.items())
        return f"{self.name(getattr(GROUND, name), name)}({arguments}{parameters})"

    def _result(self, output: Any) -> str:
        if type(output) is not Value:
            return f"array({self.name(output)})"
        if output.number in self._fresh:
            self._fresh.discard(output.number)  # a second result of the same value is a copy
            return f"v{output.number}"
        if isinstance(output.sample, np.generic) and output.operation != "input":
            return f"v{output.number}"  # what cannot be changed need not be copied
        return f"array(v{output.number}, order='C')"


def is_view(value: Value) -> bool:
    """Say whether NumPy returns a view (or may return one) for this value."""
    if value.operation == "getitem":
        return index_is_basic(value.parameters["index"]) and value.shape != ()
    return value.operation in ("reshape", "transpose", "broadcast_to", "real", "imag", "astype", "positive")


def _fits_out(value: Value) -> bool:
    # A ufunc with out= must give the very dtype and shape that the definition gave.
    return value.shape != () and isinstance(value.sample, np.ndarray)
