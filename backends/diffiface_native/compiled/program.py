"""A graph as a Python function whose elementwise parts are machine code and whose other parts are NumPy calls."""

from __future__ import annotations

from collections.abc import Sequence, Set
from math import prod
from typing import Any

import numpy as np

from diffiface_native.compiled.bounds import Bound, BoundsText, refuse
from diffiface_native.compiled.direct import KernelCall
from diffiface_native.compiled.fusion import Kernel, Plan
from diffiface_native.compiled.kernel import KernelText, module_text
from diffiface_native.compiled.lowering import ELEMENTS
from diffiface_native.compiled.machine import MachineCode
from diffiface_native.compiled.objects import FitText
from diffiface_native.compiled.rows import local_values, schedule
from diffiface_native.compiled.sharing import Sharing, Threads
from diffiface_native.compiled.single import widened
from diffiface_native.compiled.splitting import COUNTER, Piece, Split, SplitText, in_pieces
from diffiface_native.compiled.straight import MOST_OPERATIONS, TooMuchCode
from diffiface_native.compiled.walks import Argument
from diffiface_native.ground import GROUND
from diffiface_native.recorded.forgetting import forget_samples
from diffiface_native.recorded.graph import Graph, Value
from diffiface_native.recorded.recorder import TAKES_LIST
from diffiface_native.recorded.replay import Program


