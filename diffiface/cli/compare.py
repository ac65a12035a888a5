"""diffiface compare."""

from __future__ import annotations

from typing import Annotated

import typer

from diffiface.adapter import OPERATORS
from diffiface.cli.terminal import mistakes_are_exit_status_2
from diffiface.cli.values import BACKENDS_HELP, FUNCTION_HELP, VALUE_HELP, names, optional_value, value, values
from diffiface.named_objects import named_object


def compare(
    function: Annotated[str, typer.Argument(help=FUNCTION_HELP)],
    x: Annotated[str, typer.Option(help=f"Where to differentiate: {VALUE_HELP}")],
    context: Annotated[list[str] | None, typer.Option(help="A further argument of the function, like --x.")] = None,
    operator: Annotated[str, typer.Option(help=f"One of {', '.join(OPERATORS)}.")] = "gradient",
    t: Annotated[str | None, typer.Option("--t", help="The tangent or cotangent, like --x.")] = None,
    backends: Annotated[str | None, typer.Option(help=BACKENDS_HELP)] = None,
) -> None:
    """Differentiate a function with every engine and report who agrees (exit status 1 if not all do).

    \b
    Examples:
      diffiface compare models:loss --x "[1, 2]"
      diffiface compare models:loglike --x beta.npy --context models:y --context models:X
      diffiface compare models:loss --x "[1, 2]" --operator hvp --t "[1, 0]" --backends reverse,jax
    """
    from diffiface.comparison import compare as compare_engines

    with mistakes_are_exit_status_2():
        report = compare_engines(
            named_object(function),
            value(x),
            *values(context),
            operator=operator,
            t=optional_value(t),
            backends=names(backends),
        )
    typer.echo(str(report))
    raise typer.Exit(0 if report.ok else 1)
