"""Functions that are no expression of the engine's: with rules of their own, differentiated elsewhere, or lacking here.

Each call of such a function stands in the program as new symbols for its results. What they are the trace remembers: a
call on NumPy arrays when the program runs, or expressions, where the function could be run on symbols. Either way its
derivative is what the function's own rule says (`diffiface.symbolic.chain`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from diffiface import nested_rules
from diffiface.errors import UnsupportedOperationError
from diffiface.primitives import CustomCall, Primitives
from diffiface.primitives.object_arrays import ObjectArray, object_array
from diffiface.primitives.object_linear_algebra import ObjectLinearAlgebra

if TYPE_CHECKING:
    from diffiface.symbolic.algebra import Algebra, Entries


@dataclass(eq=False)
class Called:
    """One call in a program."""

    call: CustomCall
    operands: list[Any]
    """Arrays of expressions, and plain arrays, which are constants."""
    results: tuple[ObjectArray, ...]
    """Arrays of new symbols."""
    values: tuple[ObjectArray, ...] | None
    """What these symbols stand for; None: results of a call on the host."""

    @property
    def name(self) -> str:
        """The call's name as that of a symbol ("the jvp of f": jvp_of_f)."""
        return _name(self.call)

    @property
    def traced(self) -> list[int]:
        """Which operands are arrays of expressions."""
        return [i for i, operand in enumerate(self.operands) if isinstance(operand, ObjectArray)]

    @property
    def inputs(self) -> Entries:
        """The expressions that the call is made with."""
        return entries_of(self.operands[i] for i in self.traced)

    @property
    def symbols(self) -> Entries:
        """The symbols of its results."""
        return entries_of(self.results)


def entries_of(arrays: Any) -> Entries:
    """Return the entries of several arrays of expressions, one after the other."""
    return [entry for array in arrays for entry in array.flat()]


class _OnHost(Exception):
    """A call has to be made with NumPy arrays."""


class SymbolicPrimitives(ObjectLinearAlgebra):
    """Arrays of an engine's expressions as the dress sees them, and the calls that were met."""

    def __init__(self, algebra: Algebra, outer: Primitives):
        super().__init__(outer)
        self._algebra = algebra
        self.max_operations = algebra.max_operations
        self.calls: list[Called] = []
        """All calls so far: each after those whose results it uses."""
        self._known: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def custom_call(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        if not any(isinstance(operand, ObjectArray) for operand in operands):
            return call.on_host(operands)
        self.only_real(call.name, operands)
        # f may go on changing a plain array that it has used.
        operands = [np.array(o) if isinstance(o, np.ndarray) else o for o in operands]
        try:
            values = tuple(self.raw(y) for y in call.value(self, operands))
        except _OnHost:
            return self._called(call, operands, self._described(call, operands), None)
        return self._called(call, operands, [(y.shape, y.dtype) for y in values], values)

    def call_out(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        raise _OnHost

    def attempt(self, run: Callable[[], Any]) -> Any:
        calls, operations = len(self.calls), self._operations
        try:
            return run()
        except _OnHost:
            raise
        except Exception:
            del self.calls[calls:]
            self._operations = operations
            raise

    def host_call(self, name: str, *arguments: Any, **parameters: Any) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Compute a primitive that the engine lacks by its NumPy definition, and differentiate it by our rule."""
        # The rules of a factorisation ask for it again: it is the same call.
        key = (name, *map(id, arguments), repr(parameters))
        if key not in self._known:
            ys = self.custom_call(_Primitive(name, parameters), arguments)
            self._known[key] = (*ys, arguments)  # (the arguments are kept, so that their ids stay theirs)
        ys = self._known[key][:-1]
        return ys[0] if len(ys) == 1 else ys

    def _described(self, call: CustomCall, operands: Sequence[Any]) -> list[tuple[tuple[int, ...], np.dtype]]:
        return call.outputs([(o.shape, o.dtype) if isinstance(o, ObjectArray) else o for o in operands])

    def _called(
        self,
        call: CustomCall,
        operands: list[Any],
        described: Sequence[tuple[tuple[int, ...], np.dtype]],
        values: tuple[ObjectArray, ...] | None,
    ) -> tuple[ObjectArray, ...]:
        if any(dtype.kind not in "biuf" for _, dtype in described):
            raise UnsupportedOperationError(
                f"{call.name} gives complex numbers, which are not supported",
                engine=self.engine,
                fix="write the function for real numbers, or use 'reverse'",
            )
        results = []
        for shape, dtype in described:
            size = math.prod(shape)
            self.count(size)
            results.append(ObjectArray(object_array(self._algebra.symbols(_name(call), size), shape), dtype))
        self.calls.append(Called(call, operands, tuple(results), values))
        return tuple(results)


class _Primitive(CustomCall):
    """A primitive by its NumPy definition, with our rule."""

    def __init__(self, name: str, parameters: dict[str, Any]):
        self.name, self._parameters = name, parameters

    def on_host(self, operands: Sequence[Any]) -> tuple[np.ndarray, ...]:
        return nested_rules.on_host(self.name, operands, self._parameters)

    def outputs(self, operands: Sequence[Any]) -> list[tuple[tuple[int, ...], np.dtype]]:
        return nested_rules.describe_outputs(self.name, operands, self._parameters)

    def push(
        self, p: Primitives, operands: Sequence[Any], ys: Sequence[Any], tangents: Sequence[Any]
    ) -> tuple[Any, ...]:
        moved = {i: t for i, t in enumerate(tangents) if t is not None}
        return nested_rules.push_primitive(p, self.name, operands, self._parameters, moved)[1]

    def pull(
        self,
        p: Primitives,
        operands: Sequence[Any],
        ys: Sequence[Any],
        wanted: Sequence[int],
        cotangents: Sequence[Any],
    ) -> list[Any]:
        pulled = nested_rules.pull_primitive(p, self.name, operands, self._parameters, wanted, cotangents)
        return [pulled[i] for i in wanted]


def _name(call: CustomCall) -> str:
    return re.sub(r"\W+", "_", call.name.removeprefix("the ")).strip("_") or "call"
