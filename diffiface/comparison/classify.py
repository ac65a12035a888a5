"""From distances to verdicts: which engine is right, which follows another convention, which is wrong and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diffiface.comparison.problem import Problem
from diffiface.comparison.referee import Referee
from diffiface.comparison.reference import Reference, distance, finite, in_single_precision, ratios, worst_first
from diffiface.comparison.run import Run
from diffiface.comparison.status import Status


@dataclass(frozen=True)
class Verdict:
    """How an engine's result compares with the reference."""

    status: Status
    detail: str = ""
    worst: int | None = None
    """The entry farthest from the reference, in units of what is allowed there."""
    max_abs: float | None = None
    max_rel: float | None = None
    max_ulp: float | None = None


def misbehaviour(run: Run, allowed: np.ndarray) -> tuple[Status, str] | None:
    """Return the status of an engine that changed its input or gives another result every time."""
    assert run.values is not None and run.second_values is not None
    if run.input_changed:
        return Status.MUTATED, "x or a constant was changed"
    apart = distance(run.values, run.second_values)
    if np.any(apart > allowed):
        return Status.NONDETERMINISTIC, f"two runs on the same numbers differ by {np.max(apart):.2g}"
    return None


def classify(run: Run, problem: Problem, reference: Reference | None, referee: Referee) -> Verdict:
    """Judge one engine."""
    if run.values is None or reference is None:
        return Verdict(run.status or Status.UNDECIDED, run.detail or "there is nothing to compare it with")
    apart = distance(run.values, reference.values)
    with np.errstate(all="ignore"):
        sizes = np.abs(reference.values)
        spacing = np.spacing(finite(sizes)) * (problem.epsilon / np.finfo(float).eps)
        relative = np.where(sizes > 0, apart / sizes, 0.0)
        ulps = np.where((sizes > 0) & np.isfinite(sizes), apart / spacing, 0.0)
    units = ratios(run, reference)
    worst = int(np.argmax(np.where(np.isnan(units), np.inf, units))) if units.size else None
    status, detail, blamed = _status(run, problem, reference, referee)
    return Verdict(
        run.status or status,
        run.detail or detail,
        worst if blamed is None else blamed,
        *(float(np.max(figure, initial=0.0)) for figure in (apart, relative, ulps)),
    )


def _status(run: Run, problem: Problem, reference: Reference, referee: Referee) -> tuple[Status, str, int | None]:
    assert run.values is not None
    lost = _not_finite(run.values, reference, referee)
    if lost is not None and run.left_domain:
        return Status.LEFT_DOMAIN, run.left_domain, lost
    if lost is not None:
        return Status.NOT_FINITE, _at(problem, run, reference, referee, lost), lost
    bad = worst_first(run, reference)
    if not bad:
        plain = np.all(distance(run.values, reference.values) <= reference.tolerance.around(reference.values))
        return (Status.AGREES if run.exact or plain else Status.WITHIN_ESTIMATE), "", None
    if _is_conjugate(run.values, reference):
        return Status.CONJUGATE, "the complex conjugate of the others' result", None

    found = _Findings(run, reference, referee, bad)
    if found.wrong:
        worst = found.wrong[0]
        return _degree(run, reference), _at(problem, run, reference, referee, worst), worst
    if found.open:
        worst = found.open[0]
        if not run.exact:
            return Status.WITHIN_ESTIMATE, "beyond its own estimate, but f can be differenced no better", worst
        if _outvoted(run, reference, found.open):
            return _degree(run, reference), _at(problem, run, reference, referee, worst), worst
        return Status.UNDECIDED, _at(problem, run, reference, referee, worst), worst
    if found.conventional:
        worst = found.conventional[0]
        status = Status.TIE if referee.is_tie(_same_quantity(problem, found.conventional)) else Status.KINK
        return status, f"at {problem.label(worst)} the derivatives are {referee.describe(worst)}", worst
    return Status.AGREES, "", None


