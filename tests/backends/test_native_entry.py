"""What calls of a compiled preparation are given: memory of every layout, memory that overlaps, and many threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import diffiface as di

pytest.importorskip("llvmlite")

ENGINES = ("forward", "reverse")
rng = np.random.default_rng(0)
DATA = rng.standard_normal((6, 5))


def of_matrix(x: Any) -> Any:
    return np.sum(np.exp(np.sin(x)) * np.sum(x, axis=0)) + np.sum(x[1:] * x[:-1])


def read_only(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.flags.writeable = False
    return a


def misaligned(a: np.ndarray) -> np.ndarray:
    raw = np.zeros(a.nbytes + 1, np.uint8)
    view = raw[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "strided": lambda a: np.repeat(np.repeat(a, 2, axis=0), 3, axis=1)[::2, ::3],
    "read-only": read_only,
    "misaligned": misaligned,
    "big-endian": lambda a: a.astype(">f8"),
    "one row for all": lambda a: np.broadcast_to(a[0], a.shape),
    "subclass": lambda a: a.view(type("Own", (np.ndarray,), {})),
    "in mapped memory": lambda a: np.frombuffer(bytearray(a.tobytes())).reshape(a.shape),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_x_and_of_contexts(layout: str, engine: str):
    given = LAYOUTS[layout](DATA)
    before = given.copy()

    def f(x: Any, w: Any) -> Any:
        return of_matrix(x) * np.sum(w * x)

    prep: Any = di.prepare_gradient(f, engine, DATA, DATA, strict=False)
    eager = di.backend(engine, compile=False)
    for x, w in ((given, DATA), (DATA, given), (given, given)):
        wanted = di.value_and_gradient(f, eager, np.array(x, np.float64), np.array(w, np.float64))
        for _ in range(2):
            found = prep.value_and_gradient(x, w)
            np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
            np.testing.assert_allclose(found[1], wanted[1], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(given, before)


@pytest.mark.parametrize("engine", ENGINES)
def test_numbers_of_rank_0(engine: str):
    def f(x: Any, c: Any) -> Any:
        return np.exp(x) * c + x**3

    prep: Any = di.prepare_derivative(f, engine, 0.5, 2.0, strict=False)
    for x, c in [
        (0.5, 2.0),
        (np.float64(0.7), 3.0),
        (np.array(0.9), 2.0),
        (0.1, np.float64(-1.0)),
        (0.2, np.array(4.0)),
    ]:
        np.testing.assert_allclose(prep.derivative(x, c), np.exp(float(x)) * float(c) + 3 * float(x) ** 2, rtol=1e-14)


@pytest.mark.parametrize("shape", [(7,), (200,), (6, 5)])
def test_arguments_that_share_memory(shape: tuple[int, ...]):
    def f(x: Any, w: Any) -> Any:
        return np.sum(np.exp(x) * w) + np.sum(w**3 * x)

    memory = rng.standard_normal(int(np.prod(shape)) + 3)
    size = int(np.prod(shape))
    prep: Any = di.prepare_gradient(f, "reverse", np.zeros(shape), np.zeros(shape))
    for shift in range(4):
        x, w = memory[:size].reshape(shape), memory[shift : shift + size].reshape(shape)
        before = memory.copy()
        np.testing.assert_allclose(prep.gradient(x, w), np.exp(x) * w + w**3, rtol=1e-13)
        np.testing.assert_array_equal(memory, before)


def test_results_given_back_as_arguments():
    """The result's memory may be used again once it is dropped, but not while it is an argument of the next call."""
    prep: Any = di.prepare_gradient(lambda x: np.sum(np.sin(x)), "reverse", np.ones(40_000))
    x = np.linspace(0, 1, 40_000)
    y, wanted = x, x
    for _ in range(5):
        y = prep.gradient(y)
        wanted = np.cos(wanted)
        np.testing.assert_allclose(y, wanted, rtol=1e-13)
        y += 0.0


def test_many_threads_call_one_preparation():
    """Small calls, long ones (which release the lock), other branches, other layouts, and changes of captured arrays."""
    scale = np.ones(1)

    def f(x: Any) -> Any:
        if x[0, 0] > 0:
            return np.sum(np.tanh(x) * np.exp(-x * x)) * 2.0 + np.sum(x * scale)
        return np.sum(np.sin(x) ** 2)

    def wanted(x: np.ndarray) -> np.ndarray:
        return di.gradient(f, di.backend("reverse", compile=False), x)

    preps = [di.prepare_gradient(f, "reverse", np.ones(shape)) for shape in ((3, 4), (300, 400))]
    points = []
    for prep in preps:
        shape = (3, 4) if prep is preps[0] else (300, 400)
        for k in range(4):
            a = rng.standard_normal(shape)
            a[0, 0] = (-1) ** k * 0.5
            x = a if k < 2 else np.asfortranarray(a)
            points.append((prep, x, wanted(x)))
    failures: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for k in range(24):
                prep, x, gradient = points[(start + k) % len(points)]
                np.testing.assert_allclose(prep.gradient(x), gradient, rtol=1e-12, atol=1e-13)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
