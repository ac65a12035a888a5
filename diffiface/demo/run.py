"""The demonstration from beginning to end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from diffiface import registry
from diffiface.comparison import Comparison, compare
from diffiface.demo.data import LogitData, check_packages, load
from diffiface.demo.model import loglike

if TYPE_CHECKING:
    from diffiface.demo.fit import Fit

_OPERATORS = ("gradient", "hessian")


def run(figure: Path, console: Console, engines: Sequence[str] | None = None) -> bool:
    """Run the demonstration, print what it finds, save its figure; return whether everything agrees.

    Raises `MissingBackendError` if statsmodels or matplotlib is not installed.
    """
    check_packages()
    # They need scipy and matplotlib, which the check has just found.
    from diffiface.comparison.figure import draw
    from diffiface.demo.fit import fit, half_way

    engines = registry.default_backends() if engines is None else engines
    datasets = load()
    comparisons: list[Comparison] = []
    fits: list[Fit] = []
    steps = len(datasets) * (len(_OPERATORS) + len(engines))
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=steps)
        for data in datasets:
            console.print(
                f"\n{data.name}: {data.outcome} > 0 explained by {', '.join(data.covariates[1:])}", style="bold"
            )
            console.print(f"{data.X.shape[0]} rows, {data.X.shape[1]} coefficients\n", highlight=False)
            for operator in _OPERATORS:
                progress.update(task, description=f"{operator}, every engine")
                report = compare(loglike, half_way(data), data.y, data.X, operator=operator, backends=engines)
                comparisons.append(report)
                console.print(str(report), markup=False, highlight=False, soft_wrap=True, end="\n\n")
                progress.advance(task)
            here: list[Fit] = []
            for engine in engines:
                progress.update(task, description=f"fitting with {engine}")
                here.append(fit(data, engine))
                progress.advance(task)
            for table in (_agreement_table(here), _coefficient_table(data, here)):
                console.print(table)
                console.print()
            fits += here
    draw(comparisons, figure, [f"{operator}, {data.name}" for data in datasets for operator in _OPERATORS])
    ok = all(report.ok for report in comparisons) and all(result.ok for result in fits)
    console.print(f"figure: {figure}", highlight=False, soft_wrap=True)
    console.print("everything agrees" if ok else "NOT everything agrees", style="bold green" if ok else "bold red")
    return ok


def _agreement_table(fits: Sequence[Fit]) -> Table:
    """Show each engine's differences to statsmodels, and its fit."""
    table = Table(
        title="against statsmodels: largest relative difference", box=None, title_justify="left", pad_edge=False
    )
    table.add_column("engine")
    for name in ("value", "score", "Hessian", "coefficients", "iterations", "fit"):
        table.add_column(name, justify="right")
    table.add_column("")
    for result in fits:
        differences = (
            result.value_difference,
            result.score_difference,
            result.hessian_difference,
            result.coefficient_difference,
        )
        table.add_row(
            result.engine,
            *(f"{difference:.0e}" for difference in differences),
            str(result.iterations),
            f"{result.seconds * 1e3:.0f} ms",
            "ok" if result.ok else "DIFFERS",
        )
    return table


def _coefficient_table(data: LogitData, fits: Sequence[Fit]) -> Table:
    """Show the estimates of every engine beside those of statsmodels."""
    table = Table(title="coefficients", box=None, title_justify="left", padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("statsmodels", *(result.engine.replace("_", "_\n") for result in fits)):
        table.add_column(name, justify="right")
    for i, covariate in enumerate(data.covariates):
        estimates = (data.coefficients[i], *(result.coefficients[i] for result in fits))
        table.add_row(covariate, *(f"{estimate:.4f}" for estimate in estimates))
    return table
