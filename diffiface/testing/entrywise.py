"""A derivative that somebody claims, judged entry by entry against f itself.

Two witnesses, which share nothing: finite differences of f with an error for each entry (`comparison.referee`), and
an exact engine, where one can trace f. Finite differences alone are blind to entries that drown in the rounding of f;
an engine alone could be wrong itself, so it is believed only if finite differences contradict it nowhere.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffiface import registry, trees
from diffiface.adapter import Backend, Mode
from diffiface.arrays import family_of, is_plain
from diffiface.comparison.differences import Finding
from diffiface.comparison.problem import Problem
from diffiface.comparison.referee import Referee
from diffiface.errors import DiffifaceError, UnsupportedOperationError
from diffiface.operators.cascade import engine_method

_DOUBT = 5.0
"""How many times its own error a finite difference may be off."""
_CLEAR = 5e-3
"""An uncertainty below this part of an entry is enough to see that the entry is 1 % off."""
_NOTHING = 1e-6
"""A claimed 0 that finite differences cannot tell from 0 is believed if their error is below this part of the largest."""
_ENGINES_TRIED = 3
_CONFIRMED = 8
"""How many entries that only an engine has judged, and found wrong, finite differences look at after all."""


class Verdict(enum.Enum):
    """What is known about one entry."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Entry:
    """One entry that is not known to be right."""

    label: str
    """As Python would reach it: `[1, 2]`, `['a'][0]`."""
    given: complex
    expected: complex
    evidence: str
    """What finite differences say, and what the engine says."""
    verdict: Verdict


@dataclass(frozen=True)
class Judgement:
    """What is known about all entries."""

    entries: tuple[Entry, ...]
    """Those that are wrong or undecided."""
    size: int
    witnesses: str

    @property
    def wrong(self) -> tuple[Entry, ...]:
        """The entries that are certainly wrong."""
        return tuple(entry for entry in self.entries if entry.verdict is Verdict.WRONG)

    @property
    def undecided(self) -> tuple[Entry, ...]:
        """The entries that nobody could judge well enough to see an error of 1 %."""
        return tuple(entry for entry in self.entries if entry.verdict is Verdict.UNDECIDED)


class LayoutMismatch(AssertionError):
    """What is claimed has not the structure or shapes of the derivative."""


def entries_of(problem: Problem, given: Any) -> tuple[np.ndarray, float]:
    """Number the entries of a claimed derivative as `problem` numbers them.

    Args:
        problem: the operator call that the claim is about.
        given: a pytree of numbers, arrays of any family, or sparse matrices, structured like the operator's result.
    Returns:
        All entries in one vector, and the precision they are given in (the largest `eps` of their dtypes).
    Raises:
        LayoutMismatch: the structure or a shape differs.
    """
    if problem.structure is trees.LEAF:
        leaves = [given]
    else:
        leaves, structure = trees.flatten(given)
        if structure != problem.structure:
            raise LayoutMismatch(
                f"has the structure {trees.describe(structure)} instead of {trees.describe(problem.structure)}"
            )
    vectors, epsilon = [], float(np.finfo(np.float64).eps)
    for leaf, block in zip(leaves, problem.blocks, strict=True):
        array = _array(leaf)
        where = f" at {block.path}" if block.path else ""
        if array.dtype.kind not in "fciub":
            raise LayoutMismatch(f"holds {type(leaf).__name__}{where}, not numbers")
        if array.shape != block.shape:
            raise LayoutMismatch(f"has the shape {array.shape} instead of {block.shape}{where}")
        if array.dtype.kind in "fc":
            epsilon = max(epsilon, float(np.finfo(array.dtype).eps))
        vectors.append(array.astype(np.result_type(array, np.float64)).ravel())
    return np.concatenate(vectors), epsilon


def _array(leaf: Any) -> np.ndarray:
    if hasattr(leaf, "toarray"):  # SciPy's sparse arrays and matrices
        return np.asarray(leaf.toarray())
    family = None if is_plain(leaf) else family_of(leaf)
    return np.asarray(leaf) if family is None else np.asarray(family.to_numpy(leaf))


def default_rtol(epsilon: float) -> float:
    """Return how far an entry given in this precision may be off, relative to itself: 1e-5 in double precision."""
    return max(1e-5, min(4e-3, 1e4 * epsilon))


