"""A picture of a colored pattern."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.optional_packages import need
from diffiface.sparse.coloring.colored import ColoredPattern


def plot_pattern(colored: ColoredPattern, axes: Any = None) -> Any:
    """Draw every entry in the color of the column or row it is read from.

    Args:
        colored: a colored pattern.
        axes: Matplotlib axes to draw on (default: new ones).
    Returns:
        The axes. Entries read from columns are squares; where both are colored, those read from rows are circles.
    """
    need("drawing", "matplotlib", install="matplotlib")
    import matplotlib.pyplot as plt

    axes = plt.subplots()[1] if axes is None else axes
    pattern, (by_column, _) = colored.pattern, colored.readings
    palette = plt.get_cmap("turbo")(np.linspace(0.05, 0.95, max(colored.n_colors, 1)))
    n_column_colors = 0 if colored.columns is None else int(colored.columns.max(initial=-1)) + 1
    size = np.clip(200.0 / max(*pattern.shape, 1), 0.5, 12.0) ** 2
    # An acyclic coloring is solved for rather than read: its entries are drawn in their column's color.
    reads_column = np.ones_like(by_column) if colored.rows is None and colored.columns is not None else by_column
    for chosen, colors, lines, marker, first in (
        (reads_column, colored.columns, pattern.indices, "s", 0),
        (~reads_column, colored.rows, pattern.rows, "o", n_column_colors),
    ):
        if colors is not None and chosen.any():
            shades = palette[colors[lines[chosen]] + first]
            axes.scatter(pattern.indices[chosen], pattern.rows[chosen], s=size, c=shades, marker=marker, linewidths=0)
    rows, columns = pattern.shape
    axes.set(xlim=(-0.5, max(columns, 1) - 0.5), ylim=(max(rows, 1) - 0.5, -0.5), aspect="equal")
    axes.set_title(f"{rows}x{columns}, {pattern.nnz} nonzeros, {colored.n_colors} colors")
    return axes
