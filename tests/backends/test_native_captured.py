"""Arrays that f finds in its closure, its globals and its defaults: read live by prepared `forward` and `reverse`."""

from __future__ import annotations

import functools
import threading
from typing import Any

import numpy as np
import pytest

import diffiface as di
from diffiface.comparison.run import Counted

ENGINES = ("forward", "reverse")
X = np.linspace(-1.0, 2.0, 5)
shared = np.linspace(1.0, 3.0, 5)
flags = np.array([True, False, True, True, False])


def recordings(prep: Any) -> str:
    return prep.explain().splitlines()[0]


def agrees(prep: Any, f: Any, engine: str, x: np.ndarray = X) -> None:
    """Check a prepared gradient against one that runs f now."""
    value, gradient = di.value_and_gradient(f, di.backend(engine, compile=False), x)
    found = prep.value_and_gradient(x)
    np.testing.assert_allclose(found[0], value, rtol=1e-13)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose(prep.gradient(x), gradient, rtol=1e-13, atol=1e-12)


# ---- ways to an array that are looked up at every call


def in_a_closure() -> tuple[Any, np.ndarray]:
    w = shared.copy()
    return lambda x: np.sum(np.exp(w * x) * np.log(w)), w


def in_a_helper() -> tuple[Any, np.ndarray]:
    w = shared.copy()

    def helper(x: Any, depth: int) -> Any:
        return np.sin(w * x) if depth == 0 else helper(x, depth - 1) * w

    return lambda x: np.sum(helper(x, 2)) + w[0], w


def in_globals() -> tuple[Any, np.ndarray]:
    return lambda x: np.sum(reads_a_global(x) * np.where(flags, x, 1.0)), shared


def reads_a_global(x: Any) -> Any:
    return np.tanh(shared * x)


def in_a_default() -> tuple[Any, np.ndarray]:
    w = shared.copy()

    def f(x: Any, a: np.ndarray = w, *, b: np.ndarray = w) -> Any:
        return np.sum(a * x**2 / b**3)

    return f, w


def in_a_partial() -> tuple[Any, np.ndarray]:
    w = shared.copy()
    return functools.partial(lambda a, x, b: np.sum(a * x**3 + b), w, b=w), w


def as_an_index() -> tuple[Any, np.ndarray]:
    w = np.array([4, 0, 2, 2, 1])
    return lambda x: np.sum(np.exp(x[w]) * x), w


def as_a_mask() -> tuple[Any, np.ndarray]:
    w = np.array([True, True, False, True, False])
    return lambda x: np.sum(np.where(w, x**2, np.sin(x))), w


def in_a_function_made_inside() -> tuple[Any, np.ndarray]:
    w = shared.copy()

    def f(x: Any) -> Any:
        def inside(y: Any) -> Any:
            return w * y**2

        return np.sum(inside(x)) * np.sum(np.array([inside(x[0]).sum(), 1.0]))

    return f, w


WAYS = [in_a_closure, in_a_helper, in_globals, in_a_default, in_a_partial, as_an_index, as_a_mask,
        in_a_function_made_inside]  # fmt: skip


def changed(w: np.ndarray) -> None:
    """Change an array in place."""
    w[:] = ~w if w.dtype == bool else w[::-1].copy() if w.dtype.kind == "i" else w * 1.25


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("way", WAYS)
def test_a_change_in_place_is_seen_without_another_recording(way: Any, engine: str):
    f, w = way()
    before = w.copy()
    prep: Any = di.prepare_gradient(f, engine, X)
    for _ in range(12):  # more often than there may be recordings
        agrees(prep, f, engine)
        changed(w)
    agrees(prep, f, engine)
    assert recordings(prep).startswith("runs 1 recording(s)"), prep.explain()
    w[:] = before


