"""The results as one page of HTML that needs no other file."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

from diffiface.benchmarking import tables
from diffiface.errors import InputError, MissingBackendError

if TYPE_CHECKING:
    from diffiface.benchmarking.results import Results

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.4rem 0; }
th, td { padding: 0.15rem 0.8rem 0.15rem 0; white-space: nowrap; }
th { font-weight: 600; border-bottom: 1px solid #999; }
tr:nth-child(even) td { background: #f6f6f6; }
h3 { margin: 1.8rem 0 0; font-size: 1rem; }
ul { margin: 0.2rem 0; color: #555; font-size: 0.9rem; }
table { display: block; overflow-x: auto; }
.picture { overflow-x: auto; }
.picture img { width: 100%; min-width: 42rem; }  /* on a phone it is scrolled, not shrunk until nobody can read it */
"""


def as_page(results: Results) -> str:
    """Write the plots, as far as they can be drawn, and all tables."""
    pictures = []
    for kind, title in (("time", "Time"), ("accuracy", "Accuracy")):
        try:
            figure = results.plot(kind=kind)
        except (MissingBackendError, InputError):  # without Matplotlib, or without a measured row: the tables alone
            continue
        written = io.BytesIO()
        figure.savefig(written, format="png", dpi=110)
        encoded = base64.b64encode(written.getvalue()).decode()
        pictures.append(
            f'<h2>{title}</h2><p class="picture"><img alt="{title}" src="data:image/png;base64,{encoded}"></p>'
        )
    date = html.escape(str(results.environment.get("date", "")))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>diffiface benchmark</title>'
        f"<style>{_STYLE}</style></head><body><h1>Benchmark</h1><p>{date}</p>{''.join(pictures)}<h2>Tables</h2>"
        f"{tables.as_html(results)}</body></html>\n"
    )
