"""What the comparison ran on: one line under the report."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from diffiface.comparison.problem import Problem
from diffiface.comparison.run import Run


def environment(problem: Problem, runs: Sequence[Run]) -> str:
    """Name Python, NumPy and the engines' packages with their versions, the dtype, and the machine."""
    packages = {"numpy": np.__version__}
    for run in runs:
        package = sys.modules.get(type(run.backend).__module__.partition(".")[0])
        for module in getattr(package, "REQUIRES", ()):
            packages[module] = _version(module)
    versions = ", ".join(f"{name} {number}" for name, number in packages.items())
    threads = os.environ.get("OMP_NUM_THREADS", "default")
    return (
        f"Python {platform.python_version()}, {versions}; {problem.x_dtype}; "
        f"{platform.machine()}, {os.cpu_count()} cores, OMP_NUM_THREADS={threads}"
    )


def _version(module: str) -> str:
    try:
        return version(module)
    except PackageNotFoundError:  # the module's distribution has another name
        return str(getattr(sys.modules.get(module), "__version__", "?"))
