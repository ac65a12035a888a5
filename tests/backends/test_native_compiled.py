"""The compiled engine around its kernels: any input, any thread, memory, what it does without a compiler."""

from __future__ import annotations

import gc
import importlib.util
import resource
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import diffiface as di
from tests.backends.test_native_compiled_random import assert_close, compare

pytest.importorskip("llvmlite")

COMPILED = di.backend("reverse", compile=True)
EAGER = di.backend("reverse", compile=False)


def smooth(x: Any) -> Any:
    return np.sum(np.tanh(x) * np.exp(-x * x)) + np.sum(np.sin(x)) ** 2


def is_compiled(prep: Any) -> bool:
    return not prep.explain().startswith("runs eagerly") and "kernel" in prep.explain()


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 15, 16, 17, 31, 100, 1000])
@pytest.mark.parametrize("engine", ["forward", "reverse"])
def test_every_length_of_the_last_vector(n: int, engine: str):
    x = np.linspace(-2, 2, n)
    compare("value_and_gradient", smooth, engine, [(x,), (-x + 0.1,)])


@pytest.mark.parametrize("shape", [(5, 1), (1, 9), (3, 4, 8), (2, 1, 17), (1, 1)])
@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1), None])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_over_any_axes(shape: tuple[int, ...], axis: Any, keepdims: bool):
    def f(x):
        s = np.sum(np.exp(x) * 0.5, axis=axis, keepdims=keepdims)
        return np.sum(s * s) + np.sum(x * (s if keepdims else 1.0))

    compare("value_and_gradient", f, "reverse", [(np.random.default_rng(0).standard_normal(shape),)])


@pytest.mark.parametrize("a", [(), (1,), (9,), (1, 9), (4, 1), (4, 9), (2, 4, 9), (2, 1, 1)])
@pytest.mark.parametrize("b", [(), (9,), (4, 1), (2, 1, 9)])
def test_broadcasting_of_every_pattern(a: tuple[int, ...], b: tuple[int, ...]):
    rng = np.random.default_rng(1)
    context = rng.standard_normal(b)

    def f(x, c):
        return np.sum(np.sin(x * c) * x + np.where(x > c, x, 2 * c))

    compare(
        "value_and_gradient",
        f,
        "reverse",
        [(rng.standard_normal(a), context), (rng.standard_normal(a), np.asarray(-context))],
    )


def test_a_condition_that_is_one_number():
    def f(x):
        return np.sum(np.where(x[0] > 0, np.sin(x), np.cos(x) * x))

    x = np.linspace(0.5, 2, 9)
    compare("value_and_gradient", f, "reverse", [(x,), (-x,), (x * np.nan,)])
    prep = di.prepare_gradient(f, COMPILED, x)
    assert is_compiled(prep), prep.explain()


def test_layouts_that_numpy_chose():
    def f(x):
        m = (x @ x.T).T
        return np.sum(np.exp(-m[::-1, ::2]) * np.asfortranarray(m)[:, ::2] + np.sin(np.swapaxes(m, 0, 1))[:, ::2])

    x = np.random.default_rng(2).standard_normal((9, 5)) * 0.3
    compare("value_and_gradient", f, "reverse", [(x,), (np.asfortranarray(x),), (x[::-1],)])


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (3, 1, 8)])
def test_axes_of_length_one_may_have_any_stride(shape: tuple[int, ...]):
    def f(x):
        return np.sum(np.sin(x[..., ::-1].T) * np.exp(x[::-1]).T) + np.sum(
            np.tanh(x.reshape(-1)[1:]) ** 2 * x.ravel()[:-1]
        )

    x = np.linspace(-1, 1, int(np.prod(shape)))
    odd = np.lib.stride_tricks.as_strided(
        x, shape, [0 if n == 1 else 8 * int(np.prod(shape[i + 1 :])) for i, n in enumerate(shape)]
    )
    prep = di.prepare_gradient(f, COMPILED, np.array(odd))
    for point in (odd, np.array(odd)):
        assert_close(prep.gradient(point), di.gradient(f, EAGER, np.array(odd)), "strides")
    assert "runs 1 recording" in prep.explain(), prep.explain()


def test_one_tangent_runs_on_one_recording():
    x, t = np.linspace(-1, 1, 9), np.ones(9)
    for engine in ("forward", "reverse"):
        prep = di.prepare_hvp(lambda x: np.sum(x[1:] ** 3 * np.exp(x[:-1])), di.backend(engine, compile=True), x, t)
        for k in range(12):
            prep.hvp(x + k, t * k)
        assert "runs 1 recording" in prep.explain(), prep.explain()


def test_complex_input_stays_right():
    def f(z):
        w = np.exp(1j * z) * z
        return np.sum(np.abs(w) ** 2) + np.sum(np.real(w) * np.tanh(np.real(z)))

    z = np.random.default_rng(3).standard_normal((2, 9)) @ np.diag(np.full(9, 0.5)) + 0.5j
    compare("value_and_gradient", f, "reverse", [(z,), (z.conj(),)])


