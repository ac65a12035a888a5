"""How far to step: from the size of x, the order of the derivative and the precision of f."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffiface.adapter import InputError

Direction = int | np.ndarray
"""The number of an entry of x, or a tangent of shape `(size of x,)`."""


@dataclass(frozen=True)
class Step:
    """A step from x along a direction."""

    displacement: np.ndarray
    """What is added to x."""
    length: float
    """The displacement in units of the tangent."""
    natural_length: float
    """The length of a step that would move x by its own size: what rounding errors of x compare with."""


class Steps:
    """The steps from one x that have the same relative size.

    Along an entry a step is `max(relative * |x|, absolute)` times `widening`. Along a tangent it is the one
    whose moves of the entries, in units of those steps, have norm 1. Imaginary steps are given as real ones.
    """

    def __init__(self, x: np.ndarray, relative: float, absolute: float, imaginary: bool, widening: float, engine: str):
        self.x, self.relative, self.imaginary, self.engine = x, relative * widening, imaginary, engine
        with np.errstate(all="ignore"):
            self.entry_steps = np.maximum(relative * np.abs(x), absolute) * widening
            self.entry_moves = self._added(self.entry_steps)

    def _added(self, wanted: np.ndarray) -> np.ndarray:
        # x + wanted is rounded; what was really added is what a quotient must be divided by.
        return wanted if self.imaginary else (self.x + wanted) - self.x

    def along(self, direction: Direction) -> Step:
        """Return the step along an entry or a tangent."""
        if isinstance(direction, int):
            displacement = np.zeros_like(self.x)
            displacement[direction] = length = float(self.entry_moves[direction])
        elif direction.any():
            displacement, length = self._along_tangent(direction)
        else:
            # Going nowhere, f does not change, and any length gives the derivative zero.
            return Step(np.zeros_like(self.x), 1.0, 1.0)
        if not displacement.any():
            raise InputError(
                "the step is too small to move x at all",
                engine=self.engine,
                fix="give a larger relative_step or absolute_step, or leave them out",
            )
        return Step(displacement, length, length / self.relative)

    def _along_tangent(self, tangent: np.ndarray) -> tuple[np.ndarray, float]:
        with np.errstate(all="ignore"):
            # Entries that stay where they are must not spoil the others by being infinite or NaN.
            scaled = np.where(tangent == 0, 0, tangent / self.entry_steps)
            norm = np.linalg.norm(scaled)
            direction = scaled / norm
            displacement = np.where(tangent == 0, 0, self._added(tangent / norm))
            moved = np.where(tangent == 0, 0, displacement / self.entry_steps)
            return displacement, float(np.vdot(moved, direction) / norm)
