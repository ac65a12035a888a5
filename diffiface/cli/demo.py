"""diffiface demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from diffiface.cli.terminal import console, mistakes_are_exit_status_2
from diffiface.cli.values import BACKENDS_HELP, names


def demo(
    figure: Annotated[Path, typer.Option(help="Where to save the figure.")] = Path("diffiface-demo.png"),
    backends: Annotated[str | None, typer.Option(help=BACKENDS_HELP)] = None,
) -> None:
    """Fit two logit models to real data with every engine, and compare them with each other and with statsmodels.

    \b
    Example:
      diffiface demo --figure demo.png
    """
    from diffiface.demo import run

    with mistakes_are_exit_status_2():
        agrees = run(figure, console(), names(backends))
    raise typer.Exit(0 if agrees else 1)
