"""The choices made in this process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from diffiface.auto.choice import Choice

_MOST = 512
"""How many choices are kept; the one not asked for the longest goes first."""


@dataclass
class _Place:
    """Where one choice goes: its lock lets a second thread wait for the first instead of measuring beside it."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    choice: Choice | None = None
    kept: list[Any] = field(default_factory=list)


_places: OrderedDict[Hashable, _Place] = OrderedDict()
_lock = threading.Lock()


def remembered(key: Hashable, kept: list[Any], make: Callable[[], Choice], again: bool = False) -> Choice:
    """Return the choice for a key, made now if it is new (or `again`). What `make` raises is not remembered.

    Only calls for the same key wait for each other: f may itself ask for another choice, in another thread too.
    """
    with _lock:
        place = _places.setdefault(key, _Place())
        place.kept = kept
        _places.move_to_end(key)
        while len(_places) > _MOST:
            _places.popitem(last=False)
    choice = place.choice
    if choice is not None and not again:
        return choice
    with place.lock:
        if place.choice is None or again:
            place.choice = make()
        return place.choice


def forget_choices() -> None:
    """Forget every choice, so that the next call measures anew."""
    with _lock:
        _places.clear()
