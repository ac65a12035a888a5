"""Long loops in chunks, shared among threads: the same numbers to the last bit, whoever computes them, and nobody in the way."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import diffiface as di

pytest.importorskip("llvmlite")

from diffiface_native.compiled import sharing, splitting

RNG = np.random.default_rng(3)
EAGER = di.backend("reverse", compile=False)


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Split loops that are far too short for it, so that the tests are fast."""
    monkeypatch.setattr(splitting, "_WORTH_SPLITTING", 100)
    monkeypatch.setattr(splitting, "_CHUNK", 500)
    yield


def softmax(x: Any) -> Any:
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return np.sum(e / np.sum(e, axis=1, keepdims=True) * np.arange(1.0, x.shape[1] + 1))


def laplacian(x: Any) -> Any:
    return np.sum((np.roll(x, 1, 0) + np.roll(x, -1, 0) + np.roll(x, 1, 1) + np.roll(x, -1, 1) - 4 * x) ** 2 * x)


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "a sum over a vector": (lambda x: np.sum(np.sin(x) * x), (5001,)),
    "of whole vectors": (lambda x: np.sum(np.exp(x)), (4096,)),
    "with less than a vector left": (lambda x: np.sum(x**3), (3003,)),
    "a maximum": (lambda x: np.max(x * x) + np.min(np.cos(x)), (2500,)),
    "shifted reads": (lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2), (3000,)),
    "sums of rows": (lambda x: np.sum(np.sum(np.exp(x), axis=1) ** 2), (301, 7)),
    "sums of columns": (lambda x: np.sum(np.sum(np.exp(x), axis=0) ** 2), (301, 7)),
    "a broadcast row": (lambda x: np.sum(np.tanh(x - np.mean(x, axis=0)) ** 2), (200, 9)),
    "few rows, long columns": (lambda x: np.sum(np.sum(x * x, axis=0) ** 3), (2, 3001)),
    "softmax": (softmax, (150, 11)),
    "a stencil": (laplacian, (41, 67)),
    "a narrow product": (lambda x: np.sum(np.exp(-(x @ np.array([0.3, -1.0, 0.5])))), (2000, 3)),
    "a product of rows": (lambda x: np.sum(np.tanh(x @ WEIGHTS) ** 2), (1001, 12)),
    "its weights": (lambda w: np.sum(np.tanh(ROWS @ w) ** 2), (12, 5)),
    "a group with sums of rows": (lambda x: np.sum(np.log(np.sum(np.exp(x @ WEIGHTS), axis=1))), (999, 12)),
    "a narrow product's cotangent": (lambda b: np.sum(np.log1p(np.exp(NARROW @ b))), (3,)),
}
NARROW = RNG.standard_normal((2500, 3))
ROWS, WEIGHTS = RNG.standard_normal((1003, 12)), RNG.standard_normal((12, 5))


