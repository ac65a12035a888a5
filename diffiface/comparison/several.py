"""One report on several points: of each engine the worst that was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from diffiface.comparison.report import Comparison


def together(reports: Sequence[Comparison]) -> Comparison:
    """Return one report for several points, its rows those of the worst point of each engine.

    The errors are the largest of all points; the times, calls and memory are those of the first. `point` numbers the
    point that the status, the worst entry and the detail belong to, and `points` holds the reports one by one.
    """
    rows = [_worst(rows) for rows in zip(*(report.rows for report in reports), strict=True)]
    first = reports[0]
    sources = list(dict.fromkeys(report.reference for report in reports))
    problem = f"{first.problem} and {len(reports) - 1} other point{'s' * (len(reports) > 2)}"
    return replace(first, rows=rows, problem=problem, reference=" / ".join(sources), points=tuple(reports))


def _worst(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    worst = max(range(len(rows)), key=lambda point: (_severity(rows[point]), rows[point]["max_rel_error"] or 0.0))
    row = dict(rows[worst])
    for key in ("max_abs_error", "max_rel_error", "max_ulp"):
        row[key] = max((other[key] for other in rows if other[key] is not None), default=None)
    for key in ("f_calls", "prepare_seconds", "run_seconds", "peak_bytes"):
        row[key] = next((other[key] for other in rows if other[key] is not None), None)
    row["point"] = worst
    if row["detail"] and not row["status"].absent:
        row["detail"] = f"at point {worst}: {row['detail']}"
    return row


def _severity(row: dict[str, Any]) -> int:
    """Order what was found: wrong, then absent, then right but for a remark, then right."""
    status = row["status"]
    if status.absent:
        return 2
    if not status.accepted:
        return 3
    return int(bool(row["detail"]))
