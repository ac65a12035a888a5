"""Which trace is running: the stack that lets a derivative be taken inside a function being differentiated."""

from __future__ import annotations

import threading

from diffiface.errors import UnsupportedOperationError
from diffiface.primitives import NUMPY, Primitives


class _Stack(threading.local):
    def __init__(self) -> None:
        self.traces: list[Primitives] = []


running = _Stack()
"""The traces that are running in this thread, innermost last."""


def current_trace() -> Primitives:
    """The arrays on which an engine that starts now must compute: those of the innermost running trace, else NumPy."""
    traces = running.traces
    return traces[-1] if traces else NUMPY


class tracing:
    """Mark `p` as the innermost running trace while the user's function runs (a context manager)."""

    __slots__ = ("p",)

    def __init__(self, p: Primitives):
        self.p = p

    def __enter__(self) -> Primitives:
        running.traces.append(self.p)
        return self.p

    def __exit__(self, *_: object) -> None:
        running.traces.pop()


def innermost(p: Primitives, q: Primitives) -> Primitives:
    """Of two traces whose values meet in one operation, the one that can hold the other's values as constants."""
    if p is q or q in p.accepts or q is NUMPY:  # plain numbers are constants for every trace
        return p
    if p in q.accepts or p is NUMPY:
        return q
    raise UnsupportedOperationError(
        f"a value traced by {q.engine!r} met one traced by {p.engine!r}, and neither engine can hold the other's values",
        fix="differentiate inside with 'forward' or 'reverse' (they nest in any engine), or with the outer engine itself",
    )
