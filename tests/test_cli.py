"""The command line, as a user types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from diffiface import registry
from diffiface.cli import app
from tests.comparison.stand_ins import registered

MODULE = """
import numpy as np

scale = np.array([1.0, 2.0])

def f(x, a=1.0):
    return np.sum(a * x**2)

def tree(x):
    return x["a"] * np.sum(x["b"])
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


def test_python_dash_m():
    result = subprocess.run([sys.executable, "-m", "diffiface", "--help"], capture_output=True, text=True, check=True)
    assert all(command in result.stdout for command in ("backends", "compare", "demo"))
