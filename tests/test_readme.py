"""The README says what CI runs, and its tables are those of the code."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from diffiface import registry
from diffiface.adapter import Backend
from tests.conftest import ENGINES, require

ROOT = Path(__file__).resolve().parent.parent


def commands(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text().splitlines() if line.strip().startswith("python3 -m venv")]


def test_the_test_command_is_the_one_ci_runs():
    (ci,) = commands(ROOT / ".ci" / "run")
    assert ci in commands(ROOT / "README.md")
    assert ci.endswith("pytest")


def test_the_demo_command_stands_in_the_readme():
    assert any(command.endswith("diffiface demo") for command in commands(ROOT / "README.md"))


def test_generated_tables_are_up_to_date():
    if np.lib.NumpyVersion(np.__version__) < "2.2.0":
        pytest.skip("the table of functions names some that NumPy has since 2.2")
    for engine in ENGINES:
        require(engine)
    script = ROOT / "docs" / "generate_tables.py"
    run = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_option_of_every_engine_is_described():
    common = {field.name for field in dataclasses.fields(Backend)}
    page = (ROOT / "docs" / "backends.md").read_text()
    for engine in ENGINES:
        own = {f.name for f in dataclasses.fields(registry.backend_class(require(engine))) if f.init}
        assert common <= own
        for option in own:
            assert f"`{option}`" in page, f"{engine} has an option {option}, which docs/backends.md does not describe"
