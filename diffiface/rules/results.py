"""What a function with rules, its jvp and its vjp return: read, and held to what they must return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.errors import RuleError
from diffiface.rules.arguments import Arguments
from diffiface.rules.user_code import defined_at, is_value


class Output:
    """The structure of what a function returns: known once it has run."""

    def __init__(self, name: str):
        self.name = name
        self.structure: Any = None
        self.known = False

    def read(self, y: Any, what: str, f: Any) -> list[Any]:
        """Return the leaves of a value of the function."""
        leaves, structure = trees.flatten(y)
        bad = [leaf for leaf in leaves if not is_value(leaf)]
        if y is None or not leaves or bad:
            found = "None" if y is None else f"{type(bad[0]).__name__} {bad[0]!r:.60}" if bad else "nothing"
            raise RuleError(
                f"{what} returned {found}, which is not a number or an array",
                where=defined_at(f),
                fix="return a number, an array, or a dict, list or tuple of them",
            )
        if self.known and structure != self.structure:
            raise RuleError(
                f"{what} returned the structure {trees.describe(structure)}, "
                f"where {self.name} returned {trees.describe(self.structure)}",
                where=defined_at(f),
            )
        self.structure, self.known = structure, True
        return leaves

    def rebuild(self, leaves: Sequence[Any]) -> Any:
        """Put leaves back into the structure."""
        return trees.unflatten(self.structure, leaves)


def pair(result: Any, what: str, names: str, f: Any) -> tuple[Any, Any]:
    """Return the two things a rule must return."""
    if not (isinstance(result, tuple | list) and len(result) == 2):
        raise RuleError(
            f"{what} returned {_described(result)}, where the pair {names} is due",
            where=defined_at(f),
            fix=f"return {names}",
        )
    return result[0], result[1]


def tangent_leaves(ty: Any, ys: Sequence[Any], output: Output, what: str, f: Any) -> list[Any]:
    """Return the leaves of the tangent of y, shaped as those of y."""
    if ty is None:
        raise RuleError(
            f"{what} returned no tangent (None)",
            where=defined_at(f),
            fix="return zeros like y where the derivative is zero",
        )
    leaves, structure = trees.flatten(ty)
    if structure != output.structure:
        raise RuleError(
            f"{what} returned a tangent with the structure {trees.describe(structure)}, "
            f"where y has {trees.describe(output.structure)}",
            where=defined_at(f),
        )
    for place, (leaf, y) in enumerate(zip(leaves, ys, strict=True)):
        check_like(leaf, y, f"the tangent{_part(place, ys)} that {what} returned", "y", f)
    return leaves


def cotangent_leaves(
    cotangents: Any, arguments: Arguments, primals: Sequence[Any], what: str, f: Any
) -> dict[int, Any]:
    """Return the cotangents of the operands (those that are zero are left out)."""
    due = arguments.differentiable
    if not isinstance(cotangents, tuple | list):
        if len(due) == 1:
            hint = "return a tuple of one: (cotangent,)"
        else:
            hint = f"return a tuple of {len(due)} cotangents, one for each argument"
        raise RuleError(f"{what} returned {_described(cotangents)}, not a tuple", where=defined_at(f), fix=hint)
    if len(cotangents) != len(due):
        raise RuleError(
            f"{what} returned {len(cotangents)} cotangents for {len(due)} differentiable arguments",
            where=defined_at(f),
            fix="return one for each argument (None where it is zero)",
        )
    found: dict[int, Any] = {}
    for number, cotangent in zip(due, cotangents, strict=True):
        if cotangent is None or (type(cotangent) in (int, float) and cotangent == 0):
            continue
        structure = arguments.structures[number]
        leaves, given = trees.flatten(cotangent)
        if given != structure:
            raise RuleError(
                f"{what} returned a cotangent of argument {number} with the structure {trees.describe(given)}, "
                f"where the argument has {trees.describe(structure)}",
                where=defined_at(f),
            )
        for leaf, operand in zip(leaves, arguments.leaves_of(number), strict=True):
            if operand >= 0:
                check_like(leaf, primals[operand], f"the cotangent of argument {number} that {what} returned", "it", f)
                found[operand] = leaf
    return found


def check_like(leaf: Any, like: Any, what: str, named: str, f: Any) -> None:
    """Raise `RuleError` unless a derivative has the shape of the value it belongs to."""
    if not is_value(leaf):
        raise RuleError(f"{what} is {_described(leaf)}, not a number or an array", where=defined_at(f))
    shape, due = shape_of(leaf), shape_of(like)
    if shape != due:
        raise RuleError(
            f"{what} has shape {shape}, where {named} has {due}",
            where=defined_at(f),
            fix="a tangent is shaped as y, a cotangent as the argument it belongs to",
        )


def shape_of(value: Any) -> tuple[int, ...]:
    """Return the shape of a number or of any array."""
    return tuple(value.shape) if hasattr(value, "shape") else np.shape(value)


def _part(place: int, leaves: Sequence[Any]) -> str:
    return f" {place}" if len(leaves) > 1 else ""


def _described(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"{type(value).__name__} of shape {np.shape(value)}" if is_value(value) else type(value).__name__
