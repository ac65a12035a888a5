"""The MPI example of the documentation, run by three ranks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def mpiexec() -> str:
    """Find the launcher beside this Python or on the path; skip where MPI is not complete."""
    pytest.importorskip("mpi4py", reason="mpi4py is not installed (pip install mpi4py mpich)")
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"mpi4py finds no MPI library (pip install mpich): {str(error).splitlines()[0]}")
    folder = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which("mpiexec", path=folder)
    if found is None:
        pytest.skip(f"no mpiexec for {MPI.Get_library_version().splitlines()[0]}")
    return found


def test_the_example_on_three_ranks(tmp_path: Path):
    launcher = mpiexec()
    page = (ROOT / "docs" / "many_cores.md").read_text()
    (program,) = re.findall(r"^```py\n(# loglike_mpi.py\n.*?)^```\n", page, re.MULTILINE | re.DOTALL)
    (expected,) = re.findall(r"loglike_mpi.py  .*?```text\n(.*?)^```\n", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "loglike_mpi.py").write_text(program)
    command = [launcher, "-n", "3", sys.executable, "-m", "mpi4py.futures", "loglike_mpi.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr
    assert result.stdout == expected
