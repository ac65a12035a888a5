"""Graphs of float32, for kernels that compute in float64: the same numbers, with float32 in memory only.

Every operation of float32 becomes the operation of float64 and a rounding. For sums, products, quotients and square
roots that is what float32 arithmetic gives, to the last bit, because a float64 has more than twice the digits; functions
such as exp come out within half a unit and a little, and sums are added up in float64. What kernels do not compute, and
what guards depend on, stays NumPy's, in float32.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from diffiface_native.compiled import contraction
from diffiface_native.compiled.index_map import moves
from diffiface_native.compiled.lowering import lowers
from diffiface_native.recorded.graph import Graph, Guard, Value, values_in_index

_SINGLE, _DOUBLE, _BOOL = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.bool_)

_SELECTING = frozenset({
    "negative", "absolute", "maximum", "minimum", "where", "floor", "ceil", "trunc", "rint", "max", "min", "getitem",
    "setitem", "transpose", "broadcast_to", "reshape", "concatenate", "stack",
})  # fmt: skip
"""Operations whose results need no rounding: each is one of the operands, or an integer, or one with another sign."""

_MOST_COLUMNS = 16 * 16
"""How many products there may be for each row of a product of rows."""
_MOST_RESULTS = 16
"""More than any primitive has."""


def widened(graph: Graph) -> Graph:
    """Return the graph with float32 at its edges only; the same graph if there is none in it."""
    if not any(value.dtype == _SINGLE for value in graph.values):
        return graph
    return _Widening(graph).graph


class _Widening:
    def __init__(self, graph: Graph):
        self._values: list[Value] = []
        self._same: dict[int, Value] = {}
        """Number in the old graph → the new value of the same dtype."""
        self._wide: dict[int, Value] = {}
        """Number in the old graph → the new value of float64, for those of float32."""
        self._constants: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        """id of a float32 constant → itself (so that the id stays its own), and the float64 one."""
        self._count = 0
        """How many numbers are taken."""
        self._first: dict[int, int] = {}
        """Of an operation with several results: the number of the first of them in the old graph → in the new one."""
        live = {value.number for value in graph.live()}
        exact = {value.number for value in graph.in_order()[0]} if graph.guards else set[int]()
        for value in graph.values:
            if value.number not in live:
                continue
            if value.number in exact or not _is_single(value) or not self._widen(value):
                self._copy(value)
        self.graph = Graph(
            self._values,
            [self._same[value.number] for value in graph.inputs],
            [Guard(self._as_it_is(guard.value), guard.expected, guard.reason) for guard in graph.guards],
            [self._as_it_is(output) for output in graph.outputs],
        )

    def _new(self, operation: str, arguments: tuple[Any, ...], parameters: dict[str, Any], sample: Any) -> Value:
        self._values.append(Value(self._count, operation, arguments, parameters, sample))
        self._count += 1
        return self._values[-1]

    def _number_of_copy(self, value: Value) -> int:
        """Return a new number; the results of one operation with several stay as far apart as they were."""
        if value.place is None:
            self._count += 1
            return self._count - 1
        first = value.number - value.place
        if first not in self._first:
            self._first[first] = self._count
            self._count += _MOST_RESULTS
        return self._first[first] + value.place

    def _copy(self, value: Value) -> None:
        arguments = tuple(self._as_it_is(a) for a in value.arguments)
        parameters = value.parameters
        if "index" in parameters:
            index = parameters["index"]
            index = tuple(map(self._as_it_is, index)) if type(index) is tuple else self._as_it_is(index)
            parameters = parameters | {"index": index}
        number = self._number_of_copy(value)
        new = Value(number, value.operation, arguments, parameters, value.sample, value.place)
        self._values.append(new)
        self._same[value.number] = new

    def _as_it_is(self, argument: Any) -> Any:
        if type(argument) is not Value:
            return argument
        if argument.number not in self._same:
            wide = self._wide[argument.number]
            self._same[argument.number] = self._new("astype", (wide,), {"dtype": _SINGLE}, argument.sample)
        return self._same[argument.number]

    def _in_double(self, argument: Any, weak_as: np.dtype) -> Any:
        """Return an operand in float64; a Python number is what it is among numbers of the other operands' dtype."""
        if type(argument) is Value:
            if argument.dtype != _SINGLE:
                return self._as_it_is(argument)
            if argument.number not in self._wide:
                same = self._same[argument.number]
                self._wide[argument.number] = self._new("astype", (same,), {"dtype": _DOUBLE}, _double(argument.sample))
            return self._wide[argument.number]
        if isinstance(argument, np.ndarray) and argument.dtype == _SINGLE:
            return self._constants.setdefault(id(argument), (argument, _double(argument)))[1]
        if type(argument) in (int, float):
            return np.float64(weak_as.type(argument))
        return np.float64(argument) if isinstance(argument, np.generic) and argument.dtype == _SINGLE else argument

    def _widen(self, value: Value) -> bool:
        """Write a value in float64, if kernels can compute that."""
        if value.place is not None or 0 in value.shape or values_in_index(value.parameters.get("index")):
            return False
        if value.operation == "astype":
            return self._widen_conversion(value)
        kinds = {a.dtype for a in value.arguments if isinstance(a, (Value, np.ndarray, np.generic))} - {_BOOL}
        if not kinds <= {_SINGLE, _DOUBLE} or value.dtype not in (_SINGLE, _DOUBLE, _BOOL):
            return False
        weak_as = _DOUBLE if _DOUBLE in kinds else _SINGLE
        with np.errstate(over="ignore"):
            arguments = tuple(self._in_double(argument, weak_as) for argument in value.arguments)
        sample = _double(value.sample) if value.dtype == _SINGLE else value.sample
        if not _computes(Value(self._count, value.operation, arguments, value.parameters, sample)):
            return False
        new = self._new(value.operation, arguments, value.parameters, sample)
        if value.dtype != _SINGLE:
            self._same[value.number] = new
        elif value.operation in _SELECTING:
            self._wide[value.number] = new
        else:
            rounded = self._new("astype", (new,), {"dtype": _SINGLE}, value.sample)
            self._same[value.number] = rounded
            self._in_double(value, _DOUBLE)
        return True

    def _widen_conversion(self, value: Value) -> bool:
        (argument,) = value.arguments
        if argument.dtype == _SINGLE and value.dtype == _DOUBLE:
            self._same[value.number] = self._in_double(argument, _DOUBLE)
            return True
        if argument.dtype == _BOOL and value.dtype == _SINGLE:
            same = self._as_it_is(argument)
            self._wide[value.number] = self._new("astype", (same,), {"dtype": _DOUBLE}, _double(value.sample))
            return True
        return False


def _is_single(value: Value) -> bool:
    return value.operation != "input" and any(v.dtype == _SINGLE for v in (value, *value.operands))


def _double(sample: Any) -> Any:
    return sample.astype(np.float64) if isinstance(sample, np.ndarray) else np.float64(sample)


def _computes(value: Value) -> bool:
    """Say whether kernels compute a value of float64 (or read it where its elements are)."""
    if value.operation in ("sum", "max", "min"):
        return type(value.arguments[0]) is Value
    if value.operation == "reshape" or moves(value) or lowers(value):
        return True
    if contraction.is_of_rows(value):  # of more columns BLAS's product in float32 is faster than ours in float64
        return prod(contraction.extents(value)) <= _MOST_COLUMNS * contraction.longest_index(value)
    return contraction.is_narrow(value) or contraction.is_short(value)
