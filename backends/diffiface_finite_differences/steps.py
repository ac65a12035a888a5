"""How far to step: from the size of x, the order of the derivative and the precision of f."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffiface.adapter import InputError


@dataclass(frozen=True)
class Step:
    """A step from x along a tangent."""

    displacement: np.ndarray
    """What is added to x."""
    length: float
    """The displacement in units of the tangent; 0 for a zero tangent."""
    natural_length: float
    """The length of a step that would move x by its own size: what rounding errors of x compare with."""


@dataclass(frozen=True)
class StepSizes:
    """The step along each entry of x: `max(relative * |x|, absolute)`, `absolute` being `relative` unless given."""

    relative: float | None = None
    absolute: float | None = None

    def step(
        self, x: np.ndarray, tangent: np.ndarray, default: float, imaginary: bool, widening: float, engine: str
    ) -> Step:
        """Return the step along a tangent; `default` is the relative step for want of a given one.

        `widening` multiplies the step. The displacement is real; an imaginary one is later multiplied by i.
        """
        relative = default if self.relative is None else self.relative
        absolute = relative if self.absolute is None else self.absolute
        moved = np.flatnonzero(tangent)
        displacement = np.zeros_like(x)
        if not moved.size:
            return Step(displacement, 0.0, 0.0)
        with np.errstate(all="ignore"):
            x, tangent = x[moved], tangent[moved]
            entry_steps = np.maximum(relative * np.abs(x), absolute) * widening
            norm = np.linalg.norm(tangent / entry_steps)
            wanted = tangent / norm
            # x + wanted is rounded; what was really added is what the quotient must be divided by.
            added = wanted if imaginary else (x + wanted) - x
            displacement[moved] = added
            direction = wanted / entry_steps
            length = (added / entry_steps) @ direction / (direction @ direction) / norm
        if not added.any():
            raise InputError(
                "the step is too small to move x at all",
                engine=engine,
                fix="give a larger relative_step or absolute_step, or leave them out",
            )
        return Step(displacement, length, length / (relative * widening))
