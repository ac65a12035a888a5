"""A function of one variable, differentiated at 0 from its values at many steps, with an honest error.

The error is how far the scales contradict each other, so that the answer is rather "I cannot tell" than
something false; and the two sides of the point are told apart (a kink).

Source: C. J. F. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering Software 4
(1982) 75-76: extrapolation in the step, with its own error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Ruling = Literal["right", "wrong", "convention", "unknown"]

_HALVINGS = 14
_LARGEST_STEP = 0.05
STEPS = _LARGEST_STEP * np.concatenate([2.0 ** -np.arange(_HALVINGS), 2.0 ** (1 - _HALVINGS) * 8.0 ** -np.arange(1, 8)])
"""Relative to x: halvings, from which derivatives are extrapolated, then tiny ones, which must not contradict them."""
_USABLE = {1: _HALVINGS, 2: 9}
"""How many of the steps are extrapolated, by order of the derivative: rounding grows with 1/h or with 1/h**2."""
_SIDES = {1: slice(8, _HALVINGS), 2: slice(5, 9)}
"""The steps by which the two sides of the point are told apart."""
_FLOOR = {1: 1e-9, 2: 1e-7}
"""The least relative error a finite difference is credited with."""
_SHARP = 1e-3
"""The least relative difference between the two sides of a kink."""
_DOUBT = 5.0
"""How many times the error a value may be off before it is called wrong."""


@dataclass(frozen=True)
class Finding:
    """What finite differences say about a real number."""

    value: float
    error: float
    """Infinite where they say nothing."""
    left: float
    right: float
    """The derivatives from the two sides of the point."""
    kinked: bool

    @property
    def low(self) -> float:
        """The smaller of the two sides."""
        return min(self.left, self.right)

    @property
    def high(self) -> float:
        """The larger of the two sides."""
        return max(self.left, self.right)

    @property
    def exists(self) -> bool:
        """Whether f has a finite derivative here, or one on either side."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high)) if self.kinked else bool(np.isfinite(self.error))

    def rule(self, value: float, tolerance: float) -> Ruling:
        """Judge an engine's value; "right" means no more than not wrong as far as can be seen."""
        if self.kinked:
            slack = tolerance + 1e-5 * max(abs(side) for side in (self.low, self.high, 0.0) if np.isfinite(side))
            return "convention" if self.low - slack <= value <= self.high + slack else "wrong"
        if not np.isfinite(self.error):
            return "unknown"
        return "right" if abs(value - self.value) <= _DOUBT * self.error + tolerance else "wrong"

    def plus(self, other: Finding, scale: float) -> Finding:
        """Add `scale` times another finding."""
        ends = sorted((scale * other.low, scale * other.high))
        return Finding(
            self.value + scale * other.value,
            self.error + abs(scale) * other.error,
            self.low + ends[0],
            self.high + ends[1],
            self.kinked or other.kinked,
        )


NOTHING = Finding(np.nan, np.inf, np.nan, np.nan, False)
"""Where finite differences say nothing."""


def differentiate(
    center: float,
    ahead: np.ndarray,
    behind: np.ndarray,
    steps: np.ndarray,
    order: int,
    epsilon: float,
    jitter: float,
) -> Finding:
    """Differentiate at 0 a function of one variable, known at 0 and at plus and minus each step.

    `epsilon` is the precision of its values, `jitter` how far rounding in its argument moves them.
    """
    inside = np.isfinite(ahead) & np.isfinite(behind)
    if not inside.any() or not np.isfinite(center) or not inside[np.argmax(inside) :].all():
        return NOTHING
    start = int(np.argmax(inside))
    rounding = 4 * epsilon * float(np.max(np.abs([*ahead[inside], *behind[inside], center])))
    # At tiny steps f must be straight: what bends stay is noise, unless they stay as large as they were.
    bends = np.abs(ahead + behind - 2 * center)
    if bends[-1] > 0.5 * bends[-4] and bends[-1] > 1e3 * rounding:
        return Finding(np.nan, np.inf, -np.inf, np.inf, kinked=True)  # f jumps here
    noise = 2 * max(rounding, 2 * jitter, float(np.max(bends[-2:])))

    slopes = (ahead - behind) / (2 * steps)
    slope_noise = noise / steps + 4 * epsilon * np.abs(slopes) * steps[0] / (_LARGEST_STEP * steps)
    slope = _extrapolate(slopes, slope_noise, start, _USABLE[1], _FLOOR[1])
    slope_sides = _sides((ahead - center) / steps, (center - behind) / steps, start, _SIDES[1])
    bent = _is_kink(*slope_sides, slope_noise[_SIDES[1]]) and _stays_bent(bends / steps, slope_noise, slope_sides)
    if order == 1:
        return _finding(slope, slope_sides, bent)

    curvature_noise = 4 * noise / steps**2
    curvature = _extrapolate((ahead - 2 * center + behind) / steps**2, curvature_noise, start, _USABLE[2], _FLOOR[2])
    right, left = (_one_sided_curvature(values, center, steps) for values in (ahead, behind))
    sides = _sides(right, left, start, _SIDES[2])
    kinked = _is_kink(*sides, 4 * curvature_noise[_SIDES[2]]) or bent
    largest_slope = abs(slope[0]) + abs(curvature[0]) * steps[start]
    if not kinked and slope[1] > _SHARP * largest_slope + 10 * float(slope_noise[start]):
        return NOTHING  # f has structure finer than the steps for second derivatives
    return _finding(curvature, sides, kinked)


