"""A comparison as text, HTML, rows, a data frame, a picture, or an error."""

from __future__ import annotations

import html
import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffiface.comparison.classify import Verdict
from diffiface.comparison.problem import Problem
from diffiface.comparison.reference import Reference
from diffiface.comparison.run import Run
from diffiface.comparison.status import Status
from diffiface.errors import DisagreementError
from diffiface.optional_packages import need

_WIDTH = 100
_MODES = {"forward": "fwd", "reverse": "rev", "forward and reverse": "both", "numeric": "num.", "": "-"}
_SHORT = {Status.WITHIN_ESTIMATE: "agrees (FD error)"}
_COLUMNS = ("engine", "mode", "status", "abs", "rel", "ulp", "worst entry", "calls", "prepare", "run", "memory")


def make_row(run: Run, verdict: Verdict, problem: Problem, reference: Reference | None) -> dict[str, Any]:
    """Put what is known of one engine into a row of plain values."""
    worst = verdict.worst if run.values is not None and reference is not None else None
    return {
        "engine": run.engine,
        "mode": run.mode,
        "status": verdict.status,
        "max_abs_error": verdict.max_abs,
        "max_rel_error": verdict.max_rel,
        "max_ulp": verdict.max_ulp,
        "worst_entry": None if worst is None else problem.label(worst),
        "worst_value": None if worst is None or run.values is None else run.values[worst].item(),
        "worst_reference": None if worst is None or reference is None else reference.values[worst].item(),
        "f_calls": run.f_calls,
        "prepare_seconds": run.prepare_seconds,
        "run_seconds": run.run_seconds,
        "peak_bytes": run.peak_bytes,
        "detail": verdict.detail,
        "point": 0,
    }


@dataclass(frozen=True, repr=False)
class Comparison:
    """What `compare` found: one row per engine, and what they were judged by.

    In print, "abs", "rel" and "ulp" are an engine's largest errors, "calls" those of f in one run, "prepare" what comes
    before the first result, "memory" the peak during a run, and "-" what does not apply.

    A row's keys: engine, mode, status, max_abs_error, max_rel_error and max_ulp (over the entries whose reference is
    not zero), worst_entry, worst_value, worst_reference, f_calls (in one run, once prepared), prepare_seconds,
    run_seconds, peak_bytes, detail, point (which of several points the row is of). What does not apply is None.
    """

    rows: list[dict[str, Any]]
    problem: str
    """Operator, function and size of x."""
    reference: str
    """Where the reference comes from."""
    environment: str = field(default="", repr=False)
    points: tuple[Comparison, ...] = ()
    """The reports on the single points, if there are several."""

    @property
    def ok(self) -> bool:
        """Whether every engine able to take part gave a result to rely on (and there was one)."""
        taking_part = self._taking_part()
        return bool(taking_part) and all(row["status"].accepted for row in taking_part)

    @property
    def summary(self) -> str:
        """The finding in one line."""
        outside = sum(row["status"] is Status.LEFT_DOMAIN for row in self.rows)
        aside = f" ({outside} could not evaluate f near x)" if outside else ""
        return f"{self.problem}, reference: {self.reference} — {_count(self._taking_part())}{aside}"

    def raise_if_disagreement(self) -> None:
        """Raise `DisagreementError`, its message the report, unless `ok`."""
        if not self.ok:
            raise DisagreementError(str(self), fix="see the rows of the report that do not agree")

    def to_dataframe(self) -> Any:
        """Return the rows as a pandas data frame."""
        need("a data frame", "pandas", install="'diffiface[demo]'")
        import pandas

        return pandas.DataFrame([row | {"status": str(row["status"])} for row in self.rows])

    def to_html(self, path: Any = None) -> str:
        """Return an HTML page that needs nothing but itself; write it to a file if `path` is given."""
        from diffiface.comparison.page import page

        text = page(self)
        if path is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return text

    def plot(self, path: Any = None) -> Any:
        """Draw error and time per engine; save the figure if `path` is given, and return it."""
        need("a plot", "matplotlib", install="'diffiface[demo]'")
        from diffiface.comparison.figure import draw

        return draw([self], path)

    def _taking_part(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if not row["status"].absent]

    def _details(self) -> dict[str, list[str]]:
        """Collect what is said of engines, each text once with all the engines it is true of."""
        details: dict[str, list[str]] = {}
        for row in self.rows:
            if row["detail"]:
                details.setdefault(row["detail"], []).append(row["engine"])
        return details

    # ---- shown

    def __str__(self) -> str:
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
        for name in _COLUMNS:
            numeric = name not in ("engine", "mode", "status", "worst entry")
            table.add_column(
                name,
                justify="right" if numeric else "left",
                overflow="fold",
                no_wrap=name not in ("engine", "worst entry"),
                min_width=3,
                max_width=24 if name == "engine" else None,
            )
        for row in self.rows:
            table.add_row(*_cells(row))
        written = io.StringIO()
        console = Console(file=written, width=_WIDTH, color_system=None, highlight=False, markup=False, emoji=False)
        console.print(self.summary)
        console.print(table)
        for detail, engines in self._details().items():
            console.print(f"{', '.join(engines)}: {detail}")
        console.print(self.environment)
        return "\n".join(line.rstrip() for line in written.getvalue().splitlines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
        body = "".join(
            f"<tr{'' if row['status'].accepted or row['status'].absent else mark}>"
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(row))
            + "</tr>"
            for mark in [' style="color: #b00020; font-weight: bold"']
            for row in self.rows
        )
        details = "".join(
            f"<li>{html.escape(', '.join(engines))}: {html.escape(detail)}</li>"
            for detail, engines in self._details().items()
        )
        return (
            f"<p>{html.escape(self.summary)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<ul>{details}</ul><p><small>{html.escape(self.environment)}</small></p>"
        )