class Witnesses:
    """Finite differences and, where it can be had, an exact engine: what an entry should be."""

    def __init__(self, problem: Problem, seconds: float):
        self.problem = problem
        self.referee = Referee(problem, seconds)
        self._examined: dict[int, tuple[Finding, ...]] = {}
        self._engines = itertools.islice(_exact_engines(problem), _ENGINES_TRIED)
        self.engine, self.values = "", None
        self.epsilon = problem.epsilon
        self._noise: np.ndarray | None = None
        self._next_engine()

    def _next_engine(self) -> None:
        """Ask the next engine that can trace f for all entries."""
        self.engine, self.values, self._noise = "", None, None
        for backend in self._engines:
            values = _values_of(backend, self.problem)
            if values is not None:
                self.engine, self.values, self._backend = backend.name, values, backend
                return

    def examine(self, entries: Sequence[int]) -> None:
        """Look at entries by finite differences; an engine that these contradict is dismissed for the next."""
        for entry in entries:
            self._examined[entry] = self.referee.examine(entry)
        for entry, findings in self._examined.items():
            while self.values is not None and _ruling(findings, self.values[entry], 0.0) is Verdict.WRONG:
                self._next_engine()

    def looked_at(self, entry: int) -> bool:
        """Whether finite differences say anything about an entry."""
        return any(finding.kinked or np.isfinite(finding.error) for finding in self._examined.get(entry, ()))

    def noise(self) -> np.ndarray:
        """Return how far each entry moves when the arguments move by their own rounding error."""
        if self._noise is None:
            assert self.values is not None
            moves = [np.zeros(self.problem.size)]
            for direction in (1.0, -0.5):
                moved = _values_of(
                    self._backend, self.problem, self.problem.moved_arguments(direction * 2 * self.epsilon)
                )
                if moved is not None:
                    with np.errstate(all="ignore"):
                        moves.append(np.nan_to_num(np.abs(moved - self.values), nan=0.0, posinf=0.0))
            self._noise = noise = np.max(moves, axis=0)
            return noise
        return self._noise

    def judge(self, entry: int, given: complex, rtol: float, atol: float, scale: float) -> Entry | None:
        """Judge one entry; None if it is right."""
        findings = self._examined.get(entry, ())
        value = None if self.values is None else complex(self.values[entry])
        expected = value if value is not None else _value(findings)
        allowed = atol + rtol * abs(expected) if np.isfinite(expected) else atol
        if value is not None:
            if _same(given, value, allowed):
                verdict = Verdict.RIGHT
            elif any(finding.kinked for finding in findings):
                # At a kink every derivative between the two sides is right.
                verdict = _ruling(findings, given, allowed)
            elif not np.isfinite(given):
                verdict = Verdict.WRONG
            else:
                noise = 20 * float(self.noise()[entry])
                verdict = Verdict.RIGHT if abs(given - value) <= allowed + noise else Verdict.WRONG
                if verdict is Verdict.RIGHT and noise > _CLEAR * abs(value) and noise > _NOTHING * scale:
                    verdict = Verdict.UNDECIDED
        elif not findings:
            verdict = Verdict.UNDECIDED
        else:
            verdict = _ruling(findings, given, allowed)
            kinked = any(finding.kinked for finding in findings)
            error = max(_DOUBT * finding.error for finding in findings)
            size = max(abs(given), abs(expected))
            nothing = given == 0 and error <= _NOTHING * scale
            if verdict is Verdict.RIGHT and not kinked and error > _CLEAR * size and not nothing:
                verdict = Verdict.UNDECIDED
        if verdict is Verdict.RIGHT:
            return None
        return Entry(self.problem.label(entry), given, expected, self._evidence(entry, value), verdict)

    def _evidence(self, entry: int, value: complex | None) -> str:
        said = []
        if value is not None:
            said.append(f"{self.engine}: {shown(value)}")
        if self.looked_at(entry):
            said.append(f"finite differences: {self.referee.describe(entry)}")
        return "; ".join(said) or "not looked at"


def _same(given: complex, value: complex, allowed: float) -> bool:
    if np.isnan(given) or np.isnan(value):
        return bool(np.isnan(given) and np.isnan(value))
    return given == value or abs(given - value) <= allowed


def _value(findings: Sequence[Finding]) -> complex:
    return complex(*(finding.value for finding in findings)) if findings else complex(np.nan)


def _ruling(findings: Sequence[Finding], given: complex, tolerance: float) -> Verdict:
    parts = (complex(given).real, complex(given).imag)
    rulings = [finding.rule(part, tolerance) for finding, part in zip(findings, parts, strict=False)]
    if "wrong" in rulings:
        return Verdict.WRONG
    return Verdict.UNDECIDED if "unknown" in rulings or not rulings else Verdict.RIGHT


def _exact_engines(problem: Problem) -> Iterator[Backend]:
    """Yield the engines that may know the derivative; each is loaded only when those before have failed."""
    narrow = problem.plain_part in ("x", "batch of x", "x by x")
    later = []
    for name in registry.available_backends():
        try:
            backend = registry.resolve(name)
        except Exception:  # its package is there, but broken: it is not what is tested here
            continue
        if not (backend.exact and backend.traces):
            continue
        if narrow and backend.mode is Mode.FORWARD:  # needs a run for each entry of x
            later.append(backend)
        else:
            yield backend
    yield from later