def _finding(central: tuple[float, float], sides: tuple[np.ndarray, np.ndarray], kinked: bool) -> Finding:
    right, left = map(_limit, sides)
    return Finding(*central, left, right, bool(kinked))


def _extrapolate(quotients: np.ndarray, noise: np.ndarray, start: int, stop: int, floor: float) -> tuple[float, float]:
    """Extrapolate difference quotients to step 0: the candidate that smaller steps contradict least, and its error."""
    if stop - start < 3:
        return np.nan, np.inf
    table = [quotients[start:stop]]
    for power in (4.0, 16.0, 64.0):
        previous = table[-1]
        table.append((power * previous[1:] - previous[:-1]) / (power - 1))
    # The tiny steps, which only first derivatives have, need no extrapolation.
    tiny, tiny_noise = (quotients[stop:], noise[stop:]) if stop == _HALVINGS else (quotients[:0], noise[:0])
    best = (np.nan, np.inf)

    def consider(value: float, error: float, later: np.ndarray, later_noise: np.ndarray) -> None:
        nonlocal best
        error = max(error, floor * abs(value)) + float(np.max(np.abs(later - value) - 4 * later_noise, initial=0.0))
        if error < best[1]:
            best = float(value), float(error)

    for column in range(1, len(table)):
        for row, value in enumerate(table[column]):
            last = row + column
            change = max(abs(value - table[column - 1][row]), abs(value - table[column - 1][row + 1]))
            used = noise[start + row : start + last + 1]
            smaller = noise[start + last + 1 : stop]
            consider(
                value,
                change + 2 * float(np.max(used)),
                np.concatenate([table[1][last:], tiny]),
                np.concatenate([smaller, tiny_noise]),
            )
    for k in range(1, len(tiny)):
        consider(tiny[k], abs(tiny[k] - tiny[k - 1]) + 2 * tiny_noise[k], tiny[k + 1 :], tiny_noise[k + 1 :])
    return best


def _one_sided_curvature(values: np.ndarray, center: float, steps: np.ndarray) -> np.ndarray:
    """Second differences of one side: f(2h) - 2 f(h) + f(0) at each halving."""
    halved = values[:_HALVINGS]
    doubled = np.concatenate([[np.nan], halved[:-1]])
    return (doubled - 2 * halved + center) / steps[:_HALVINGS] ** 2


def _sides(right: np.ndarray, left: np.ndarray, start: int, window: slice) -> tuple[np.ndarray, np.ndarray]:
    """Extrapolate one-sided quotients once: one value per step of the window and side."""
    if start >= window.start:
        nothing = np.full(window.stop - window.start, np.nan)
        return nothing, nothing
    before = slice(window.start - 1, window.stop - 1)
    return 2 * right[window] - right[before], 2 * left[window] - left[before]


def _limit(side: np.ndarray) -> float:
    return float(np.copysign(np.inf, side[-1])) if _diverges(side) else float(np.median(side))


def _diverges(side: np.ndarray) -> bool:
    growth = np.abs(side[1:]) > 1.5 * np.abs(side[:-1])
    return bool(growth.all() and abs(side[-1]) > 0)


def _stays_bent(jumps: np.ndarray, noise: np.ndarray, sides: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether the tiny steps confirm a kink: else it lies beside the point, nearer than the halvings reach."""
    jump = abs(float(np.median(sides[0] - sides[1])))
    clear = noise[_HALVINGS:] < 0.05 * jump
    return bool(np.all(jumps[_HALVINGS:][clear] > 0.5 * jump))


def _is_kink(right: np.ndarray, left: np.ndarray, noise: np.ndarray) -> bool:
    """Whether the two sides keep apart, by the same amount, at all steps."""
    if not (np.isfinite(right).all() and np.isfinite(left).all()):
        return False
    jumps = right - left
    size = max(abs(np.median(right)), abs(np.median(left)))
    noise_here = 8 * float(np.max(noise))
    if _diverges(right) or _diverges(left):
        return bool(np.min(np.abs(jumps)) > noise_here)
    jump, spread = abs(float(np.median(jumps))), float(np.ptp(jumps))
    return bool(jump > _SHARP * size + noise_here and jump > 3 * spread)
