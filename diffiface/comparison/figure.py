"""The picture of one or several comparisons: error and time, engine by engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

if TYPE_CHECKING:
    from diffiface.comparison.report import Comparison

_RIGHT, _WRONG = "#2f6f9f", "#b00020"
_LEAST_ERROR = 1e-17
"""Where an error of exactly zero is drawn on the logarithmic axis."""


def draw(comparisons: Sequence[Comparison], path: Any = None, titles: Sequence[str] | None = None) -> Figure:
    """Draw a row of two panels per comparison, and save the figure if a path is given."""
    heights = [max(2.1, 0.6 + 0.3 * len(comparison.rows)) for comparison in comparisons]
    figure = Figure(figsize=(9, 0.8 + sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(comparisons), 2, squeeze=False, sharex="col", height_ratios=heights)
    titles = [comparison.problem for comparison in comparisons] if titles is None else titles
    for (left, right), comparison, title in zip(panels, comparisons, titles, strict=True):
        rows = [row for row in comparison.rows if row["run_seconds"] is not None][::-1]
        _dots(left, rows, [max(row["max_rel_error"] or 0.0, _LEAST_ERROR) for row in rows])
        _dots(right, rows, [row["run_seconds"] for row in rows])
        left.set_title(title, loc="left", fontsize=10)
        right.tick_params(labelleft=False)  # the rows are those on the left
    panels[-1][0].set_xlabel(f"largest relative error ({_LEAST_ERROR:.0e}: none at all)", fontsize=9)
    panels[-1][1].set_xlabel("seconds per run, once prepared", fontsize=9)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _dots(axes: Any, rows: Sequence[dict[str, Any]], values: Sequence[float]) -> None:
    colors = [_RIGHT if row["status"].accepted else _WRONG for row in rows]
    axes.scatter(values, [row["engine"] for row in rows], c=colors, s=36, zorder=2)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="both", color="#dddddd", linewidth=0.6)
    axes.margins(y=0.12)
    axes.tick_params(labelsize=9)
    axes.spines[["top", "right"]].set_visible(False)
