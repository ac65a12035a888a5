"""Whatever an engine does becomes its row, and never the end of the run."""

from __future__ import annotations

import os

import numpy as np
import pytest

import diffiface as di
from diffiface.benchmarking import Outcome, benchmark_sizes
from tests.benchmarking import stand_ins
from tests.benchmarking.stand_ins import cubes, make_cubes

QUICK = {"seconds": 0.02, "rounds": 4, "progress": False}
X = np.array([1.0, 2.0])

ENGINES = [
    stand_ins.Segfaulting(),
    stand_ins.Segfaulting(at=12),
    stand_ins.Exiting(),
    stand_ins.Hanging(),
    stand_ins.Eating(),
    stand_ins.Raising(),
    stand_ins.Unsupporting(),
    stand_ins.Off(),
    stand_ins.Printing(),
    stand_ins.Right(),
    stand_ins.Right(chunk_size=2),
]


@pytest.fixture(scope="module")
def rows():
    """One run of all of them together."""
    results = di.benchmark(cubes, X, backends=ENGINES, timeout=6, memory_limit=400 * 2**20, **QUICK)
    assert [row["outcome"] for row in results.broken]
    return {row["engine"]: row for row in results.rows}


@pytest.mark.parametrize(
    ("engine", "outcome", "words"),
    [
        ("segfaulting", Outcome.CRASHED, ("SIGSEGV", "string_at", "preparing")),
        ("segfaulting(at=12)", Outcome.CRASHED, ("SIGSEGV",)),
        ("exiting", Outcome.CRASHED, ("status 3",)),
        ("hanging", Outcome.TIMED_OUT, ("preparing and the first run", "6 s")),
        ("eating", Outcome.OUT_OF_MEMORY, ("",)),
        ("raising", Outcome.FAILED, ("RuntimeError: out of luck",)),
        ("unsupporting", Outcome.NOT_SUPPORTED, ("not today",)),
        ("off", Outcome.DISAGREES, ("0.001", "median")),
    ],
)
def test_failure_becomes_a_row(rows, engine, outcome, words):
    row = rows[engine]
    assert row["outcome"] is outcome, row
    assert all(word in row["detail"] for word in words), row["detail"]
    assert "second line" not in row["detail"]
    assert (row["median_seconds"] is not None) == (outcome is Outcome.DISAGREES)


@pytest.mark.parametrize("engine", ["right", "right(chunk_size=2)", "printing"])
def test_the_others_are_measured_all_the_same(rows, engine):
    row = rows[engine]
    assert row["outcome"] is Outcome.MEASURED and row["detail"] == "", row
    assert 0 < row["min_seconds"] <= row["median_seconds"] < 1
    assert row["rounds"] >= 3 and row["runs"] >= row["rounds"] and row["error"] == 0
    assert row["f_calls"] == 1 and row["unprepared_seconds"] > 0


def test_the_fastest_is_one_that_is_right(rows):
    fastest = [row for row in rows.values() if row["ratio_to_fastest"] == 1]
    assert fastest and all(row["outcome"] is Outcome.MEASURED for row in fastest)


def test_no_process_is_left(rows):
    children = f"/proc/{os.getpid()}/task/{os.getpid()}/children"
    if not os.path.exists(children):
        pytest.skip("this system does not list the children of a process")
    with open(children) as file:
        commands = [open(f"/proc/{pid}/cmdline").read() for pid in file.read().split()]
    assert not [command for command in commands if "diffiface.benchmarking.worker" in command]


def test_a_size_that_was_too_much_is_not_tried_again_but_a_crash_is():
    engines = [stand_ins.SlowForLarge(), stand_ins.Segfaulting(at=4), stand_ins.Right()]
    results = benchmark_sizes(make_cubes, [5, 20, 40], backends=engines, timeout=5, **QUICK)
    outcomes = {}
    for row in results.rows:
        outcomes.setdefault(row["engine"], []).append(row["outcome"])
    assert outcomes["slow for large"] == [Outcome.MEASURED, Outcome.TIMED_OUT, Outcome.NOT_TRIED]
    assert outcomes["segfaulting(at=4)"] == [Outcome.CRASHED] * 3
    assert outcomes["right"] == [Outcome.MEASURED] * 3


def test_an_engine_that_is_not_installed_is_a_row(monkeypatch):
    monkeypatch.setattr(di.registry, "missing_modules", lambda name: ("jax",) if name == "jax" else ())
    results = di.benchmark(cubes, X, backends=["jax"], **QUICK)
    assert results.rows[0]["outcome"] is Outcome.NOT_INSTALLED and not results.broken


def test_an_unknown_engine_is_the_caller_s_mistake():
    with pytest.raises(di.UnknownBackendError, match="revers"):
        di.benchmark(cubes, X, backends=["revers"])
