"""The pytest plugin, run as strangers run it: in a project of its own, in a child process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def run_pytest(folder: Path, *arguments: str) -> str:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")]),
    }
    command = [sys.executable, "-m", "pytest", "-v", "-rs", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return result.stdout + result.stderr


def test_it_is_registered_and_loads_nothing_by_itself():
    """pytest loads plugins in every project: neither NumPy nor diffiface may be paid for there."""
    code = "import sys, pytest_diffiface; print([m for m in sys.modules if m.split('.')[0] in ('numpy', 'diffiface', 'jax')])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    from importlib.metadata import entry_points

    assert {point.value for point in entry_points(group="pytest11", name="diffiface")} == {"pytest_diffiface"}


def test_fixtures_option_and_ids(tmp_path: Path):
    (tmp_path / "test_mine.py").write_text(
        """
import numpy as np
import pytest
import diffiface as di
from diffiface.testing import check_case, default_scenarios, select, test_backend, test_differentiation

def test_square(backend):
    assert np.allclose(di.gradient(lambda x: np.sum(x**2), backend, np.ones(2)), 2, rtol=1e-6)

def test_list(engines):
    assert engines == ["forward", "finite_differences"]

@pytest.mark.diffiface_scenarios(tags=["basic"], operators=["derivative"])
def test_marked(scenario):
    assert scenario.operator == "derivative"

@pytest.mark.diffiface_scenarios(select(default_scenarios(), names="tie of the largest"))
def test_given(backend, scenario):
    assert all(outcome.status == "passed" for outcome in check_case(backend, scenario))
"""
    )
    text = run_pytest(tmp_path, "--diffiface-backends", "forward,finite_differences", "test_mine.py")
    assert "6 passed" in text, text
    for test_id in (
        "test_square[forward]",
        "test_square[finite_differences]",
        "test_marked[derivative-number to vector]",
        "test_given[forward-gradient-tie of the largest]",
    ):
        assert f"test_mine.py::{test_id} PASSED" in text
    # What is imported and called test_... is not collected as a test.
    assert "test_backend" not in text and "test_differentiation" not in text


def test_a_project_with_a_fixture_of_that_name_is_left_alone(tmp_path: Path):
    (tmp_path / "test_mine.py").write_text(
        """
import pytest

@pytest.fixture
def backend():
    return "their own"

def test_theirs(backend):
    assert backend == "their own"

@pytest.mark.parametrize("scenario", [1, 2])
def test_their_parameter(scenario):
    assert scenario in (1, 2)
"""
    )
    assert "3 passed" in run_pytest(tmp_path, "test_mine.py")


def test_engines_from_the_configuration_and_unknown_ones(tmp_path: Path):
    (tmp_path / "pytest.ini").write_text("[pytest]\ndiffiface_backends = reverse\n")
    (tmp_path / "test_mine.py").write_text("def test_one(backend):\n    assert backend == 'reverse'\n")
    assert "test_one[reverse] PASSED" in run_pytest(tmp_path, "test_mine.py")
    text = run_pytest(tmp_path, "--diffiface-backends", "revers", "test_mine.py")
    assert "no engine is called 'revers'" in text and "known: forward, reverse" in text


def test_the_option_and_the_mark_are_documented(tmp_path: Path):
    assert "--diffiface-backends=NAMES" in run_pytest(tmp_path, "--help")
    assert "diffiface_scenarios(scenarios=None, operators=None" in run_pytest(tmp_path, "--markers")
