"""Bound calls in machine code: what they return, what they leave to Python, and what becomes of memory."""

from __future__ import annotations

import gc
import resource
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import diffiface as di
from tests.backends.test_native_compiled_random import assert_close

pytest.importorskip("llvmlite")

EAGER = {name: di.backend(name, compile=False) for name in ("forward", "reverse")}
SCALE = 2.0
MATRIX = np.ones((2, 7))


def python_calls(call: Callable[..., Any], *arguments: Any) -> int:
    """Count the Python functions that a call runs."""
    count = 0

    def profile(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        call(*arguments)
    finally:
        sys.setprofile(None)
    return count


def scalar_valued(x: Any, c: Any, k: float) -> Any:
    return np.sum(np.sin(x[1:] * c[:-1]) * x[:-1] ** 2) * k * SCALE


def array_valued(x: Any, c: Any, k: float) -> Any:
    return np.tanh(x) * np.roll(x, 1) * c * k


X, C, T = np.linspace(0.3, 1.1, 7), np.linspace(-1, 1, 7), np.linspace(1, -1, 7)
VARIANTS = [
    ("gradient", "gradient", scalar_valued, ()),
    ("gradient", "value_and_gradient", scalar_valued, ()),
    ("hvp", "hvp", scalar_valued, (T,)),
    ("hvp", "gradient_and_hvp", scalar_valued, (T,)),
    ("hessian", "hessian", scalar_valued, ()),
    ("hessian", "value_gradient_and_hessian", scalar_valued, ()),
    ("jacobian", "jacobian", array_valued, ()),
    ("jacobian", "value_and_jacobian", array_valued, ()),
    ("pushforward", "value_and_pushforward", array_valued, (T,)),
    ("pullback", "pullback", array_valued, (T,)),
    ("pushforward", "pushforward", scalar_valued, (T,)),
]


@pytest.mark.parametrize("engine", ["forward", "reverse"])
@pytest.mark.parametrize(("operator", "variant", "f", "seeds"), VARIANTS, ids=[v[1] for v in VARIANTS])
def test_every_variant_without_python(operator: str, variant: str, f: Any, seeds: tuple[Any, ...], engine: str):
    prep = getattr(di, f"prepare_{operator}")(f, engine, X, *seeds, C, 0.5)
    bound = getattr(prep, variant)
    for x, c, k in [(X, C, 0.5), (X + 1, -C, 2.0), (X * np.nan, C, -0.0)]:
        wanted = getattr(di, variant)(f, EAGER[engine], x, *seeds, c, k)
        found = bound(x, *seeds, c, k)
        assert type(found) is type(wanted)
        for one, other in zip(*(r if isinstance(r, tuple) else (r,) for r in (found, wanted)), strict=True):
            assert type(one) is type(other)
            assert np.shape(one) == np.shape(other)
            assert_close(one, other, variant)
    assert python_calls(bound, X, *seeds, C, 0.5) == 0


def test_results_are_the_callers_alone():
    prep = di.prepare_gradient(scalar_valued, "reverse", X, C, 0.5)
    first = prep.gradient(X, C, 0.5)
    kept = first.copy()
    second = prep.gradient(X + 1, C, 0.5)
    assert np.array_equal(first, kept)
    assert not np.shares_memory(first, second)
    assert first.flags.owndata and first.flags.writeable and first.flags.c_contiguous
    y, g = prep.value_and_gradient(X, C, 0.5)
    assert sys.getrefcount(first) == sys.getrefcount(y) == sys.getrefcount(g) == 2


def test_other_arguments_are_python_s_matter():
    prep = di.prepare_gradient(scalar_valued, "reverse", X, C, 0.5)
    wanted = prep.gradient(X, C, 0.5)
    strided = np.repeat(X, 2)[::2]
    swapped = X.astype(">f8")
    assert_close(prep.gradient(strided, C, 0.5), wanted, "strided")
    assert_close(prep.gradient(swapped, C, 0.5), wanted, "byte order")
    out = np.empty(7)
    assert prep.gradient(X, C, 0.5, out=out) is out
    assert_close(out, wanted, "out")
    for wrong in [(X[:3], C, 0.5), (X.astype(np.float32), C, 0.5), (X.reshape(1, 7), C, 0.5), (X, C)]:
        with pytest.raises(di.PreparationMismatchError):
            prep.gradient(*wrong)
    with pytest.raises(di.InputError):
        prep.gradient()
    with pytest.raises(TypeError):
        prep.gradient(X, C, 0.5, no_such_keyword=1)


def test_what_f_refers_to_is_compared(monkeypatch: pytest.MonkeyPatch):
    power, weights, table = 2.0, np.ones(7), {"offset": 0.0}

    def f(x):
        return SCALE * np.sum(weights * x**power) + table["offset"] * np.sum(x)

    prep = di.prepare_gradient(f, "reverse", X)
    for change in range(4):
        if change == 1:
            power = 3.0
        elif change == 2:
            weights[2] = 5.0
        elif change == 3:
            table["offset"] = 7.0
        for _ in range(3):
            assert_close(prep.gradient(X), di.gradient(f, EAGER["reverse"], X), f"change {change}")
    monkeypatch.setitem(f.__globals__, "SCALE", -1.0)
    assert_close(prep.gradient(X), di.gradient(f, EAGER["reverse"], X), "global")


def test_captured_arrays_are_read_live():
    weights, again = np.ones(7), None

    def f(x, default=C):
        return np.sum(weights * x**2) + np.sum(default * x) * np.sum(MATRIX[0] * x)

    prep = di.prepare_gradient(f, "reverse", X)
    prep.gradient(X)
    for change in range(6):
        if change == 1:
            weights[2] = 5.0
        elif change == 2:
            weights = np.arange(7.0)
        elif change == 3:
            MATRIX[0, 1] = 4.0
        elif change == 4:
            weights, again = np.arange(14.0)[::2], weights
        elif change == 5:
            weights = again
        assert_close(prep.gradient(X), di.gradient(f, EAGER["reverse"], X), f"change {change}")
        if change != 4:
            assert python_calls(prep.gradient, X) == 0, change
    weights = np.ones(3)
    with pytest.raises(ValueError, match="broadcast"):
        prep.gradient(X)


def test_two_ways_to_one_captured_array():
    one = other = np.ones(7)

    def f(x):
        return np.sum(one * x**2) + np.sum(other * x)

    prep = di.prepare_gradient(f, "reverse", X)
    for change in range(3):
        if change == 1:
            one = np.full(7, 3.0)
        elif change == 2:
            other = one
        for _ in range(2):
            assert_close(prep.gradient(X), di.gradient(f, EAGER["reverse"], X), f"change {change}")


def test_guards_lead_to_the_right_recording():
    def f(x):
        if x[0] > 0:
            return np.sum(x**3) if x[1] > 0 else np.sum(np.sin(x))
        return np.sum(x) ** 2

    points = [X, -X, np.array([1.0, -1, 2]), np.array([np.nan, 1, 2])]
    points = [np.resize(p, 7) for p in points]
    prep = di.prepare_gradient(f, "reverse", X)
    for _ in range(3):
        for p in points:
            assert_close(prep.gradient(p), di.gradient(f, EAGER["reverse"], p), "branch")
    assert "runs 3 recording" in prep.explain()
    assert [python_calls(prep.gradient, p) for p in points] == [0, 0, 0, 0]


def test_inside_another_derivative():
    prep = di.prepare_gradient(lambda x: np.sum(x**3), "reverse", X)
    prep.gradient(X)
    assert python_calls(prep.gradient, X) == 0
    assert_close(di.gradient(lambda x: np.sum(prep.gradient(x)), "forward", X), 6 * X, "traced")
    assert_close(di.gradient(lambda x: np.sum(x * prep.gradient(X)), "forward", X), 3 * X**2, "constant")


def test_many_threads():
    prep = di.prepare_hvp(scalar_valued, "reverse", X, T, C, 0.5)
    wanted = [prep.hvp(X + i, T, C, 0.5) for i in range(8)]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(300):
            if not np.array_equal(prep.hvp(X + i, T, C, 0.5), wanted[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_memory_is_given_back():
    prep = di.prepare_hessian(scalar_valued, "reverse", X, C, 0.5)
    other = X[:3]

    def use() -> None:
        for _ in range(2000):
            prep.hessian(X, C, 0.5)
            prep.value_gradient_and_hessian(X, C, 0.5)
        for _ in range(100):
            with pytest.raises(di.PreparationMismatchError):
                prep.hessian(other, C, 0.5)

    use()
    gc.collect()  # what earlier tests have left holds None many times
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counts = [sys.getrefcount(thing) for thing in (X, C, None)]
    for _ in range(5):
        use()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1000  # KiB; 20 000 results are 9 MB
    # (20 000 calls: one reference lost or kept in each would be as many)
    assert all(abs(sys.getrefcount(t) - n) < 2000 for t, n in zip((X, C, None), counts, strict=True))


def test_the_preparation_is_collected_with_its_bound_calls():
    def f(x):
        return np.sum(x**2)

    prep = di.prepare_gradient(f, "reverse", X)
    bound = prep.gradient
    bound(X)
    gone = weakref.ref(f)
    del prep, f
    gc.collect()
    assert_close(bound(X), 2 * X, "kept by its bound call")
    del bound
    gc.collect()
    assert gone() is None


def test_what_is_too_much_code_is_left_to_numpy():
    def f(x):
        s = x[0]
        for i in range(1500):
            s = s + (np.sin(s) if i % 7 in (1, 4) or i % 11 == 3 or i * i % 13 == 4 else s * x[i % 3])
        return s

    x = np.array([0.1, 0.2, 0.3])
    prep = di.prepare_gradient(f, "reverse", x)
    for _ in range(2):
        assert_close(prep.gradient(x), di.gradient(f, EAGER["reverse"], x), "replayed")
