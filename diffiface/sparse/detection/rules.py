"""How index sets pass through each primitive: a table from the primitive's name to its rule.

A rule takes the operands (sets and numbers), the result's numbers and the parameters, and returns the result's sets.
It may give too many variables, never too few. A primitive that is not in the table gets the rule of its kind, and
one of an unknown kind makes every entry depend on everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from diffiface.primitives import PRIMITIVES
from diffiface.sparse.detection.index_sets import IndexSets, rearranged


class Operand(NamedTuple):
    """An argument of a primitive: its index sets (None for a constant) and its numbers."""

    sets: IndexSets | None
    primal: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.primal)

    def variables(self) -> IndexSets:
        """Return the sets, empty ones for a constant."""
        return IndexSets(self.shape, ()) if self.sets is None else self.sets


Rule = Callable[..., IndexSets]
"""`rule(operands, y, **parameters)`."""


def propagate(
    name: str,
    operands: Sequence[Operand],
    results: Sequence[Any],
    parameters: dict[str, Any],
    local: bool,
    anywhere: bool,
) -> list[IndexSets]:
    """Return the index sets of each result of a primitive.

    `anywhere` says that the index among the parameters depends on x, so that any entry may be meant by it.
    """
    primitive = PRIMITIVES[name]
    if primitive.derivative != "smooth":
        return [IndexSets(np.shape(y), ()) for y in results]
    rule = _anywhere if anywhere else _rule_of(name, local)
    return [
        rule(operands, y, **parameters) if np.asarray(y).dtype.kind in "fc" else IndexSets(np.shape(y), ())
        for y in results
    ]


def _rule_of(name: str, local: bool) -> Rule:
    if local and name in LOCAL:
        return LOCAL[name]
    return RULES.get(name) or OF_KIND.get(PRIMITIVES[name].kind, _dense)


def _tracked(operands: Sequence[Operand]) -> list[IndexSets]:
    return [operand.sets for operand in operands if operand.sets is not None]


# ---- each entry by itself


def _elementwise(operands: Sequence[Operand], y: Any, **parameters: Any) -> IndexSets:
    return IndexSets.union(np.shape(y), _tracked(operands))


def _where(operands: Sequence[Operand], y: Any) -> IndexSets:
    """Both sides: another x may choose the other."""
    return IndexSets.union(np.shape(y), _tracked(operands[1:]))


# ---- everything on everything


def _dense(operands: Sequence[Operand], y: Any, **parameters: Any) -> IndexSets:
    return IndexSets.union(np.shape(y), [sets.everywhere(np.shape(y)) for sets in _tracked(operands)])


def _dense_matrices(operands: Sequence[Operand], y: Any, **parameters: Any) -> IndexSets:
    """Each matrix of a stack by itself: its results depend on all of it."""
    shape = np.shape(y)
    stack = np.broadcast_shapes(*(operand.shape[:-2] for operand in operands))
    inner = len(shape) - len(stack)
    members = []
    for sets in _tracked(operands):
        rank = len(sets.shape)
        together = sets.reduce((rank - 2, rank - 1), sets.shape[:-2])
        members.append(
            rearranged(
                lambda arrays, s=together: np.broadcast_to(arrays[0].reshape((*s.shape, *(1,) * inner)), shape),
                [together],
                shape,
            )
        )
    return IndexSets.union(shape, members)


def _anywhere(operands: Sequence[Operand], y: Any, *, index: Any) -> IndexSets:
    """Read or write at a place that depends on x: any entry may be the one."""
    shape, (x, *values) = np.shape(y), operands
    if not values:
        return x.variables().everywhere(shape)
    return IndexSets.union(shape, [x.variables(), *(v.variables().everywhere(shape) for v in values)])


# ---- reductions


def _reduction(operands: Sequence[Operand], y: Any, *, axis: int | tuple[int, ...], keepdims: bool) -> IndexSets:
    return operands[0].variables().reduce((axis,) if isinstance(axis, int) else axis, np.shape(y))


def _cumulative(operands: Sequence[Operand], y: Any, *, axis: int) -> IndexSets:
    return operands[0].variables().accumulate(axis)


# ---- entries moved


def _moved(name: str) -> Rule:
    """The rule of a primitive that moves entries: it does to the sets what it does to the numbers."""
    definition = PRIMITIVES[name].definition
    takes_list = name in ("concatenate", "stack")

    def rule(operands: Sequence[Operand], y: Any, **parameters: Any) -> IndexSets:
        def operation(arrays: list[np.ndarray]) -> np.ndarray:
            return np.asarray(definition(arrays, **parameters) if takes_list else definition(*arrays, **parameters))

        return rearranged(operation, [operand.variables() for operand in operands], np.shape(y))

    return rule


def _add_at(operands: Sequence[Operand], y: Any, *, index: Any) -> IndexSets:
    x, value = operands
    shape = np.shape(y)
    members = _tracked([x])
    if value.sets is not None:
        targets = np.arange(math.prod(shape)).reshape(shape)[index]
        members.append(value.sets.broadcast(targets.shape).sent(targets, shape))
    return IndexSets.union(shape, members)


# ---- contractions


def _contraction(operands: Sequence[Operand], labels: Sequence[str], output: str, shape: tuple[int, ...]) -> IndexSets:
    """Unite over the labels that an operand does not share with the output, and repeat along those it lacks."""
    members = []
    for operand, own in zip(operands, labels, strict=True):
        if operand.sets is None:
            continue
        kept = [label for label in own if label in output]
        gone = [axis for axis, label in enumerate(own) if label not in output]
        sets = operand.sets.reduce(
            gone, tuple(n for n, label in zip(operand.shape, own, strict=True) if label in output)
        )
        order = sorted(range(len(kept)), key=lambda axis: output.index(kept[axis]))

        def spread(
            arrays: list[np.ndarray], order: list[int] = order, kept: list[str] = kept, full: tuple[int, ...] = shape
        ) -> np.ndarray:
            moved = np.transpose(arrays[0], order)
            return np.broadcast_to(
                np.expand_dims(moved, tuple(i for i, label in enumerate(output) if label not in kept)), full
            )

        members.append(rearranged(spread, [sets], shape))
    return IndexSets.union(shape, members)


def _einsum(operands: Sequence[Operand], y: Any, *, subscripts: str) -> IndexSets:
    inputs, output = subscripts.split("->")
    return _contraction(operands, inputs.split(","), output, np.shape(y))


def _matmul(operands: Sequence[Operand], y: Any) -> IndexSets:
    ranks = [len(operand.shape) for operand in operands]
    stack = max(0, *(rank - 2 for rank in ranks))
    letters = [chr(ord("A") + i) for i in range(stack)]
    left = "k" if ranks[0] == 1 else "".join(letters[stack - (ranks[0] - 2) :]) + "ik"
    right = "k" if ranks[1] == 1 else "".join(letters[stack - (ranks[1] - 2) :]) + "kj"
    output = "".join(letters) + ("i" if ranks[0] > 1 else "") + ("j" if ranks[1] > 1 else "")
    return _contraction(operands, [left, right], output, np.shape(y))


def _along_axis(operands: Sequence[Operand], y: Any, *, axis: int, **parameters: Any) -> IndexSets:
    """Each result along the axis depends on all entries along it (Fourier transforms)."""
    sets = operands[0].variables()
    reduced = sets.reduce((axis,), tuple(1 if a == axis else n for a, n in enumerate(sets.shape)))
    return reduced.broadcast(np.shape(y))


def _solve(operands: Sequence[Operand], y: Any, **parameters: Any) -> IndexSets:
    """A column of the solution depends on the matrix and on its own right-hand side only."""
    a, b = operands
    shape = np.shape(y)
    members = []
    if a.sets is not None:
        members.append(_dense_matrices([a, Operand(None, b.primal)], y))
    if b.sets is not None:
        columns = b.sets.reduce((len(b.shape) - 2,), (*b.shape[:-2], 1, b.shape[-1]))
        members.append(columns.broadcast(shape))
    return IndexSets.union(shape, members)


RULES: dict[str, Rule] = {
    "where": _where,
    "astype": _elementwise,
    **dict.fromkeys(("sum", "max", "min", "prod"), _reduction),
    **dict.fromkeys(("cumsum", "cumprod"), _cumulative),
    **{
        name: _moved(name)
        for name in ("reshape", "transpose", "broadcast_to", "concatenate", "stack", "getitem", "setitem")
    },
    "add_at": _add_at,
    "matmul": _matmul,
    "einsum": _einsum,
    **dict.fromkeys(("solve", "triangular_solve"), _solve),
}

OF_KIND: dict[str, Rule] = {
    "elementwise": _elementwise,
    "special": _elementwise,
    "Fourier": _along_axis,
    "linear algebra": _dense_matrices,
}
"""The rule of every primitive of a kind that has none of its own."""


# ---- at this x only


def _local_where(operands: Sequence[Operand], y: Any) -> IndexSets:
    condition, a, b = operands
    shape = np.shape(y)
    chosen = np.broadcast_to(np.asarray(condition.primal, bool), shape)
    sides = zip((a, b), (chosen, ~chosen), strict=True)
    return IndexSets.union(shape, [o.sets.broadcast(shape).masked(mask) for o, mask in sides if o.sets is not None])


def _local_product(operands: Sequence[Operand], y: Any) -> IndexSets:
    shape, (a, b) = np.shape(y), operands
    factors = ((a, b), (b, a))
    return IndexSets.union(
        shape,
        [
            one.sets.broadcast(shape).masked(np.broadcast_to(np.asarray(other.primal) != 0, shape))
            for one, other in factors
            if one.sets is not None
        ],
    )


def _local_extremum(operands: Sequence[Operand], y: Any) -> IndexSets:
    shape = np.shape(y)
    return IndexSets.union(
        shape, [o.sets.broadcast(shape).masked(np.asarray(o.primal) == y) for o in operands if o.sets is not None]
    )


def _local_reduced_extremum(operands: Sequence[Operand], y: Any, *, axis: tuple[int, ...], keepdims: bool) -> IndexSets:
    (x,) = operands
    attained = np.asarray(x.primal) == (y if keepdims else np.expand_dims(y, axis))
    return x.variables().masked(attained).reduce(axis, np.shape(y))


LOCAL: dict[str, Rule] = {
    "where": _local_where,
    "multiply": _local_product,
    **dict.fromkeys(("maximum", "minimum"), _local_extremum),
    **dict.fromkeys(("max", "min"), _local_reduced_extremum),
}
"""Rules that look at the numbers, for patterns at one x."""
