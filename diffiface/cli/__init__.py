"""The command `diffiface`: one file per command, `values.py` for what is typed, `terminal.py` for what is shown."""

from __future__ import annotations

import typer

from diffiface.cli.backends import backends
from diffiface.cli.bench import bench
from diffiface.cli.compare import compare
from diffiface.cli.demo import demo
from diffiface.cli.explain import explain
from diffiface.cli.new_engine import new_engine

app = typer.Typer(
    help="""Derivatives of plain NumPy functions, by any engine.

    \b
    Start with:
      diffiface backends                                  which engines are there?
      diffiface compare models:loss --x "[1, 2]"          do they agree on my function?
      diffiface bench models:loss --x "[1, 2]"            which one is fastest?
      diffiface explain models:loss --x "[1, 2]" --backend reverse
                                                          what does it do with it?
      diffiface demo                                      a tour on real data
      diffiface new-engine my_engine                      a package for an engine of your own

    Functions are named module:function, and found on Python's path or in the current folder. Exit status: 0 all is
    well, 1 engines disagree, fail or became slower, 2 the command cannot be carried out.""",
    no_args_is_help=True,
    rich_markup_mode=None,  # help in plain text reads the same in a terminal, a pipe and a log
)
# (The sentences of the list of commands: those of the docstrings are too long for one line each.)
app.command(short_help="List the engines, and how to install those that are missing.")(backends)
app.command(short_help="Differentiate a function with every engine: who agrees?")(compare)
app.add_typer(bench, name="bench", short_help="Time derivatives on every engine.")
app.command(short_help="Say how an engine computes a function's derivative.")(explain)
app.command(short_help="Fit two logit models to real data with every engine.")(demo)
app.command(short_help="Write a package with a working engine, to be changed.")(new_engine)
