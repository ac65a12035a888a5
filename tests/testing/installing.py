"""Installing a small package into a folder, as pip does for anyone, without touching the environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def install(package: Path, target: Path) -> None:
    """Install a package's source folder: with the build tools at hand if there are any, else with those pip fetches."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(package)]
    attempts = []
    for options in (["--no-build-isolation"], []):
        attempts.append(subprocess.run([*pip, *options], capture_output=True, text=True))
        if not attempts[-1].returncode:
            return
    raise AssertionError("\n".join(attempt.stderr for attempt in attempts))
