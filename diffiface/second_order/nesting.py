"""Which engines can stand inside which."""

from __future__ import annotations

from diffiface import registry
from diffiface.adapter import Backend
from diffiface.errors import UnsupportedOperationError


def obstacle(outer: Backend, inner: Backend) -> str | None:
    """Say why `outer` cannot differentiate what `inner` computes; None if it can."""
    if not outer.traces:
        return None  # it only evaluates, at plain numbers
    if not inner.traces:
        return f"{inner.name!r} evaluates the function at plain numbers, and the numbers of {outer.name!r} are traced values"
    if inner.nests == "in any engine" or (inner.nests == "in itself" and inner.name == outer.name):
        return None
    where = "in no engine" if inner.nests == "no" else f"in {inner.name!r} and under engines that only evaluate"
    return f"{inner.name!r} can run {where}, not on the traced values of {outer.name!r}"


def check_pair(outer: Backend, inner: Backend) -> None:
    """Raise `UnsupportedOperationError`, with the pairs that can, unless `outer` can differentiate `inner`."""
    reason = obstacle(outer, inner)
    if reason is None:
        return
    engines = [registry.resolve(name) for name in registry.available_backends()]
    outers = [repr(other.name) for other in engines if obstacle(other, inner) is None]
    inners = [repr(other.name) for other in engines if obstacle(outer, other) is None]
    raise UnsupportedOperationError(
        f"{outer.name!r} cannot differentiate the derivatives that {inner.name!r} takes: {reason}",
        fix=f"outside {inner.name!r} use {_one_of(outers)}; inside {outer.name!r} use {_one_of(inners)}",
    )


def _one_of(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0] if names else "no engine"
