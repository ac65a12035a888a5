"""The primitives on values with index sets: one run of f tells on which entries of x each entry of y may depend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.errors import user_line
from diffiface.primitives import NUMPY, PRIMITIVES, Primitives
from diffiface.sparse.detection.index_sets import IndexSets
from diffiface.sparse.detection.rules import Operand, propagate
from diffiface.sparse.detection.zeros import zeros_of
from diffiface.tracing import current_trace


class Tracked:
    """A value that depends on x, and on which entries of x its derivative may depend."""

    __slots__ = ("primal", "sets", "trace", "zeros")

    # NumPy refuses such a value instead of making an object array of it.
    __array_ufunc__ = None

    def __init__(self, trace: SetTrace, primal: Any, sets: IndexSets, zeros: np.ndarray | None = None):
        self.trace, self.primal, self.sets = trace, primal, sets
        self.zeros = zeros
        """Where the value is zero for every x (None for nowhere): see `zeros.py`."""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.primal.shape

    @property
    def dtype(self) -> np.dtype:
        return self.primal.dtype


class SetTrace(Primitives):
    """One run of f. Comparisons and integers are tracked too, so that what f asks of a value is noticed.

    `local` says that only this x counts: `where` follows its condition, an index the numbers in it, a product with
    a zero does not move.
    """

    engine = "sparsity detection"
    traced_type = Tracked
    accepts = (NUMPY,)

    def __init__(self, local: bool):
        self.local = local
        self.asked: list[str] = []
        """The user's lines that took a branch, a size or an index from a value."""

    def input(self, array: Any, first: int) -> Tracked:
        """Return an input whose entries are the variables from number `first`."""
        return Tracked(self, np.asarray(array), IndexSets.of_variables(array.shape, first))

    def concrete(self, value: Any) -> Any:
        return None if type(value) is Tracked else super().concrete(value)

    def primal(self, value: Any) -> Any:
        if type(value) is not Tracked:
            return super().primal(value)
        line = user_line() or "an unknown line"
        if line not in self.asked:
            self.asked.append(line)
        return np.array(value.primal)

    def settled(self, value: Any) -> Any:
        return self.primal(value)

    def laid_out(self, value: Any) -> np.ndarray | None:
        primal = value.primal if type(value) is Tracked else value
        return primal if isinstance(primal, np.ndarray) else None

    def apply(self, name: str, arguments: Sequence[Any], parameters: dict[str, Any]) -> Any:
        """Compute one primitive, and the index sets of what it returns."""
        index, traced_index = _plain_index(parameters.get("index"))
        if traced_index:
            if _has_mask(index):
                self.primal(traced_index[0])  # how many entries a mask chooses is a question asked of a value
            parameters = parameters | {"index": index}
        plain = [_plain(argument) for argument in arguments]
        y = PRIMITIVES[name].definition(*plain, **parameters)
        operands = [_operand(argument, primal) for argument, primal in zip(arguments, plain, strict=True)]
        flat = [o for group in operands for o in (group if isinstance(group, list) else [group])]
        zeros = None
        if current_trace() is self and not isinstance(y, tuple):  # not inside f: a gradient is being swept back
            masks = [getattr(argument, "zeros", None) for argument in arguments]
            zeros = zeros_of(name, plain, masks, y, parameters)
        if not traced_index and zeros is None and all(operand.sets is None for operand in flat):
            return y
        anywhere = bool(traced_index) and not self.local and not _has_mask(index)
        results = y if isinstance(y, tuple) else (y,)
        tracked = tuple(
            Tracked(
                self,
                np.asarray(part)[()] if np.ndim(part) == 0 else part,
                sets if zeros is None else sets.masked(~zeros),
                zeros,
            )
            for part, sets in zip(
                results, propagate(name, flat, results, parameters, self.local, anywhere), strict=True
            )
        )
        return tracked if isinstance(y, tuple) else tracked[0]


def _primitive(name: str) -> Callable[..., Any]:
    def method(self: SetTrace, *arguments: Any, **parameters: Any) -> Any:
        return self.apply(name, arguments, parameters)

    method.__name__ = name
    return method


for _name in PRIMITIVES:
    setattr(SetTrace, _name, _primitive(_name))


def _plain(argument: Any) -> Any:
    if type(argument) is Tracked:
        return argument.primal
    return [_plain(a) for a in argument] if isinstance(argument, (list, tuple)) else argument


def _operand(argument: Any, primal: Any) -> Operand | list[Operand]:
    if isinstance(argument, (list, tuple)):
        return [Operand(getattr(a, "sets", None), v) for a, v in zip(argument, primal, strict=True)]
    return Operand(argument.sets if type(argument) is Tracked else None, primal)


def _plain_index(index: Any) -> tuple[Any, list[Tracked]]:
    """Return an index of plain numbers, and the tracked values that were in it."""
    if type(index) is tuple:
        parts = [_plain_index(part) for part in index]
        return tuple(part for part, _ in parts), [value for _, values in parts for value in values]
    return (index.primal, [index]) if type(index) is Tracked else (index, [])


def _has_mask(index: Any) -> bool:
    parts = index if type(index) is tuple else (index,)
    return any(isinstance(part, (np.ndarray, np.bool_, bool)) and np.asarray(part).dtype.kind == "b" for part in parts)
