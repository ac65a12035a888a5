"""What is measured, how functions get there, and that only one engine works at a time."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

import diffiface as di
from diffiface.benchmarking import Outcome, benchmark_suite
from diffiface.benchmarking.shipping import ship
from tests.benchmarking import stand_ins
from tests.benchmarking.stand_ins import cubes
from tests.conftest import require

QUICK = {"seconds": 0.02, "rounds": 4, "progress": False}
X = np.array([1.0, 2.0, 3.0])


def test_several_operators_with_a_tangent_and_a_function_by_name():
    results = di.benchmark(
        "tests.benchmarking.stand_ins:cubes",
        X,
        operators=["gradient", "hvp"],
        t=np.ones(3),
        backends=["forward", "finite_differences"],
        **QUICK,
    )
    assert [(row["operator"], row["engine"]) for row in results.rows] == [
        ("gradient", "forward"),
        ("gradient", "finite_differences"),
        ("hvp", "forward"),
        ("hvp", "finite_differences"),
    ]
    assert all(row["outcome"] is Outcome.MEASURED and row["n"] == 3 for row in results.rows)
    ours, numeric = results.rows[:2]
    assert ours["f_calls"] == 0 and numeric["f_calls"] > 3 and numeric["exact"] is False
    assert ours["import_seconds"] > 0 and results.rows[2]["import_seconds"] is None
    assert ours["prepare_seconds"] > 0 and ours["dtype"] == "float64"


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_memory_is_that_of_the_engine_s_process():
    held = np.ones(2**24)  # 128 MiB here are not 128 MiB there

    def f(x):
        return np.sum(np.ones(2**23)) * x[0]  # 64 MiB

    (row,) = di.benchmark(f, X, backends=["finite_differences"], **QUICK).rows
    assert 60 * 2**20 < row["own_bytes"] < 100 * 2**20, row["own_bytes"]
    assert row["peak_bytes"] < row["own_bytes"] + 100 * 2**20 and held.size


def test_closures_and_pytrees_get_there():
    pytest.importorskip("cloudpickle")
    weights = np.arange(3.0)

    def f(model):
        return np.sum(weights * model["a"]) * model["b"]

    (row,) = di.benchmark(
        f,
        {"a": X, "b": 2.0},
        backends=["forward"],
        reference={"a": 2 * weights, "b": np.sum(weights * X)},
        name="a closure",
        **QUICK,
    ).rows
    assert row["outcome"] is Outcome.MEASURED and row["error"] == 0 and row["problem"] == "a closure"


def test_a_wrong_reference_makes_engines_wrong():
    (row,) = di.benchmark(cubes, X, backends=["forward"], reference=3.1 * X**2, **QUICK).rows
    assert row["outcome"] is Outcome.DISAGREES and row["error"] == pytest.approx(0.1 / 3.1)


def test_without_cloudpickle_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(di.InputError, match="pip install cloudpickle") as error:
        di.benchmark(lambda x: np.sum(x), X, backends=["forward"])
    assert "module:function" in str(error.value)
    assert ship(cubes)  # what can be found by its name needs no cloudpickle
    script_function = type(cubes)(cubes.__code__, {}, "defined_in_a_script")
    script_function.__module__, script_function.__qualname__ = "__main__", "defined_in_a_script"
    monkeypatch.setattr(sys.modules["__main__"], "defined_in_a_script", script_function, raising=False)
    with pytest.raises(di.InputError, match="__main__"):
        ship(script_function)


def make_right(x):
    return lambda x: 3 * x**2


def make_wrong(x):
    return lambda x: 2 * x**2


def test_a_hand_written_call_is_measured_beside_the_engine():
    (row,) = di.benchmark(cubes, X, backends=[stand_ins.Slow()], by_hand={"slow": make_right}, **QUICK).rows
    assert row["ratio_to_by_hand"] > 100 and row["by_hand_seconds"] < 1e-3
    (row,) = di.benchmark(cubes, X, backends=["forward"], by_hand={"forward": f"{__name__}:make_wrong"}, **QUICK).rows
    assert row["outcome"] is Outcome.MEASURED and row["ratio_to_by_hand"] is None
    assert "by hand" in row["detail"] and "another result" in row["detail"]


def test_only_one_engine_works_at_a_time(tmp_path):
    log = str(tmp_path / "log")
    engines = [stand_ins.Logging(log=log, chunk_size=size) for size in (1, 2, 3)]
    results = di.benchmark(cubes, X, backends=engines, seconds=0.1, rounds=5, progress=False)
    assert all(row["outcome"] is Outcome.MEASURED for row in results.rows)
    runs = sorted(tuple(map(float, line.split()[1:])) for line in open(log))
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(runs))
    # They take turns: the engines alternate more often than they would one after the other.
    order = [line.split()[0] for line in open(log)]
    assert sum(a != b for a, b in itertools.pairwise(order)) > 10


def test_threads_are_held_to_the_number_given():
    def f(x):
        import os

        return np.sum(x) * len(os.sched_getaffinity(0)) * int(os.environ["OMP_NUM_THREADS"])

    if not hasattr(__import__("os"), "sched_setaffinity"):
        pytest.skip("this system cannot hold a process to CPUs")
    (row,) = di.benchmark(f, X, backends=["finite_differences"], reference=np.ones(3), **QUICK).rows
    assert row["error"] < 1e-6


@pytest.mark.parametrize("bad", [{"seconds": 0}, {"rounds": 0}, {"timeout": -1}, {"threads": 0}, {"memory_limit": 1.5}])
def test_settings_that_cannot_be(bad):
    with pytest.raises(di.InputError, match=next(iter(bad))):
        di.benchmark(cubes, X, backends=["forward"], **bad)


def test_bad_input_is_an_error_before_any_process_starts(monkeypatch):
    monkeypatch.setattr("diffiface.benchmarking.lane.EngineProcess", None)
    with pytest.raises(di.OutputError, match="scalar"):
        di.benchmark(lambda x: x, X)
    with pytest.raises(di.InputError, match="no operator"):
        di.benchmark(cubes, X, operators="grad")
    with pytest.raises(di.InputError, match="needs t="):
        di.benchmark(cubes, X, operators="hvp")
    with pytest.raises(di.InputError, match="names no engine"):
        di.benchmark(cubes, X, backends=[])


def test_the_suite_judges_by_derivatives_derived_by_hand():
    require("jax")
    results = benchmark_suite(problems=["logit"], quick=True, backends=["reverse", "jax"], **QUICK)
    assert {row["operator"] for row in results.rows} == {"gradient", "hessian", "hvp"}
    assert all(row["outcome"] is Outcome.MEASURED and row["error"] < 1e-12 for row in results.rows), results
    with pytest.raises(di.InputError, match="classic"):
        benchmark_suite("clasic")
    with pytest.raises(di.InputError, match="logit"):
        benchmark_suite(problems=["logi"])
    with pytest.raises(di.InputError, match="no problem"):
        benchmark_suite("more-garbow-hillstrom", problems=["logit"])


def test_the_suite_ends_in_time_and_says_what_it_left_out():
    results = benchmark_suite(problems=["logit", "rosenbrock"], backends=[stand_ins.Right()], budget=1e-9, **QUICK)
    assert {row["outcome"] for row in results.rows} == {Outcome.NOT_TRIED}
    assert all("used up" in row["detail"] for row in results.rows)
    cases = [(row["problem"], row["operator"], row["n"]) for row in results.rows]
    assert cases[:4] == [("logit", "gradient", n) for n in (50, 500, 5000, 50000)]
    assert ("rosenbrock", "gradient", 10_000) in cases and ("rosenbrock", "hessian", 10_000) not in cases
