"""What commands print, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from diffiface.errors import DiffifaceError


def console() -> Console:
    """Print as wide as the terminal, or plainly in 100 columns where there is none."""
    found = Console()
    return found if found.is_terminal else Console(width=100, color_system=None, highlight=False)


@contextmanager
def mistakes_are_exit_status_2() -> Iterator[None]:
    """End the command with the message of an error of ours."""
    try:
        yield
    except DiffifaceError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
