"""How much of NumPy and SciPy each engine follows: `python benchmarks/coverage_cases.py [ENGINE ...] [--group GROUP]`.

Runs every case of `numpy_cases/` on every engine and prints how many pass, then what does not: refused (an error of
diffiface that says why), failed (any other error), WRONG (a value or a gradient that is not the right one). The exit
status is 1 if anything is WRONG or failed. On one core all of it takes some minutes, most of them for JAX, which
compiles every operation, and for our engines prepared, which make machine code.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from numpy_cases import GROUPS
from numpy_cases.judge import Engine, Verdict, judge
from rich.console import Console
from rich.table import Table

import diffiface as di

ENGINES = {
    "forward": Engine("forward"),
    "reverse": Engine("reverse"),
    "autograd": Engine("autograd"),
    "torch": Engine("torch"),
    "jax": Engine(di.backend("jax", jit=False)),
    "jax, jitted": Engine("jax", prepared=True),
    "forward, compiled": Engine("forward", prepared=True),
    "reverse, compiled": Engine("reverse", prepared=True),
}

Verdicts = dict[str, dict[tuple[str, str], Verdict]]
"""By the engine's label, by group and name of the case."""


def run(engines: list[str], groups: list[str], console: Console) -> Verdicts:
    verdicts: Verdicts = {}
    for label in engines:
        with console.status(label):
            verdicts[label] = {
                (group, name): judge(case, ENGINES[label]) for group in groups for name, case in GROUPS[group].items()
            }
    return verdicts


def table(verdicts: Verdicts, groups: list[str]) -> Table:
    """Count what passes, by group and engine."""
    shown = Table("group", "cases", *verdicts, show_footer=True)
    for column in shown.columns[1:]:
        column.justify = "right"
    for group in groups:
        passes = (
            _passes({key: v for key, v in of_engine.items() if key[0] == group}) for of_engine in verdicts.values()
        )
        shown.add_row(group, str(len(GROUPS[group])), *(str(n) for n in passes))
    shown.add_section()
    shown.columns[0].footer = "all"
    shown.columns[1].footer = str(sum(len(GROUPS[group]) for group in groups))
    for column, of_engine in zip(shown.columns[2:], verdicts.values(), strict=True):
        column.footer = str(_passes(of_engine))
    return shown


def _passes(verdicts: dict[tuple[str, str], Verdict]) -> int:
    return sum(verdict.status == "passes" for verdict in verdicts.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help=f"of {', '.join(map(repr, ENGINES))}; else all")
    parser.add_argument("--group", action="append", choices=list(GROUPS), help="only this one; may be repeated")
    arguments = parser.parse_args()
    unknown = set(arguments.engines) - set(ENGINES)
    if unknown:
        parser.error(f"no such engine: {', '.join(sorted(unknown))}; there are {', '.join(map(repr, ENGINES))}")
    engines, groups = arguments.engines or list(ENGINES), arguments.group or list(GROUPS)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    warnings.simplefilter("ignore")  # NumPy's own, about the values of some cases

    verdicts = run(engines, groups, console)
    console.print(table(verdicts, groups))
    for label, of_engine in verdicts.items():
        for (_, name), verdict in of_engine.items():
            if verdict.status != "passes":
                console.print(f"{label}: {name}: {verdict.status}: {verdict.message}", markup=False, soft_wrap=True)
    faults = [v for of_engine in verdicts.values() for v in of_engine.values() if v.status in ("failed", "WRONG")]
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