def _count(rows: list[dict[str, Any]]) -> str:
    """Say how many engines agree."""
    bad = sum(not row["status"].accepted for row in rows)
    conventions = sum(row["status"] in (Status.CONJUGATE, Status.TIE, Status.KINK) for row in rows)
    if not rows:
        return "no engine could run it"
    if not bad:
        text = {1: "the engine agrees", 2: "both engines agree"}.get(len(rows), f"all {len(rows)} engines agree")
        return text + (f", {conventions} by another convention" if conventions else "")
    wrong = sum(row["status"] is Status.DISAGREES for row in rows)
    if wrong == bad:
        return f"{bad} of {len(rows)} {'disagrees' if bad == 1 else 'disagree'}"
    return f"{bad} of {len(rows)} {'does' if bad == 1 else 'do'} not agree"


def _cells(row: dict[str, Any]) -> list[str]:
    entry = row["worst_entry"] if row["max_abs_error"] else None
    status = _SHORT.get(row["status"], str(row["status"]))
    unremarkable = row["status"].accepted or row["status"].absent
    return [
        row["engine"],
        _MODES[row["mode"]],
        status if unremarkable else status.upper(),
        _number(row["max_abs_error"]),
        _number(row["max_rel_error"]),
        _ulps(row["max_ulp"]),
        entry or "-",
        "-" if row["f_calls"] is None else str(row["f_calls"]),
        _seconds(row["prepare_seconds"]),
        _seconds(row["run_seconds"]),
        _bytes(row["peak_bytes"]),
    ]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return "0" if value == 0 else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def _ulps(value: float | None) -> str:
    if value is None:
        return "-"
    if not np.isfinite(value):
        return "inf"
    return f"{value:.0f}" if value < 1000 else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 1:
        return f"{value:.3g}s"
    return f"{value * 1e3:.3g}ms" if value >= 1e-3 else f"{value * 1e6:.3g}µs"


def _bytes(value: int | None) -> str:
    if value is None:
        return "-"
    return f"{value / 2**20:.3g}M" if value >= 2**20 else f"{value / 2**10:.0f}K"
