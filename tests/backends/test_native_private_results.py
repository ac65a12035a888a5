"""Bound calls that copy neither seed nor result: what the caller gets is his alone all the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import diffiface as di

RNG = np.random.default_rng(5)
LARGE, SMALL = (2, 100, 101), (2, 7)

CALLS: dict[str, tuple[str, Callable[[Any, np.ndarray], Any]]] = {
    "pullback": ("pullback", lambda prep, t: prep.pullback(prep.x, t)),
    "value_and_pullback": ("pullback", lambda prep, t: prep.value_and_pullback(prep.x, t)[1]),
    "pushforward": ("pushforward", lambda prep, t: prep.pushforward(prep.x, t)),
    "value_and_pushforward": ("pushforward", lambda prep, t: prep.value_and_pushforward(prep.x, t)[1]),
}
FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "x": (lambda x: x, lambda x, t: t),
    "a view of x": (lambda x: x[::-1], lambda x, t: t[::-1]),
    "a square": (lambda x: x * x, lambda x, t: 2 * x * t),
    "a constant": (lambda x: np.zeros(x.shape), lambda x, t: np.zeros(x.shape)),
}


CASES = [
    (engine, name, shape)
    for engine in ("reverse", "forward")
    for name, (operator, _) in CALLS.items()
    for shape in (LARGE, SMALL)
    # (the other direction takes as many passes as x has entries)
    if shape == SMALL or (engine, operator) in {("reverse", "pullback"), ("forward", "pushforward")}
]


@pytest.mark.parametrize("compile", ["auto", "replay", False])
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
@pytest.mark.parametrize(("engine", "name", "shape"), CASES)
def test_results_are_the_callers(
    function: tuple[Any, Any], engine: str, name: str, shape: tuple[int, ...], compile: Any
):
    f, wanted = function
    operator, run = CALLS[name]
    x = RNG.standard_normal(shape)
    seeds = [RNG.standard_normal(shape) for _ in range(4)]
    before = [x.copy(), *(seed.copy() for seed in seeds)]
    prep: Any = getattr(di, f"prepare_{operator}")(f, di.backend(engine, compile=compile), x, seeds[0])
    prep.x = x
    kept = [run(prep, seed) for seed in seeds]
    for copy, given in zip(before, [x, *seeds], strict=True):
        np.testing.assert_array_equal(given, copy)
    for i, (result, seed) in enumerate(zip(kept, seeds, strict=True)):
        np.testing.assert_allclose(result, wanted(x, seed), rtol=1e-14)
        assert type(result) is np.ndarray
        assert result.shape == shape and result.flags.writeable and result.flags.c_contiguous
        assert not any(np.shares_memory(result, other) for other in (x, *seeds, *kept[:i]))
    again = kept[0].copy()
    view = kept[0][:1]
    del kept
    for seed in seeds[1:]:  # a view keeps what it is a view of
        run(prep, seed)
    np.testing.assert_array_equal(view, again[:1])
    view[:] = 7.0  # and may be written to, without the next result being another
    np.testing.assert_allclose(run(prep, seeds[1]), wanted(x, seeds[1]), rtol=1e-14)


def test_a_large_seed_of_any_layout():
    x, t = RNG.standard_normal((300, 200)), RNG.standard_normal((200, 300)).T
    prep: Any = di.prepare_pullback(np.sin, "reverse", x, t)
    for seed in (t, t[::-1], np.asfortranarray(t), t.copy()):
        np.testing.assert_allclose(prep.pullback(x, seed), np.cos(x) * seed, rtol=1e-14)
    read_only = t.copy()
    read_only.flags.writeable = False
    np.testing.assert_allclose(prep.pullback(x, read_only), np.cos(x) * t, rtol=1e-14)
