"""Sums over chunks: every operator on every engine, here, in threads, in processes; what is refused."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse

import diffiface as di
from diffiface.distributed import work
from tests.conftest import require
from tests.distributed.functions import cut, data, loglike, moments, process_id, quartic

X, Y = data()
CHUNKS = cut(X, Y)
B = np.array([0.1, 0.2, -0.3])
T = np.array([1.0, -2.0, 0.5])


def hand_derived(b):
    p = 1 / (1 + np.exp(-X @ b))
    return np.sum(np.log(np.where(Y, p, 1 - p))), X.T @ (Y - p), -(X.T * (p * (1 - p))) @ X


class Pickling(Executor):
    """An executor as another process is seen from here, without the seconds that one takes to start."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        try:
            function, arguments = pickle.loads(pickle.dumps((fn, args)))
            future.set_result(pickle.loads(pickle.dumps(function(*arguments, **kwargs))))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture(params=["here", "threads", "pickled"])
def executor(request: pytest.FixtureRequest):
    if request.param == "pickled":
        return Pickling()
    return None if request.param == "here" else request.getfixturevalue(request.param)


def check_all_operators(F, engine, rtol):
    y, gradient, hessian = hand_derived(B)
    found = di.value_gradient_and_hessian(F, engine, B)
    for got, want in zip(found, (y, gradient, hessian), strict=True):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=1e-6 * (rtol > 1e-9))
    assert F(B) == pytest.approx(y, rel=1e-13)
    prep = di.prepare_hvp(F, engine, np.zeros(3), np.zeros(3))
    np.testing.assert_allclose(prep.hvp(B, T), hessian @ T, rtol=rtol, atol=1e-6 * (rtol > 1e-9))
    np.testing.assert_allclose(di.gradient(F, engine, B, 2.0), 2 * gradient, rtol=rtol)


def test_every_engine_here(engine: str):
    check_all_operators(di.sum_over(loglike, CHUNKS), engine, 1e-12 if di.capabilities(engine).exact else 1e-5)


@pytest.mark.parametrize("name", ["reverse", "autograd", "finite_differences"])
def test_in_threads_and_beyond(name: str, executor):
    require(name)
    F = di.sum_over(loglike, CHUNKS, executor=executor)
    check_all_operators(F, name, 1e-12 if di.capabilities(name).exact else 1e-5)


def test_in_processes(processes):
    check_all_operators(di.sum_over(loglike, CHUNKS, executor=processes), "reverse", 1e-12)


def test_the_result_does_not_depend_on_where_tasks_ran(threads, processes):
    found = [
        di.value_gradient_and_hessian(di.sum_over(loglike, CHUNKS, executor=executor), "reverse", B)
        for executor in (None, threads, processes)
    ]
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_vector_valued_sums(exact_engine: str, executor):
    F = di.sum_over(moments, CHUNKS, executor=executor if exact_engine == "reverse" else None)
    J = -(X.T * (1 - np.tanh(X @ B) ** 2)) @ X
    np.testing.assert_allclose(di.jacobian(F, exact_engine, B), J, rtol=1e-11)
    y, ty = di.value_and_pushforward(F, exact_engine, B, T)
    np.testing.assert_allclose(y, X.T @ (Y - np.tanh(X @ B)), rtol=1e-11)
    np.testing.assert_allclose(ty, J @ T, rtol=1e-11)
    a, b = di.pullback(F, exact_engine, B, (T, B))
    np.testing.assert_allclose(a, J.T @ T, rtol=1e-11)
    np.testing.assert_allclose(b, J.T @ B, rtol=1e-11)
    with pytest.raises(di.DiffifaceError, match="shape"):
        di.pullback(F, exact_engine, B, np.ones(2))


def test_one_number(executor):
    F = di.sum_over(quartic, [np.array([1.0, 2.0]), np.array([3.0])], executor=executor)
    assert di.derivative(F, "forward", 2.0) == 4 * 6 * 8
    assert di.second_derivative(F, "reverse", 2.0) == 12 * 6 * 4
    assert di.derivative(F, "forward", 2.0, order=3) == 24 * 6 * 2


def test_pytrees_argnums_and_scratch(executor):
    def model(m, chunk, scale, scratch):
        scratch[:] = m["w"]
        return scale * (np.sum((chunk @ scratch) ** 2) + m["b"])

    chunks = [np.eye(2), 2 * np.eye(2)]
    F = di.sum_over(model, chunks, executor=executor)
    m, scratch = {"w": np.array([1.0, 2.0]), "b": 0.5}, di.Cache(np.zeros(2))
    gradient = di.gradient(F, "reverse", m, 3.0, scratch)
    np.testing.assert_allclose(gradient["w"], 3 * 2 * 5 * m["w"])
    assert gradient["b"] == 6.0
    assert di.gradient(F, "reverse", m, 3.0, scratch, argnums=1) == pytest.approx(26.0)
    _, by_scale = di.gradient(F, "reverse", m, 3.0, scratch, argnums=(0, 1))
    assert by_scale == pytest.approx(26.0)


def test_sparse_hessians_are_added():
    def chain(x, k):
        return k * np.sum((x[1:] - x[:-1]) ** 4)

    x = np.linspace(0, 1, 6) ** 2
    H = di.prepare_hessian(di.sum_over(chain, [1.0, 2.0]), di.Sparse("reverse"), x).hessian(x)
    assert scipy.sparse.issparse(H) and H.nnz == 16
    np.testing.assert_allclose(H.toarray(), 3 * di.hessian(chain, "reverse", x, 1.0), rtol=1e-12)


