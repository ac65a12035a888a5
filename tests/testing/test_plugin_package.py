"""A foreign engine in a package of its own: installed beside diffiface, found by entry point, tested from outside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testing.installing import install

PACKAGE = Path(__file__).resolve().parent.parent / "plugin_package"
ROOT = PACKAGE.parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package into a folder, as pip does for anyone (without touching the environment)."""
    source, target = tmp_path_factory.mktemp("source") / "package", tmp_path_factory.mktemp("site")
    shutil.copytree(PACKAGE, source)
    install(source, target)
    return target


def run(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(installed), str(ROOT), str(ROOT / "backends")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=cwd)


def test_the_right_engine_passes_and_the_wrong_one_is_caught(installed: Path, tmp_path: Path):
    code = """
import diffiface as di
from diffiface.testing import DifferentiationError, test_backend
assert {"richardson", "richardson_wrong", "richardson_absent"} <= set(di.registered_backends())
assert "richardson_absent" not in di.available_backends()
few = {"operators": ["gradient"], "without": ["classic", "contexts", "state", "read-only", "aux", "strided"]}
print("right:", test_backend("richardson", **few))
try:
    test_backend("richardson_wrong", tags=["basic"], operators=["gradient"])
except DifferentiationError as error:
    print("wrong:", error)
"""
    result = run(installed, "-c", code, cwd=tmp_path)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "0 failed" in result.stdout.splitlines()[0]
    assert "takes no complex x" in result.stdout  # skipped because it declares so
    wrong = result.stdout[result.stdout.index("wrong:") :]
    assert "richardson_wrong · gradient-vector to number · unprepared" in wrong
    assert "should be" in wrong


def test_its_author_can_run_it_under_pytest(installed: Path, tmp_path: Path):
    (tmp_path / "test_mine.py").write_text(
        """
import pytest
from diffiface.testing import check_case, test_backend

def test_all_of_it():
    test_backend("richardson", tags=["basic"], operators=["gradient"])

def test_the_absent_one():
    test_backend("richardson_absent")

@pytest.mark.diffiface_scenarios(tags=["basic"], operators=["gradient"])
def test_each(backend, scenario):
    assert all(outcome.status == "passed" for outcome in check_case(backend, scenario))
"""
    )
    result = run(
        installed, "-m", "pytest", "-v", "-rs", "-p", "no:cacheprovider", "--diffiface-backends",
        "richardson,richardson_wrong,richardson_absent", "test_mine.py", cwd=tmp_path,
    )  # fmt: skip
    text = result.stdout
    assert "2 failed, 3 passed, 3 skipped" in text, text[-3000:] + result.stderr[-2000:]
    assert "test_each[richardson-gradient-vector to number] PASSED" in text
    assert "test_each[richardson_wrong-gradient-vector to number] FAILED" in text
    assert text.count("a_package_that_nobody_has") >= 2  # the reasons of the skips
