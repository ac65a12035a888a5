"""What Python functions raise that a JAX program calls on the host: XLA would pass on no more than the text."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from typing import Any

Failures = deque[Exception]
"""Exceptions of calls on the host, kept by the trace that the calls belong to."""


def no_failures() -> Failures:
    """Return an empty list of failures: few are kept, since the arrays in their frames are kept with them."""
    return deque(maxlen=4)


@contextlib.contextmanager
def left_with(p: Any) -> Iterator[None]:
    """Leave an exception with the trace, for who runs the program that was traced (on whichever thread), and raise it."""
    try:
        yield
    except Exception as error:
        p.failures.append(error)
        raise


def cause_of(error: Exception, failures: Failures) -> Exception:
    """Return what a call on the host raised, where it is what XLA's error is about; else XLA's error."""
    text = str(error)
    # (where several threads run one program and both fail, equal texts are as good as one another)
    cause = next((failure for failure in reversed(failures) if str(failure) in text), error)
    failures.clear()
    return cause
