"""Reading and writing at indices that arrays name, inside kernels: the eager engine's numbers, and NumPy's errors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffiface as di
from tests.backends.test_native_compiled_random import COMPARED, compare

pytest.importorskip("llvmlite")

from diffiface_native.compiled.index_map import FIXED, Place, identity
from diffiface_native.compiled.indexed import _indexed
from diffiface_native.recorded.graph import Value

RNG = np.random.default_rng(3)
GROUP = RNG.integers(-7, 7, 45)
PAIRS = RNG.integers(0, 5, (45, 2))
MASK = RNG.random(45) < 0.5


def grouped(x: Any, group: Any) -> Any:
    """Random effects: an entry for each group, read by every row."""
    effect = np.exp(0.3 * x[:7])[group]
    return np.sum(effect * x[:45] + np.sin(effect))


def histogram(x: Any, group: Any) -> Any:
    counts = np.zeros(7)
    np.add.at(counts, group, x[:45] ** 2)
    return np.sum(np.log1p(counts) * np.arange(7.0))


def embedded(x: Any, group: Any) -> Any:
    table = x[:35].reshape(7, 5)
    z = np.tanh(table[group])
    return np.sum(np.logaddexp(z[np.arange(len(group)), group % 5], table[group, 1]) * np.sum(z, axis=1))


def multiplied(x: Any, group: Any) -> Any:
    """A sparse matrix times a vector."""
    y = np.zeros((9, 7))
    np.add.at(y, (slice(1, None, 2), group), np.sin(x[:45]) * x[group])
    return np.sum(y[:, ::-1] * y)


def broadcast(x: Any, group: Any) -> Any:
    square = x[:49].reshape(7, 7)
    block = square[group[:4, None], group[None, 3:9]]
    return np.sum(block**2) + np.sum(square.T[None, group[:3], 1:4] * np.take(x, group[:3, None]))


def overwritten(x: Any, group: Any) -> Any:
    y = np.zeros(7)
    y[group] = x[:45] ** 2
    return np.sum(np.cos(y) * x[:7])


def sorted_and_shifted(x: Any, group: Any) -> Any:
    """Indices that are computed, and neighbours of what is read there."""
    y = x[np.argsort(x)]
    z = x[:7][(group + 3) % 7 - 7]
    return np.sum((y[1:] - y[:-1]) ** 3) + np.sum(np.diff(z) ** 2) + y[3] * z[-1]


FUNCTIONS = [grouped, histogram, embedded, multiplied, broadcast, overwritten, sorted_and_shifted]
X = np.cos(np.arange(50) * 1.7)


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("engine", ["forward", "reverse"])
def test_gradients(f: Callable[..., Any], engine: str):
    compare("value_and_gradient", f, engine, [(X, GROUP), (-0.5 * X, -1 - GROUP)])


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_second_derivatives(f: Callable[..., Any]):
    compare("hvp", f, "reverse", [(X, np.sin(np.arange(50.0)), GROUP)], 1e-11)


@pytest.mark.parametrize("f", FUNCTIONS[:5], ids=lambda f: f.__name__)
def test_no_numpy_call_is_left(f: Callable[..., Any]):
    explained = di.prepare_gradient(f, "reverse", X, GROUP).explain()
    calls = explained.partition("NumPy call(s)")[2].partition(";")[0]
    assert "no machine code" not in calls and "add_at" not in calls, explained
    if f in (grouped, histogram):
        assert "0 NumPy call(s)" in explained, explained


def test_masks_and_indices_of_the_function_itself():
    chosen, pattern = np.array([3, -1, 0]), np.array([[0, 2, 4], [1, 3, 5]])

    def f(x: Any) -> Any:
        y = np.exp(x[MASK])
        z = np.zeros_like(x)
        z[~MASK] = x[~MASK] ** 2
        z[chosen] += x[[0, 2, 4]]
        return np.sum(y) * np.sum(z * x) + np.sum(x[pattern] * x[pattern[::-1]]) + x[pattern][1, 2]

    for engine in ("forward", "reverse"):
        compare("value_and_gradient", f, engine, [(X[:45],), (-X[:45],)])
    compare("hessian", f, "reverse", [(X[:45],)])


def test_masks_that_are_arguments():
    def f(x: Any, mask: Any) -> Any:
        return np.sum(np.where(mask, x, 1.0)) * np.sum(np.sin(x[mask]) ** 2)

    compare("value_and_gradient", f, "reverse", [(X[:45], MASK), (X[:45], ~MASK)])


def test_minus_zero_is_written_as_it_is():
    def f(x: Any, mask: Any) -> Any:
        return np.sum(x[mask])

    prep = di.prepare_pullback(f, "reverse", X[:45], np.float64(1.0), MASK)
    signs = np.signbit(prep.pullback(X[:45], np.float64(-0.0), MASK))
    np.testing.assert_array_equal(signs, MASK)


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8, np.int16])
def test_dtypes_of_indices(kind: Any):
    group = (GROUP % 7).astype(kind)
    compare("value_and_gradient", grouped, "reverse", [(X, group), (-X, group[::-1])])
    is_kernel = "0 NumPy call(s)" in di.prepare_gradient(grouped, "reverse", X, group).explain()
    assert is_kernel == (kind in (np.int32, np.int64))


def test_single_precision():
    x = X.astype(np.float32)
    for f in (grouped, histogram, embedded):
        compare("value_and_gradient", f, "reverse", [(x, GROUP)], 2e-5)


@pytest.mark.parametrize("wrong", [7, -8, 2**62, -(2**63)])
@pytest.mark.parametrize("place", [0, 8, 44])
def test_an_index_out_of_bounds_is_numpys_error_and_nothing_else(wrong: int, place: int):
    """Wherever it is, in the vectors of the test or in what is left over; by the bound call and by the function."""
    prep = di.prepare_gradient(grouped, "reverse", X, GROUP)
    wanted = prep.gradient(X, GROUP)
    bad = GROUP.copy()
    bad[place] = wrong
    for _ in range(2):
        with pytest.raises(IndexError, match=f"index {wrong} is out of bounds for axis 0 with size 7"):
            prep.gradient(X, bad)
        with pytest.raises(IndexError, match="out of bounds"):
            di.gradient(grouped, "reverse", X, bad, prep=prep)
    np.testing.assert_array_equal(prep.gradient(X, GROUP), wanted)
    assert "1 recording(s) as machine code" in prep.explain()


def test_indices_out_of_bounds_where_something_is_added():
    prep = di.prepare_gradient(histogram, "reverse", X, GROUP)
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        prep.gradient(X, np.where(np.arange(45) == 20, 7, GROUP))


def test_indices_that_change_while_they_are_used():
    """Another thread writes nonsense to the indices: results are nonsense, but nothing outside is read or written."""
    n = 200_000
    group = RNG.integers(0, 50, n)

    def f(x: Any, group: Any) -> Any:
        total = np.zeros(50)
        np.add.at(total, group, x[group] * 0.5)
        return np.sum(total)

    x = np.ones(50)
    prep = di.prepare_gradient(f, "reverse", x, group)
    stop = threading.Event()

    def disturb() -> None:
        while not stop.is_set():
            group[:] = 10**12
            group[:] = 3

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    try:
        for _ in range(20):
            try:
                assert np.all(np.abs(prep.gradient(x, group)) <= n)
            except IndexError:
                pass
    finally:
        stop.set()
        disturbing.join()


def test_several_threads_give_the_same_bits():
    n, k = 400_000, 30
    group, w = RNG.integers(0, k, n), RNG.standard_normal(n)

    def f(x: Any, group: Any, w: Any) -> Any:
        return np.sum(np.exp(np.sin(x[group] * w)))

    x, results = np.linspace(-1, 1, k), []
    for threads in (1, 3):
        prep = di.prepare_gradient(f, di.backend("reverse", threads=threads), x, group, w)
        results.append(prep.gradient(x, group, w))
    np.testing.assert_array_equal(*results)
    np.testing.assert_allclose(
        results[0], np.bincount(group, np.exp(np.sin(x[group] * w)) * np.cos(x[group] * w) * w, k), rtol=1e-11
    )
    assert "shared by up to 3" in prep.explain()


def test_strict_adds_in_numpys_order():
    strict = di.backend("reverse", strict=True)
    replayed = di.backend("reverse", compile="replay")
    for f in (grouped, histogram, embedded):
        one, other = (di.prepare_gradient(f, engine, X, GROUP).gradient(X, GROUP) for engine in (strict, replayed))
        np.testing.assert_array_equal(one, other)


# ---- where an index leads


def _at(place: Place, counters: tuple[int, ...]) -> int:
    loop, step, offset = place
    return offset if loop == FIXED else offset + step * counters[loop]


@st.composite
def indices(draw: st.DrawFn) -> tuple[tuple[int, ...], Any]:
    """Draw a shape, and an index of an array of that shape with at least one array in it."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    block = draw(st.sampled_from([(3,), (1,), (2, 3), (2, 1)]))
    parts: list[Any] = []
    for n in shape[: draw(st.integers(1, len(shape)))]:
        kind = draw(st.sampled_from(["array", "array", "slice", "int", "new", "mask"]))
        if kind == "new":
            parts.append(None)
        if kind == "mask":
            parts.append(np.arange(n) >= draw(st.integers(0, n - 1)))
        elif kind == "int":
            parts.append(draw(st.integers(-n, n - 1)))
        elif kind == "slice":
            parts.append(slice(None, None, draw(st.sampled_from([1, 2, -1]))))
        else:
            own = draw(st.sampled_from([block, block[-1:], (1,)]))
            parts.append(
                np.array(draw(st.lists(st.integers(-n, n - 1), min_size=6, max_size=6)))[: np.prod(own)].reshape(own)
            )
    if draw(st.booleans()) and len(parts) < len(shape):
        parts.insert(draw(st.integers(0, len(parts))), Ellipsis)
    return shape, tuple(parts)


@settings(COMPARED, max_examples=60)
@given(indices(), st.booleans())
def test_an_index_leads_where_numpy_says(drawn: tuple[tuple[int, ...], Any], as_values: bool):
    shape, index = drawn
    array = np.arange(np.prod(shape)).reshape(shape)
    try:
        wanted = array[index]
    except IndexError:  # (arrays that do not broadcast, more indices than axes)
        return
    given_index = tuple(
        Value(0, "input", (), {}, part)
        if as_values and isinstance(part, np.ndarray) and part.dtype.kind == "i"
        else part
        for part in index
    )
    found = _indexed(given_index, shape, None)
    if not any(isinstance(part, np.ndarray) for part in index) or 0 in wanted.shape:
        assert found is None
        return
    assert found is not None and found.shape == wanted.shape
    map_ = identity(found.shape)
    places, lookups = found.places(map_)
    for counters in np.ndindex(found.shape):
        position = [_at(place, counters) for place in places]
        for lookup in lookups:
            indices = lookup.indices.sample if type(lookup.indices) is Value else lookup.indices
            position[lookup.axis] = indices[tuple(_at(place, counters) for place in lookup.map)] % lookup.length
        assert array[tuple(position)] == wanted[counters]
