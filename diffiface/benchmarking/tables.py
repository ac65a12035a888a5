"""The tables of a benchmark: what each shows is decided once, and written as text, Markdown or HTML."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from diffiface.benchmarking import shown
from diffiface.benchmarking.environment import in_one_line
from diffiface.benchmarking.outcome import Outcome

if TYPE_CHECKING:
    from diffiface.benchmarking.results import Results

_WIDTH = 120
_WRONG = ' class="wrong" style="color: #b00020"'
_COLUMNS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("median", "median_seconds", shown.seconds),
    ("min", "min_seconds", shown.seconds),
    ("IQR", "iqr_seconds", shown.seconds),
    ("ratio", "ratio_to_fastest", shown.ratio),
    ("by hand", "ratio_to_by_hand", shown.ratio),
    ("unprepared", "unprepared_seconds", shown.seconds),
    ("prepare", "prepare_seconds", shown.seconds),
    ("first run", "first_call_seconds", shown.seconds),
    ("f calls", "f_calls", shown.count),
    ("memory", "own_bytes", shown.size),
    ("error", "error", shown.error),
)
_LEGEND = (
    "median, min, IQR: one prepared run; ratio: median to the fastest's; by hand: to the same engine used directly; "
    "first run: beyond a later one; memory: peak beyond the loaded engine; error: largest, as a share of the result."
)


@dataclass
class Table:
    """One table, as cells of text."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    marked: list[bool]
    """Which rows tell of something that went wrong."""
    remarks: list[str] = field(default_factory=list)


def tables_of(results: Results) -> list[Table]:
    """Decide what to show: a table for each case, and one for growth where a problem has several sizes."""
    found = [_case_table(f"{operator} of {problem}, n={n}", rows) for (problem, n, operator), rows in results.cases()]
    return found + _growth_tables(results)


def _case_table(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    # What no engine has (no call by hand was given, say) needs no column.
    columns = [column for column in _COLUMNS if any(row[column[1]] is not None for row in rows)]
    ordered = sorted(rows, key=lambda row: (row["median_seconds"] is None, row["median_seconds"] or 0.0))
    cells, marked, remarks = [], [], {}
    for row in ordered:
        outcome = row["outcome"]
        cells.append([row["engine"], _word(outcome), *(write(row[key]) for _, key, write in columns)])
        marked.append(outcome is not Outcome.MEASURED and not outcome.absent)
        if row["detail"]:
            remarks.setdefault(row["detail"], []).append(row["engine"])
    texts = [f"{', '.join(engines)}: {detail}" for detail, engines in remarks.items()]
    return Table(title, ["engine", "outcome", *(name for name, _, _ in columns)], cells, marked, texts)


def _growth_tables(results: Results) -> list[Table]:
    growth = results.growth()
    times: dict[tuple[str, str], dict[str, dict[int, dict[str, Any]]]] = {}
    for row in results.rows:
        engines = times.setdefault((row["problem"], row["operator"]), {})
        engines.setdefault(row["engine"], {})[row["n"]] = row
    found = []
    for (problem, operator), engines in times.items():
        sizes = sorted({n for by_size in engines.values() for n in by_size})
        if len(sizes) < 2:
            continue
        cells, marked = [], []
        for engine, by_size in engines.items():
            fit = growth.get((problem, operator, engine))
            cells.append([engine, *(_time_or_outcome(by_size.get(n)) for n in sizes)])
            cells[-1].append(shown.exponent(fit.exponent if fit else None))
            marked.append(False)
        columns = ["engine", *(f"n={n}" for n in sizes), "growth"]
        found.append(Table(f"{operator} of {problem}: time against n", columns, cells, marked))
    return found


def _word(outcome: Outcome) -> str:
    return str(outcome) if outcome is Outcome.MEASURED or outcome.absent else str(outcome).upper()


def _time_or_outcome(row: dict[str, Any] | None) -> str:
    if row is None:
        return "-"
    return shown.seconds(row["median_seconds"]) if row["outcome"] is Outcome.MEASURED else str(row["outcome"])


# ---- written


def as_text(results: Results) -> str:
    """Write the tables for a terminal, at most 120 columns wide."""
    from rich.console import Console
    from rich.table import Table as Grid

    written = io.StringIO()
    console = Console(file=written, width=_WIDTH, color_system=None, highlight=False, markup=False, emoji=False)
    for table in tables_of(results):
        console.print(table.title)
        grid = Grid(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
        for i, name in enumerate(table.columns):
            grid.add_column(name, justify="left" if i == 0 or name == "outcome" else "right", no_wrap=True)
        for row in table.rows:
            grid.add_row(*row)
        console.print(grid)
        for remark in table.remarks:
            console.print(f"  {remark}")
        console.print()
    console.print(_LEGEND)
    console.print(in_one_line(results.environment))
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


def as_markdown(results: Results) -> str:
    """Write the tables in Markdown."""
    parts = []
    for table in tables_of(results):
        parts.append(f"### {_escaped(table.title)}\n")
        parts.append(_markdown_row(table.columns))
        parts.append(
            _markdown_row(["---" if i == 0 or c == "outcome" else "---:" for i, c in enumerate(table.columns)])
        )
        for row, marked in zip(table.rows, table.marked, strict=True):
            cells = [_escaped(cell) for cell in row]
            parts.append(_markdown_row([f"**{cell}**" if marked and i < 2 else cell for i, cell in enumerate(cells)]))
        parts += ["", *(f"- {_escaped(remark)}" for remark in table.remarks), ""]
    return "\n".join([*parts, _LEGEND, "", in_one_line(results.environment), ""])


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def as_html(results: Results) -> str:
    """Write the tables in HTML."""
    parts = [as_html_table(table) for table in tables_of(results)]
    return "".join(
        [*parts, f"<p>{html.escape(_LEGEND)}</p>", f"<p>{html.escape(in_one_line(results.environment))}</p>"]
    )


def as_html_table(table: Table) -> str:
    """Write one table in HTML."""
    numbers = [i > 0 and name != "outcome" for i, name in enumerate(table.columns)]
    align = [' style="text-align: right"' if number else ' style="text-align: left"' for number in numbers]

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(f"<{tag}{style}>{html.escape(cell)}</{tag}>" for cell, style in zip(row, align, strict=True))

    body = "".join(
        f"<tr{_WRONG if marked else ''}>{cells(row, 'td')}</tr>"
        for row, marked in zip(table.rows, table.marked, strict=True)
    )
    remarks = "".join(f"<li>{html.escape(remark)}</li>" for remark in table.remarks)
    return (
        f"<h3>{html.escape(table.title)}</h3><table><thead><tr>{cells(table.columns, 'th')}</tr></thead>"
        f"<tbody>{body}</tbody></table>" + (f"<ul>{remarks}</ul>" if remarks else "")
    )