class _Findings:
    """The entries that are off, by what the referee says about them."""

    def __init__(self, run: Run, reference: Reference, referee: Referee, entries: Sequence[int]):
        assert run.values is not None
        self.wrong: list[int] = []
        self.conventional: list[int] = []
        self.open: list[int] = []
        allowed = reference.tolerance.of(run, reference.values)
        doubtful = distance(run.values, reference.values) <= reference.tolerance.benefit_of_doubt(reference.values)
        for entry in entries:
            ruling = referee.rule(entry, run.values[entry], allowed[entry])
            kinked = referee.kinked(entry)
            if ruling == "convention" or (kinked and not run.exact):
                self.conventional.append(entry)
            elif (reference.certain and not doubtful[entry]) or ruling == "wrong":
                self.wrong.append(entry)
            elif not doubtful[entry] and referee.rule(entry, reference.values[entry], allowed[entry]) != "wrong":
                self.open.append(entry)


def _not_finite(values: np.ndarray, reference: Reference, referee: Referee) -> int | None:
    """Find an entry that has a value, by the reference or by f, and is inf or nan here."""
    lost = np.flatnonzero(~np.isfinite(values))
    for entry in lost:
        if np.isfinite(reference.values[entry]):
            return int(entry)
    for entry in map(int, lost[:8]):
        if not reference.certain and all(finding.exists for finding in referee.examine(entry)):
            return entry
    return None


def _is_conjugate(values: np.ndarray, reference: Reference) -> bool:
    allowed = reference.tolerance.benefit_of_doubt(reference.values)
    return values.dtype.kind == "c" and bool(np.all(distance(np.conj(values), reference.values) <= allowed))


def _degree(run: Run, reference: Reference) -> Status:
    """Tell an engine that is wrong from one that has only computed in float32."""
    assert run.values is not None
    if not reference.tolerance.problem.in_double or not run.exact:
        return Status.DISAGREES
    apart, sizes = distance(run.values, reference.values), np.abs(reference.values)
    # Cancellation can leave a small entry no digit in float32; but then others are off in their last digits too.
    by_exact = all(voter.exact for voter in reference.voters)
    most_are_off = by_exact and np.sum(apart > reference.tolerance.around(reference.values)) > 0.5 * np.sum(sizes > 0)
    if most_are_off:
        single = reference.tolerance.single_precision(reference.values)
    else:
        # (One entry a millionth off among exact ones is a wrong entry, unless it is off by float32's own rounding.)
        single = (4 * np.finfo(np.float32).eps if by_exact else 1e-4) * sizes
    return Status.LOW_PRECISION if np.all(apart <= single) else Status.DISAGREES


def _outvoted(run: Run, reference: Reference, entries: list[int]) -> bool:
    """Whether, where finite differences cannot tell, at least two other engines stand against each one like this."""
    assert run.values is not None
    allowed = reference.tolerance.around(reference.values)[entries]
    columns = [voter.values[entries] for voter in reference.voters if voter.exact and voter.values is not None]
    against = sum(bool(np.all(distance(column, reference.values[entries]) <= allowed)) for column in columns)
    alike = sum(bool(np.all(distance(column, run.values[entries]) <= allowed)) for column in columns)
    if reference.tolerance.problem.in_double and in_single_precision(run.values):
        return against >= 1
    return against >= 2 * max(alike, 1)


def _same_quantity(problem: Problem, entries: Sequence[int]) -> list[int]:
    """Keep the entries that belong to the same entry of y as the first."""

    def of_y(entry: int) -> tuple[object, ...]:
        block, index = problem.locate(entry)
        rank = problem.ys[block.y_leaf].ndim if block.y_leaf is not None else 0
        return block.y_leaf, block.member, index[:rank]

    return [entry for entry in entries if of_y(entry) == of_y(entries[0])]


def _at(problem: Problem, run: Run, reference: Reference, referee: Referee, entry: int) -> str:
    assert run.values is not None
    given, expected = shown(run.values[entry], reference.values[entry])
    text = f"{given} instead of {expected} at {problem.label(entry)}"
    if not reference.certain and any(np.isfinite(f.error) or f.kinked for f in referee.examine(entry)):
        text += f"; finite differences of f: {referee.describe(entry)}"
    return text


def shown(*values: complex) -> list[str]:
    """Print entries with as many digits as it takes to tell them apart."""
    texts: list[str] = []
    for digits in (5, 8, 12, 17):
        texts = [_with_digits(complex(value), digits) for value in values]
        if len(set(texts)) == len(values):
            break
    return texts


def _with_digits(value: complex, digits: int) -> str:
    value += 0  # no negative zeros
    return f"{value.real:.{digits}g}" if value.imag == 0 else f"{value:.{digits}g}"
