"""What the test suites of other tools found wrong here: each once, by its derivative on every engine.

(The suites themselves are other people's, so nothing of theirs is copied: these functions are ours.)
"""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from scipy import signal

import diffiface as di

ENGINES = ("forward", "reverse", "jax", "torch", "autograd")
COMPLEX = np.array([[1 + 2j, 3 - 1j, 3 + 0.5j], [2 - 1j, 0.5 + 1j, -1j]])


def written_with_leading_axes(v):
    y = np.zeros((3, 4))
    y[0] = np.reshape(v, (1, 4))
    y[1:] = np.reshape(v, (1, 1, 4))
    np.copyto(y[2:], np.reshape(v**2, (1, 1, 4)))
    return np.sum(y**2)


# What is written, twice: x and x, then x ** 2, so that the sum is 2 x ** 2 + x ** 4.
@pytest.mark.parametrize("engine", ENGINES)
def test_a_write_may_have_more_axes_of_length_one(engine):
    x = np.array([0.5, 1.0, -2.0, 3.0])
    np.testing.assert_allclose(di.gradient(written_with_leading_axes, engine, x), 4 * x + 4 * x**3)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_zeroth_power_is_flat_at_zero(engine):
    x = np.array([0.0, 0.0, 2.0])
    np.testing.assert_array_equal(di.gradient(lambda x: np.sum(x**0.0), engine, x), np.zeros(3))
    powers = np.array([0.0, 1.0, 3.0])
    np.testing.assert_allclose(di.gradient(lambda x: np.sum(np.power(x, powers)), engine, x), [0.0, 1.0, 12.0])


@pytest.mark.parametrize("engine", ENGINES)
def test_complex_numbers_are_ordered_by_real_then_imaginary_part(engine):
    def weighted(pick, z):
        return np.real(pick(z)) + 2 * np.imag(pick(z))

    for pick, place in ((np.max, (0, 2)), (np.min, (1, 2))):
        expected = np.zeros((2, 3), complex)
        expected[place] = 1 + 2j
        np.testing.assert_array_equal(di.gradient(lambda z, p=pick: weighted(p, z), engine, COMPLEX), expected)
    kept = di.gradient(lambda z: np.sum(np.real(np.max(z, axis=1, keepdims=True))), engine, COMPLEX)
    np.testing.assert_array_equal(kept, [[0, 0, 1], [1, 0, 0]])


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_number_has_an_axis_where_it_has_one_in_numpy(engine, axis):
    def f(t):
        s = np.sum(t * 2, axis=axis) + np.max(t, axis=axis) + np.squeeze(t, axis=axis) + np.take(t, 0, axis=axis)
        return s + np.cumsum(t, axis=axis)[0] + np.cumprod(t, axis=axis)[0]

    assert np.isclose(f(np.float64(1.5)), 10.5)
    assert np.isclose(di.derivative(f, engine, 1.5), 7.0)


@pytest.mark.parametrize("triangle", ["L", "U"])
@pytest.mark.parametrize("engine", ["forward", "reverse", "jax", "autograd"])
def test_eigenvectors_have_the_signs_they_have_in_numpy(engine, triangle):
    a = np.random.default_rng(3).normal(size=(6, 6))
    vectors, _ = di.value_and_pushforward(lambda a: np.linalg.eigh(a, triangle)[1], engine, a, np.ones((6, 6)))
    np.testing.assert_allclose(vectors, np.linalg.eigh(a, triangle)[1], atol=1e-12)


