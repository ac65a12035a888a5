"""How long, how often and under which limits engines are measured."""

from __future__ import annotations

from dataclasses import dataclass

from diffiface.benchmarking import memory
from diffiface.errors import InputError


@dataclass(frozen=True)
class Settings:
    """The settings of a run."""

    seconds: float = 1.0
    """Measuring time for each engine and case."""
    rounds: int = 20
    """In how many turns it is spent."""
    timeout: float = 60.0
    """The longest one step (preparing with the first run, a batch of runs) may take; importing may take a minute."""
    threads: int | None = 1
    """How many CPUs an engine may use; None for as many as it likes."""
    memory_limit: int | None = None
    """The bytes an engine's process may hold; None for nine tenths of what the machine can give."""
    unprepared: bool = True
    """Whether to time the call without preparation too."""
    budget: float | None = None
    """The seconds after which no further case is begun; None for no end."""

    def __post_init__(self) -> None:
        for name in ("seconds", "rounds", "timeout", "budget"):
            value = getattr(self, name)
            if (name, value) == ("budget", None):
                continue
            if not isinstance(value, (int, float)) or not value > 0:
                raise InputError(f"{name}={value!r} is not a positive number")
        for name in ("rounds", "threads", "memory_limit"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise InputError(f"{name}={value!r} is not a positive integer")

    @property
    def batch_seconds(self) -> float:
        """What one turn takes, if a single run is not longer."""
        return self.seconds / self.rounds

    def memory_limit_bytes(self) -> int | None:
        """Return the limit to set, if the machine tells what it has."""
        if self.memory_limit is not None:
            return self.memory_limit
        available = memory.available_bytes()
        return None if available is None else int(0.9 * available)