@pytest.mark.parametrize("engine", ENGINES)
def test_another_array_under_the_name_is_seen(engine: str):
    w: Any = shared.copy()

    def f(x: Any) -> Any:
        return np.sum(np.exp(x) * w)

    prep: Any = di.prepare_gradient(f, engine, X)
    read_only = shared * 3
    read_only.flags.writeable = False
    misaligned = np.frombuffer(b"\0" + shared.tobytes(), np.uint8)[1:].view(np.float64)
    column = np.arange(5.0)[:, None].T[0]
    for another in (shared * 2, read_only, np.repeat(shared, 2)[::2], shared[::-1], column, misaligned):
        w = another
        agrees(prep, f, engine)
    assert recordings(prep).startswith("runs 1 recording(s)"), prep.explain()
    others = [shared.astype(">f8"), shared.astype(np.float32), np.ones((3, 5)), 2.5, np.float64(1.5), np.arange(5)]
    for another in (*others, shared):
        w = another
        agrees(prep, f, engine)


def test_a_resized_array_is_seen():
    w = np.ones(5)

    def f(x: Any) -> Any:
        return np.sum(x) * np.sum(w)

    prep: Any = di.prepare_gradient(f, "reverse", X)
    np.testing.assert_array_equal(prep.gradient(X), np.full(5, 5.0))
    w.resize(20_000, refcheck=False)
    agrees(prep, f, "reverse")
    w.shape = (100, 200)
    agrees(prep, f, "reverse")


def test_two_names_for_one_array_need_not_stay_so():
    a: Any = shared.copy()
    b: Any = a

    def f(x: Any) -> Any:
        return np.sum(a * x**2 + b * x**3)

    prep: Any = di.prepare_gradient(f, "reverse", X)
    agrees(prep, f, "reverse")
    b = a + 1
    agrees(prep, f, "reverse")
    a = b
    agrees(prep, f, "reverse")


# ---- questions about their values


@pytest.mark.parametrize("engine", ENGINES)
def test_a_branch_on_a_captured_value_is_taken_live(engine: str):
    w = shared.copy()
    count = np.array([2, 1])

    def f(x: Any) -> Any:
        total = np.sum(x * w) if w[0] > 0 else np.sum(x**2 / w)
        for _ in range(count[0]):
            total = total * x[0]
        return total * (1.0 if np.all(w < 10) else 2.0)

    prep: Any = di.prepare_gradient(f, engine, X)
    for entry, times in [(1.0, 2), (-1.0, 2), (1.0, 3), (20.0, 2), (1.0, 2), (-1.0, 3)]:
        w[0], count[0] = entry, times
        agrees(prep, f, engine)
    assert recordings(prep).startswith("runs 5 recording(s)"), prep.explain()


def test_boolean_and_integer_indices_that_choose_otherwise():
    mask, chosen = np.array([True, False, True, False, False]), np.array([0, -1])

    def f(x: Any) -> Any:
        return np.sum(x[mask] ** 2) * np.prod(x[chosen])

    prep: Any = di.prepare_gradient(f, "reverse", X)
    for flip, at in [(0, 3), (1, 2), (4, -4)]:
        mask[flip] ^= True
        chosen[1] = at
        agrees(prep, f, "reverse")
    chosen[0] = 5
    with pytest.raises(IndexError):
        prep.gradient(X)


# ---- where they cannot be read live, they are compared


class Model:
    def __init__(self) -> None:
        self.w = shared.copy()

    def loss(self, x: Any) -> Any:
        return np.sum(self.w * reads_a_global(x))


def compared() -> list[tuple[Any, np.ndarray]]:
    model, listed, w, seen, way = Model(), [shared.copy()], shared.copy(), shared.copy(), shared.copy()
    by_name = {"helper": lambda x: np.sum(w * x)}
    both = [seen]

    def through_eval(x: Any) -> Any:
        return np.sum(eval("shared") * x**2)

    return [
        (model.loss, model.w),
        (lambda x: model.loss(x) * np.sum(shared), shared),
        (lambda x: np.sum(listed[0] * x), listed[0]),
        (lambda x: by_name["helper"](x) + np.sum(w), w),
        (lambda x: np.sum(both[0] * x) + np.sum(seen * x**2), seen),
        (lambda x: np.sum(np.array(way.tolist()) * x), way),  # a method that only plain arrays have
        (through_eval, shared),
    ]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", range(7))
