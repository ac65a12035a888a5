"""The referee: finite differences of f itself, in plain NumPy, for single entries that engines dispute.

It shares nothing with any engine: no traced values, no rules, no steps. It says which entry of a result can
be what an engine says it is, which cannot, and where f has a kink, so that several answers are right.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from diffiface.comparison.differences import NOTHING, STEPS, Finding, Ruling, differentiate
from diffiface.comparison.problem import Direction, Probe, Problem


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
                return (NOTHING,)
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
        return real if holomorphic else (NOTHING, NOTHING)

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

        steps = scale * STEPS
        try:
            center = quantity(0.0)
            jitter = self._rounding_of(probe)
            ahead, behind = np.array([quantity(h) for h in steps]), np.array([quantity(-h) for h in steps])
        except Exception:
            # f may refuse points around x (a Cholesky factor that ceases to exist): then nothing can be said.
            return (NOTHING,)
        is_complex = any(y.dtype.kind == "c" for y in problem.ys) and problem.operator.seeds != "cotangents"
        parts: Sequence[Callable[[np.ndarray], np.ndarray]] = (np.real, np.imag) if is_complex else (np.real,)
        return tuple(
            differentiate(float(part(np.array(center))), part(ahead), part(behind), steps, order, self._epsilon, jitter)
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
        # A maximum bends upwards in all of them, a minimum downwards.
        one_way = len({np.sign(jump) for jump in jumps}) == 1
        if len(entries) < 2 or not one_way or not np.all(np.isfinite(jumps)) or 0.0 in jumps:
            return False
        pairs = [
            _combine(probes[0].directions[0], 1 / jumps[0], probes[1].directions[0], sign / jumps[1])
            for sign in (1, -1)
        ]
        everything = tuple(
            np.sum([probe.directions[0][leaf] / jump for probe, jump in zip(probes, jumps, strict=True)], axis=0)
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
