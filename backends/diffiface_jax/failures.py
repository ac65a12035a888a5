"""What Python functions raise that a JAX program calls on the host: XLA would pass on no more than the text."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from typing import Any, NoReturn

import jax

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


REPORTS = (jax.errors.JaxRuntimeError, ValueError)
"""What XLA's report of a failed program comes as: the second from the quick way into a program that has run before."""


def raise_cause(error: Exception, failures: Failures) -> NoReturn:
    """Raise what a call on the host raised, where the error is XLA's report of it; else the error."""
    text = str(error)
    # (where several threads run one program and both fail, equal texts are as good as one another)
    cause = next((failure for failure in reversed(failures) if str(failure) in text), None)
    failures.clear()
    if cause is None:
        raise error
    raise cause from None
