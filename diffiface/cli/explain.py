"""diffiface explain."""

from __future__ import annotations

from typing import Annotated

import typer

from diffiface import registry
from diffiface.adapter import OPERATORS
from diffiface.cli.terminal import mistakes_are_exit_status_2
from diffiface.cli.values import FUNCTION_HELP, VALUE_HELP, optional_value, value, values
from diffiface.errors import InputError
from diffiface.named_objects import named_object


def explain(
    function: Annotated[str, typer.Argument(help=FUNCTION_HELP)],
    x: Annotated[str, typer.Option(help=f"Where to differentiate: {VALUE_HELP}")],
    backend: Annotated[
        str, typer.Option(help="The engine; auto to have the fastest one chosen and see why.")
    ] = "reverse",
    context: Annotated[list[str] | None, typer.Option(help="A further argument of the function, like --x.")] = None,
    operator: Annotated[str, typer.Option(help=f"One of {', '.join(OPERATORS)}.")] = "gradient",
    t: Annotated[str | None, typer.Option("--t", help="The tangent or cotangent, like --x.")] = None,
    graph: Annotated[bool, typer.Option(help="Print the recorded graph too, an operation a line.")] = False,
) -> None:
    """Say how an engine computes a function's derivative: natively or derived, compiled, recorded or directly.

    \b
    Examples:
      diffiface explain models:loss --x "[1, 2]"
      diffiface explain models:loss --x "[1, 2]" --operator hessian --backend jax
      diffiface explain models:loss --x "[1, 2]" --backend auto
      diffiface explain models:loss --x "[1, 2]" --graph
    """
    from diffiface.comparison.problem import OPERATORS as DESCRIPTORS
    from diffiface.operators.preparation import prepare

    with mistakes_are_exit_status_2():
        if operator not in DESCRIPTORS:
            raise InputError(f"no operator is called {operator!r}", fix=f"one of {', '.join(OPERATORS)}")
        descriptor, f = DESCRIPTORS[operator], named_object(function)
        point, contexts, seed = value(x), values(context), optional_value(t)
        if (descriptor.seeds is None) != (seed is None):
            raise InputError(
                f"{descriptor.name} {'takes no tangent' if descriptor.seeds is None else 'needs a tangent or cotangent'}",
                fix="leave --t out" if descriptor.seeds is None else "--t, like --x",
            )
        if backend == "auto":
            from diffiface.auto import fastest

            typer.echo(f"{fastest(f, point, *contexts, operator=descriptor.name, t=seed)}\n")
        prep = prepare(descriptor, f, backend, (point, *contexts), seed, argnums=0, has_aux=False, strict=True)
        head = (point,) if descriptor.seeds is None else (point, seed)
        getattr(prep, descriptor.name)(*head, *contexts)  # engines may put off compiling until the first run
        support = registry.capabilities(prep.backend).operators[descriptor.name]
        route = "natively" if support == "native" else "by a derivation from the engine's other operators"
        typer.echo(f"{prep!r}\n{prep.backend.name} computes {descriptor.name} {route}.")
        typer.echo(f"A prepared call {prep.explain()}".rstrip("."))
        if graph:
            typer.echo(prep.graph() or "(nothing is recorded)")
