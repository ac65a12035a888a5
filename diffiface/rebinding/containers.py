"""Tuples, lists and dicts that hold functions or objects to rebind."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from typing import Any

from diffiface.rebinding.functions import original_of
from diffiface.rebinding.rebound import is_current, rebinds, rebound

_LOOKED_AT = 32
"""How many items are looked at to see whether a container holds any: a long one holds data, and must not be walked."""


class _Inside(threading.local):
    def __init__(self) -> None:
        self.ids: set[int] = set()


_inside = _Inside()


def _leads_somewhere(container: Any, items: Any) -> bool:
    """Say whether any of the first items is rebound to something else (not for a container met inside itself)."""
    if id(container) in _inside.ids:
        return False
    _inside.ids.add(id(container))
    try:
        return any(rebound(item) is not item for item, _ in zip(items, range(_LOOKED_AT), strict=False))
    finally:
        _inside.ids.discard(id(container))


@rebinds(tuple)
def rebound_tuple(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Rebind the items of a tuple."""
    return tuple(map(rebound, value)) if _leads_somewhere(value, value) else value


@rebinds(list)
def rebound_list(value: list[Any]) -> list[Any]:
    """Rebind the items of a list."""
    return _List(value) if _leads_somewhere(value, value) else value


@rebinds(dict)
def rebound_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    """Rebind the values of a dict."""
    return _Dict(value) if _leads_somewhere(value, value.values()) else value


class _List(list[Any]):
    """A list of rebound items; what is done to it is done to the user's list too."""

    def __init__(self, original: list[Any]):
        super().__init__(map(rebound, original))
        self._original, self._seen = original, [*original]

    def _diffiface_check(self) -> Callable[[], bool]:
        return self._is_current

    def _is_current(self) -> bool:
        original, seen = self._original, self._seen
        return len(original) == len(seen) and all(map(operator.is_, original, seen)) and all(map(is_current, self))


class _Dict(dict[Any, Any]):
    """A dict of rebound values; what is done to it is done to the user's dict too."""

    def __init__(self, original: dict[Any, Any]):
        super().__init__({key: rebound(value) for key, value in original.items()})
        self._original, self._seen = original, {**original}

    def _diffiface_check(self) -> Callable[[], bool]:
        return self._is_current

    def _is_current(self) -> bool:
        original, seen = self._original, self._seen
        return (
            len(original) == len(seen)
            and all(seen.get(key, seen) is value for key, value in original.items())
            and all(map(is_current, self.values()))
        )


def _both(kind: type, name: str) -> Callable[..., Any]:
    change = getattr(kind, name)

    def method(self: Any, *args: Any, **keywords: Any) -> Any:
        change(self._original, *map(original_of, args), **keywords)
        result = change(self, *args, **keywords)
        return self if result is not None and name in ("__iadd__", "__imul__", "__ior__") else result

    method.__name__ = name
    return method


for _name in "append clear extend insert pop remove reverse sort __setitem__ __delitem__ __iadd__ __imul__".split():
    setattr(_List, _name, _both(list, _name))
for _name in "clear pop popitem setdefault update __setitem__ __delitem__ __ior__".split():
    setattr(_Dict, _name, _both(dict, _name))
