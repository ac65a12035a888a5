"""The memory of this process: how much it holds, the most it held, and a limit to it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def held_bytes() -> int | None:
    """Return the memory this process holds now (None where the system does not say)."""
    return _status("VmRSS")


def peak_bytes() -> int | None:
    """Return the most memory this process has held, since `restart_peak` where the system can."""
    peak = _status("VmHWM")
    if peak is not None:
        return peak
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def restart_peak() -> None:
    """Let the peak start again from what is held now (Linux; elsewhere it stays that of the whole process)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def available_bytes() -> int | None:
    """Return the memory the machine can still give."""
    return _field(Path("/proc/meminfo"), "MemAvailable")


def limit_memory(limit: int) -> None:
    """Make allocations of this process beyond `limit` fail, which Python sees as `MemoryError`.

    What counts is the data segment with all private writable mappings (RLIMIT_DATA), not address space: engines reserve
    far more of that than they use.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _status(name: str) -> int | None:
    return _field(_STATUS, name)


def _field(path: Path, name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
