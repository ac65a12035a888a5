"""The prepared reverse engine writes into arrays it kept only when nobody else can see them."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from diffiface_native.recycling import LARGE, RecyclingGround

import diffiface as di

SIZE = LARGE // 8 + 1
EAGER = di.backend("reverse", compile=False)


def softly(x):
    return np.sum(np.tanh(x * x + 1.0) * x)


def exactly(x):
    return np.tanh(x * x + 1.0) + x * 2 * x / np.cosh(x * x + 1.0) ** 2


def test_gradients_that_the_caller_holds_stay_as_they_are():
    prep = di.prepare_gradient(softly, EAGER, np.ones(SIZE))
    rng = np.random.default_rng(0)
    points = [rng.standard_normal(SIZE) for _ in range(5)]
    gradients = [prep.gradient(x) for x in points]
    assert isinstance(prep._run.base, RecyclingGround)
    for x, g in zip(points, gradients, strict=True):
        np.testing.assert_allclose(g, exactly(x), rtol=1e-12)


def test_small_functions_do_not_keep_arrays():
    prep = di.prepare_gradient(softly, EAGER, np.ones(3))
    prep.gradient(np.ones(3))
    assert not isinstance(prep._run.base, RecyclingGround)


def test_aux_that_the_caller_holds_stays_as_it_is():
    def f(x):
        y = np.exp(x * 0.5)
        return np.sum(y * x), y

    prep = di.prepare_gradient(f, EAGER, np.ones(SIZE), has_aux=True)
    kept = [prep.gradient(np.full(SIZE, float(k)))[1] for k in range(4)]
    for k, aux in enumerate(kept):
        np.testing.assert_allclose(aux, np.exp(np.full(SIZE, 0.5 * k)), rtol=1e-14)


def test_arrays_are_used_again():
    prep = di.prepare_gradient(softly, EAGER, np.ones(SIZE))
    x = np.linspace(-1, 1, SIZE)
    for _ in range(3):
        prep.gradient(x)
    store = prep._run.base.store
    before = store.bytes
    for _ in range(5):
        prep.gradient(x)
    assert 0 < store.bytes == before


def test_matrices_that_broadcast_and_products():
    def f(w, X):
        return np.sum(np.tanh(X @ w + np.arange(w.shape[1])) ** 2)

    rng = np.random.default_rng(1)
    w, X = rng.standard_normal((40, 64)) * 0.1, rng.standard_normal((300, 40))
    prep = di.prepare_gradient(f, EAGER, w, X)
    for _ in range(3):
        w = rng.standard_normal((40, 64)) * 0.1
        np.testing.assert_allclose(prep.gradient(w, X), di.gradient(f, "forward", w, X), rtol=1e-10, atol=1e-12)


def test_several_threads_use_one_preparation():
    prep = di.prepare_gradient(softly, EAGER, np.ones(SIZE))
    points = [np.full(SIZE, 0.1 * k) for k in range(6)]
    wrong: list[int] = []

    def work(k: int) -> None:
        for _ in range(10):
            if not np.allclose(prep.gradient(points[k]), exactly(points[k]), rtol=1e-12, atol=0):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("name", ["exp", "expm1", "log1p", "tanh", "sin", "cosh", "arctan"])
def test_long_arrays_get_numpys_numbers(name):
    pytest.importorskip("llvmlite")
    function, x = getattr(np, name), np.random.default_rng(2).uniform(0.0, 3.0, SIZE + 5)
    own = getattr(RecyclingGround(), name)(x)
    np.testing.assert_array_max_ulp(own, function(x), maxulp=3)
    assert own.flags.c_contiguous


def test_what_is_not_finite_is_left_to_numpy_and_its_warnings():
    x = np.linspace(-1.0, 2.0, SIZE)
    with pytest.warns(RuntimeWarning, match="invalid value"):
        own = RecyclingGround().log(x)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(own, np.log(x))
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        RecyclingGround().exp(1000.0 * x)


def test_single_precision_stays():
    x = np.linspace(0.0, 1.0, 2 * SIZE, dtype=np.float32)
    assert RecyclingGround().exp(x).dtype == np.float32
