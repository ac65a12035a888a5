"""diffiface new-engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from diffiface.cli.terminal import console, mistakes_are_exit_status_2


def new_engine(
    name: Annotated[str, typer.Argument(help="The engine's name, as in di.gradient(f, NAME, x).")],
    folder: Annotated[Path, typer.Option(help="Where to put the new folder.")] = Path("."),
) -> None:
    """Write a package with a working engine in it, to be changed into another.

    \b
    Example:
      diffiface new-engine my_engine
      pip install -e diffiface-my-engine
      python -m pytest diffiface-my-engine/tests
    """
    from diffiface.new_engine import write_engine_package

    with mistakes_are_exit_status_2():
        package = write_engine_package(name, folder)
    show = console()
    show.print(f"{package} holds the engine {name}, which passes the testing kit. Next:")
    show.print(f"  pip install -e {package}\n  python -m pytest {package / 'tests'}", highlight=False)
