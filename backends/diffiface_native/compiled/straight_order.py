"""In which order straight-line code computes, where its values leave a choice."""

from __future__ import annotations

from collections.abc import Sequence

from diffiface_native.compiled.lowering import cost_of_operation
from diffiface_native.compiled.nest import Expression

_EXPENSIVE = 20.0
"""What functions such as cos cost at least, in additions."""


def in_order(expressions: Sequence[Expression]) -> list[int]:
    """Return the places of what is to be computed, in order: functions of the same operand one behind the other.

    So the cosine that a derivative needs of an earlier step's angle is computed in that step, beside the sine, while
    the processor waits for other results; and the cosine is what is kept.
    """
    first: dict[int, int] = {}
    """Last operand → the first function of it."""
    behind: dict[int, list[int]] = {}
    """First function → the others."""
    order = []
    for place, expression in enumerate(expressions):
        if expression.reads or expression.operation == "number":
            continue
        if cost_of_operation(expression.operation) >= _EXPENSIVE:
            found = first.setdefault(max(expression.arguments), place)
            if found != place:
                behind.setdefault(found, []).append(place)
                continue
        order.append(place)
    return [each for place in order for each in (place, *behind.get(place, ()))]
