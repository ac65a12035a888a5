"""Which engine differentiates the derivatives of an engine that is named alone."""

from __future__ import annotations

from diffiface.adapter import Backend


def pair_of(backend: Backend) -> tuple[Backend, Backend]:
    """Return the outer and the inner engine for second derivatives by `backend`.

    An engine that goes in one direction only may have a companion for the other: then the forward one is outside, the
    reverse one inside, which is the cheapest combination there is. Else it differentiates itself.
    """
    # (`backend` may be a preparation's stand-in, whose methods are prepared. Inside, on traced values, nothing is.)
    engine = backend.unprepared()
    companion = engine.companion()
    if companion is None:
        return backend, engine
    return (companion, engine) if engine.supplies("pullback") else (backend, companion)
