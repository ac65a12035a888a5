"""A comparison as an HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffiface.comparison.report import Comparison

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #222; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25em 0.8em; border-bottom: 1px solid #ddd; text-align: left; white-space: nowrap; }
table { display: block; overflow-x: auto; }
.picture { overflow-x: auto; }
.picture img { width: 100%; min-width: 42rem; }  /* on a phone it is scrolled, not shrunk until nobody can read it */
small { color: #666; }
"""


def page(comparison: Comparison) -> str:
    """Return the page: the finding, the table, a picture if matplotlib is installed, and each point of several."""
    parts = [f"<h1>{html.escape(comparison.problem)}</h1>", comparison._repr_html_(), _picture(comparison)]
    for number, point in enumerate(comparison.points):
        parts += [f"<h2>point {number}</h2>", point._repr_html_()]
    title = html.escape(comparison.summary)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n" + "\n".join(filter(None, parts)) + "\n</body>\n</html>\n"
    )


def _picture(comparison: Comparison) -> str:
    """Return the plot as part of the page; nothing without matplotlib, or without an engine that ran."""
    try:
        from diffiface.comparison.figure import draw
    except ImportError:
        return ""
    if not any(row["run_seconds"] is not None for row in comparison.rows):
        return ""
    written = io.BytesIO()
    draw([comparison]).savefig(written, dpi=110, format="png")
    data = base64.b64encode(written.getvalue()).decode()
    return (
        '<p class="picture"><img alt="largest error and time of a run, engine by engine" '
        f'src="data:image/png;base64,{data}"></p>'
    )
