"""Arrays written entry by entry, in one piece: a chain of writes of single numbers becomes one `stack` of them.

A cotangent that a loop sends back to `x[i]` is recorded as a chain: the array with one entry added to, of it another
array, and so on. Nobody reads those between. What is left of the chain is what every entry is in the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from diffiface_native.recorded.graph import Graph, Value, index_is_basic

_FEWEST = 8
"""How many writes a chain must have."""
_SPARSEST = 4
"""Up to how many entries there may be for each write."""
_MOST_ENTRIES = 20_000


def gather_writes(graph: Graph) -> None:
    """Replace the chains of a graph, whose values are numbered anew."""
    uses = Counter(operand.number for value in graph.values for operand in value.operands)
    uses.update(output.number for output in graph.outputs if type(output) is Value)
    uses.update(guard.value.number for guard in graph.guards)
    linked = {value.arguments[0].number for value in graph.values if _continues(value) and _writes(value.arguments[0])}
    before: dict[int, list[Value]] = {}
    for value in graph.values:
        if _writes(value) and not (value.number in linked and uses[value.number] == 1):
            chain = _chain(value, uses)
            if len(chain) >= max(_FEWEST, value.sample.size / _SPARSEST) and value.sample.size <= _MOST_ENTRIES:
                before.update(_gathered(chain))
    if not before:
        return
    values: list[Value] = []
    for value in graph.values:
        values += [*before.get(value.number, ()), value]
    for number, value in enumerate(values):
        value.number = number
    graph.values[:] = values


def _writes(value: Any) -> bool:
    """Say whether a value is an array with a single number written, or added, to one entry.

    Along all axes but one it has one entry only: a vector, or a batch of one of them.
    """
    if type(value) is not Value or value.operation not in ("setitem", "add_at") or value.dtype != np.float64:
        return False
    item = np.asarray(_sample(value.arguments[1]))
    if item.size != 1 or item.dtype != np.float64 or max(value.shape, default=0) != value.sample.size:
        return False
    return len(_places(value)) == 1


def _places(value: Value) -> Sequence[int]:
    """Return the entries a write with a basic index is to, along the only axis that has several ([] for other indices)."""
    index = value.parameters["index"]
    if not index_is_basic(index):
        return []
    parts: list[Any] = [part for part in (index if type(index) is tuple else (index,)) if part is not None]
    if Ellipsis in parts:
        missing = len(value.shape) + 1 - len(parts)
        at = parts.index(Ellipsis)
        parts[at : at + 1] = [slice(None)] * missing
    parts += [slice(None)] * (len(value.shape) - len(parts))
    axis = value.shape.index(value.sample.size)
    n, part = value.shape[axis], parts[axis]
    return range(n)[part] if type(part) is slice else [part % n]


def _continues(value: Any) -> bool:
    return _writes(value) and type(value.arguments[0]) is Value


def _sample(argument: Any) -> Any:
    return argument.sample if type(argument) is Value else argument


def _chain(last: Value, uses: Counter[int]) -> list[Value]:
    """Return the writes up to this one that nobody else sees, the first one first."""
    chain = [last]
    while _continues(chain[-1]):
        earlier = chain[-1].arguments[0]
        if not _writes(earlier) or uses[earlier.number] != 1:
            break
        chain.append(earlier)
    return chain[::-1]


def _gathered(chain: list[Value]) -> dict[int, list[Value]]:
    """Make the last write of a chain a `stack`; return the values that are new, by the number of the write they precede."""
    last, base = chain[-1], chain[0].arguments[0]
    size = last.sample.size
    entries: dict[int, Any] = {}
    new: dict[int, list[Value]] = {}

    axis = last.shape.index(size)
    shape = last.shape[:axis] + last.shape[axis + 1 :]
    """That of one entry."""

    def made(write: Value, operation: str, arguments: tuple[Any, ...], sample: Any, **parameters: Any) -> Value:
        value = Value(-1, operation, arguments, parameters, np.asarray(sample)[()])
        new.setdefault(write.number, []).append(value)
        return value

    def shaped(write: Value, item: Any) -> Any:
        if np.shape(_sample(item)) == shape:
            return item
        sample = np.reshape(_sample(item), shape)
        return made(write, "reshape", (item,), sample, shape=shape) if type(item) is Value else sample[()]

    def entry(write: Value, place: int) -> Any:
        if place in entries:
            return entries[place]
        index = (*[slice(None)] * axis, place)
        sample = np.asarray(_sample(base)[index])[()]
        return made(write, "getitem", (base,), sample, index=index) if type(base) is Value else sample

    for write in chain:
        (index,) = _places(write)
        item = shaped(write, write.arguments[1])
        if write.operation == "add_at":
            earlier = entry(write, index)
            item = made(write, "add", (earlier, item), _sample(earlier) + _sample(item))
        entries[index] = item
    items = tuple(entry(last, index) for index in range(size))
    last.operation, last.arguments, last.parameters = "stack", items, {"axis": axis}
    last.operands = [item for item in items if type(item) is Value]
    return new
