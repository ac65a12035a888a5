"""The arguments of one call of a function with rules: which leaves are values, and where they belong."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.arrays import family_of
from diffiface.errors import InputError
from diffiface.numpy_api import Dressed, Scalar, dress, undress
from diffiface.numpy_api.conversion import trace_among, trace_of
from diffiface.primitives import NUMPY, Primitives
from diffiface.rebinding import PLAIN


class Arguments:
    """Positional arguments as pytrees of leaves. Numbers and arrays are values, all other leaves are static."""

    def __init__(self, args: Sequence[Any], nondiff: frozenset[int]):
        self.structures: list[Any] = []
        self.counts: list[int] = []
        """How many leaves each argument has."""
        self.leaves: list[Any] = []
        """All leaves; values among them are replaced in `rebuild`."""
        self.places: list[int] = []
        """Where in `leaves` each operand is."""
        self.nondiff = nondiff
        self.owner: list[int] = []
        """Which argument each operand belongs to."""
        for number, arg in enumerate(args):
            leaves, structure = trees.flatten(arg)
            self.structures.append(structure)
            self.counts.append(len(leaves))
            for leaf in leaves:
                if isinstance(leaf, np.ndarray) and leaf.dtype.char == "O" and trace_of(leaf) is not None:
                    leaf = undressed_stack(leaf)
                if is_operand(leaf):
                    self.places.append(len(self.leaves))
                    self.owner.append(number)
                self.leaves.append(leaf)
        self.scalars = [isinstance(self.leaves[i], Scalar | np.generic) for i in self.places]

    @property
    def differentiable(self) -> list[int]:
        """The positions of the arguments that may be differentiated."""
        return [i for i in range(len(self.structures)) if i not in self.nondiff]

    def operands(self) -> list[Any]:
        """Return the values as given."""
        return [self.leaves[i] for i in self.places]

    def rebuild(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Return the arguments with these values in the places of the operands."""
        leaves = [*self.leaves]
        for place, value in zip(self.places, values, strict=True):
            leaves[place] = value
        return tuple(trees.unflatten(s, part) for s, part in zip(self.structures, self._split(leaves), strict=True))

    def tangents(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Return one tangent for each argument, in its structure: of numbers that are static zero, of others None."""
        leaves = [0.0 if isinstance(leaf, int | float | complex) else None for leaf in self.leaves]
        for place, value in zip(self.places, values, strict=True):
            leaves[place] = value
        return tuple(trees.unflatten(s, part) for s, part in zip(self.structures, self._split(leaves), strict=True))

    def operands_of(self, argument: int) -> list[int]:
        """Return which operands belong to an argument."""
        return [i for i, owner in enumerate(self.owner) if owner == argument]

    def leaves_of(self, argument: int) -> list[int]:
        """Return, for each leaf of an argument, its operand, or -1 for a static leaf."""
        start = sum(self.counts[:argument])
        operand = {place: i for i, place in enumerate(self.places)}
        return [operand.get(place, -1) for place in range(start, start + self.counts[argument])]

    def _split(self, leaves: Sequence[Any]) -> Iterator[Sequence[Any]]:
        start = 0
        for count in self.counts:
            yield leaves[start : start + count]
            start += count


def is_operand(leaf: Any) -> bool:
    """Say whether a leaf is a value that an engine handles (a Python number is a static part of the call)."""
    kind = type(leaf)
    if isinstance(leaf, Dressed):
        return True
    if isinstance(leaf, np.ndarray | np.generic):
        return np.asarray(leaf).dtype.kind in "fciub"
    return kind not in PLAIN and family_of(leaf) is not None


def undressed_stack(objects: np.ndarray) -> Any:
    """Return one dressed array for an object array of dressed values, which NumPy makes of a list of them."""
    p = trace_of(objects)
    assert p is not None
    return dress(undress(objects), p)


def bound(
    signature: inspect.Signature | None, args: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return positional arguments and the remaining keywords: a rule knows arguments by position."""
    if signature is None or not keywords:
        return args, keywords
    found = signature.bind(*args, **keywords)
    # Defaults in the gaps between given arguments must be filled in; those behind the last one need not.
    names = [n for n, q in signature.parameters.items() if q.kind in (q.POSITIONAL_ONLY, q.POSITIONAL_OR_KEYWORD)]
    last = max((i for i, n in enumerate(names) if n in found.arguments), default=-1)
    positional = []
    for n in names[: last + 1]:
        if n in found.arguments:
            positional.append(found.arguments[n])
        else:
            positional.append(signature.parameters[n].default)
    kinds = {q.kind: n for n, q in signature.parameters.items()}
    variadic = found.arguments.get(kinds.get(inspect.Parameter.VAR_POSITIONAL, ""), ())
    rest = {n: v for n, v in keywords.items() if n not in names}
    return (*positional, *variadic), rest


def trace_of_call(arguments: Arguments, keywords: dict[str, Any], name: str) -> Primitives | None:
    """Return the trace in which a call happens: of dressed arguments, of arrays of an engine, or None for plain NumPy."""
    operands = arguments.operands()
    for keyword, value in keywords.items():
        if trace_of(value) not in (None, NUMPY):
            raise InputError(
                f"the keyword-only argument {keyword!r} of {name} is being differentiated, but has no place in its rule",
                fix="make it a positional argument, or pass a constant",
            )
    p = trace_among(operands, None)
    if p is not None and p is not NUMPY:
        return p
    for operand in operands:
        if isinstance(operand, np.ndarray | np.generic | Dressed):
            continue
        family = family_of(operand)
        primitives = getattr(family, "primitives", None)
        if primitives is not None:
            return primitives(operands)
    return p


def raw_operands(operands: Sequence[Any]) -> list[Any]:
    """Return the raw values behind the operands."""
    return [o._read() if isinstance(o, Dressed) else o for o in operands]
