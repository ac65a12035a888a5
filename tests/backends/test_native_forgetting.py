"""The samples of a graph: large ones are let go of, and nothing that is computed later is another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffiface_native.recorded.forgetting import LARGE, forget_samples
from diffiface_native.recorded.graph import Graph, Value

import diffiface as di

N = LARGE // 8


def value(number: int, operation: str, sample: Any, *arguments: Any, **parameters: Any) -> Value:
    return Value(number, operation, arguments, parameters, sample)


def test_large_samples_become_zeros_of_the_same_kind():
    x = np.arange(2.0 * N).reshape(2, N)
    given = value(0, "input", x)
    turned = value(1, "transpose", x.T, given, axes=(1, 0))
    doubled = value(2, "multiply", x * 2, given, 2.0)
    small = value(3, "getitem", x[:1, :3], given, index=(slice(1), slice(3)))
    forget_samples(Graph([given, turned, doubled, small], [given], outputs=[turned, doubled, small]))
    for one, before in ((given, x), (turned, x.T), (doubled, x)):
        assert one.sample.shape == before.shape and one.sample.dtype == before.dtype
        assert one.sample.flags.c_contiguous == before.flags.c_contiguous
        assert not one.sample.any()
    assert small.sample.base is None
    np.testing.assert_array_equal(small.sample, [[0.0, 1.0, 2.0]])


def test_what_an_index_or_a_factorization_reads_is_kept():
    x = np.eye(300) * 2.0
    matrix = value(0, "input", x)
    places = value(1, "argsort", np.arange(2 * N), matrix)
    source = value(3, "input", np.ones(2 * N))
    chosen = value(2, "getitem", np.ones(2 * N), source, index=places)
    inverse = value(4, "inv", np.linalg.inv(x), matrix)
    forget_samples(Graph([matrix, places, source, chosen, inverse], outputs=[chosen, inverse]))
    assert matrix.sample is x
    np.testing.assert_array_equal(places.sample, np.arange(2 * N))
    assert not chosen.sample.any() and not inverse.sample.any()


def test_what_nothing_needs_is_dropped():
    given = value(0, "input", np.ones(2))
    used, unused = value(1, "exp", np.ones(2), given), value(2, "sin", np.ones(2), given)
    graph = Graph([given, used, unused], [given], outputs=[used])
    forget_samples(graph)
    assert graph.values == [given, used]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is counted as Linux does")
def test_the_memory_is_given_back():
    script = """
import numpy as np, diffiface as di
def resident(): return int(open("/proc/self/statm").read().split()[1]) * 4096
def f(x):
    for _ in range(15):
        x = np.sin(x) * np.roll(x, 1)
    return np.sum(x)
di.prepare_gradient(f, "reverse", np.ones(3))
x = np.linspace(0.5, 1, 400_000)
before = resident()
prep = di.prepare_gradient(f, di.backend("reverse", compile="replay"), x)
work = int(prep.explain().split(" KiB")[0].split()[-1].split(".")[0]) * 1024
kept = resident() - before
recorded = sum(v.sample.nbytes for v in prep._run.recordings[0].graph.values)
assert kept < work + recorded / 4, (kept, work, recorded)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_preparation_keeps_a_fraction_of_what_was_recorded():
    def f(x: Any) -> Any:
        for _ in range(10):
            x = np.sin(x) * np.roll(x, 1)
        return np.sum(x)

    x = np.linspace(0.5, 1, 40 * N)
    prep: Any = di.prepare_gradient(f, di.backend("reverse", compile="replay"), x)
    samples = [v.sample for v in prep._run.recordings[0].graph.values]
    assert len(samples) > 50
    assert sum(s.nbytes for s in samples if s.nbytes >= LARGE and s.any()) == 0
    np.testing.assert_allclose(prep.gradient(x), di.gradient(f, di.backend("reverse", compile=False), x), rtol=1e-11)


@pytest.mark.parametrize("compile", ["auto", "replay"])
def test_programs_built_later_are_right(compile: Any):
    """What computes less is built at the first call that asks for less: after the samples are gone."""

    def f(x: Any) -> Any:
        order = np.argsort(x[0])
        return x[:, order] @ np.linalg.inv(np.eye(100) * 3 + x[:, :100].T @ x[:, :100] / 300) @ x[:, :100].T

    x = np.random.default_rng(0).standard_normal((100, 100))
    t = np.ones((100, 100))
    prep: Any = di.prepare_pullback(f, di.backend("reverse", compile=compile), x, t)
    wanted = di.pullback(f, di.backend("reverse", compile=False), x, t)
    for _ in range(2):
        np.testing.assert_allclose(prep.pullback(x, t), wanted, rtol=1e-9, atol=1e-9)
        y, tx = prep.value_and_pullback(x, t)
        np.testing.assert_allclose(y, f(x), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(tx, wanted, rtol=1e-9, atol=1e-9)
    assert "recording failed" not in prep.explain(), prep.explain()
