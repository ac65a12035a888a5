"""Places in one memory for things that are needed for a while: what is not needed any more makes room for others."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class Lifetime(Generic[T]):
    """How much room a thing takes, and the first and the last step at which it must be there."""

    thing: T
    size: int
    first: int
    last: int


def arrange(lifetimes: Sequence[Lifetime[T]]) -> tuple[dict[T, int], int]:
    """Return where each thing is, and how large the memory is.

    Things that are there at one step, be it one's last and another's first, never share room.

    >>> arrange([Lifetime("a", 4, 0, 1), Lifetime("b", 4, 1, 2), Lifetime("c", 4, 2, 3)])
    ({'a': 0, 'b': 4, 'c': 0}, 8)
    """
    places: dict[T, int] = {}
    free: dict[int, list[int]] = {}
    living: list[Lifetime[T]] = []
    end = 0
    for one in sorted(lifetimes, key=lambda one: one.first):
        for dead in [other for other in living if other.last < one.first]:
            living.remove(dead)
            free.setdefault(dead.size, []).append(places[dead.thing])
        again = free.get(one.size)
        if again:
            places[one.thing] = again.pop()
        else:
            places[one.thing] = end
            end += one.size
        living.append(one)
    return places, end
