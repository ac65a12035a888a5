"""A graph as a Python function whose elementwise parts are machine code and whose other parts are NumPy calls."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface_native.compiled.fusion import Kernel, plan
from diffiface_native.compiled.kernel import Access, KernelText, Nest, join_axes, module_text, strides_over
from diffiface_native.compiled.machine import INCREF, NONE, MachineCode
from diffiface_native.ground import GROUND
from diffiface_native.recorded.graph import Graph, Value
from diffiface_native.recorded.recorder import TAKES_LIST
from diffiface_native.recorded.replay import Program

_ELEMENTS = {np.dtype(np.float64): "double", np.dtype(np.bool_): "i8"}


class CompiledProgram(Program):
    """A program with fused kernels in the place of runs of elementwise operations."""

    def __init__(self, graph: Graph):
        self._layouts: dict[int, Any] = {}
        """Value number → an array (or number) laid out as the program will have it."""
        self._checked_numbers: set[int] = set()
        """The values laid out by NumPy, whose strides are tested before a kernel reads them."""
        self._texts: list[KernelText] = []
        super().__init__(graph)

    def describe(self) -> str:
        kernels = [step for step in self._planned if isinstance(step, Kernel)]
        fused = sum(len(kernel.members) for kernel in kernels)
        calls = [step for step in self._planned if not isinstance(step, Kernel)]
        return f"{len(kernels)} kernel(s) of machine code for {fused} operations, {self._count(calls)}"

    def _steps(self) -> list[Any]:
        self._planned = plan(self.graph)
        return self._planned

    def _compile(self) -> None:
        if self._texts:
            names = [f"k{i}" for i in range(len(self._texts))]
            self._code = MachineCode(module_text(self._texts), names)
            self.names["code"] = self._code  # machine code lives as long as the function that calls it
            self.names.update({f"kernel_{name}": function for name, function in self._code.functions.items()})

    # ---- layouts, so that every kernel is written for the strides it will meet

    def _layout(self, argument: Any) -> Any:
        if type(argument) is not Value:
            return argument
        known = self._layouts.get(argument.number)
        if known is None:
            known = self._layouts[argument.number] = np.array(argument.sample, order="C")
        return known

    def _note_layout(self, value: Value) -> None:
        """Find out how NumPy lays out what it computes without a buffer of ours: it is not always in C order."""
        if value.operation == "input" or value.number in self._buffer_of or value.number in self._layouts:
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
        nest = Nest(list(kernel.domain))
        names: list[str] = []
        constants: dict[int, int] = {}
        for value in kernel.loads:
            if value.shape == ():
                nest.scalars[value.number] = len(names)
                names.append(f"float(v{value.number})")
                continue
            layout = self._layout(value)
            self._add_access(nest, value.number, layout, len(names))
            names.append(self._checked(value, layout) if value.number in self._checked_numbers else f"v{value.number}")
        for member in kernel.members:
            for argument in member.arguments:
                if isinstance(argument, np.ndarray) and argument.ndim and id(argument) not in constants:
                    array = np.array(argument, order="C")
                    constants[id(argument)] = -1 - len(constants)
                    self._add_access(nest, constants[id(argument)], array, len(names))
                    names.append(self.name(array))
        for value in kernel.stored:
            self._add_store(nest, kernel, value, len(names))
            target = self._allocate(value) if value.number not in self._results or value.shape == () else None
            if target is None:
                self._fresh.add(value.number)
                target = f"v{value.number}"
                self.lines.append(f"v{value.number} = empty({value.shape!r}, {self.name(value.dtype)})")
            names.append(target)
        join_axes(nest)
        number = len(self._texts)
        self._texts.append(KernelText(f"k{number}", kernel, nest, constants, NONE, INCREF))
        self.lines.append(f"kernel_k{number}({', '.join(names)})")
        for value, name in zip(reversed(kernel.stored), reversed(names), strict=False):
            if value.shape == ():
                self.lines.append(f"v{value.number} = {name}[()]")
            elif name != f"v{value.number}":
                self.lines.append(f"v{value.number} = {name}")

    def _checked(self, value: Value, layout: np.ndarray) -> str:
        """Name an array of NumPy's, after making sure that it has the strides the kernel is written for."""
        v, walked = f"v{value.number}", [i for i, n in enumerate(layout.shape) if n > 1]
        if len(walked) == layout.ndim:
            self.lines.append(f"if {v}.strides != {layout.strides!r}: return MISS")
        else:  # along an axis of length one an array may have any stride: nothing is walked there
            self.lines += [f"if {v}.strides[{i}] != {layout.strides[i]}: return MISS" for i in walked]
        return v

    @staticmethod
    def _add_access(nest: Nest, number: int, array: np.ndarray, argument: int) -> None:
        nest.accesses[number] = Access(argument, strides_over(nest.shape, array), _ELEMENTS[array.dtype])

    def _add_store(self, nest: Nest, kernel: Kernel, value: Value, argument: int) -> None:
        if value.operation != "sum":
            self._add_access(nest, value.number, np.empty(value.shape, value.dtype), argument)
            return
        axes = value.parameters["axis"]
        kept = np.empty([1 if i in axes else n for i, n in enumerate(kernel.domain)])
        nest.accesses[value.number] = Access(argument, strides_over(nest.shape, kept), "double")


def _sample(parameter: Any) -> Any:
    if type(parameter) is tuple:
        return tuple(map(_sample, parameter))
    return parameter.sample if type(parameter) is Value else parameter
