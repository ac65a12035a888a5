"""What a choice among engines came to, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diffiface.adapter import Backend
from diffiface.benchmarking import shown
from diffiface.comparison.report import Comparison


@dataclass(frozen=True, repr=False)
class Choice:
    """The fastest engine for one call, and what it was measured against. Print it to see why."""

    backend: Backend
    """The engine, to be used like any other."""
    operator: str
    prepared: bool
    """Whether the engines were timed with a preparation or without."""
    reason: str
    """Why it was chosen, in a sentence."""
    seconds: Mapping[str, float]
    """Engine → time of one call, for those that passed the comparison."""
    comparison: Comparison
    """How the engines' results compare."""
    not_tried: tuple[str, ...] = ()
    """The engines that the time budget left out."""

    def __str__(self) -> str:
        ranking = ", ".join(f"{name} {shown.seconds(time)}" for name, time in self.seconds.items())
        lines = [self.reason, f"one call, {'prepared' if self.prepared else 'unprepared'}: {ranking}"]
        if self.not_tried:
            lines.append(f"not tried, the time budget being used up: {', '.join(self.not_tried)}")
        return "\n".join([*lines, str(self.comparison)])

    def __repr__(self) -> str:
        return f"<{self.backend!r} for {self.operator}: {self.reason}>"
