"""The command line: `diffiface backends`, `diffiface compare`, `diffiface demo`."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from diffiface import registry
from diffiface.adapter import OPERATORS
from diffiface.comparison import compare as compare_engines
from diffiface.errors import DiffifaceError, MissingBackendError

app = typer.Typer(help="Derivatives of plain NumPy functions, by any engine.", no_args_is_help=True)

_VALUE_HELP = 'JSON (`1.5`, `[1, 2]`, `{"a": [1, 2]}`), a file `x.npy`, or `module:name`.'


@app.command()
def backends() -> None:
    """List the engines: what is installed, and what each does natively."""
    table = Table(box=None, pad_edge=False)
    for name in ("engine", "installed", "mode", "exact", "native", "other operators"):
        table.add_column(name, overflow="fold")
    for name in registry.registered_backends():
        table.add_row(name, *_description_of(name))
    _console().print(table)


def _description_of(name: str) -> tuple[str, ...]:
    try:
        capabilities = registry.capabilities(name)
    except MissingBackendError as error:
        return (f"no: {error.fix}", "", "", "", "")
    operators = capabilities.operators
    native = [operator for operator in OPERATORS if operators[operator] == "native"]
    others = {operators[operator] for operator in OPERATORS if operator not in native}
    everything = len(native) == len(OPERATORS)
    return (
        "yes",
        capabilities.mode.value,
        "yes" if capabilities.exact else "no",
        "every operator" if everything else ", ".join(native),
        ", ".join(sorted(others)),
    )


@app.command()
def compare(
    function: Annotated[str, typer.Argument(help="The function, as `module:name`.")],
    x: Annotated[str, typer.Option(help=f"Where to differentiate: {_VALUE_HELP}")],
    context: Annotated[list[str] | None, typer.Option(help="A further argument of the function, like --x.")] = None,
    operator: Annotated[str, typer.Option(help=f"One of {', '.join(OPERATORS)}.")] = "gradient",
    t: Annotated[str | None, typer.Option("--t", help="The tangent or cotangent, like --x.")] = None,
    backends: Annotated[
        str | None, typer.Option(help="Engines, separated by commas; all installed ones if left out.")
    ] = None,
) -> None:
    """Differentiate a function with every engine and report who agrees (exit status 1 if not all do)."""
    names = None if backends is None else [name.strip() for name in backends.split(",")]
    try:
        report = compare_engines(
            _named_object(function),
            _value(x),
            *map(_value, context or ()),
            operator=operator,
            t=None if t is None else _value(t),
            backends=names,
        )
    except DiffifaceError as error:
        raise _failure(error) from error
    typer.echo(str(report))
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def demo(
    figure: Annotated[Path, typer.Option(help="Where to save the figure.")] = Path("diffiface-demo.png"),
    backends: Annotated[
        str | None, typer.Option(help="Engines, separated by commas; all installed ones if left out.")
    ] = None,
) -> None:
    """Fit two logit models to real data with every engine, and compare them with each other and with statsmodels."""
    from diffiface.demo import run

    names = None if backends is None else [name.strip() for name in backends.split(",")]
    try:
        agrees = run(figure, _console(), names)
    except DiffifaceError as error:
        raise _failure(error) from error
    raise typer.Exit(0 if agrees else 1)


def _console() -> Console:
    """Print as wide as the terminal, or 100 columns where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=100)


def _failure(error: DiffifaceError) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(2)


def _named_object(name: str) -> Any:
    """Import `module:name`, also from the current folder."""
    module, _, attribute = name.partition(":")
    if not attribute:
        raise typer.BadParameter(f"{name!r} is not of the form module:name")
    sys.path.insert(0, "")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise typer.BadParameter(f"{name!r} cannot be imported: {error}") from error
    finally:
        sys.path.remove("")


def _value(text: str) -> Any:
    """Read an argument of the function from the command line."""
    if text.endswith(".npy"):
        try:
            return np.load(text)
        except OSError as error:
            raise typer.BadParameter(f"{text!r} cannot be read: {error}") from error
    try:
        return _arrays_of(json.loads(text))
    except json.JSONDecodeError:
        if ":" in text:
            return _named_object(text)
        raise typer.BadParameter(f"{text!r} is neither JSON, nor a .npy file, nor module:name") from None


def _arrays_of(value: Any) -> Any:
    """Turn the lists in a JSON value into arrays, of floats unless they are truth values."""
    if isinstance(value, dict):
        return {key: _arrays_of(member) for key, member in value.items()}
    if isinstance(value, list):
        array = np.asarray(value)
        return array if array.dtype.kind == "b" else array.astype(float)
    return value
