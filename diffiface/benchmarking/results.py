"""The results of a benchmark: rows and what they were measured on, as text, tables, files and pictures."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffiface.benchmarking import tables
from diffiface.benchmarking.growth import Growth, fit_growth
from diffiface.benchmarking.lane import ROW
from diffiface.benchmarking.outcome import Outcome
from diffiface.errors import InputError
from diffiface.optional_packages import need

_FORMAT = 1
_INTEGERS = {"n", "f_calls", "peak_bytes", "own_bytes", "runs", "rounds"}
_TEXTS = {"problem", "operator", "engine", "outcome", "dtype", "detail"}


@dataclass(frozen=True, repr=False)
class Results:
    """What `benchmark` found: one row per case and engine. In print, `-` is what does not apply.

    A row's keys: problem, n (its size), operator, engine, outcome (an `Outcome`), min_seconds, median_seconds and
    iqr_seconds (of a prepared run; the interquartile range over the turns), ratio_to_fastest (of the medians),
    by_hand_seconds and ratio_to_by_hand (a hand-written call of the same engine in the same turns), unprepared_seconds,
    prepare_seconds, first_call_seconds (what the first runs took beyond later ones: engines may compile then),
    import_seconds (loading the engine, in its first row), f_calls (in one prepared run), peak_bytes (of the engine's
    process), own_bytes (of these, beyond what it held before preparing), error (largest error as a share of the largest
    entry), runs, rounds, exact (whether the engine is), dtype (of x), detail.
    """

    rows: list[dict[str, Any]]
    environment: dict[str, Any]

    # ---- seen

    def __str__(self) -> str:
        return tables.as_text(self)

    __repr__ = __str__

    def to_markdown(self) -> str:
        """Return the tables in Markdown."""
        return tables.as_markdown(self)

    def to_html(self, path: Any = None) -> str:
        """Return a page of HTML that needs nothing else (with the plots, where matplotlib is installed); save it to `path`."""
        from diffiface.benchmarking.page import as_page

        page = as_page(self)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def _repr_html_(self) -> str:
        return tables.as_html(self)

    def plot(self, path: Any = None, kind: str = "time") -> Any:
        """Draw the results.

        Args:
            path: where to save the figure, if anywhere.
            kind: `"time"` (against n per engine, or engine by engine where there is one size) or `"accuracy"`
                (the error against the time).
        Returns:
            A Matplotlib figure.
        Raises:
            InputError: another kind, or nothing was measured. MissingBackendError: Matplotlib is not installed.
        """
        if kind not in ("time", "accuracy"):
            raise InputError(f"kind={kind!r} is not known", fix="kind is 'time' or 'accuracy'")
        need("a plot", "matplotlib", install="'diffiface[benchmark]'")
        from diffiface.benchmarking import figures

        return figures.draw(self, kind, path)

    # ---- taken further

    def to_dataframe(self) -> Any:
        """Return the rows as a pandas data frame."""
        need("a data frame", "pandas", install="'diffiface[benchmark]'")
        import pandas

        return pandas.DataFrame([row | {"outcome": str(row["outcome"])} for row in self.rows])

    @property
    def broken(self) -> list[dict[str, Any]]:
        """The rows of engines that crashed, failed, or gave another result."""
        return [row for row in self.rows if row["outcome"].broken]

    def cases(self) -> list[tuple[tuple[str, int, str], list[dict[str, Any]]]]:
        """Return the rows by case: problem, size and operator."""
        found: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
        for row in self.rows:
            found.setdefault((row["problem"], row["n"], row["operator"]), []).append(row)
        return list(found.items())

    def growth(self) -> dict[tuple[str, str, str], Growth]:
        """Fit how the time grows with n, for each (problem, operator, engine) measured at more than one size."""
        points: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
        for row in self.rows:
            if row["outcome"] is Outcome.MEASURED:
                key = row["problem"], row["operator"], row["engine"]
                points.setdefault(key, []).append((row["n"], row["median_seconds"]))
        fits = {key: fit_growth(*zip(*found, strict=True)) for key, found in points.items()}
        return {key: fit for key, fit in fits.items() if fit is not None}

    # ---- files

    def to_json(self, path: Any = None) -> str:
        """Return everything as JSON, and save it to `path` if given."""
        content = {"diffiface_benchmark": _FORMAT, "environment": self.environment, "rows": self.rows}
        text = json.dumps(_without_nan(content), indent=1)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    def to_csv(self, path: Any = None) -> str:
        """Return the rows as CSV below the environment as `#` lines, and save it to `path` if given."""
        written = io.StringIO()
        for key, value in self.environment.items():
            written.write(f"# {key}: {json.dumps(value)}\n")
        writer = csv.DictWriter(written, ROW, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        if path is not None:
            Path(path).write_text(written.getvalue(), encoding="utf-8")
        return written.getvalue()


def read_results(path: Any) -> Results:
    """Read what `to_json` or `to_csv` has written.

    Args:
        path: the file; `.csv` is read as CSV, anything else as JSON.
    Returns:
        The results.
    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        return _from_csv(text) if str(path).endswith(".csv") else _from_json(text)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} holds no results of a benchmark: {error!r:.200}", fix="give a file that to_json or to_csv wrote"
        ) from error


def _from_json(text: str) -> Results:
    content = json.loads(text)
    if content["diffiface_benchmark"] != _FORMAT:
        raise ValueError(f"format {content['diffiface_benchmark']} is not known")
    rows = [{key: row[key] for key in ROW} | {"outcome": Outcome(row["outcome"])} for row in content["rows"]]
    return Results(rows, content["environment"])


def _from_csv(text: str) -> Results:
    lines = text.splitlines(keepends=True)
    head = [line for line in lines if line.startswith("# ")]
    environment = {}
    for line in head:
        key, _, value = line[2:].partition(": ")
        environment[key] = json.loads(value)
    rows = []
    for read in csv.DictReader(io.StringIO("".join(lines[len(head) :]))):
        rows.append({key: _value(key, read[key]) for key in ROW})
    if not rows:
        raise ValueError("no rows")
    return Results(rows, environment)


def _value(key: str, text: str) -> Any:
    if key == "outcome":
        return Outcome(text)
    if key in _TEXTS:
        return text
    if text == "":
        return None
    if key == "exact":
        return text == "True"
    return int(text) if key in _INTEGERS else float(text)


def _without_nan(value: Any) -> Any:
    """Replace what JSON has no word for."""
    if isinstance(value, dict):
        return {key: _without_nan(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_without_nan(member) for member in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