def _values_of(backend: Backend, problem: Problem, arguments: tuple[Any, Any] | None = None) -> np.ndarray | None:
    """Compute the derivative by an engine, in double precision; None if it cannot."""
    from diffiface.operators.call import Call
    from diffiface.operators.results import assemble

    given, t = problem.fresh_arguments() if arguments is None else arguments
    try:
        with np.errstate(all="ignore"):
            call = Call(problem.operator, problem.f, backend, given, t, argnums=problem.argnums)
            call.xs = tuple(_widened(x) for x in call.xs)
            seeds = () if call.seeds is None else (tuple(_widened(seed) for seed in call.seeds),)
            results = engine_method(backend, problem.operator.name)(call.function, call.xs, *seeds, call.contexts)
            (variant,) = (name for name in problem.operator.variants if name == problem.operator.name)
            result = assemble(call, results, variant, None, call.function.y_structure)
            values, _ = entries_of(problem, result)
    except (DiffifaceError, UnsupportedOperationError, AssertionError):
        return None
    except Exception:  # f cannot be traced by this engine: then it is no witness
        return None
    return values


def _widened(x: Any) -> Any:
    return x.astype(np.result_type(x, np.float64)) if isinstance(x, (np.ndarray, np.generic)) else x


def judge_entries(
    problem: Problem, given: Any, *, rtol: float | None = None, atol: float = 0.0, seconds: float = 20.0
) -> Judgement:
    """Judge every entry of a claimed derivative.

    Args:
        problem: the operator call that the claim is about.
        given: the claim, structured like the operator's result.
        rtol: how far an entry may be off, relative to itself; None: 1e-5 in double precision, 1e-3 in single.
        atol: how far every entry may be off besides.
        seconds: how long finite differences may take; a tenth of it beside an engine, by which alone the entries that
            they do not come to are then judged.
    Returns:
        The entries that are wrong or undecided, with the evidence.
    Raises:
        LayoutMismatch: the claim has another structure or shape.
    """
    values, epsilon = entries_of(problem, given)
    rtol = default_rtol(max(epsilon, problem.epsilon)) if rtol is None else rtol
    witnesses = Witnesses(problem, seconds)
    if witnesses.engine:  # which then needs confirmation only, not to be replaced
        witnesses.referee = Referee(problem, seconds / 10)
    witnesses.epsilon = max(epsilon, problem.epsilon)
    # In an order that spreads over the whole result, in case time runs out.
    order = np.random.default_rng(0).permutation(problem.size)
    witnesses.examine([int(entry) for entry in order])
    scale = float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))

    def judged() -> list[Entry | None]:
        return [witnesses.judge(entry, values[entry], rtol, atol, scale) for entry in range(problem.size)]

    found = judged()
    accused = [entry for entry, judgement in enumerate(found) if judgement is not None]
    unseen = [entry for entry in accused if not witnesses.looked_at(entry)][:_CONFIRMED]
    if witnesses.engine and unseen:  # time was short: before anything is called wrong on one witness, hear the other
        witnesses.referee = Referee(problem, seconds / 10)
        witnesses.examine(unseen)
        found = judged()
    names = [witnesses.engine] if witnesses.engine else []
    return Judgement(
        tuple(e for e in found if e is not None), problem.size, " and ".join(["finite differences", *names])
    )


def shown(value: complex) -> str:
    """Print a number as briefly as seven digits allow."""
    return f"{value.real:.7g}" if complex(value).imag == 0 else f"{complex(value):.7g}"


def describe(judgement: Judgement, what: str, limit: int = 8) -> str:
    """Write the entries of a judgement as a table, the worst first.

    Args:
        judgement: with at least one entry.
        what: the name of the claim's column.
        limit: how many entries are shown.
    Returns:
        Several lines of text.
    """
    chosen = judgement.wrong or judgement.undecided

    def off(entry: Entry) -> float:
        with np.errstate(all="ignore"):
            ratio = abs(entry.given - entry.expected) / abs(entry.expected) if entry.expected else np.inf
        return np.inf if np.isnan(ratio) else float(ratio)

    rows = [("entry", what, "should be", "off by", "evidence")]
    for entry in sorted(chosen, key=off, reverse=True)[:limit]:
        share = off(entry)
        by = f"{100 * share:.3g} %" if np.isfinite(share) else shown(abs(entry.given - entry.expected))
        rows.append((entry.label, shown(entry.given), shown(entry.expected), by, entry.evidence))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)) for row in rows]
    if len(chosen) > limit:
        lines.append(f"  and {len(chosen) - limit} more")
    return "\n".join(line.rstrip() for line in lines)


def common_factor(wrong: Sequence[Entry], size: int) -> str:
    """Say so if every entry is off by one and the same factor; a sign or a 2 tells where to look."""
    if len(wrong) < size or size < 2:
        return ""
    ratios = [entry.given / entry.expected for entry in wrong if entry.expected]
    if len(ratios) < size or not np.allclose(ratios, ratios[0], rtol=1e-4):
        return ""
    return f"every entry is {shown(complex(ratios[0]))} times what it should be"


Claim = Callable[..., Any] | Any
"""A derivative: a function that computes it, or its value at x."""
