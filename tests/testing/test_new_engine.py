"""The template package and the smallest engine of the documentation: both pass the testing kit as they are."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import diffiface as di
from diffiface import registry
from diffiface.cli import app
from diffiface.new_engine import write_engine_package
from diffiface.testing import test_backend
from tests.test_docs import blocks_of
from tests.testing.installing import install

ROOT = Path(__file__).resolve().parents[2]


def lines_of_code(source: str) -> int:
    """Count lines that are not empty, comments or docstrings."""
    documentation: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        first = node.body[0] if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            documentation |= set(range(first.lineno, first.end_lineno + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(bool(line.strip()) and line.strip()[0] != "#" and number not in documentation for number, line in lines)


def test_the_smallest_engine_passes_the_kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry, "_extra", dict(registry._extra))
    block = blocks_of(ROOT / "docs" / "writing_an_engine.md")[0]
    assert "class Differences(Backend)" in block.code and lines_of_code(block.code) < 60
    (tmp_path / "smallest_engine.py").write_text(block.code)  # (a module: the kit pickles engines)
    monkeypatch.syspath_prepend(tmp_path)
    smallest = importlib.import_module("smallest_engine")
    report = test_backend(smallest.Differences, tags=["basic"], operators=["gradient", "pushforward"])
    assert len(report.passed) > 40 and not report.failures


def test_the_template_is_installed_and_passes_the_kit(tmp_path: Path):
    result = CliRunner().invoke(app, ["new-engine", "two_words", "--folder", str(tmp_path)])
    assert result.exit_code == 0, result.output
    package = tmp_path / "diffiface-two-words"
    assert str(package) in result.output.replace("\n", "")
    for path in package.rglob("*.*"):
        assert not any(old in path.read_text() for old in ("my_engine", "my-engine", "MyEngine")), path
    target = tmp_path / "site"
    install(package, target)
    code = """
import numpy as np, diffiface as di
from diffiface.testing import test_backend
assert "two_words" in di.available_backends()
print(test_backend("two_words", tags=["basic"], operators=["gradient"]))
x = np.array([1.0, 2.0])
def f(x):  # lists, contractions, several results, sorting, constants
    values, vectors = np.linalg.eigh(np.outer(x, x) + np.eye(2))
    return np.sum(np.stack([values, np.sort(x)]) ** 3) + np.einsum("i,ij,j", x, vectors**2, x) + np.floor(x[0])
for engine in ("two_words", "reverse"):
    np.testing.assert_allclose(di.hessian(f, "two_words", x), di.hessian(f, "reverse", x), rtol=1e-9)
    slope = di.gradient(lambda x: np.sum(di.gradient(lambda z: np.sum(z**3 * x[0]), "two_words", x) ** 2), engine, x)
    np.testing.assert_allclose(slope, [18 * x[0] * np.sum(x**4) + 36 * x[0] ** 5, 36 * x[0] ** 2 * x[1] ** 3])
"""
    path = os.pathsep.join([str(target), str(ROOT), str(ROOT / "backends")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert run.returncode == 0 and " 0 failed" in run.stdout, run.stdout + run.stderr[-3000:]


@pytest.mark.parametrize("name", ["Two", "2", "two-words", "class", "reverse", "auto", ""])
def test_names_that_cannot_be(name, tmp_path):
    result = CliRunner().invoke(app, ["new-engine", "--folder", str(tmp_path), "--", name])
    assert result.exit_code == 2 and "fix:" in result.output and not list(tmp_path.iterdir())


def test_nothing_is_written_over(tmp_path):
    write_engine_package("mine", tmp_path)
    with pytest.raises(di.InputError, match="exists"):
        write_engine_package("mine", tmp_path)
