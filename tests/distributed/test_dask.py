"""Sums over chunks on a Dask cluster of real processes: collections, larger than one task, workers that are killed."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

import diffiface as di
from tests.distributed.functions import cut, data, loglike, process_id, slow_loglike

dask = pytest.importorskip("dask", reason="dask is not installed (pip install 'diffiface[dask]')")
distributed = pytest.importorskip("distributed", reason="distributed is not installed (pip install 'diffiface[dask]')")

X, Y = data(rows=120)
B = np.array([0.1, 0.2, -0.3])
T = np.array([1.0, -2.0, 0.5])


@pytest.fixture(scope="module")
def client():
    settings = {"distributed.worker.memory.terminate": False, "distributed.comm.timeouts.connect": "60s"}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def check(F, rtol=1e-12):
    p = 1 / (1 + np.exp(-X @ B))
    hessian = -(X.T * (p * (1 - p))) @ X
    y, g, H = di.value_gradient_and_hessian(F, "reverse", B)
    assert y == pytest.approx(np.sum(np.log(np.where(Y, p, 1 - p))), rel=rtol)
    np.testing.assert_allclose(g, X.T @ (Y - p), rtol=rtol)
    np.testing.assert_allclose(H, hessian, rtol=rtol)
    np.testing.assert_allclose(di.hvp(F, "reverse", B, T), hessian @ T, rtol=rtol)
    assert F(B) == pytest.approx(y, rel=rtol)


def test_arrays_of_this_process_are_sent_once(client):
    F = di.sum_over(loglike, cut(X, Y, (40, 80)), executor=client)
    check(F)
    held = [future.key for _, future in F.lane._kept.values()]
    assert len(held) == 3
    di.gradient(F, "reverse", 2 * B)
    assert [future.key for _, future in F.lane._kept.values()] == held


def test_the_executor_of_a_client(client):
    check(di.sum_over(loglike, cut(X, Y, (40, 80)), executor=client.get_executor()))


def test_futures_as_chunks(client):
    futures = [client.submit(tuple, chunk) for chunk in cut(X, Y, (40, 80))]
    check(di.sum_over(loglike, futures, executor=client))


def test_delayed_chunks_are_loaded_by_the_workers(client, tmp_path):
    paths = []
    for i, (rows, outcome) in enumerate(cut(X, Y, (40, 80))):
        paths.append(tmp_path / f"{i}.npz")
        np.savez(paths[-1], X=rows, y=outcome)

    def read(path):
        with np.load(path) as file:
            return file["X"], file["y"]

    chunks = [dask.delayed(read)(path) for path in paths]
    check(di.sum_over(loglike, chunks, executor=client))
    check(di.sum_over(loglike, chunks))  # without a cluster: one after the other, here


def test_dask_arrays_side_by_side(client):
    import dask.array as da

    rows, outcome = da.from_array(X, chunks=(40, 2)), da.from_array(Y, chunks=40)
    F = di.sum_over(loglike, (rows, outcome), executor=client)
    assert len(F.chunks) == 3
    check(F)

    def by_name(b, chunk):
        return loglike(b, (chunk["X"], chunk["y"]))

    check(di.sum_over(by_name, {"X": rows, "y": outcome}, executor=client))
    with pytest.raises(di.InputError, match="cut at different places"):
        di.sum_over(loglike, (rows, outcome.rechunk(30)), executor=client)


def test_a_bag_gives_its_partitions(client):
    import dask.bag as db

    def total(x, numbers):
        return np.sum(np.array(list(numbers)) * x**2)

    F = di.sum_over(total, db.from_sequence(range(10), npartitions=3), executor=client)
    assert len(F.chunks) == 3
    assert di.derivative(F, "reverse", 2.0) == 45 * 4


def test_finite_differences_by_the_executor_of_a_client(client):
    engine = di.backend("finite_differences", executor=client.get_executor())
    gradient = di.gradient(loglike, engine, B, (X, Y))
    np.testing.assert_array_equal(gradient, di.gradient(loglike, "finite_differences", B, (X, Y)))


def test_an_error_on_a_worker_is_the_callers(client):
    def wrong(x, chunk):
        raise KeyError("what")

    with pytest.raises(KeyError, match="what"):
        di.gradient(di.sum_over(wrong, [1.0, 2.0], executor=client), "reverse", 1.0)


def test_a_killed_worker_loses_nothing(client):
    chunks = cut(X, Y, tuple(range(5, 120, 5)))
    expected = di.value_gradient_and_hessian(di.sum_over(loglike, chunks), "reverse", B)
    done_at_kill = []

    def kill_one_in_the_middle(done, total):
        if done == 6 and not done_at_kill:
            victim = next(iter(client.run(process_id).values()))
            assert victim != os.getpid()
            os.kill(victim, signal.SIGKILL)
            done_at_kill.append(done)

    F = di.sum_over(slow_loglike, chunks, executor=client, progress=kill_one_in_the_middle)
    found = di.value_gradient_and_hessian(F, "reverse", B)
    assert done_at_kill == [6]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)  # the same chunks in the same order: the same bits


def test_nothing_is_left_running_after_an_error(client):
    started = time.monotonic()

    def first_fails(x, chunk):
        if chunk == 0:
            raise ValueError("the first")
        time.sleep(0.5)
        return chunk * x

    with pytest.raises(ValueError, match="the first"):
        di.gradient(di.sum_over(first_fails, list(range(40)), executor=client), "reverse", 1.0)
    assert time.monotonic() - started < 15  # (all of them would take 20 seconds of each worker)
    assert threading.active_count() < 100