SAME = {
    "asarray": np.asarray,
    "asarray of a dtype": lambda a: np.asarray(a, float),
    "asarray in C order": lambda a: np.asarray(a, order="C"),
    "asanyarray": np.asanyarray,
    "array without copy": lambda a: np.array(a, copy=False),
    "array with a copy if needed": lambda a: np.array(a, copy=None),
    "array of more axes": lambda a: np.array(a, copy=None, ndmin=2),
    "ascontiguousarray": np.ascontiguousarray,
    "asfortranarray": np.asfortranarray,
    "asarray_chkfinite": np.asarray_chkfinite,
    "require": np.require,
    "require C": lambda a: np.require(a, float, ["C", "W"]),
    "real_if_close": np.real_if_close,
    "trim_zeros": np.trim_zeros,
    "conj": lambda a: a.conj(),
    "conjugate": lambda a: a.conjugate(),
    "view": lambda a: a.view(),
    "view of its dtype": lambda a: a.view(np.float64),
    "view of ndarray": lambda a: a.view(np.ndarray),
}
ANOTHER = {
    "array": np.array,
    "np.conj": np.conj,
    "asarray of another dtype": lambda a: np.asarray(a, np.float32),
    "copy": lambda a: np.asarray(a).copy(),
    "require what owns its memory": lambda a: np.require(a[:], None, ["O"]),
}


def emptied(convert, x):
    a = x * 2.0
    convert(a)[...] = 0.0
    return np.sum(a**2)


@pytest.mark.parametrize("name", [*SAME, *ANOTHER])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_write_is_seen_through_conversions_as_in_numpy(engine, name):
    convert = (SAME | ANOTHER)[name]
    x = np.array([1.0, 2.0, 3.0])
    value, gradient = di.value_and_gradient(lambda x: emptied(convert, x), engine, x)
    assert value == emptied(convert, x) == (0.0 if name in SAME else 56.0)
    np.testing.assert_array_equal(gradient, np.zeros(3) if name in SAME else 8 * x)


@pytest.mark.parametrize("engine", ENGINES)
def test_another_memory_order_is_a_copy_or_an_error(engine):
    def f(x):
        rows = np.stack([x, x])
        np.asfortranarray(rows)[...] = 0.0
        return np.sum(rows**2)

    x = np.array([1.0, 2.0, 3.0])
    assert f(x) == 28.0
    if engine in ("jax", "torch"):  # whose memory order is not known
        with pytest.raises(di.UnsupportedOperationError, match="order of the elements in memory"):
            di.gradient(f, engine, x)
    else:
        np.testing.assert_array_equal(di.gradient(f, engine, x), 4 * x)


def test_what_needs_a_copy_is_refused_without_one():
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        di.gradient(lambda x: np.sum(np.array(x, np.float32, copy=False)), "reverse", np.ones(3))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_number_indexed_by_truth(engine):
    f = lambda t: np.sum(t[True] * 3) + np.sum(t[None, True] * 2) + np.sum(t[False]) + t[...]
    assert di.derivative(f, engine, 2.0) == 6.0


# sign(z) is z / |z|: (z t / |z t|) does not change along z, and turns along i z.
@pytest.mark.parametrize("engine", ENGINES)
def test_the_sign_of_a_complex_number_has_a_derivative(engine):
    z = np.array([3 + 4j, 0.0, -2j])
    turned, grown = di.gradient(lambda t: np.sum(np.imag(np.sign(z * np.exp(1j * t[0]) * t[1]))), engine, [0.0, 1.0])
    assert np.isclose(turned, 0.6)  # the real part of sign(z), summed
    assert np.isclose(grown, 0.0)
    np.testing.assert_array_equal(di.gradient(lambda x: np.sum(np.sign(x)), engine, np.array([-1.0, 2.0])), [0, 0])


# Where a float has no digits that could be rounded away, np.round returns x itself.
@pytest.mark.parametrize("engine", ENGINES)
def test_rounding_to_more_digits_than_there_are_changes_nothing(engine):
    x = np.array([1.23456, -2e12, 0.0, 3.0])
    for decimals, slopes in ((3, [0, 0, 0, 0]), (5, [0, 1, 0, 0]), (20, [1, 1, 0, 1])):
        values, jacobian = di.value_and_jacobian(lambda x, d=decimals: np.round(x, d), engine, x)
        np.testing.assert_allclose(values, np.round(x, decimals), rtol=4e-16)  # (XLA multiplies by 1 / scale)
        np.testing.assert_allclose(jacobian, np.diag(slopes), rtol=1e-15)
    single = di.derivative(lambda t: np.round(t, 8), engine, np.float32(1.25))
    assert single == 1 and single.dtype == np.float32