def gradients(f: Callable[..., Any], x: np.ndarray, threads: int) -> tuple[Any, np.ndarray, Any]:
    prep: Any = di.prepare_gradient(f, di.backend("reverse", threads=threads), x)
    y, g = prep.value_and_gradient(x)
    return y, g.copy(), prep


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize(("f", "shape"), FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_one_thread_or_many_give_the_same_bits(f: Callable[..., Any], shape: tuple[int, ...]):
    x = RNG.standard_normal(shape)
    y, g, prep = gradients(f, x, 1)
    assert "shared by up to 1 thread" in prep.explain()
    wanted, wanted_g = di.value_and_gradient(f, EAGER, x)
    np.testing.assert_allclose(y, wanted, rtol=1e-12)
    np.testing.assert_allclose(g, wanted_g, rtol=1e-12, atol=1e-13 * np.abs(wanted_g).max())
    for threads in (2, 3):
        _, _, prep = gradients(f, x, threads)
        for _ in range(3):
            also_y, also_g = prep.value_and_gradient(x)
            assert np.asarray(also_y).tobytes() == np.asarray(y).tobytes()
            np.testing.assert_array_equal(also_g, g)


@pytest.mark.usefixtures("short_chunks")
def test_nan_and_infinity_are_kept():
    x = RNG.standard_normal(3000)
    for place, number in ((7, np.nan), (1500, np.inf), (2999, -np.inf)):
        x[place] = number
        y, g, _ = gradients(lambda x: np.sum(x * x), x, 2)
        np.testing.assert_array_equal(y, np.sum(x * x))
        np.testing.assert_array_equal(g, 2 * x)


@pytest.mark.usefixtures("short_chunks")
def test_a_narrow_jacobian_and_an_hvp():
    x, v = RNG.standard_normal(2000), RNG.standard_normal(2000)
    backend = di.backend("reverse", threads=2)
    prep: Any = di.prepare_hvp(lambda x: np.sum(np.sin(x) * x**2), backend, x, v)
    np.testing.assert_allclose(prep.hvp(x, v), (4 * x * np.cos(x) + (2 - x * x) * np.sin(x)) * v, rtol=1e-12)
    rate: Any = di.prepare_pullback(lambda x: np.roll(x, 1) * x, backend, x, v)
    np.testing.assert_allclose(rate.pullback(x, v), np.roll(x, 1) * v + np.roll(x * v, -1), rtol=1e-12)


def test_a_short_loop_is_not_split():
    _, _, prep = gradients(lambda x: np.sum(np.exp(x)), RNG.standard_normal(1000), 2)
    assert "shared" not in prep.explain()


def test_a_long_loop_is_split_without_being_told():
    x = RNG.standard_normal(300_000)
    prep: Any = di.prepare_gradient(lambda x: np.sum(np.exp(x) * np.sin(x)), "reverse", x)
    assert "1 loop(s) of them shared" in prep.explain()
    np.testing.assert_allclose(prep.gradient(x), np.exp(x) * (np.sin(x) + np.cos(x)), rtol=1e-11, atol=1e-14)


# ---- several callers, other processes


@pytest.mark.usefixtures("short_chunks")
def test_callers_in_several_threads_do_not_meet():
    f, shape = FUNCTIONS["softmax"]
    x = RNG.standard_normal(shape)
    xs = [x + i for i in range(4)]
    prep: Any = di.prepare_gradient(f, di.backend("reverse", threads=3), x)
    wanted = [prep.gradient(one).copy() for one in xs]
    wrong: list[int] = []

    def call(i: int) -> None:
        for _ in range(50):
            if not np.array_equal(prep.gradient(xs[i]), wanted[i]):
                wrong.append(i)

    threads = [threading.Thread(target=call, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


FORKING = """
import os, warnings
import numpy as np, diffiface as di
from diffiface_native.compiled import sharing, splitting
splitting._WORTH_SPLITTING, splitting._CHUNK = 100, 500
x = np.linspace(0, 1, 5000)
prep = di.prepare_gradient(lambda x: np.sum(np.sin(x)), di.backend("reverse", threads=2), x)
np.testing.assert_allclose(prep.gradient(x), np.cos(x))
warnings.simplefilter("ignore")
sharing._helpers._lock.acquire()  # as if another thread were just being given helpers
child = os.fork()
if child == 0:
    started = sharing._helpers._executor
    good = started is None and np.allclose(prep.gradient(x), np.cos(x)) and sharing._helpers._executor is not None
    os._exit(0 if good else 1)
sharing._helpers._lock.release()
assert os.waitpid(child, 0)[1] == 0
np.testing.assert_allclose(prep.gradient(x), np.cos(x))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forked processes on this system")
def test_a_forked_process_has_helpers_of_its_own():
    subprocess.run([sys.executable, "-c", FORKING], check=True, timeout=60)


# ---- the helpers


def counted(kernel: Callable[[], Any], threads: int) -> int:
    """Run a kernel that is no kernel and return in how many threads it ran."""
    names: set[str] = set()
    started = threading.Barrier(threads)

    def seen(counter: Any) -> None:
        names.add(threading.current_thread().name)
        started.wait(10)
        kernel()

    counter = np.ones(2, np.int64)
    sharing.Sharing(threads)(seen, counter, (counter,))
    assert not counter.any()
    return len(names)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_as_many_threads_as_asked_for(threads: int):
    assert counted(lambda: None, threads) == threads


def test_who_has_not_begun_is_not_waited_for():
    release = threading.Event()
    blocked = sharing._helpers.start(sharing._MOST_HELPERS, release.wait, (10,))
    try:
        calls: list[str] = []
        counter = np.zeros(2, np.int64)
        start = time.perf_counter()
        sharing.Sharing(3)(lambda c: calls.append(threading.current_thread().name), counter, (counter,))
        assert time.perf_counter() - start < 5
        assert calls == [threading.current_thread().name]
    finally:
        release.set()
        for future in blocked:
            future.result()


def test_an_error_in_a_helper_is_the_callers():
    def kernel(counter: Any) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("in a helper")
        time.sleep(0.05)

    counter = np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="in a helper"):
        sharing.Sharing(2)(kernel, counter, (counter,))
    assert sharing._helpers._lent == 0


def test_all_callers_together_have_no_more_helpers_than_there_are_processors():
    helpers = sharing._Helpers()
    assert helpers.lend(3, 3) == 3
    assert helpers.lend(3, 3) == 0
    helpers.take_back(2)
    assert helpers.lend(3, 3) == 2


def test_helpers_sleep_when_there_is_nothing_to_do():
    assert counted(lambda: None, 4) == 4
    start = time.process_time()
    time.sleep(0.2)
    assert time.process_time() - start < 0.1


@pytest.mark.parametrize("together_is_faster", [True, False])
def test_what_is_faster_is_kept(together_is_faster: bool):
    ran: list[str] = []

    def way(name: str, slow: bool) -> Callable[..., None]:
        def run(kernel: Any, arguments: Any) -> None:
            ran.append(name)
            time.sleep(0.004 if slow else 0.0)

        return run

    trial = sharing._Trial()
    for _ in range(2 * trial._EACH):
        assert not trial.is_settled
        trial.run([way("alone", together_is_faster), way("together", not together_is_faster)], None, ())
    assert sorted(ran) == ["alone"] * trial._EACH + ["together"] * trial._EACH
    assert trial.is_settled
    assert trial.together == together_is_faster
    for _ in range(trial._AGAIN):
        settled = trial.is_settled
    assert not settled  # pyright: ignore[reportPossiblyUnboundVariable]


# ---- how many threads


def test_who_says_how_many_threads(monkeypatch: pytest.MonkeyPatch):
    for name in (sharing.VARIABLE, "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert sharing.threads_asked_for("auto") == (sharing._processors(), True)
    assert 1 <= sharing._processors() <= (os.cpu_count() or 1)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert sharing.threads_asked_for("auto") == (5, True)
    monkeypatch.setenv(sharing.VARIABLE, "3")
    assert sharing.threads_asked_for("auto") == (3, False)
    assert sharing.threads_asked_for(2) == (2, False)
    for nonsense in ("", "0", "-1", "many"):
        monkeypatch.setenv(sharing.VARIABLE, nonsense)
        assert sharing.threads_asked_for("auto") == (5, True)


@pytest.mark.parametrize("threads", [0, -1, 2.0, True, "many", None])
def test_other_numbers_of_threads_are_refused(threads: Any):
    with pytest.raises(di.InputError, match="threads is 'auto' or a positive int"):
        di.backend("forward", threads=threads)


def test_forward_and_reverse_hand_it_to_each_other():
    backend: Any = di.backend("forward", threads=3)
    assert backend.companion().threads == 3
    assert backend.companion().companion().threads == 3
