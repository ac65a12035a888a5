"""The picture of one or several comparisons: error and time, engine by engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from diffiface.comparison.report import Comparison

_RIGHT, _WRONG = "#2f6f9f", "#b00020"
_LEAST_ERROR = 1e-17
"""Where an error of exactly zero is drawn on the logarithmic axis."""


def draw(comparisons: Sequence[Comparison], path: Any = None) -> Figure:
    """Draw a row of two panels per comparison, and save the figure if a path is given."""
    figure = Figure(figsize=(10, 0.6 + 2.6 * len(comparisons)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(comparisons), 2, squeeze=False)
    for (left, right), comparison in zip(panels, comparisons, strict=True):
        rows = [row for row in comparison.rows if row["run_seconds"] is not None][::-1]
        _bars(left, rows, [max(row["max_rel_error"] or 0.0, _LEAST_ERROR) for row in rows], "largest relative error")
        left.set_title(comparison.problem, loc="left", fontsize=10)
        _bars(right, rows, [row["run_seconds"] for row in rows], "seconds per run, once prepared")
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _bars(axes: Any, rows: Sequence[dict[str, Any]], values: Sequence[float], label: str) -> None:
    colors = [_RIGHT if row["status"].accepted else _WRONG for row in rows]
    finite = [value if np.isfinite(value) else np.nan for value in values]
    axes.barh([row["engine"] for row in rows], finite, color=colors, height=0.6)
    axes.set_xscale("log")
    axes.set_xlabel(label, fontsize=9)
    axes.tick_params(labelsize=9)
    axes.spines[["top", "right"]].set_visible(False)
