"""Functions that are differentiated in a way of their own (a sum over chunks, on many machines)."""

from __future__ import annotations

from diffiface.adapter import Backend


class Delegating:
    """A function that names, for each engine, the backend that differentiates it."""

    def differentiated_by(self, backend: Backend) -> Backend:
        """Return the backend that stands in for the one that the user named."""
        raise NotImplementedError
