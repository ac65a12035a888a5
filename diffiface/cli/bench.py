"""diffiface bench: a function, a suite, and files of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from diffiface.adapter import OPERATORS
from diffiface.benchmarking import (
    Results,
    benchmark,
    benchmark_sizes,
    benchmark_suite,
    compare_results,
    read_results,
)
from diffiface.benchmarking.suite import SUITES
from diffiface.cli.terminal import mistakes_are_exit_status_2
from diffiface.cli.values import BACKENDS_HELP, FUNCTION_HELP, VALUE_HELP, names, optional_value, sizes, value, values
from diffiface.errors import InputError
from diffiface.named_objects import named_object


class _RunByDefault(TyperGroup):
    """Takes `bench module:function` for `bench run module:function`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


bench = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Time derivatives on every engine, each in a process of its own.

    \b
    Examples:
      diffiface bench models:loss --x "[1, 2]"            one function (short for: bench run ...)
      diffiface bench models:make --sizes 10,100,1000     over sizes; make(n) returns (f, x, ...)
      diffiface bench suite classic --output new.json     the problems of the literature
      diffiface bench diff old.json new.json              what became slower?
      diffiface bench show new.json --output page.html    tables and plots of a file

    Exit status: 0 all is well; 1 an engine crashed, failed or disagrees (run, suite), or something became slower or
    broke (diff); 2 the command cannot be carried out. Engines that cannot do it, or were too slow, are no failure.""",
)

Output = Annotated[
    list[Path] | None,
    typer.Option(help="Save the results; the ending says how: .json, .csv, .md, .html or .png. May be repeated."),
]
Backends = Annotated[str | None, typer.Option(help=BACKENDS_HELP)]
Timeout = Annotated[float, typer.Option(help="The most seconds a step (preparing, a batch of runs) may take.")]
Threads = Annotated[int, typer.Option(help="The CPUs an engine may use; 0 for all.")]
Memory = Annotated[float | None, typer.Option(help="The GiB an engine's process may hold.")]


@bench.command()
def run(
    function: Annotated[str, typer.Argument(help=FUNCTION_HELP)],
    x: Annotated[str | None, typer.Option(help=f"Where to differentiate: {VALUE_HELP}")] = None,
    context: Annotated[list[str] | None, typer.Option(help="A further argument of the function, like --x.")] = None,
    operator: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(OPERATORS)}; may be repeated. Default: gradient.")
    ] = None,
    t: Annotated[str | None, typer.Option("--t", help="The tangent or cotangent, like --x.")] = None,
    size: Annotated[
        str | None,
        typer.Option("--sizes", help="Sizes, separated by commas; then the function is make(n) -> (f, x, ...)."),
    ] = None,
    backends: Backends = None,
    by_hand: Annotated[
        list[str] | None,
        typer.Option(help="ENGINE=module:make, where make(x, *contexts) returns a call that uses the engine directly."),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Measuring time for each engine and operator.")] = 1.0,
    rounds: Annotated[int, typer.Option(help="The number of turns it is spent in.")] = 20,
    timeout: Timeout = 60.0,
    threads: Threads = 1,
    memory: Memory = None,
    output: Output = None,
) -> None:
    """Time the derivatives of one function.

    \b
    Examples:
      diffiface bench models:loss --x "[1, 2]" --operator gradient --operator hessian
      diffiface bench models:loglike --x beta.npy --context models:y --context models:X --output logit.html
      diffiface bench models:loss --x "[1, 2]" --by-hand jax=models:jax_gradient
      diffiface bench models:make --sizes 10,100,1000 --output growth.png
    """
    with mistakes_are_exit_status_2():
        _check_outputs(output)
        f = named_object(function)
        options: dict[str, Any] = {
            "operators": operator or ["gradient"],
            "backends": names(backends),
            "by_hand": dict(map(_pair, by_hand or ())),
            "seconds": seconds,
            "rounds": rounds,
            "timeout": timeout,
            "threads": threads or None,
            "memory_limit": _bytes(memory),
        }
        if size is not None:
            if x is not None or context or t is not None:
                raise InputError("with --sizes, make(n) gives the arguments", fix="leave out --x, --context and --t")
            results = benchmark_sizes(f, sizes(size), name=function.partition(":")[2], **options)
        elif x is None:
            raise InputError("where to differentiate?", fix="--x VALUE, or --sizes 10,100,1000 for make(n)")
        else:
            results = benchmark(function, value(x), *values(context), t=optional_value(t), **options)
        _finish(results, output)
    raise typer.Exit(1 if results.broken else 0)


@bench.command()
def suite(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(SUITES)}.")] = "classic",
    problem: Annotated[list[str] | None, typer.Option(help="A problem to run instead of all; may be repeated.")] = None,
    quick: Annotated[bool, typer.Option(help="The smallest size of each problem only.")] = False,
    backends: Backends = None,
    seconds: Annotated[float, typer.Option(help="Measuring time for each engine and case.")] = 0.2,
    rounds: Annotated[int, typer.Option(help="The number of turns it is spent in.")] = 8,
    timeout: Timeout = 10.0,
    threads: Threads = 1,
    memory: Memory = None,
    budget: Annotated[float, typer.Option(help="Seconds after which no further case is begun; 0 for no end.")] = 1000.0,
    output: Output = None,
) -> None:
    """Time every engine on the problems of a suite, at several sizes.

    \b
    Examples:
      diffiface bench suite classic --output results.json --output results.html
      diffiface bench suite classic --quick --backends reverse,jax
      diffiface bench suite classic --problem logit --problem rosenbrock
    """
    with mistakes_are_exit_status_2():
        _check_outputs(output)
        results = benchmark_suite(
            name,
            problems=problem,
            quick=quick,
            backends=names(backends),
            seconds=seconds,
            rounds=rounds,
            timeout=timeout,
            threads=threads or None,
            memory_limit=_bytes(memory),
            budget=budget or None,
        )
        _finish(results, output)
    raise typer.Exit(1 if results.broken else 0)


@bench.command()
def show(
    file: Annotated[Path, typer.Argument(help="A file of results, .json or .csv.")],
    output: Output = None,
) -> None:
    """Show a file of results, or turn it into another format.

    \b
    Examples:
      diffiface bench show results.json
      diffiface bench show results.json --output results.html --output results.md
    """
    with mistakes_are_exit_status_2():
        _check_outputs(output)
        _finish(read_results(file), output)


@bench.command()
def diff(
    before: Annotated[Path, typer.Argument(help="A file of results, .json or .csv.")],
    after: Annotated[Path, typer.Argument(help="Another, of the same benchmark.")],
    threshold: Annotated[float, typer.Option(help="The ratio from which a change counts.")] = 1.1,
) -> None:
    """Compare two files of results: what became slower?

    Exit status 1 if anything became slower or broke.

    \b
    Example:
      diffiface bench diff old.json new.json --threshold 1.2
    """
    with mistakes_are_exit_status_2():
        changes = compare_results(before, after, threshold)
    typer.echo(str(changes))
    raise typer.Exit(1 if changes.worse else 0)


def _finish(results: Results, outputs: list[Path] | None) -> None:
    typer.echo(str(results))
    for path in outputs or ():
        _WRITERS[path.suffix](results, path)
        typer.echo(f"saved {path}", err=True)


_WRITERS = {
    ".json": lambda results, path: results.to_json(path),
    ".csv": lambda results, path: results.to_csv(path),
    ".md": lambda results, path: path.write_text(results.to_markdown(), encoding="utf-8"),
    ".html": lambda results, path: results.to_html(path),
    ".png": lambda results, path: results.plot(path),
}


def _check_outputs(outputs: list[Path] | None) -> None:
    """Find out before measuring whether the results can be saved."""
    for path in outputs or ():
        if path.suffix not in _WRITERS:
            raise InputError(f"{path} has no known ending", fix=f"one of {', '.join(_WRITERS)}")
        if not path.absolute().parent.is_dir():
            raise InputError(f"there is no folder {path.parent}", fix="make it first")


def _pair(text: str) -> tuple[str, str]:
    engine, _, maker = text.partition("=")
    if not maker:
        raise InputError(f"{text!r} is not of the form ENGINE=module:make", fix="--by-hand jax=models:jax_gradient")
    return engine, maker


def _bytes(gib: float | None) -> int | None:
    return None if gib is None else int(gib * 2**30)