class CompiledProgram(Program):
    """A program with kernels in the place of what they can compute."""

    def __init__(self, graph: Graph, *, strict: bool = False, threads: Threads = "auto"):
        self._sharing = Sharing(threads)
        self._split_loops = 0
        """How many loops are in chunks, to be shared among threads."""
        self._layouts: dict[int, Any] = {}
        """Value number → an array (or number) laid out as the program will have it."""
        self._guarded_by_python = False
        self._checked_numbers: set[int] = set()
        """The values laid out by NumPy, whose strides are tested before a kernel reads them."""
        self._texts: list[KernelText | BoundsText] = []
        self._within: set[tuple[int, int]] = set()
        """Which arrays of indices (their numbers) have been tested to be within which lengths."""
        self._arrays: dict[int, str] = {}
        """Number of each value that a kernel stored → the name of the array it is in."""
        self.direct_steps: list[KernelCall | tuple[str, bytes]] = []
        """The kernels as they are called, each with its guards behind it: the array of a value, and what is in it."""
        recorded, graph = graph, graph if strict else widened(graph)
        self._output_of = {
            old.number: new for old, new in zip(recorded.outputs, graph.outputs, strict=True) if type(old) is Value
        }
        """Number of each output in the recorded graph → the output here."""
        self._plan = Plan(graph, strict=strict)
        self._for_python = self._read_by_python(graph)
        super().__init__(graph)
        self._layouts.clear()  # (some are arrays of full size)
        if graph is not recorded:
            forget_samples(graph)

    how = "as machine code"

    def _reason(self, value: Value) -> str:
        return self._plan.reason(value)

    # ---- for bound calls in machine code

    @property
    def kernels_alone(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether nothing is computed, compared or laid out by Python."""
        alone = all(isinstance(step, Kernel) for step in self._plan.steps)
        return alone and not self._guarded_by_python and not self._split_loops  # (Python starts the threads)

    @property
    def is_long(self) -> bool:
        """Whether a kernel releases Python's lock."""
        return any(text.is_long for text in self._texts)

    def array_of(self, value: Value) -> str | None:
        """Name the array that a kernel stores an output of the recorded graph in."""
        output = self._output_of.get(value.number)
        return None if output is None else self._arrays.get(output.number)

    def address_of(self, function: str) -> int:
        """Return where a kernel's machine code is."""
        return self._code.addresses[function]

    def memory_sizes(self) -> dict[str, int]:
        """Return how many bytes each array has that the kernels store in, by name."""
        sizes = {f"b{i}": prod(shape) * dtype.itemsize for i, (shape, dtype) in enumerate(self.buffers)}
        return sizes | {self._arrays[v.number]: v.sample.nbytes for v in self._values if v.number in self._arrays}

    def _write_guard(self, value: Value, guards: dict[int, Any]) -> None:
        super()._write_guard(value, guards)
        guard = guards.get(value.number)
        if guard is None:
            return
        name = self._arrays.get(value.number)
        if name is None:
            self._guarded_by_python = True
        else:
            self.direct_steps.append((name, guard.expected))

    def describe(self) -> str:
        kernels = [step for step in self._plan.steps if isinstance(step, Kernel)]
        fused = sum(kernel.operations for kernel in kernels)
        calls = [step for step in self._plan.steps if not isinstance(step, Kernel)]
        return (
            f"{len(kernels)} kernel(s) of machine code for {fused} operations{self._rolled()}{self._shared()}, "
            f"{self._count(calls)}"
        )

    def _rolled(self) -> str:
        """Say what part of the operations are loops of Python's that were found again."""
        rolled = [nest for text in self._texts for nest in text.rolled.values()]
        loops = sum(len(nest.loops) for nest in rolled)
        saved = sum(loop.period * (loop.count - 1) for nest in rolled for loop in nest.loops)
        return f" ({saved} of them are further steps of {loops} loop(s))" if loops else ""

    def _shared(self) -> str:
        """Say which of the loops may be run by several threads."""
        threads = self._sharing.threads
        if not self._split_loops:
            return ""
        return f" ({self._split_loops} loop(s) of them shared by up to {threads} thread(s))"

    def _read_by_python(self, graph: Graph) -> set[int]:
        """Return the numbers of the values that need a name: NumPy steps, guards and results use it."""
        read = {output.number for output in graph.outputs if type(output) is Value}
        read |= {guard.value.number for guard in graph.guards}
        for step in self._plan.steps:
            if type(step) is Value:
                read |= {operand.number for operand in step.operands}
        return read

    def _steps(self) -> list[Any]:
        return self._plan.steps

    def _results_of(self, step: Any) -> Sequence[Value]:
        return step.stored if isinstance(step, Kernel) else super()._results_of(step)

    def _touched(self, step: Any) -> Sequence[Value]:
        return [*step.stored, *step.loads] if isinstance(step, Kernel) else super()._touched(step)

    def _root_of(self, value: Value) -> int:
        return value.number if value.number in self._plan.stored else super()._root_of(value)

    def _compile(self) -> None:
        if self._texts:
            names = [f"k{i}" for i in range(len(self._texts))]
            texts: list[Any] = [*self._texts]
            arrays = [value for value in self.graph.inputs if type(value.sample) is np.ndarray]
            if arrays:
                fits = FitText("fits", [value.shape for value in arrays])
                texts.append(fits)
                names.append("fits")
                pairs = [(self.name(value.dtype), f"v{value.number}") for value in arrays]
                self.fits = fits.call(self.name(np.ndarray), pairs)
            self._code = MachineCode(module_text(texts), names)
            self.names["code"] = self._code  # machine code lives as long as the function that calls it
            self.names.update({f"kernel_{name}": function for name, function in self._code.functions.items()})

    # ---- layouts, so that every kernel is written for the strides it will meet

    def _layout(self, argument: Any) -> Any:
        if type(argument) is not Value:
            return argument
        known = self._layouts.get(argument.number)
        if known is None:
            known = self._layouts[argument.number] = np.asarray(argument.sample, order="C")
        return known

    def _note_layout(self, value: Value) -> None:
        """Find out how NumPy lays out what it computes without a buffer of ours: it is not always in C order."""
        if value.operation == "input" or value.number in self._plan.stored:
            return
        if value.number in self._buffer_of or value.number in self._layouts:
            return
        arguments: Any = [self._layout(a) for a in value.arguments]
        parameters = {k: _sample(p) for k, p in value.parameters.items()}
        operation = getattr(GROUND, value.operation)
        with np.errstate(all="ignore"):
            if value.operation in TAKES_LIST:
                arguments = [arguments]
            result = operation(*arguments, **parameters)
        self._layouts[value.number] = result if value.place is None else result[value.place]
        self._checked_numbers.add(value.number)

    # ---- kernels

    def _write_kernel(self, kernel: Kernel) -> None:
        arguments: dict[Any, Argument] = {}
        names: list[str] = []

        def add(key: int, name: str, layout: np.ndarray | None) -> None:
            if layout is None:
                arguments[key] = Argument(len(names), None)
            else:
                strides = tuple(
                    0 if n == 1 else s // layout.itemsize for n, s in zip(layout.shape, layout.strides, strict=True)
                )
                arguments[key] = Argument(len(names), strides, ELEMENTS[layout.dtype])
            names.append(name)

        items = schedule(kernel.waves)
        local = local_values(items) - self._read_elsewhere(kernel)
        for value in kernel.stored:
            if value.number not in local:
                add(value.number, self._stored(value), np.empty(value.shape, value.dtype))
        for value in kernel.loads:
            if (
                value.number not in arguments and value.number not in local
            ):  # (a later wave of a kernel reads what an earlier one has stored)
                add(value.number, *self._loaded(value))
        for wave in kernel.waves:
            for nest in wave:
                for constant in nest.loaded():
                    if isinstance(constant, np.ndarray) and -id(constant) not in arguments:
                        array = np.array(constant, order="C")
                        add(-id(constant), self.name(array), array)
        self._write_bounds(kernel, arguments, names)
        self._write_functions(in_pieces(items, arguments, local), arguments, names, local)
        for value in kernel.stored:
            if value.number in local:
                continue
            name = self._arrays[value.number]
            if value.number in self._for_python and name != f"v{value.number}":
                self.lines.append(f"v{value.number} = {name}{'' if value.shape else '[()]'}")

    def _write_bounds(self, kernel: Kernel, arguments: dict[Any, Argument], names: list[str]) -> None:
        """Write the test that the indices which this kernel looks up are within bounds, if that was not tested before."""
        looked_up = {
            (expression.value.number, expression.length): expression.value
            for wave in kernel.waves
            for nest in wave
            for expression in nest.expressions
            if expression.length and (expression.value.number, expression.length) not in self._within
        }
        if not looked_up:
            return
        self._within |= looked_up.keys()
        bounds = [Bound(value.sample.size, ELEMENTS[value.dtype], length) for (_, length), value in looked_up.items()]
        flag = self._workspace(1, np.int64)
        name = f"k{len(self._texts)}"
        self._texts.append(BoundsText(name, bounds))
        given = (*(names[arguments[value.number].slot] for value in looked_up.values()), flag, "None")
        self.direct_steps += [KernelCall(name, given), (flag, bytes(8))]
        numbers = {number for number, _ in looked_up}
        reads = [
            f"({(value if value.operation != 'getitem' else value.arguments[0]).shape!r}, {self._index(value.parameters['index'])})"
            for value in self._values
            if self._plan.is_indexed(value) and numbers & {v.number for v in value.operands}
        ]
        self.lines += [
            f"kernel_{name}({', '.join(given)})",
            f"if {flag}[0]: {self.name(refuse)}({', '.join(reads)})",
        ]

    def _read_elsewhere(self, kernel: Kernel) -> set[int]:
        """Return the numbers of the values that are read as arrays: by other kernels and NumPy, or in another shape."""
        read = set(self._for_python)
        for step in self._plan.steps:
            if isinstance(step, Kernel):
                loads = [value for value in step.loads if step is not kernel or self._plan.kind(value) == "reshaped"]
                for value in loads:
                    read.add(value.number)
                    while self._plan.kind(value) == "reshaped":
                        value = value.operands[0]
                        read.add(value.number)
        return read

    def _write_functions(
        self, pieces: Sequence[Piece], arguments: dict[Any, Argument], names: list[str], local: Set[int]
    ) -> None:
        """Write a kernel's functions and the calls of them."""
        splits = [piece for piece in pieces if isinstance(piece, Split)]
        if splits:
            self.names["sharing"] = self._sharing
            self._split_loops += len(splits)
            arguments[COUNTER] = Argument(len(names), (1,))
            names.append(self._workspace(2, np.int64))
            for split in splits:
                if split.partial:
                    arguments[split] = Argument(len(names), (1,))
                    names.append(self._workspace(split.size * split.chunks, np.float64))
        filled: set[int] = set()
        for piece in pieces:
            name = f"k{len(self._texts)}"
            if isinstance(piece, Split):
                text, workers = SplitText(name, piece, arguments, local), self._sharing.threads
            else:
                text, workers = KernelText(name, piece, arguments, local, filled), 1
            scratch = [self._workspace(text.scratch_size * workers, np.float64)] if text.scratch_size else []
            call = KernelCall(name, (*names, *scratch, "None"))
            self.direct_steps.append(call)
            if isinstance(piece, Split):
                self.lines.append(
                    f"sharing(kernel_{name}, {names[arguments[COUNTER].slot]}, ({', '.join(call.arguments)}))"
                )
            else:
                self.lines.append(f"kernel_{name}({', '.join(call.arguments)})")
            self._texts.append(text)
        if sum(text.code for text in self._texts) > MOST_OPERATIONS:
            raise TooMuchCode

    def _workspace(self, size: int, dtype: Any) -> str:
        """Name an array of each thread's own."""
        self.buffers.append(((size,), np.dtype(dtype)))
        return f"b{len(self.buffers) - 1}"

    def _loaded(self, value: Value) -> tuple[str, np.ndarray | None]:
        """Return the name of what a kernel reads a value from, and its layout (None for a Python float)."""
        if value.number in self._arrays:
            return self._arrays[value.number], self._layout(value)
        if self._plan.kind(value) == "reshaped":
            name, layout = self._loaded(value.arguments[0])
            assert layout is not None
            return name, layout.reshape(value.shape)
        if value.shape == ():
            return f"float(v{value.number})", None
        layout = self._layout(value)
        if value.dtype.kind == "i" and not layout.flags.c_contiguous:  # (indices are tested one after the other)
            self._layouts[value.number] = layout = np.ascontiguousarray(layout)
            self.lines.append(f"v{value.number} = {self.name(np.ascontiguousarray)}(v{value.number})")
        return self._checked(value, layout) if value.number in self._checked_numbers else f"v{value.number}", layout

    def _stored(self, value: Value) -> str:
        """Name the array that a kernel stores a value in: a new one for a result, else a buffer."""
        if value.number in self._results and value.shape != ():
            self._fresh.add(value.number)
            name = f"v{value.number}"
            self.lines.append(f"{name} = {self._new_array(value)}")
        else:
            name = self._allocate(value)
        self._arrays[value.number] = name
        return name

    def _checked(self, value: Value, layout: np.ndarray) -> str:
        """Name an array of NumPy's, after making sure that it has the strides the kernel is written for."""
        v, walked = f"v{value.number}", [i for i, n in enumerate(layout.shape) if n > 1]
        if len(walked) == layout.ndim:
            self.lines.append(f"if {v}.strides != {layout.strides!r}: return MISS")
        else:  # along an axis of length one an array may have any stride: nothing is walked there
            self.lines += [f"if {v}.strides[{i}] != {layout.strides[i]}: return MISS" for i in walked]
        return v


def _sample(parameter: Any) -> Any:
    if type(parameter) is tuple:
        return tuple(map(_sample, parameter))
    return parameter.sample if type(parameter) is Value else parameter
