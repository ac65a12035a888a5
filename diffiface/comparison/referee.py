"""The referee: finite differences of f itself, in plain NumPy, for single entries that engines dispute.

It shares nothing with any engine: no traced values, no rules. A derivative is taken along a line at many
scales, and its error is how far the scales contradict each other; so the referee rather says that it cannot
tell than something false. It also says whether the two sides of the point differ (a kink).

Source: C. J. F. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering Software 4
(1982) 75-76: extrapolation in the step, with its own error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from diffiface.comparison.problem import Direction, Probe, Problem

Ruling = Literal["right", "wrong", "convention", "unknown"]

_HALVINGS = 14
_LARGEST_STEP = 0.05
_STEPS = _LARGEST_STEP * np.concatenate([2.0 ** -np.arange(_HALVINGS), 2.0 ** (1 - _HALVINGS) * 8.0 ** -np.arange(1, 8)])
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


_NOTHING = Finding(np.nan, np.inf, np.nan, np.nan, False)


class Referee:
    """Looks at single entries of a problem's result, each once, for at most `seconds` in all."""

    def __init__(self, problem: Problem, seconds: float = 4.0):
        self._problem = problem
        self._xs = [np.array(x, dtype=np.result_type(x, np.float64)) for x in problem.call.xs]
        self._epsilon = max(float(np.finfo(y.dtype).eps) for y in problem.ys)
        self._findings: dict[int, tuple[Finding, ...]] = {}
        self._seconds = seconds
        self._jittered: list[tuple[np.ndarray, ...]] | None = None

    def examine(self, entry: int) -> tuple[Finding, ...]:
        """Return the finding for an entry: one for a real entry, two (real, imaginary part) for a complex one."""
        if entry not in self._findings:
            if self._seconds < 0:
                return (_NOTHING,)
            start = time.perf_counter()
            with np.errstate(all="ignore"):
                self._findings[entry] = self._look(entry)
            self._seconds -= time.perf_counter() - start
        return self._findings[entry]

    def rule(self, entry: int, value: complex, tolerance: float) -> Ruling:
        """Judge the value of an entry."""
        parts = (complex(value).real, complex(value).imag)
        rulings = [finding.rule(part, tolerance) for finding, part in zip(self.examine(entry), parts, strict=False)]
        order: tuple[Ruling, ...] = ("wrong", "unknown", "convention", "right")
        return next(ruling for ruling in order if ruling in rulings)

    def kinked(self, entry: int) -> bool:
        """Whether the derivatives from the two sides of the point differ."""
        return any(finding.kinked for finding in self.examine(entry))

    def describe(self, entry: int) -> str:
        """Print what finite differences say about an entry."""
        findings = self.examine(entry)
        if any(finding.kinked for finding in findings):
            return " and ".join(f"{f.low:.4g} and {f.high:.4g} from the two sides" for f in findings if f.kinked)
        value = complex(*(finding.value for finding in findings))
        shown = f"{value.real:.7g}" if len(findings) == 1 else f"{value:.7g}"
        return f"{shown} ± {max(finding.error for finding in findings):.1g}"

    # ---- single entries

    def _look(self, entry: int) -> tuple[Finding, ...]:
        problem = self._problem
        along_real = self._derivative(problem.probe(entry))
        block, _ = problem.locate(entry)
        if not block.x_leaves or problem.call.x_specs[block.x_leaves[0]].dtype.kind != "c":
            return along_real
        along_imaginary = self._derivative(problem.probe(entry, 1j))
        if problem.plain_part in ("x", "batch of x"):  # the direction of steepest ascent of a real quantity
            return along_real[0], along_imaginary[0]
        real, imaginary = (along_real + along_real)[:2], (along_imaginary + along_imaginary)[:2]
        holomorphic = len(along_real) == 2 and np.allclose(
            [imaginary[0].value, imaginary[1].value], [-real[1].value, real[0].value], rtol=1e-5, atol=1e-8
        )
        return real if holomorphic else (_NOTHING, _NOTHING)

    def _derivative(self, probe: Probe) -> tuple[Finding, ...]:
        if len(probe.directions) == 1:
            return self._along_line(probe, probe.directions[0], order=1)
        first, second = probe.directions
        if all(np.array_equal(u, v) for u, v in zip(first, second, strict=True)):
            return self._along_line(probe, first, order=2)
        # Polarisation, with both directions stretched to the scale of x: uv = ((u+v)**2 - (u-v)**2) / 4.
        a, b = self._scale(first), self._scale(second)
        sums = self._along_line(probe, _combine(first, a, second, b), order=2)
        differences = self._along_line(probe, _combine(first, a, second, -b), order=2)
        quarter = 1 / (4 * a * b)
        zero = Finding(0.0, 0.0, 0.0, 0.0, False)
        return tuple(
            zero.plus(plus, quarter).plus(minus, -quarter) for plus, minus in zip(sums, differences, strict=True)
        )

    def _scale(self, direction: Direction, least: float = 0.1) -> float:
        """How far one may go along a direction before x has changed by its own size."""
        ratios = [
            np.min(np.where(np.abs(x) > least, np.abs(x), least)[d != 0] / np.abs(d[d != 0]), initial=np.inf)
            for x, d in zip(self._xs, direction, strict=True)
        ]
        scale = float(min(ratios))
        return scale if np.isfinite(scale) else 1.0

    def _rounding_of(self, probe: Probe) -> float:
        """How far the quantity moves when x is moved by rounding errors: the noise that its terms leave in it."""
        if self._jittered is None:
            signs = np.random.default_rng(1)
            sizes = 4 * self._epsilon
            self._jittered = [
                self._problem.value([x * (1 + sizes * signs.choice([-1.0, 1.0], x.shape)) for x in self._xs])
                for _ in range(4)
            ]
        here = probe.quantity(self._problem.ys)
        moves = [abs(probe.quantity(ys) - here) for ys in self._jittered]
        return float(np.max(moves, where=np.isfinite(moves), initial=0.0))

    def _along_line(self, probe: Probe, direction: Direction, order: int) -> tuple[Finding, ...]:
        findings = self._at_scale(probe, direction, order, self._scale(direction))
        if any(not np.isfinite(finding.error) for finding in findings):
            # Where f ends near x (a logarithm at 1e-6), only steps relative to x itself are inside.
            smallest = min(
                (float(np.min(np.abs(x[(d != 0) & (x != 0)]), initial=0.1)))
                for x, d in zip(self._xs, direction, strict=True)
            )
            if smallest < 0.1:
                return self._at_scale(probe, direction, order, self._scale(direction, smallest))
        return findings

    def _at_scale(self, probe: Probe, direction: Direction, order: int, scale: float) -> tuple[Finding, ...]:
        problem = self._problem

        def quantity(step: float) -> complex:
            moved = [x + step * d for x, d in zip(self._xs, direction, strict=True)]
            return complex(probe.quantity(problem.value(moved)))

        steps = scale * _STEPS
        try:
            center = quantity(0.0)
            jitter = self._rounding_of(probe)
            ahead, behind = np.array([quantity(h) for h in steps]), np.array([quantity(-h) for h in steps])
        except Exception:
            # f may refuse points around x (a Cholesky factor that ceases to exist): then nothing can be said.
            return (_NOTHING,)
        is_complex = any(y.dtype.kind == "c" for y in problem.ys) and problem.operator.seeds != "cotangents"
        parts: Sequence[Callable[[np.ndarray], np.ndarray]] = (np.real, np.imag) if is_complex else (np.real,)
        return tuple(
            _differentiate(float(part(np.array(center))), part(ahead), part(behind), steps, order, self._epsilon, jitter)
            for part in parts
        )

    # ---- kinks that belong together

    def is_tie(self, entries: Sequence[int]) -> bool:
        """Whether kinks in several entries of x are one: two pieces of f are equal here, and stay so along a line."""
        if self._problem.plain_part not in ("x", "y by x", "batch of x") or self._problem.order != 1:
            return False
        probes = [self._problem.probe(entry) for entry in entries]
        findings = [self.examine(entry)[0] for entry in entries]
        jumps = [finding.right - finding.left for finding in findings]
        one_way = len({np.sign(jump) for jump in jumps}) == 1  # a maximum bends upwards in everything, a minimum downwards
        if len(entries) < 2 or not one_way or not np.all(np.isfinite(jumps)) or 0.0 in jumps:
            return False
        pairs = [
            _combine(probes[0].directions[0], 1 / jumps[0], probes[1].directions[0], sign / jumps[1]) for sign in (1, -1)
        ]
        everything = tuple(
            sum((probe.directions[0][leaf] / jump for probe, jump in zip(probes, jumps, strict=True)), start=0.0)
            for leaf in range(len(self._xs))
        )
        with np.errstate(all="ignore"):
            return any(
                not finding.kinked and np.isfinite(finding.error)
                for direction in (*pairs, everything)
                for finding in self._along_line(probes[0], direction, order=1)
            )


def _combine(u: Direction, a: float, v: Direction, b: float) -> Direction:
    return tuple(a * left + b * right for left, right in zip(u, v, strict=True))


def _differentiate(
    center: float,
    ahead: np.ndarray,
    behind: np.ndarray,
    steps: np.ndarray,
    order: int,
    epsilon: float,
    jitter: float,
) -> Finding:
    """Differentiate at 0 a function of one variable, known at 0 and at plus and minus each step."""
    inside = np.isfinite(ahead) & np.isfinite(behind)
    if not inside.any() or not np.isfinite(center) or not inside[np.argmax(inside) :].all():
        return _NOTHING
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
        return _NOTHING  # f has structure finer than the steps for second derivatives
    return _finding(curvature, sides, kinked)


def _finding(central: tuple[float, float], sides: tuple[np.ndarray, np.ndarray], kinked: bool) -> Finding:
    right, left = map(_limit, sides)
    return Finding(*central, left, right, bool(kinked))


def _extrapolate(
    quotients: np.ndarray, noise: np.ndarray, start: int, stop: int, floor: float
) -> tuple[float, float]:
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
                change * 0.5**column + 2 * float(np.max(used)),
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
