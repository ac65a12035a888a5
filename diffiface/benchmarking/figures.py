"""The plots of a benchmark: time against n (or engine by engine), and error against time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from diffiface.benchmarking.outcome import Outcome
from diffiface.errors import InputError

if TYPE_CHECKING:
    from diffiface.benchmarking.results import Results

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f", "#8c564b", "#bcbd22")
_MARKERS = "osD^vP*Xhp"
_EXACT_ERROR = 1e-17
"""Where an error of exactly zero is drawn on the logarithmic axis."""
_COLUMNS = 3

Panel = tuple[str, list[dict[str, Any]]]


def draw(results: Results, kind: str, path: Any = None) -> Figure:
    """Draw a panel for each problem and operator, with a legend for all, and save the figure if a path is given."""
    timed = [row for row in results.rows if row["median_seconds"] is not None]
    if kind == "accuracy":
        timed = [row for row in timed if row["error"] is not None]
    if not timed:
        raise InputError("there is nothing to draw: no engine was measured")
    engines = list(dict.fromkeys(row["engine"] for row in timed))
    styles = {engine: _style(i) for i, engine in enumerate(engines)}
    panels = _panels(timed)
    columns = min(_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    width, height = max(3.8 * columns, 6.0), 0.7 + 2.9 * rows
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (title, found) in zip(axes, panels, strict=False):
        if kind == "accuracy":
            _accuracy(axis, found, styles)
        elif len({row["n"] for row in found}) > 1:
            _against_n(axis, found, styles)
        else:
            _by_engine(axis, found, styles)
        _trim(axis)
        axis.set_title(title, loc="left", fontsize=10)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    _legend(figure, styles, int(width / 1.4))
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _panels(rows: Sequence[dict[str, Any]]) -> list[Panel]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["problem"], row["operator"]), []).append(row)
    panels = []
    for (problem, operator), members in found.items():
        sizes = {row["n"] for row in members}
        size = f", n={members[0]['n']}" if len(sizes) == 1 else ""
        panels.append((f"{operator} of {problem}{size}", members))
    return panels


def _style(i: int) -> dict[str, Any]:
    return {"color": _COLORS[i % len(_COLORS)], "marker": _MARKERS[i % len(_MARKERS)]}


def _against_n(axis: Any, rows: Sequence[dict[str, Any]], styles: dict[str, dict[str, Any]]) -> None:
    for engine, style in styles.items():
        points = sorted((row["n"], row["median_seconds"], row["outcome"]) for row in rows if row["engine"] == engine)
        if not points:
            continue
        axis.plot([n for n, _, _ in points], [t for _, t, _ in points], linewidth=1.3, markersize=4.5, **style)
        wrong = [(n, t) for n, t, outcome in points if outcome is not Outcome.MEASURED]
        axis.plot(
            *(zip(*wrong, strict=True) if wrong else ([], [])), "x", color="#b00020", markersize=9, linestyle="none"
        )
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("n", fontsize=9)
    axis.set_ylabel("seconds per run", fontsize=9)
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.yaxis.set_major_formatter(EngFormatter("s"))


def _by_engine(axis: Any, rows: Sequence[dict[str, Any]], styles: dict[str, dict[str, Any]]) -> None:
    ordered = sorted(rows, key=lambda row: -row["median_seconds"])
    for row in ordered:
        face = styles[row["engine"]] if row["outcome"] is Outcome.MEASURED else {"color": "#b00020", "marker": "x"}
        axis.plot([row["median_seconds"]], [row["engine"]], markersize=6, linestyle="none", **face)
    axis.set_xscale("log")
    axis.set_xlabel("seconds per run", fontsize=9)
    axis.xaxis.set_major_formatter(EngFormatter("s"))
    axis.margins(x=0.15, y=0.12)


def _accuracy(axis: Any, rows: Sequence[dict[str, Any]], styles: dict[str, dict[str, Any]]) -> None:
    for row in rows:
        error = min(max(row["error"], _EXACT_ERROR), 1e3)
        axis.plot([row["median_seconds"]], [error], markersize=6, linestyle="none", **styles[row["engine"]])
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("seconds per run", fontsize=9)
    axis.set_ylabel("largest relative error", fontsize=9)
    axis.xaxis.set_major_formatter(EngFormatter("s"))
    axis.margins(0.12)


def _trim(axis: Any) -> None:
    for side in (axis.xaxis, axis.yaxis):
        if side.get_scale() == "log":
            side.set_major_locator(LogLocator(numticks=6))
            side.set_minor_formatter(NullFormatter())
    axis.grid(color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure, styles: dict[str, dict[str, Any]], columns: int) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linewidth=1.3, markersize=5, label=engine, **style) for engine, style in styles.items()]
    figure.legend(
        handles=handles, loc="outside upper center", ncols=min(len(handles), columns), frameon=False, fontsize=9
    )
