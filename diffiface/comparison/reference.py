"""The values that engines are judged by: an analytic value, or what the engines agree on and f itself confirms.

The median of the exact engines is where the search starts, not where it ends: two engines can be wrong
together, and of two that differ the median is neither. So wherever engines contradict each other, or a
numeric engine contradicts them by more than its own error, the referee looks at the entries in dispute, and
an engine that it finds wrong loses its vote.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from diffiface.comparison.problem import Problem
from diffiface.comparison.referee import Referee
from diffiface.comparison.run import Run

_RTOL_DOUBLE, _RTOL_SINGLE = 1e-9, 1e-4
_ESTIMATE_FACTOR = 10.0
"""How many times its own error estimate a numeric engine may be off."""
_NUMERIC_RTOL = {1: 1e-6, 2: 1e-4}
"""What a numeric engine that gives no estimate may be off, by order; with an estimate, a tenth of that on top."""
_EXAMINED = 32
"""How many of the worst entries the referee sees for an engine; as many again are spread over the others."""
_SPOT_CHECKS = 6
"""How many entries the referee sees without any dispute, where there are not both exact and numeric engines."""


@dataclass(frozen=True)
class Tolerance:
    """How far right engines may be apart."""

    problem: Problem
    rtol: float
    atol: float
    rounding: np.ndarray | float = 0.0
    """Per entry, how far the result moves when the arguments move by a rounding error."""

    @classmethod
    def default(cls, problem: Problem, rtol: float | None, atol: float | None) -> Tolerance:
        """Fill in what the caller left open, by the precision of x."""
        default = _RTOL_DOUBLE if problem.in_double else _RTOL_SINGLE
        return cls(problem, default if rtol is None else rtol, 0.0 if atol is None else atol)

    def around(self, values: np.ndarray) -> np.ndarray:
        """Return the allowed distance from each of these values."""
        return self.atol + self.rtol * finite(np.abs(values)) + 20 * self.rounding

    def benefit_of_doubt(self, values: np.ndarray) -> np.ndarray:
        """Return the distance within which an engine is wrong only if f shows it: entries can cancel to rounding noise."""
        return self.around(values) + 100 * self.problem.epsilon * self.block_scale(values)

    def single_precision(self, values: np.ndarray) -> np.ndarray:
        """Return the distance that an engine computing in float32 stays within."""
        return 1e-4 * finite(np.abs(values)) + 1e-5 * self.block_scale(values)

    def block_scale(self, values: np.ndarray) -> np.ndarray:
        """Return, per entry, the largest magnitude in the same array of the result."""
        sizes = [block.size for block in self.problem.blocks]
        pieces = np.split(finite(np.abs(values)), np.cumsum(sizes)[:-1])
        return np.concatenate([np.full(piece.size, np.max(piece, initial=0.0)) for piece in pieces])

    def of(self, run: Run, values: np.ndarray) -> np.ndarray:
        """Return the distance from the reference that an engine of its kind is allowed."""
        allowed = self.around(values)
        if run.exact:
            return allowed
        generic = _NUMERIC_RTOL[self.problem.order] * (finite(np.abs(values)) + 1e-3 * self.block_scale(values))
        if run.estimate is None:
            return allowed + generic
        return allowed + 0.1 * generic + _ESTIMATE_FACTOR * run.estimate


@dataclass
class Reference:
    """The values to compare with, per entry, and where they come from."""

    values: np.ndarray
    source: str
    tolerance: Tolerance
    voters: list[Run] = field(default_factory=list)
    certain: bool = False
    """Whether the caller gave it; then engines are judged by it alone."""


def finite(values: np.ndarray) -> np.ndarray:
    """Put 0 in the place of what is not finite."""
    return np.where(np.isfinite(values), values, 0.0)


def distance(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return how far apart entries are: 0 for the same inf or nan on both sides, infinite for one on one side."""
    with np.errstate(all="ignore"):
        apart = np.abs(values - reference)
    same = (values == reference) | (np.isnan(values) & np.isnan(reference))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def median(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return the entrywise median, of real and imaginary parts separately, leaving out nan."""
    stacked = np.stack(columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        if stacked.dtype.kind == "c":
            return np.nanmedian(np.real(stacked), axis=0) + 1j * np.nanmedian(np.imag(stacked), axis=0)
        return np.nanmedian(stacked, axis=0)


def worst_first(run: Run, reference: Reference) -> list[int]:
    """Return the entries of an engine that are off by more than allowed, worst first; a sample if they are many."""
    assert run.values is not None
    units, apart = ratios(run, reference), distance(run.values, reference.values)
    bad = np.flatnonzero(~(units <= 1))
    with np.errstate(all="ignore"):
        # An engine that is off by one factor everywhere is as bad in every entry: then the largest is shown.
        severity = np.round(np.log10(np.nan_to_num(units[bad], nan=np.inf)), 2)
    bad = bad[np.lexsort((-apart[bad], -severity))]
    rest = bad[_EXAMINED:]
    return [*bad[:_EXAMINED].tolist(), *rest[_spread(len(rest), _EXAMINED)].tolist()]


def _spread(size: int, count: int) -> np.ndarray:
    """Choose about `count` of `size` positions, evenly."""
    return np.arange(0, size, max(1, -(-size // count)))


def ratios(run: Run, reference: Reference) -> np.ndarray:
    """Return, per entry, an engine's distance from the reference in units of what it is allowed."""
    assert run.values is not None
    apart = distance(run.values, reference.values)
    allowed = reference.tolerance.of(run, reference.values)
    with np.errstate(all="ignore"):
        return np.where(apart == 0, 0.0, apart / allowed)


def settle(problem: Problem, runs: Sequence[Run], referee: Referee, tolerance: Tolerance) -> Reference | None:
    """Find the reference by vote and by finite differences of f; None if no engine gave a result."""
    usable = [run for run in runs if run.status is None and run.values is not None]
    exact, numeric = [run for run in usable if run.exact], [run for run in usable if not run.exact]
    if not usable:
        return None
    voters, checks = list(exact or numeric), list(numeric)
    reference = _by_median(voters, tolerance)
    if any(np.any(ratios(run, reference) > 1) for run in exact):
        tolerance = rounding_tolerance(problem, exact, tolerance)
        reference = _by_median(voters, tolerance)
    while voters or checks:
        pool = voters or checks
        reference = _by_median(pool, tolerance)
        disputed = _disputed([*voters, *checks], reference)
        suspicious = problem.in_double and any(in_single_precision(run.values) for run in exact)
        if not numeric or len(exact) < 2 or suspicious:
            disputed |= set(_spread(problem.size, _SPOT_CHECKS).tolist())
        losers = {id(run) for run in pool if _contradicted(run, disputed, reference, referee)}
        losers |= {id(run) for run in voters if len(voters) > 1 and _is_single(run, voters, reference)}
        if not losers:
            return _named(reference, exact)
        voters = [run for run in voters if id(run) not in losers]
        checks = [run for run in checks if id(run) not in losers]
    return _by_referee(reference, referee, sorted(disputed))


def _by_median(pool: Sequence[Run], tolerance: Tolerance) -> Reference:
    columns = [run.values for run in pool if run.values is not None]
    return Reference(median(columns), "", tolerance, list(pool))


def _disputed(runs: Sequence[Run], reference: Reference) -> set[int]:
    return {entry for run in runs for entry in worst_first(run, reference)}


def _contradicted(run: Run, entries: set[int], reference: Reference, referee: Referee) -> bool:
    assert run.values is not None
    allowed = reference.tolerance.of(run, reference.values)
    for entry in entries:
        ruling = referee.rule(entry, run.values[entry], allowed[entry])
        if ruling == "wrong" and (run.exact or not referee.kinked(entry)):
            return True
    return False


def in_single_precision(values: np.ndarray | None) -> bool:
    """Whether all entries are float32 numbers, as no honest float64 computation leaves them; round ones do not count."""
    if values is None:
        return False
    parts = np.concatenate([np.real(values), np.imag(values)])
    mantissas, _ = np.frexp(finite(parts))
    with np.errstate(all="ignore"):
        narrow = np.array_equal(parts, parts.astype(np.float32), equal_nan=True)
    return narrow and bool(np.any(mantissas * 2**16 % 1 != 0))


def _is_single(run: Run, voters: Sequence[Run], reference: Reference) -> bool:
    """Whether an engine that is apart from the others shows that it has computed in float32."""
    if not reference.tolerance.problem.in_double or not np.any(ratios(run, reference) > 1):
        return False
    others = [other.values for other in voters if other is not run]
    return in_single_precision(run.values) and not any(map(in_single_precision, others))


def rounding_tolerance(problem: Problem, exact: Sequence[Run], tolerance: Tolerance) -> Tolerance:
    """Allow for what rounding does to this problem: move all arguments by a rounding error and see.

    A result that moves as much by a rounding error as by a move a billion times larger sits on a kink, not on
    an ill-conditioned spot, and earns no allowance.
    """
    moves = []
    for run in exact:
        assert run.values is not None
        try:
            with np.errstate(all="ignore"):
                tiny, small = (
                    distance(run.evaluate(problem, *problem.moved_arguments(size)), run.values)
                    for size in (2 * problem.epsilon, 1e-6 + 1e3 * problem.epsilon)
                )
        except Exception:
            # An engine may refuse the moved arguments only because of what they are; then it says nothing here.
            continue
        moves.append(np.where(tiny <= 0.01 * small, finite(tiny), 0.0))
    rounding = np.median(moves, axis=0) if moves else 0.0
    return Tolerance(problem, tolerance.rtol, tolerance.atol, rounding)


def _named(reference: Reference, exact: Sequence[Run]) -> Reference:
    """Say where the reference comes from."""
    voters = reference.voters
    if len(voters) > 1:
        source = f"median of {len(voters)} {'exact' if voters[0].exact else 'numeric'} engines"
    else:
        only = voters[0].exact and len(exact) == 1
        source = f"the only exact engine, {voters[0].engine}" if only else voters[0].engine
    if voters[0].exact and len(voters) < len(exact):
        source += f" ({len(exact) - len(voters)} contradicted by f)"
    if not voters[0].exact and exact:
        source += " (f contradicts every exact engine)"
    reference.source = source
    return reference


def _by_referee(reference: Reference, referee: Referee, entries: Sequence[int]) -> Reference:
    """Take finite differences of f where they contradict every engine."""
    for entry in entries:
        findings = referee.examine(entry)
        if all(not finding.kinked and np.isfinite(finding.error) for finding in findings):
            value = findings[0].value if len(findings) == 1 else complex(findings[0].value, findings[1].value)
            reference.values[entry] = value
    reference.source, reference.voters = "finite differences of f, which contradict every engine", []
    return reference