@pytest.mark.parametrize("engine", ENGINES)
def test_keywords_for_the_function_that_numpy_calls(engine):
    x = np.array([[1.0, -2.0], [3.0, -4.0]])
    along = lambda x: np.sum(np.apply_along_axis(lambda row, power: row**power, 1, x, power=3))
    np.testing.assert_allclose(di.gradient(along, engine, x), 3 * x**2)
    parts = lambda x: np.sum(np.piecewise(x, [x > 0], [lambda v, scale: scale * v**2, lambda v, scale: v], scale=5.0))
    np.testing.assert_allclose(di.gradient(parts, engine, x), np.where(x > 0, 10 * x, 1.0))


# The weights' axes are those that `axis` names, in its order: with an axis list that is not ascending, transposed.
@pytest.mark.parametrize("engine", ENGINES)
def test_weights_of_an_average_follow_the_order_of_the_axes(engine):
    a, weights = np.arange(24.0).reshape(2, 3, 4) ** 2, np.arange(1.0, 9.0).reshape(4, 2)
    value, slopes = di.value_and_gradient(lambda w: np.sum(np.average(a, (2, 0), w)), engine, weights)
    np.testing.assert_allclose(value, np.sum(np.average(a, (2, 0), weights)))
    total = weights.sum()
    expected = a.sum(axis=1).T / total - np.sum(a.sum(axis=1).T * weights) / total**2
    np.testing.assert_allclose(slopes, expected)


def test_arguments_that_say_nothing():
    f = lambda x: np.sum(np.diff(x, prepend=np._NoValue, append=np._NoValue) ** 2) + np.take(x, 1, mode=None)
    np.testing.assert_allclose(di.gradient(f, "reverse", np.array([1.0, 3.0, 4.0])), [-4.0, 4.0 - 2.0 + 1.0, 2.0])

    def puts_nothing(x):
        y = x * 2
        np.put(y, [0, 1], np.array([]))
        return np.sum(y)

    np.testing.assert_allclose(di.gradient(puts_nothing, "reverse", np.ones(3)), [2.0, 2.0, 2.0])


@contextlib.contextmanager
def quietly():
    yield


@np.errstate(all="ignore")
@quietly()
@np.errstate(divide="raise")
def decorated_by_libraries(x):
    y = np.zeros(3)
    y[:2] = x[:2]
    return np.sum(np.asarray(y) ** 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_decorators_of_libraries_on_top_of_each_other(engine):
    np.testing.assert_allclose(di.gradient(decorated_by_libraries, engine, np.ones(3)), [2.0, 2.0, 0.0])
    np.testing.assert_allclose(di.gradient(lambda x: decorated_by_libraries(x * 2), engine, np.ones(3)), [8, 8, 0])


@pytest.mark.parametrize("engine", ENGINES)
def test_correlation_with_a_larger_complex_array_conjugates_as_scipy_does(engine):
    small, large = COMPLEX[:, :2], np.add.outer(np.arange(3.0), 1j * np.arange(4.0) - 1)
    correlate = lambda x: signal.correlate2d(x, large, mode="valid")
    value, slopes = di.value_and_gradient(lambda x: np.sum(np.real(correlate(x))), engine, small)
    np.testing.assert_allclose(value, np.sum(np.real(correlate(small))))
    # The small array is the one that is conjugated: turning it by i turns the result by -i.
    turned = np.sum(np.real(np.conj(slopes) * 1j * small))
    np.testing.assert_allclose(turned, np.sum(np.real(-1j * correlate(small))))
