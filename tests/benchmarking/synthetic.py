"""Results made up for testing what is done with them."""

from __future__ import annotations

from typing import Any

from diffiface.benchmarking import Outcome, Results
from diffiface.benchmarking.lane import ROW

ENVIRONMENT = {
    "date": "2026-01-02T03:04:05+00:00",
    "diffiface": "0.1.0",
    "python": "3.11.7",
    "packages": {"numpy": "2.4.6"},
    "cpu": "a <fast> | CPU",
    "cores": 2,
    "threads": 1,
    "load_at_start": 0.5,
}


def row(engine: str, median: float | None = None, n: int = 10, **others: Any) -> dict[str, Any]:
    """Make a row; without a time, of an engine that failed."""
    made: dict[str, Any] = dict.fromkeys(ROW)
    made |= {"problem": "logit", "n": n, "operator": "gradient", "engine": engine, "dtype": "float64"}
    if median is None:
        made |= {"outcome": Outcome.FAILED, "detail": "RuntimeError: no | luck"}
    else:
        made |= {
            "outcome": Outcome.MEASURED,
            "median_seconds": median,
            "min_seconds": 0.9 * median,
            "iqr_seconds": 0.1 * median,
            "f_calls": 1,
            "error": 1e-15,
            "exact": True,
            "detail": "",
        }
    return made | others


def over_sizes() -> Results:
    """Linear, quadratic, constant, and one that fails."""
    sizes = (10, 100, 1000, 10_000)
    rows = []
    for n in sizes:
        rows += [
            row("linear", 1e-5 + 1e-7 * n, n),
            row("quadratic", 1e-6 + 1e-10 * n**2, n, error=0.0),
            row("constant", 1e-3, n),
            row("numeric", 1e-5 * n, n, error=3e-9, exact=False) if n < 1000 else row("numeric", None, n),
        ]
    return Results(rows, ENVIRONMENT)


def at_one_size() -> Results:
    """Three engines, of which one is wrong and one failed."""
    wrong = row("wrong", 1e-6, outcome=Outcome.DISAGREES, error=0.1, detail="off by 0.1")
    return Results([row("slow", 2e-3), row("fast", 1e-5, ratio_to_by_hand=1.25), wrong, row("failed")], ENVIRONMENT)
