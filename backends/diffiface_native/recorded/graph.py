"""The recorded graph: values in the order of their computation (SSA), each the result of one primitive.

Shapes and dtypes are static. Every value also holds its *sample*, what it was for the inputs that were recorded:
the sample gives shape and dtype, folds constants, and answers the questions that become guards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


class Value:
    """One array of the graph."""

    __slots__ = ("arguments", "number", "operands", "operation", "parameters", "place", "sample")

    # NumPy refuses such a value instead of making an object array of it.
    __array_ufunc__ = None

    def __init__(
        self,
        number: int,
        operation: str,
        arguments: tuple[Any, ...],
        parameters: dict[str, Any],
        sample: Any,
        place: int | None = None,
    ):
        self.number = number
        self.operation = operation
        """A primitive's name, or "input"."""
        self.arguments = arguments
        """Values and constants (arrays by reference, numbers); a list argument is a tuple here."""
        self.parameters = parameters
        """Static parameters; an index may hold Values."""
        self.sample = sample
        self.place = place
        """Which output this is of a primitive that has several."""
        self.operands = [a for a in arguments if type(a) is Value]
        """The Values this one is computed from, those inside an index included."""
        if "index" in parameters:
            self.operands.extend(values_in_index(parameters["index"]))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.sample.shape

    @property
    def dtype(self) -> np.dtype:
        return self.sample.dtype

    def __repr__(self) -> str:
        return f"%{self.number}"


def values_in_index(index: Any) -> list[Value]:
    """Return the Values among the parts of an index."""
    parts = index if type(index) is tuple else (index,)
    return [part for part in parts if type(part) is Value]


@dataclass
class Guard:
    """A value that the recorded way depends on: where it differs, the recording does not hold."""

    value: Value
    expected: bytes
    reason: str


_MOVING = ("getitem", "setitem", "add_at", "reshape", "transpose", "broadcast_to", "stack", "concatenate")
_ARITHMETIC = ("add", "subtract", "multiply", "negative", "square", "where", "sum")
_WEIGHTS: dict[str, int] = {**dict.fromkeys(_MOVING, 0), **dict.fromkeys(_ARITHMETIC, 1)}
"""Of operations that take less than a division."""
_STORED = 4
"""Of storing an entry of a result, which goes through memory."""


@dataclass
class Graph:
    """What one run of a function computed."""

    values: list[Value] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    """Values, or constants that do not depend on any input."""

    def live(self) -> list[Value]:
        """Return, in order, the values that outputs or guards need (dead-code removal)."""
        needed = {v.number for v in self.outputs if type(v) is Value} | {g.value.number for g in self.guards}
        for value in reversed(self.values):
            if value.number in needed:
                needed.update(operand.number for operand in value.operands)
        return [v for v in self.values if v.number in needed or v.operation == "input"]

    def work(self) -> int:
        """Return about how many operations on numbers the live values take, and to store what is returned."""
        stored = sum(_STORED * v.sample.size for v in self.outputs if type(v) is Value)
        return stored + sum(v.sample.size * _WEIGHTS.get(v.operation, 4) for v in self.live() if v.operation != "input")

    def in_order(self) -> tuple[list[Value], list[Value]]:
        """Return the live values in two parts: what the guards are computed from, and all the rest.

        A recording that does not hold is found out before anything else is computed.
        """
        wanted = {guard.value.number for guard in self.guards}
        values = self.live()
        for value in reversed(values):
            if value.number in wanted:
                wanted.update(operand.number for operand in value.operands)
        return [v for v in values if v.number in wanted], [v for v in values if v.number not in wanted]

    def constants(self) -> Iterator[np.ndarray]:
        """Yield the arrays the graph refers to that are no inputs (once for each use)."""
        for value in self.values:
            for argument in value.arguments:
                if isinstance(argument, np.ndarray):
                    yield argument

    def __str__(self) -> str:
        lines = [_line(value) for value in self.live()]
        lines += [f"guard {g.value!r} ({g.reason})" for g in self.guards]
        lines.append(f"return {', '.join(map(_operand, self.outputs))}")
        return "\n".join(lines)


def _line(value: Value) -> str:
    kind = f"{value.dtype}{list(value.shape)}"
    arguments = [_operand(a) for a in value.arguments]
    arguments += [f"{name}={_parameter(p)}" for name, p in value.parameters.items()]
    place = "" if value.place is None else f"[{value.place}]"
    return f"{value!r}: {kind} = {value.operation}({', '.join(arguments)}){place}"


def _operand(argument: Any) -> str:
    if isinstance(argument, np.ndarray):
        return f"<{argument.dtype}{list(argument.shape)}>" if argument.ndim else repr(argument[()])
    return repr(argument)


def _parameter(parameter: Any) -> str:
    if isinstance(parameter, slice):
        parts = (parameter.start, parameter.stop, parameter.step)
        return ":".join("" if part is None else str(part) for part in (parts if parts[2] is not None else parts[:2]))
    if isinstance(parameter, tuple):
        return f"({', '.join(map(_parameter, parameter))})"
    return _operand(parameter)


def is_zero(constant: Any) -> bool:
    """Say whether a constant is zero everywhere."""
    return not isinstance(constant, Value) and not np.any(constant)


def index_is_basic(index: Any) -> bool:
    """Say whether an index holds neither arrays nor Values, so that NumPy gives a view."""
    parts: Sequence[Any] = index if type(index) is tuple else (index,)
    return all(part is None or part is Ellipsis or type(part) in (int, slice) for part in parts)
