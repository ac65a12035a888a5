"""Engines tested on scenarios, with all failures collected."""

from __future__ import annotations

import unittest
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from diffiface import registry
from diffiface.adapter import Backend
from diffiface.comparison.run import label_of
from diffiface.errors import DiffifaceError, InputError, MissingBackendError, UnsupportedOperationError
from diffiface.testing.case import Case, Violation
from diffiface.testing.properties import PROPERTIES
from diffiface.testing.scenario import Scenario, select
from diffiface.testing.scenarios import default_scenarios

_SHOWN = 25
"""How many failures the text of an error lists."""


@dataclass(frozen=True)
class Outcome:
    """What one check gave."""

    engine: str
    scenario: str
    property: str
    status: Literal["passed", "failed", "skipped"]
    detail: str = ""

    def __str__(self) -> str:
        place = " · ".join(part for part in (self.engine, self.scenario, self.property) if part)
        return f"{place}: {self.detail}" if self.detail else place


@dataclass
class Report:
    """What all checks gave, in order."""

    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def failures(self) -> list[Outcome]:
        """The checks that failed."""
        return [outcome for outcome in self.outcomes if outcome.status == "failed"]

    @property
    def skipped(self) -> list[Outcome]:
        """What could not be checked, with the reason."""
        return [outcome for outcome in self.outcomes if outcome.status == "skipped"]

    @property
    def passed(self) -> list[Outcome]:
        """The checks that passed."""
        return [outcome for outcome in self.outcomes if outcome.status == "passed"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict for each check: engine, scenario, property, status, detail."""
        return [dict(vars(outcome)) for outcome in self.outcomes]

    def raise_if_failed(self) -> None:
        """Raise one `AssertionError` that names every failure.

        Raises:
            DifferentiationError: an `AssertionError` with the failures in its text and in `failures`.
        """
        if self.failures:
            raise DifferentiationError(self)

    def __str__(self) -> str:
        text = f"{len(self.passed)} checks passed, {len(self.failures)} failed, {len(self.skipped)} skipped"
        reasons = Counter((outcome.engine, outcome.detail) for outcome in self.skipped)
        lines = [f"  {engine}: {detail} ({count})" for (engine, detail), count in reasons.items()]
        return "\n".join([text, *lines])


class DifferentiationError(AssertionError):
    """Engines that fail in scenarios: every failure, with engine, scenario, property and worst entry."""

    def __init__(self, report: Report):
        self.report = report
        super().__init__(_text_of(report))

    @property
    def failures(self) -> list[Outcome]:
        """The checks that failed."""
        return self.report.failures


def _text_of(report: Report) -> str:
    failures = report.failures
    checked = len(failures) + len(report.passed)
    engines = Counter(failure.engine for failure in failures)
    lines = [
        f"{len(failures)} of {checked} checks failed ("
        + ", ".join(f"{engine}: {count}" for engine, count in engines.items())
        + ")",
        *(f"  {failure}" for failure in failures[:_SHOWN]),
    ]
    if len(failures) > _SHOWN:
        by_property = Counter(failure.property for failure in failures)
        lines.append(f"  and {len(failures) - _SHOWN} more; by property: ")
        lines[-1] += ", ".join(f"{name} {count}" for name, count in by_property.most_common())
    return "\n".join(lines)


def check_case(
    backend: str | Backend,
    scenario: Scenario,
    *,
    properties: Sequence[str] | None = None,
    rtol: float | None = None,
) -> list[Outcome]:
    """Check one engine in one scenario.

    Args:
        backend: an engine's name or object; it must be installed.
        scenario: the operator and function.
        properties: which of `PROPERTIES`; None: all.
        rtol: how far results may be off; None: by the engine's kind and the dtype of x.
    Returns:
        An outcome for each property, or one that says why the scenario was skipped.
    Raises:
        MissingBackendError: the engine is not installed. UnknownBackendError: there is none of that name.
    """
    engine = registry.resolve(backend)
    label = label_of(engine)
    reason = _reason_to_skip(engine, scenario)
    if reason:
        return [Outcome(label, scenario.id, "", "skipped", reason)]
    case, outcomes = Case(engine, scenario, rtol), []
    for name in PROPERTIES if properties is None else properties:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                PROPERTIES[name](case)
        except Violation as violation:
            outcomes.append(Outcome(label, scenario.id, name, "failed", str(violation)))
        except Exception as error:
            outcomes.append(Outcome(label, scenario.id, name, "failed", said(error)))
        else:
            outcomes.append(Outcome(label, scenario.id, name, "passed"))
    return outcomes


def _reason_to_skip(engine: Backend, scenario: Scenario) -> str:
    """Say why an engine need not pass a scenario; "" if it must. What it declares counts, not what it raises."""
    if engine.capabilities().operators[scenario.operator] == "unsupported":
        return f"computes no {scenario.operator}"
    if "complex" in scenario.tags and not engine.complex_inputs:
        return "takes no complex x"
    return ""


def said(error: Exception) -> str:
    """Say in one line what an engine raised."""
    first = error.problem if isinstance(error, DiffifaceError) else str(error)
    lines = first.strip().splitlines()
    kind = "unsupported" if isinstance(error, UnsupportedOperationError) else type(error).__name__
    return f"{kind}: {lines[0]}" if lines else kind


def _as_list(backends: Any) -> list[str | Backend]:
    single = isinstance(backends, (str, Backend))
    return [backends] if single else list(backends)


def test_differentiation(
    backends: str | Backend | Iterable[str | Backend],
    scenarios: Iterable[Scenario] | None = None,
    *,
    operators: Sequence[str] | None = None,
    tags: Sequence[str] = (),
    without: Sequence[str] = (),
    properties: Sequence[str] | None = None,
    rtol: float | None = None,
) -> Report:
    """Test engines on scenarios: every property of every engine in every scenario, all failures in one error.

    In each scenario an engine is run directly, prepared at other values, twice, after a run elsewhere, into `out=`,
    by several threads, pickled and copied; its results must be exact, of the right dtype, shape and structure, and
    new; its arguments and the settings of the process must be left alone.

    Args:
        backends: an engine's name or object, or several.
        scenarios: what to test on; None: `default_scenarios()`.
        operators, tags, without: choose among the scenarios, as `select` does.
        properties: names out of `PROPERTIES`; None: all.
        rtol: how far results may be off; None: by the engine's kind and the dtype of x.
    Returns:
        A `Report` with an outcome for every check; engines that are not installed are skipped in it.
    Raises:
        DifferentiationError: an `AssertionError` that lists all failures.
        unittest.SkipTest: none of the engines is installed (pytest and unittest show the reason).
        InputError, UnknownBackendError: a property, operator, tag or engine of that name does not exist.

    >>> from diffiface.testing import test_differentiation
    >>> print(test_differentiation("reverse", operators=["gradient"], tags=["basic"]))
    30 checks passed, 0 failed, 0 skipped
    """
    for name in properties or ():
        if name not in PROPERTIES:
            raise InputError(f"no property is called {name!r}", fix=f"properties: {', '.join(PROPERTIES)}")
    chosen = default_scenarios() if scenarios is None else list(scenarios)
    chosen = select(chosen, operators=operators, tags=tags, without=without)
    if not chosen:
        raise InputError("there is no scenario to test on", fix="see `select` for how scenarios are chosen")
    report, missing = Report(), []
    engines = _as_list(backends)
    if not engines:
        raise InputError("there is no engine to test", fix="give a name, a backend object, or several")
    for backend in engines:
        try:
            engine = registry.resolve(backend)
        except MissingBackendError as error:
            missing.append(error)
            report.outcomes.append(Outcome(str(backend), "", "", "skipped", error.problem))
            continue
        for scenario in chosen:
            report.outcomes += check_case(engine, scenario, properties=properties, rtol=rtol)
    if len(missing) == len(engines):
        raise unittest.SkipTest("; ".join(str(error).replace("\n", " ") for error in missing))
    report.raise_if_failed()
    return report


# pytest would take it for a test where it is imported.
test_differentiation.__test__ = False  # type: ignore[attr-defined]
