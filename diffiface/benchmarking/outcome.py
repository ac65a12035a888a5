"""What became of an engine in one measurement."""

from __future__ import annotations

import enum


class Outcome(enum.StrEnum):
    """One per engine and case; only the first comes with a time to rely on."""

    MEASURED = "measured"
    DISAGREES = "disagrees"
    """It was timed, but an exact engine whose result is not that of the others has no time worth quoting."""
    NOT_SUPPORTED = "not supported"
    NOT_INSTALLED = "not installed"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CRASHED = "crashed"
    OUT_OF_MEMORY = "out of memory"
    NOT_TRIED = "not tried"
    """A smaller size already took too long or too much memory, or the time for all cases was used up."""

    @property
    def absent(self) -> bool:
        """Whether the engine was not able to take part, which is nobody's fault."""
        return self in (Outcome.NOT_SUPPORTED, Outcome.NOT_INSTALLED)

    @property
    def broken(self) -> bool:
        """Whether something went wrong that someone may want to know of."""
        return self in (Outcome.DISAGREES, Outcome.FAILED, Outcome.CRASHED)