def test_arrays_of_other_libraries_come_back_as_such():
    require("torch")
    import torch

    for executor in (None, Pickling()):
        F = di.sum_over(loglike, CHUNKS, executor=executor)
        gradient = di.gradient(F, "torch", torch.tensor(B))
        assert isinstance(gradient, torch.Tensor) and gradient.dtype == torch.float64
        np.testing.assert_allclose(gradient.numpy(), hand_derived(B)[1], rtol=1e-12)


def test_jax_arrays_come_back_as_such_in_double_precision():
    require("jax")
    import jax

    with jax.enable_x64(True):
        b = jax.numpy.asarray(B)
    for executor in (None, Pickling()):
        gradient = di.gradient(di.sum_over(loglike, CHUNKS, executor=executor), "jax", b)
        assert isinstance(gradient, jax.Array) and gradient.dtype == np.float64
        np.testing.assert_allclose(np.asarray(gradient), hand_derived(B)[1], rtol=1e-12)


@pytest.mark.parametrize("name", ["reverse", "autograd", "torch"])
def test_as_part_of_another_function(name: str):
    require(name)
    F = di.sum_over(loglike, CHUNKS)
    _, gradient, hessian = hand_derived(B)

    def penalised(b):
        return F(b) - 0.5 * np.sum(b**2)

    np.testing.assert_allclose(di.gradient(penalised, name, B), gradient - B, rtol=1e-11)
    np.testing.assert_allclose(di.hessian(penalised, name, B), hessian - np.eye(3), rtol=1e-11)


def test_linear_operators_and_optimisers(executor):
    import scipy.optimize

    F = di.sum_over(loglike, CHUNKS, executor=executor)
    np.testing.assert_allclose(di.hessian_operator(F, "reverse", B) @ T, hand_derived(B)[2] @ T, rtol=1e-12)
    # The same sum of the negative, fitted by Newton's method.
    callables = di.interop.scipy_callables(F, B, "reverse", -1.0)
    found = scipy.optimize.minimize(x0=callables.x0, **callables.for_method("trust-exact"))
    np.testing.assert_allclose(hand_derived(found.x)[1], 0, atol=1e-4)


# ---- prepared once, progress


def test_prepared_once_in_each_process(processes):
    F = di.sum_over(loglike, cut(X, Y, (30, 60)), executor=processes)  # (chunks of one size: one preparation)
    prep = di.prepare_gradient(F, "reverse", B)
    for k in range(5):
        prep.gradient(B + k)
    before = {processes.submit(process_id).result() for _ in range(20)}
    counts = [processes.submit(work.preparations).result() for _ in range(20)]
    for k in range(5):
        prep.gradient(B - k)
    assert {processes.submit(process_id).result() for _ in range(20)} == before
    assert max(processes.submit(work.preparations).result() for _ in range(20)) <= max(counts)
    assert os.getpid() not in before


def test_preparing_says_what_is_wrong_with_f():
    with pytest.raises(di.OutputError, match="needs a scalar"):
        di.prepare_gradient(di.sum_over(lambda x, c: x * c, [1.0, 2.0]), "reverse", np.ones(3))


def test_progress():
    seen = []
    F = di.sum_over(loglike, CHUNKS, progress=lambda done, total: seen.append((done, total)))
    di.gradient(F, "reverse", B)
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_progress_bar_can_be_shown():
    np.testing.assert_allclose(
        di.gradient(di.sum_over(loglike, CHUNKS, progress=True), "reverse", B), hand_derived(B)[1], rtol=1e-12
    )


def test_chunks_are_read_as_they_are_needed():
    class Reader:
        def __init__(self):
            self.alive = self.most_alive = 0

        def __len__(self):
            return 20

        def __iter__(self):
            for _ in range(20):
                self.alive += 1
                self.most_alive = max(self.most_alive, self.alive)
                yield np.ones(3)
                self.alive -= 1

    reader = Reader()
    np.testing.assert_array_equal(di.gradient(di.sum_over(lambda x, c: c @ x, reader), "reverse", B), 20 * np.ones(3))
    assert reader.most_alive == 1


# ---- errors


def fails_on_the_second(x, chunk):
    if chunk > 1:
        raise ZeroDivisionError("the second chunk")
    return chunk * x


def test_an_error_in_a_task_is_the_callers(executor):
    F = di.sum_over(fails_on_the_second, [1.0, 2.0, 3.0], executor=executor)
    with pytest.raises(ZeroDivisionError, match="the second chunk"):
        di.gradient(F, "reverse", 1.0)


def test_what_is_refused():
    with pytest.raises(di.InputError, match="goes through the chunks anew"):
        di.sum_over(loglike, iter(CHUNKS))
    with pytest.raises(di.InputError, match="no chunks"):
        di.sum_over(loglike, [])
    with pytest.raises(di.InputError, match="not an executor"):
        di.sum_over(loglike, CHUNKS, executor="threads")
    with pytest.raises(di.InputError, match="cannot be called"):
        di.sum_over(CHUNKS, loglike)
    with pytest.raises(di.InputError, match="progress"):
        di.sum_over(loglike, CHUNKS, progress="bar")
    with pytest.raises(di.InputError, match="what are its chunks"):
        di.sum_over(loglike, {"X": X})
    with pytest.raises(di.UnsupportedOperationError, match="has_aux"):
        di.gradient(di.sum_over(lambda x, c: (c * x, None), [1.0]), "reverse", 1.0, has_aux=True)
    with pytest.raises(di.InputError, match="cannot be added"):
        di.jacobian(di.sum_over(lambda x, c: c * x, [np.ones(2), np.ones(3)]), "reverse", 1.0)


def test_a_mismatch_with_the_preparation_is_seen():
    prep = di.prepare_gradient(di.sum_over(loglike, CHUNKS), "reverse", B)
    with pytest.raises(di.PreparationMismatchError):
        prep.gradient(np.ones(4))
