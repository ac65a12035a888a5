"""The one call by which the author of an engine finds out whether it keeps every promise."""

from __future__ import annotations

import unittest
import warnings
from collections.abc import Iterable, Sequence

import numpy as np

from diffiface import registry
from diffiface.adapter import Backend
from diffiface.comparison.run import label_of
from diffiface.errors import MissingBackendError
from diffiface.testing.case import Violation
from diffiface.testing.contract import CONTRACT
from diffiface.testing.differentiation import Outcome, Report, said, test_differentiation
from diffiface.testing.scenario import Scenario
from diffiface.testing.scenarios import default_scenarios, family_scenarios


def test_backend(
    backend: str | Backend | type[Backend],
    scenarios: Iterable[Scenario] | None = None,
    *,
    operators: Sequence[str] | None = None,
    tags: Sequence[str] = (),
    without: Sequence[str] = (),
    rtol: float | None = None,
) -> Report:
    """Test an engine: the contract of its class, and every property in every scenario.

    This is what the author of an engine runs; `test_differentiation` says what is checked in a scenario.

    Args:
        backend: the engine's name, an object of its class, or the class itself (which need not be registered).
        scenarios: what to test on; None: `default_scenarios()`, and, of an engine that computes in another library's
            arrays, `family_scenarios()` of that library.
        operators, tags, without: choose among the scenarios, as `select` does.
        rtol: how far results may be off; None: by the engine's kind and the dtype of x.
    Returns:
        A `Report` with an outcome for every check.
    Raises:
        DifferentiationError: an `AssertionError` that lists all failures.
        unittest.SkipTest: the engine is not installed (pytest and unittest show the reason).
        InputError, UnknownBackendError: an operator, tag or engine of that name does not exist.

    >>> from diffiface.testing import test_backend
    >>> print(test_backend("forward", tags=["basic"], operators=["derivative"]))
    23 checks passed, 0 failed, 0 skipped
    """
    try:
        engine = backend() if isinstance(backend, type) else registry.resolve(backend)
    except MissingBackendError as error:
        raise unittest.SkipTest(str(error).replace("\n", " ")) from None
    if scenarios is None:
        scenarios = default_scenarios()
        if engine.family in registry.available_families():
            scenarios += family_scenarios(engine.family)
    report = Report(check_contract(engine))
    try:
        rest = test_differentiation(engine, scenarios, operators=operators, tags=tags, without=without, rtol=rtol)
    except AssertionError as error:
        rest = getattr(error, "report", None)
        if rest is None:
            raise
    report.outcomes += rest.outcomes
    report.raise_if_failed()
    return report


test_backend.__test__ = False  # type: ignore[attr-defined]  # (pytest would take it for a test)


def check_contract(engine: Backend) -> list[Outcome]:
    """Check what an engine's class must be, whatever it computes.

    Args:
        engine: an object of the class.
    Returns:
        An outcome for each clause of `CONTRACT`.
    """
    outcomes = []
    for name, clause in CONTRACT.items():
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                clause(engine)
        except Violation as violation:
            outcomes.append(Outcome(label_of(engine), "contract", name, "failed", str(violation)))
        except Exception as error:
            outcomes.append(Outcome(label_of(engine), "contract", name, "failed", said(error)))
        else:
            outcomes.append(Outcome(label_of(engine), "contract", name, "passed"))
    return outcomes