def test_ways_that_lead_around_are_noticed_too(case: int, engine: str):
    f, w = compared()[case]
    before = w.copy()
    prep: Any = di.prepare_gradient(f, engine, X)
    for _ in range(3):
        agrees(prep, f, engine)
        changed(w)
    agrees(prep, f, engine)
    w[:] = before


def test_f_that_writes_to_a_captured_array_is_not_recorded():
    w = shared.copy()

    def f(x: Any) -> Any:
        w[0] = 7.0
        return np.sum(w * x)

    prep: Any = di.prepare_gradient(f, "reverse", X)
    assert recordings(prep).startswith("runs eagerly"), prep.explain()
    for _ in range(3):
        w[0] = 0.0
        np.testing.assert_array_equal(prep.gradient(X), [7.0, *shared[1:]])
        assert w[0] == 7.0


def test_f_finds_its_arrays_as_they_are_when_it_runs_by_itself():
    w = shared.copy()
    kinds = []

    def f(x: Any) -> Any:
        kinds.append(type(w))
        return np.sum(w * x)

    di.prepare_gradient(f, "reverse", X)
    f(X)
    assert kinds[-1] is np.ndarray
    np.testing.assert_array_equal(w, shared)


# ---- other operators, other ways to run


def test_every_operator_reads_live():
    w = shared.copy()

    def f(x: Any) -> Any:
        return np.sum(np.sin(x * w)) ** 2

    def vector(x: Any) -> Any:
        return np.cumsum(x * w) * w

    for engine in ENGINES:
        eager = di.backend(engine, compile=False)
        preps: list[Any] = [
            (di.prepare_hessian(f, engine, X), lambda p: p.hessian(X), lambda e=eager: di.hessian(f, e, X)),
            (di.prepare_hvp(f, engine, X, X), lambda p: p.hvp(X, X), lambda e=eager: di.hvp(f, e, X, X)),
            (di.prepare_jacobian(vector, engine, X), lambda p: p.jacobian(X), lambda e=eager: di.jacobian(vector, e, X)),
            (di.prepare_pullback(vector, engine, X, X), lambda p: p.pullback(X, X),
             lambda e=eager: di.pullback(vector, e, X, X)),
        ]  # fmt: skip
        for prep, ours, wanted in preps:
            for _ in range(3):
                np.testing.assert_allclose(ours(prep), wanted(), rtol=1e-12, atol=1e-13)
                w *= -1.5
        w[:] = shared


def test_a_derivative_inside_f_reads_live():
    w = shared.copy()

    def inner(x: Any) -> Any:
        return np.sum(w * x**3)

    def f(x: Any) -> Any:
        return np.sum(di.gradient(inner, "forward", x) ** 2 * w)

    prep: Any = di.prepare_gradient(f, "reverse", X)
    for _ in range(3):
        agrees(prep, f, "reverse")
        w *= 1.5


def test_threads_prepare_and_run_the_same_function():
    w = shared.copy()

    def f(x: Any) -> Any:
        return np.sum(np.exp(w * x))

    wanted = di.gradient(f, di.backend("reverse", compile=False), X)
    failures: list[Any] = []

    def work() -> None:
        try:
            prep: Any = di.prepare_gradient(f, "reverse", X)
            for _ in range(50):
                np.testing.assert_allclose(prep.gradient(X), wanted, rtol=1e-13)
                np.testing.assert_allclose(f(X), np.sum(np.exp(w * X)))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_function_behind_a_library_s_wrapper_is_recorded():
    wrapped = Counted(lambda x: np.sum(x**2))  # (whose code is diffiface's own, so it is not rebound)
    prep = di.prepare_gradient(wrapped.f, "reverse", np.ones(3))
    assert "runs 1 recording" in prep.explain()
