"""The primitives as a recorder: each computes its sample in NumPy and writes itself to the graph.

Our own eager engines run on top of it as they run on any other arrays, so what is recorded is the derivative,
of any order, from the one table of rules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from diffiface.adapter import NUMPY, PRIMITIVES, Primitives
from diffiface_native.einsum import einsum
from diffiface_native.recorded.graph import Graph, Guard, Value, values_in_index
from diffiface_native.recorded.simplify import RULES

NODE_BUDGET = 100_000
"""How many values a graph may have: beyond it, running the function is cheaper than handling its record."""


class NotRecordable(Exception):
    """The function cannot be recorded; the text says why."""


class Recorder(Primitives):
    """One recording."""

    engine = "reverse"
    traced_type = Value
    accepts = (NUMPY,)
    records = True

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.graph = Graph()
        self.quiet = False
        """Whether f changed NumPy's error state (np.errstate) around an operation."""
        self._error_state = np.geterr()
        self._known: dict[Any, Any] = {}
        self._guarded: set[int] = set()
        self._constants: list[tuple[np.ndarray, np.ndarray]] = []
        self._seen_constants: set[int] = set()

    # ---- questions about a value

    def concrete(self, value: Any) -> Any:
        return None if type(value) is Value else super().concrete(value)

    def primal(self, value: Any) -> Any:
        """Answer with the sample, and remember that the recording holds only where the answer is the same."""
        if type(value) is not Value:
            return super().primal(value)
        if value.number not in self._guarded:
            self._guarded.add(value.number)
            reason = "a branch, size or index depends on it"
            self.graph.guards.append(Guard(value, np.asarray(value.sample).tobytes(), reason))
        return np.array(value.sample)

    def settled(self, value: Any) -> Any:
        return self.primal(value)

    # ---- writing the graph

    def input(self, array: np.ndarray) -> Value:
        """Add an input like this array."""
        value = self._new("input", (), {}, np.array(array, order="C"))
        self.graph.inputs.append(value)
        return value

    def apply(self, name: str, arguments: Sequence[Any], parameters: dict[str, Any]) -> Any:
        """Compute one primitive: a constant if no argument is a Value, else a new (or a known) Value."""
        arguments = tuple(arguments)
        index = parameters.get("index")
        if values_in_index(index):
            index = self._without_masks(index)
            parameters = parameters | {"index": index}
        if not any(type(a) is Value for a in arguments) and not values_in_index(index):
            return _compute(name, arguments, parameters)
        rule = RULES.get(name)
        if rule is not None:
            simpler = rule(*arguments, **parameters)
            if type(simpler) is Value:
                return simpler
            if type(simpler) is tuple:
                return self.apply(*simpler)
        key = (name, *map(_key, arguments), *((k, _key(v)) for k, v in parameters.items()))
        known = self._known.get(key)
        if known is not None:
            return known
        for argument in arguments:
            if isinstance(argument, np.ndarray):
                self._watch(argument)
        self.quiet = self.quiet or np.geterr() != self._error_state
        sample = _compute(name, [_sample(a) for a in arguments], {k: _sample_index(v) for k, v in parameters.items()})
        if type(sample) is tuple:
            result = tuple(self._new(name, arguments, parameters, s, place) for place, s in enumerate(sample))
        else:
            result = self._new(name, arguments, parameters, sample)
        self._known[key] = result
        return result

    def _without_masks(self, index: Any) -> Any:
        """Return an index whose masks are those of the recording: how many entries they choose must not vary."""
        if type(index) is tuple:
            return tuple(map(self._without_masks, index))
        return self.primal(index) if type(index) is Value and index.dtype.kind == "b" else index

    def _new(
        self, name: str, arguments: tuple[Any, ...], parameters: dict[str, Any], sample: Any, place: int | None = None
    ) -> Value:
        values = self.graph.values
        if len(values) >= NODE_BUDGET:
            raise NotRecordable(f"more than {NODE_BUDGET} operations")
        sample = sample if isinstance(sample, (np.ndarray, np.generic)) else np.asarray(sample)[()]
        value = Value(len(values), name, arguments, parameters, sample, place)
        values.append(value)
        return value

    # ---- constants are read live, so they must not have changed while they were recorded

    def _watch(self, constant: np.ndarray) -> None:
        if id(constant) not in self._seen_constants:
            self._seen_constants.add(id(constant))
            self._constants.append((constant, constant.copy()))

    def refers_to(self, arrays: Collection[int]) -> bool:
        """Say whether the graph refers to one of these arrays (by id) as a constant."""
        return not self._seen_constants.isdisjoint(arrays)

    def guards_on(self, inputs: Sequence[Value]) -> int:
        """Count the guards on what depends on these inputs only."""
        given = {value.number for value in inputs}
        for value in self.graph.values:
            if value.operands and all(operand.number in given for operand in value.operands):
                given.add(value.number)
        return sum(guard.value.number in given for guard in self.graph.guards)

    def check_constants(self) -> None:
        """Raise `NotRecordable` if f wrote to an array after the recording had referred to it."""
        for constant, copy in self._constants:
            if constant.tobytes() != copy.tobytes():
                raise NotRecordable("f writes to a plain NumPy array while it runs")


def _compute(name: str, arguments: Sequence[Any], parameters: dict[str, Any]) -> Any:
    operation = einsum if name == "einsum" else getattr(NUMPY, name)  # (NumPy's own takes ten times as long)
    if name in TAKES_LIST:
        return operation(list(arguments), **parameters)
    return operation(*arguments, **parameters)


def _sample(argument: Any) -> Any:
    return argument.sample if type(argument) is Value else argument


def _sample_index(parameter: Any) -> Any:
    if type(parameter) is tuple:
        return tuple(map(_sample, parameter))
    return _sample(parameter)


def _key(part: Any) -> Any:
    """Return what tells an argument or a parameter from others."""
    if type(part) is Value:
        return ("value", part.number)
    if type(part) is slice:
        return ("slice", part.start, part.stop, part.step)
    if type(part) is tuple:
        return tuple(map(_key, part))
    if isinstance(part, np.ndarray):
        return ("array", id(part)) if part.ndim else ("number", part.dtype.str, part.tobytes())
    if isinstance(part, np.generic):
        return ("number", part.dtype.str, part.tobytes())
    # 0.0 and -0.0, 1 and 1.0 are equal in Python, but not the same constant.
    return (type(part), repr(part)) if isinstance(part, (float, complex)) else (type(part), part)


TAKES_LIST = frozenset(
    name for name, primitive in PRIMITIVES.items() if any(isinstance(s.arrays[0], list) for s in primitive.samples)
)


def _method(name: str) -> Callable[..., Any]:
    def method(self: Recorder, *arguments: Any, **parameters: Any) -> Any:
        return self.apply(name, arguments, parameters)

    def method_of_list(self: Recorder, arrays: Sequence[Any], **parameters: Any) -> Any:
        return self.apply(name, arrays, parameters)

    return method_of_list if name in TAKES_LIST else method


for _name in PRIMITIVES:
    setattr(Recorder, _name, _method(_name))
