"""The command line, as a user types it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from diffiface import registry
from diffiface.auto import forget_choices
from diffiface.benchmarking import read_results
from diffiface.cli import app
from tests.comparison.stand_ins import registered
from tests.conftest import require

MODULE = """
import numpy as np

scale = np.array([1.0, 2.0])

def f(x, a=1.0):
    return np.sum(a * x**2)

def tree(x):
    return x["a"] * np.sum(x["b"])

def make(n):
    return f, np.ones(n)

def by_hand(x):
    return lambda x: 2 * x

def fails(x):
    raise RuntimeError("f does not work")

class Model:
    @staticmethod
    def loss(x):
        return np.sum(x**2)
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a command in a folder that holds a module."""
    (tmp_path / "cli_example.py").write_text(MODULE)
    np.save(tmp_path / "x.npy", np.array([0.5, 1.5]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "cli_example", raising=False)
    with registered():
        yield lambda *arguments: CliRunner().invoke(app, arguments)


OURS = ("--backends", "forward,reverse")


@pytest.mark.parametrize(
    "arguments",
    [
        ("cli_example:f", "--x", "[1, 2]"),
        ("cli_example:f", "--x", "1.5", "--operator", "derivative"),
        ("cli_example:f", "--x", "[1, 2]", "--context", "2.5"),
        ("cli_example:f", "--x", "[1, 2]", "--context", "cli_example:scale"),
        ("cli_example:f", "--x", "x.npy", "--operator", "hvp", "--t", "[1, 0]"),
        ("cli_example:tree", "--x", '{"a": 2, "b": [1, 2]}', "--operator", "hessian"),
    ],
)
def test_compare(run, arguments):
    result = run("compare", *arguments, *OURS)
    assert result.exit_code == 0, result.output
    assert "both engines agree" in result.output


def test_disagreement_is_exit_status_1(run):
    result = run("compare", "cli_example:f", "--x", "[1, 2]", "--backends", "reverse,failing")
    assert result.exit_code == 1 and "FAILED" in result.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("cli_example:g", "--x", "1"), "cannot be imported"),
        (("nowhere:g", "--x", "1"), "cannot be imported"),
        (("cli_example", "--x", "1"), "module:name"),
        (("cli_example:f", "--x", "one"), "neither JSON"),
        (("cli_example:f", "--x", "missing.npy"), "cannot be read"),
        (("cli_example:f", "--x", "[1]", "--operator", "grad"), "no operator is called 'grad'"),
        (("cli_example:f", "--x", "[1]", "--backends", "revers"), "did you mean 'reverse'"),
        (("cli_example:f",), "--x"),
        (("cli_example:f", "--x", "[[1], [2, 3]]"), "equally long"),
    ],
)
def test_mistakes_are_exit_status_2(run, arguments, complaint):
    result = run("compare", *arguments)
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.replace("│", " ").split())


def test_backends_lists_every_engine(run, monkeypatch):
    monkeypatch.setattr(registry, "missing_modules", lambda name: ("jax",) if name == "jax" else ())
    registry._default.cache_clear()
    result = run("backends")
    registry._default.cache_clear()
    assert result.exit_code == 0, result.output
    for name in ("forward", "reverse", "finite_differences"):
        assert any(line.startswith(f"{name} ") and " yes " in line for line in result.output.splitlines())
    assert any(line.startswith("jax ") and " no: " in line for line in result.output.splitlines())
    assert "diffiface[jax]'" in result.output  # the brackets too, which Rich takes for a style


def test_backends_shows_versions_and_a_broken_engine(run, monkeypatch):
    capabilities = registry.capabilities

    def broken(name):
        if name == "reverse":
            raise RuntimeError("half installed")
        return capabilities(name)

    monkeypatch.setattr(registry, "capabilities", broken)
    require("numdifftools")
    result = run("backends")
    assert result.exit_code == 0
    assert any("reverse" in line and "broken" in line for line in result.output.splitlines())
    assert version("numdifftools") in result.output


def test_the_table_of_engines_fits_into_its_width(run):
    lines = run("backends").output.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["engine", "installed", "mode", "exact", "native", "others"]
    forward = next(line for line in lines if line.startswith("forward "))
    assert forward.split() == ["forward", "yes", "forward", "yes", "pushforward", "derived"]


def test_the_help_of_bench_is_whole(run):
    assert "..." not in run("bench", "--help").output.partition("Commands:")[2]


def test_a_misspelt_function_is_told_what_it_is_like(run):
    result = run("compare", "cli_example:mak", "--x", "1")
    assert result.exit_code == 2 and "did you mean cli_example:make?" in result.output


# ---- explain


def test_explain_says_what_a_prepared_call_does(run):
    result = run("explain", "cli_example:Model.loss", "--x", "[1, 2]", "--graph")
    assert result.exit_code == 0, result.output
    assert "reverse computes gradient natively" in result.output
    assert "recording" in result.output and "square" in result.output
    derived = run(
        "explain", "cli_example:f", "--x", "[1, 2]", "--operator", "hvp", "--t", "[1, 0]", "--backend", "forward"
    )
    assert derived.exit_code == 0 and "forward computes hvp by a derivation" in derived.output


def test_explain_auto_says_why(run, monkeypatch):
    monkeypatch.setattr(registry, "available_backends", lambda: ("forward", "reverse"))
    forget_choices()
    result = run("explain", "cli_example:f", "--x", "[1, 2]", "--backend", "auto")
    assert result.exit_code == 0, result.output
    assert "the fastest of 2 engines that agree" in result.output


# ---- bench

QUICK = ("--seconds", "0.02", "--rounds", "2")


def test_bench_measures_and_saves(run, tmp_path):
    files = [tmp_path / f"results.{ending}" for ending in ("json", "csv", "md", "html", "png")]
    outputs = [option for file in files for option in ("--output", str(file))]
    result = run(
        *("bench", "cli_example:f", "--x", "[1, 2]", "--backends", "reverse"),
        *("--by-hand", "reverse=cli_example:by_hand", *QUICK, *outputs),
    )
    assert result.exit_code == 0, result.output
    assert "gradient of f, n=2" in result.output and "by hand" in result.output
    assert all(file.stat().st_size > 200 for file in files)
    assert read_results(files[0]).rows == read_results(files[1]).rows

    shown = run("bench", "show", str(files[0]))
    assert shown.exit_code == 0 and "gradient of f, n=2" in shown.output

    assert run("bench", "diff", str(files[0]), str(files[1])).exit_code == 0
    slower = read_results(files[0])
    slower.rows[0]["median_seconds"] *= 10
    slower.to_json(tmp_path / "slower.json")
    changes = run("bench", "diff", str(files[0]), str(tmp_path / "slower.json"))
    assert changes.exit_code == 1 and "SLOWER" in changes.output


def test_bench_over_sizes(run):
    result = run("bench", "cli_example:make", "--sizes", "10,100", "--backends", "reverse", *QUICK)
    assert result.exit_code == 0, result.output
    assert "gradient of make: time against n" in result.output and "n=100" in result.output


def test_bench_suite(run):
    result = run("bench", "suite", "classic", "--problem", "logit", "--quick", "--backends", "reverse", *QUICK)
    assert result.exit_code == 0, result.output
    assert all(f"{operator} of logit" in result.output for operator in ("gradient", "hessian", "hvp"))


def test_a_failing_engine_is_exit_status_1(run):
    result = run("bench", "cli_example:f", "--x", "[1, 2]", "--backends", "failing", *QUICK)
    assert result.exit_code == 1 and "FAILED" in result.output, result.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("cli_example:f",), "where to differentiate"),
        (("nonsense",), "module:name"),
        (("cli_example:make", "--sizes", "10,many"), "no list of sizes"),
        (("cli_example:make", "--sizes", "10,20", "--x", "1"), "leave out --x"),
        (("cli_example:f", "--x", "[1]", "--output", "results.xls"), "no known ending"),
        (("cli_example:f", "--x", "[1]", "--output", "nowhere/results.json"), "no folder"),
        (("cli_example:f", "--x", "[1]", "--by-hand", "reverse"), "ENGINE=module:make"),
        (("suite", "clasic"), "no suite"),
        (("show", "x.npy"), "no results of a benchmark"),
        (("diff", "missing.json", "missing.json"), "missing.json"),
    ],
)
def test_mistakes_in_bench_are_exit_status_2(run, arguments, complaint):
    result = run("bench", *arguments)
    assert result.exit_code == 2 and complaint in " ".join(result.output.split()), result.output


def test_the_list_of_commands_is_not_cut_off():
    listed = CliRunner().invoke(app, ["--help"]).output.partition("Commands:")[2]
    assert "backends" in listed and "..." not in listed


def test_help_teaches_by_examples():
    for command in (
        (),
        ("backends",),
        ("compare",),
        ("explain",),
        ("demo",),
        ("bench",),
        ("bench", "run"),
        ("bench", "suite"),
        ("new-engine",),
    ):
        result = CliRunner().invoke(app, (*command, "--help"))
        assert result.exit_code == 0 and f"diffiface {' '.join(command[:1])}".strip() in result.output
        assert result.output.isascii(), "plain text, for a terminal and a log alike"


def test_output_is_plain_where_there_is_no_terminal(run):
    for command in (["backends"], ["bench", "--help"], ["compare", "cli_example:f", "--x", "[1, 2]", *OURS]):
        output = run(*command).output
        assert "\x1b" not in output and max(map(len, output.splitlines())) <= 120


def test_python_dash_m():
    result = subprocess.run([sys.executable, "-m", "diffiface", "--help"], capture_output=True, text=True, check=True)
    assert all(command in result.stdout for command in ("backends", "compare", "bench", "explain", "demo"))
