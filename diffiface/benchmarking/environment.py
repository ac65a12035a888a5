"""What a benchmark ran on: written into every file of results."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from diffiface import registry
from diffiface.adapter import Backend
from diffiface.benchmarking.settings import Settings

_COMPANIONS = ("numpy", "scipy", "llvmlite")
"""Packages that change the times of more than one engine."""


def describe(specs: Sequence[str | Backend], settings: Settings) -> dict[str, Any]:
    """Name the date, the machine, the threads, and the versions of everything that takes part."""
    modules = [*_COMPANIONS]
    for spec in specs:
        name = spec if isinstance(spec, str) else spec.name
        if name in registry.registered_backends():
            modules += registry.required_modules(name)
    versions = {module: _version(module) for module in dict.fromkeys(modules)}
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "diffiface": _version("diffiface") or "?",
        "python": platform.python_version(),
        "packages": {module: number for module, number in versions.items() if number is not None},
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": settings.threads,
        "load_at_start": None if load is None else round(load, 2),
        "system": platform.platform(),
        "seconds": settings.seconds,
        "rounds": settings.rounds,
        "timeout": settings.timeout,
    }


def in_one_line(environment: dict[str, Any]) -> str:
    """Say the same below a table."""
    packages = ", ".join(f"{name} {number}" for name, number in environment.get("packages", {}).items())
    threads = environment.get("threads")
    return (
        f"{environment.get('date', '?')}: diffiface {environment.get('diffiface', '?')}, Python "
        f"{environment.get('python', '?')}, {packages}; {environment.get('cpu', '?')}, {environment.get('cores', '?')} "
        f"cores, {'all' if threads is None else threads} used, load {environment.get('load_at_start', '?')} at the start"
    )


def _version(module: str) -> str | None:
    try:
        return version(module)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()
