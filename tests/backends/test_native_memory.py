"""Memory that preparations take, and give back when they are dropped."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import diffiface as di

pytest.importorskip("llvmlite")

from diffiface_native.compiled.machine import MachineCode

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

TEXT = """
define double @kernel(double %x) {
  %y = fmul double %x, %x
  ret double %y
}
"""


def kibibytes_each(make: Callable[[], Any], *, first: int, then: int) -> float:
    """Return by how much the process grows with each thing that is made and dropped."""

    def make_and_drop(count: int) -> float:
        for _ in range(count):
            make()
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4.0

    before = make_and_drop(first)
    return (make_and_drop(then) - before) / then


def test_dropped_machine_code_leaves_next_to_nothing():
    # (60 KiB each before pass managers and linkers were used again)
    assert kibibytes_each(lambda: MachineCode(TEXT, ["kernel"]), first=60, then=300) < 10


def test_dropped_recordings_leave_next_to_nothing():
    replay, x, w = di.backend("reverse", compile="replay"), np.ones(2000), np.ones(2000)

    def make() -> None:
        def f(x: Any) -> Any:
            return np.sum(np.exp(x) * w)

        di.prepare_gradient(f, replay, x).gradient(x)

    assert kibibytes_each(make, first=60, then=300) < 10  # (one recording holds 16 KiB for each of its values)
