"""When a recording's program is made: at the first call, for what that call returns, from what was recorded."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from diffiface_native.recorded.recording import Recording

import diffiface as di


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """List how many results each program that is made computes."""
    found: list[int] = []
    original = Recording.build

    def build(self: Recording) -> Any:
        if self.built is None:
            found.append(sum(type(output).__name__ == "Value" for output in self.graph.outputs))
        return original(self)

    monkeypatch.setattr(Recording, "build", build)
    return found


def f(x: Any, w: Any) -> Any:
    return np.sum(np.log1p(np.exp(x)) * w) if x[0] > 0 else np.sum(np.cos(x) * np.log(w))


@pytest.mark.parametrize("compile", [True, "replay"])
def test_only_what_is_called_is_built(compile: Any, built: list[int]):
    if compile is True:
        pytest.importorskip("llvmlite")
    x, w = np.linspace(0.5, 1, 600), np.linspace(1, 2, 600)
    prep: Any = di.prepare_gradient(f, di.backend("reverse", compile=compile), x, w)
    assert built == []
    for point in (x, x, -x, x, -x):
        np.testing.assert_allclose(prep.gradient(point, w), di.gradient(f, "reverse", point, w), rtol=1e-13)
    n = len(built)
    assert n == 2 and 2 not in built, "a program for each of two ways, both without the value"
    np.testing.assert_allclose(prep.value_and_gradient(-x, w)[0], f(-x, w), rtol=1e-12)
    assert built[n:] == [2], "with the value, of the way that was taken"
    lines = prep.explain().splitlines()
    assert lines[0].startswith("runs 2 recording(s)") and len(lines) == 4 and len(built) == 3


def test_explaining_builds_what_nobody_called_yet(built: list[int]):
    prep = di.prepare_gradient(f, "reverse", np.ones(5), np.ones(5))
    assert prep.explain() == prep.explain()
    assert built == [2]


def test_a_program_is_made_of_the_constants_that_were_recorded():
    table = {"w": np.arange(1.0, 400.0)}  # (compared at every call, not read live)

    def weighted(x: Any) -> Any:
        return np.sum(np.exp(x) * table["w"])

    x = np.zeros(399)
    prep: Any = di.prepare_gradient(weighted, "reverse", x)
    table["w"][0] = 1000.0
    assert prep.gradient(x)[0] == 1000.0
    table["w"][0] = 1.0
    assert prep.gradient(x)[0] == 1.0
    assert prep.value_and_gradient(x)[1][0] == 1.0


def test_what_cannot_be_built_runs_eagerly(monkeypatch: pytest.MonkeyPatch):
    def broken(self: Any) -> Any:
        raise RuntimeError("no memory")

    monkeypatch.setattr(Recording, "build", broken)
    x, w = np.linspace(0.5, 1, 6), np.ones(6)
    prep: Any = di.prepare_gradient(f, "reverse", x, w)
    np.testing.assert_allclose(prep.gradient(x, w), 1 / (1 + np.exp(-x)), rtol=1e-13)
    np.testing.assert_allclose(prep.value_and_gradient(x, w)[1], 1 / (1 + np.exp(-x)), rtol=1e-13)
    assert prep.explain() == "runs eagerly: no program can be made of it: RuntimeError: no memory"


def test_threads_that_call_first_at_once_build_once(built: list[int]):
    x, w = np.linspace(0.5, 1, 50), np.ones(50)
    prep: Any = di.prepare_gradient(f, "reverse", x, w)
    together, found = threading.Barrier(4), list[np.ndarray]()

    def call() -> None:
        together.wait()
        found.append(prep.value_and_gradient(x, w)[1])

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1 and len(found) == 4
    for gradient in found:
        np.testing.assert_array_equal(gradient, prep.value_and_gradient(x, w)[1])
