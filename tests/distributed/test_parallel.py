"""Columns, rows and products by an executor: the same results as the engine alone."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import diffiface as di
from tests.conftest import require
from tests.distributed.test_sum_over import Pickling


def stencil(u, k):
    return k * (u[2:] - 2 * u[1:-1] + u[:-2]) + np.sin(u[1:-1])


def energy(u, k):
    return np.sum(stencil(u, k) ** 2)


U = np.linspace(0, 1, 7) ** 2


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(3) as executor:
        yield executor


@pytest.fixture(params=["threads", "pickled"])
def executor(request: pytest.FixtureRequest, threads):
    return threads if request.param == "threads" else Pickling()


@pytest.mark.parametrize("name", ["forward", "reverse", "autograd", "torch"])
def test_jacobians_and_hessians(name: str, executor):
    engine = di.Parallel(require(name), executor, pieces=3)
    for op, f in (("jacobian", stencil), ("hessian", energy)):
        expected = getattr(di, op)(f, name, U, 2.0)
        np.testing.assert_allclose(getattr(di, op)(f, engine, U, 2.0), expected, rtol=1e-12, atol=1e-12)
        prep = getattr(di, f"prepare_{op}")(f, engine, U, 2.0)
        np.testing.assert_allclose(getattr(prep, op)(U, 2.0), expected, rtol=1e-12, atol=1e-12)
    y, _ = di.value_and_jacobian(stencil, engine, U, 2.0)
    np.testing.assert_allclose(y, stencil(U, 2.0), rtol=1e-13)


def test_batches_of_products(executor):
    engine = di.Parallel("reverse", executor, pieces=2)
    tangents = tuple(np.eye(7)[[0, 3, 5]])
    for got, want in zip(
        di.hvp(energy, engine, U, tangents, 2.0), di.hvp(energy, "reverse", U, tangents, 2.0), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(di.gradient(energy, engine, U, 2.0), di.gradient(energy, "reverse", U, 2.0), rtol=1e-12)


def test_complex_jacobians(executor):
    z = np.array([1 + 2j, 0.5 - 1j, 2.0])
    f = lambda z: np.exp(z) * z[0]
    np.testing.assert_allclose(
        di.jacobian(f, di.Parallel("reverse", ThreadPoolExecutor(2)), z), di.jacobian(f, "reverse", z), rtol=1e-12
    )


def test_pytrees(executor):
    f = lambda p: {"a": p["x"] * p["s"], "b": np.sum(p["x"]) * p["s"]}
    p = {"x": np.array([1.0, 2.0]), "s": 3.0}
    got, want = di.jacobian(f, di.Parallel("forward", ThreadPoolExecutor(2)), p), di.jacobian(f, "forward", p)
    np.testing.assert_array_equal(got["a"]["x"], want["a"]["x"])
    np.testing.assert_array_equal(got["b"]["s"], want["b"]["s"])


def test_in_real_processes():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        engine = di.Parallel("reverse", executor)
        np.testing.assert_allclose(
            di.jacobian(stencil, engine, U, 2.0), di.jacobian(stencil, "reverse", U, 2.0), rtol=1e-12
        )


def test_with_a_sparse_jacobian(threads):
    matrix = di.jacobian(stencil, di.Sparse(di.Parallel("forward", threads)), U, 2.0)
    np.testing.assert_allclose(matrix.toarray(), di.jacobian(stencil, "forward", U, 2.0), rtol=1e-12)


def test_no_executor_is_refused():
    with pytest.raises(di.InputError, match="not an executor"):
        di.Parallel("reverse", "threads")