def test_byte_order_and_misaligned_input():
    raw = np.zeros(17 * 8 + 1, np.uint8)[1:]
    misaligned = raw.view(np.float64)
    misaligned[:] = np.linspace(-1, 1, 17)
    assert not misaligned.flags.aligned
    prep = di.prepare_gradient(smooth, COMPILED, misaligned)
    wanted = di.gradient(smooth, EAGER, np.linspace(-1, 1, 17))
    assert_close(prep.gradient(misaligned), wanted, "misaligned")
    assert_close(prep.gradient(np.linspace(-1, 1, 17)), wanted, "aligned")


def test_other_shapes_and_dtypes_with_strict_false():
    prep = di.prepare_gradient(smooth, COMPILED, np.ones(3), strict=False)
    for x in (np.ones(4), np.linspace(0, 1, 17), np.ones((2, 9)), np.array(0.3), np.zeros(0), np.ones(3)):
        assert_close(prep.gradient(x), di.gradient(smooth, EAGER, x), str(x.shape))
    x = np.linspace(0, 1, 9, dtype=np.float32)
    assert_close(prep.gradient(x), di.gradient(smooth, EAGER, x), "float32", 1e-5)


def test_a_number_as_x_and_numbers_as_contexts():
    def f(t, a, n, flag):
        return a * t**n * np.sin(t) + np.where(flag, t, 0.0)

    prep = di.prepare_derivative(f, COMPILED, 0.4, 2.0, 3, True)
    for t, a, n, flag in [(0.4, 2.0, 3, True), (0.9, 2.5, 3, True), (1.1, 2.5, 2, False), (-0.3, 0.0, 1, True)]:
        assert_close(prep.derivative(t, a, n, flag), di.derivative(f, EAGER, t, a, n, flag), "derivative")


def test_minus_zero_is_not_zero():
    def f(x, a):
        return np.sum(x * np.copysign(1.0, a))

    prep = di.prepare_gradient(f, COMPILED, np.ones(2), 0.0)
    for a in (0.0, -0.0, 0.0):
        np.testing.assert_array_equal(prep.gradient(np.ones(2), a), np.full(2, np.copysign(1.0, a)))


@pytest.mark.parametrize("n", [10, 5000])
def test_threads_do_not_share_buffers(n: int):
    prep = di.prepare_gradient(smooth, COMPILED, np.ones(n))
    assert is_compiled(prep), prep.explain()
    points = [np.linspace(-k, k, n) for k in range(1, 5)]
    wanted = [di.gradient(smooth, EAGER, x) for x in points]
    wrong: list[int] = []
    start = threading.Barrier(4)

    def work(k: int) -> None:
        start.wait()
        for _ in range(100):
            if not np.allclose(prep.gradient(points[k]), wanted[k], rtol=1e-11, atol=1e-11):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_preparing_in_several_threads_at_once():
    results: dict[int, np.ndarray] = {}

    def work(k: int) -> None:
        def f(x):
            return np.sum(np.sin(k * x) * x)

        results[k] = di.prepare_gradient(f, COMPILED, np.ones(9)).gradient(np.linspace(0, 1, 9))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    x = np.linspace(0, 1, 9)
    assert sorted(results) == list(range(1, 7))
    for k, result in results.items():
        np.testing.assert_allclose(result, np.sin(k * x) + k * x * np.cos(k * x), rtol=1e-12, atol=1e-12)


def test_machine_code_goes_with_the_preparation():
    from diffiface_native.compiled.machine import MachineCode

    alive: weakref.WeakSet[MachineCode] = weakref.WeakSet()
    original = MachineCode.__init__

    def counted(self: MachineCode, *arguments: Any) -> None:
        original(self, *arguments)
        alive.add(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MachineCode, "__init__", counted)
        prep: Any = di.prepare_gradient(smooth, COMPILED, np.ones(20))
        prep.gradient(np.ones(20))
    assert len(alive) == 1
    del prep
    gc.collect()
    assert len(alive) == 0


@pytest.mark.slow
def test_many_preparations_do_not_fill_memory():
    def prepare_and_drop(count: int) -> None:
        for _ in range(count):
            di.prepare_gradient(smooth, COMPILED, np.ones(50_000)).gradient(np.ones(50_000))
        gc.collect()

    prepare_and_drop(5)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    prepare_and_drop(25)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 60_000, f"{grown} KiB more after 25 preparations of arrays of 400 KB"


def test_without_llvmlite(monkeypatch: pytest.MonkeyPatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "diffiface_native.adapter.find_spec", lambda name, *rest: None if name == "llvmlite" else find(name, *rest)
    )
    prep = di.prepare_gradient(smooth, "reverse", np.ones(3))
    assert prep.explain().startswith("runs 1 recording"), prep.explain()
    assert not is_compiled(prep)
    assert_close(prep.gradient(np.arange(3.0)), di.gradient(smooth, EAGER, np.arange(3.0)), "replayed")
    for engine in ("forward", "reverse"):
        with pytest.raises(di.MissingBackendError, match="llvmlite"):
            di.backend(engine, compile=True)
