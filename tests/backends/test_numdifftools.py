"""The numdifftools engine on flat functions: values, shapes, dtypes, complex numbers, its error estimates."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numdifftools")

from diffiface_numdifftools.adapter import Numdifftools

from diffiface.errors import InputError, UnsupportedOperationError
from tests.backends.numeric_checks import PROBLEMS, Flat, Problem, leaves

ENGINES = (
    Numdifftools(),
    Numdifftools(order=4),
    Numdifftools(method="forward"),
    Numdifftools(method="backward", order=1),
    Numdifftools(method="complex"),
)


def relative_tolerance(engine: Numdifftools) -> float:
    return 1e-9 if engine.method in ("central", "complex") else 1e-5


# ---- values


@pytest.mark.parametrize("engine", ENGINES, ids=repr)
@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
def test_gradient_hessian_and_hvp_are_those_derived_by_hand(problem: Problem, engine: Numdifftools):
    f, x = Flat(problem.f), problem.x
    gradient, hessian = problem.gradient(x), problem.hessian(x)
    # In units of x's own size: a large x has small derivatives.
    unit = np.maximum(np.abs(x), 1)
    units = np.outer(unit, unit)
    size = max(abs(problem.f(x)), np.max(np.abs(gradient * unit)), np.max(np.abs(hessian * units)))
    tolerance = relative_tolerance(engine) * size

    y, (found,), _ = engine.value_and_gradient(f, (x,), ())
    assert y == problem.f(x)
    np.testing.assert_allclose(found * unit, gradient * unit, rtol=0, atol=tolerance)
    _, _, ((found,),), _ = engine.value_gradient_and_hessian(f, (x,), ())
    np.testing.assert_allclose(found * units, hessian * units, rtol=0, atol=tolerance)
    tangents = np.array([unit, np.linspace(-1, 1, x.size) * unit])
    _, _, (found,), _ = engine.value_gradient_and_hvp(f, (x,), (tangents,), ())
    np.testing.assert_allclose(found * unit, tangents @ hessian * unit, rtol=0, atol=5 * tolerance)


@pytest.mark.parametrize("engine", ENGINES, ids=repr)
def test_derivatives_by_a_number_keep_the_shape_of_y(engine: Numdifftools):
    def f(t: Any) -> Any:
        return np.array([[np.sin(t), np.exp(t), t]])

    (y,), (dy,), (ddy,), _ = engine.value_derivative_and_second_derivative(Flat(f), (np.array(0.7),), ())
    tolerance = relative_tolerance(engine)
    np.testing.assert_array_equal(y, f(0.7))
    np.testing.assert_allclose(dy, [[np.cos(0.7), np.exp(0.7), 1]], atol=tolerance)
    np.testing.assert_allclose(ddy, [[-np.sin(0.7), np.exp(0.7), 0]], atol=tolerance)
    np.testing.assert_array_equal(engine.value_and_derivative(Flat(f), (np.array(0.7),), ())[1][0], dy)


@pytest.mark.parametrize("shape", [(), (1,), (2,), (1, 1), (2, 3)])
@pytest.mark.parametrize("y_shape", [(), (1,), (3,), (1, 1), (2, 2)])
def test_jacobians_have_the_shape_of_y_and_that_of_x(shape: tuple[int, ...], y_shape: tuple[int, ...]):
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=shape), rng.normal(size=(*y_shape, *shape))
    f = Flat(lambda x: np.sum(weights * np.sin(x), axis=tuple(range(len(y_shape), weights.ndim))))
    _, ((jacobian,),), _ = Numdifftools().value_and_jacobian(f, (x,), ())
    assert jacobian.shape == y_shape + shape
    np.testing.assert_allclose(jacobian, weights * np.cos(x), atol=1e-10)


def test_pushforward_and_pullback_of_several_leaves_agree_with_the_jacobian():
    def f(a: Any, b: Any, c: Any) -> Any:
        return np.outer(a, b) * c, np.sum(a * a) + c

    engine, rng = Numdifftools(), np.random.default_rng(0)
    xs = (rng.normal(size=3), rng.normal(size=(2, 1)), np.array(1.5))
    tangents = tuple(rng.normal(size=(4, *x.shape)) for x in xs)
    ys, jacobians, _ = engine.value_and_jacobian(Flat(f), xs, ())
    np.testing.assert_allclose(jacobians[0][2], np.outer(xs[0], xs[1]), atol=1e-9)
    _, tys, _ = engine.value_and_pushforward(Flat(f), xs, tangents, ())
    for ty, row in zip(tys, jacobians, strict=True):
        expected = sum(
            np.tensordot(t.reshape(4, -1), block.reshape(*ty.shape[1:], -1), axes=(1, -1))
            for t, block in zip(tangents, row, strict=True)
        )
        np.testing.assert_allclose(ty, expected, atol=1e-8)
    cotangents = tuple(rng.normal(size=(2, *y.shape)) for y in ys)
    _, txs, _ = engine.value_and_pullback(Flat(f), xs, lambda outputs: cotangents, ())
    for j, tx in enumerate(txs):
        expected = sum(
            np.tensordot(c, row[j], axes=(range(1, c.ndim), range(c.ndim - 1)))
            for c, row in zip(cotangents, jacobians, strict=True)
        )
        np.testing.assert_allclose(tx, expected, atol=1e-8)


def test_hessian_blocks_of_several_leaves():
    xs = (np.array([1.0, 2.0]), np.array(3.0))
    _, _, hessians, _ = Numdifftools().value_gradient_and_hessian(Flat(lambda a, b: np.sum(a**2) * b), xs, ())
    np.testing.assert_allclose(hessians[0][0], 6 * np.eye(2), atol=1e-9)
    np.testing.assert_allclose(hessians[0][1], [2, 4], atol=1e-9)
    np.testing.assert_allclose(hessians[1][0], [2, 4], atol=1e-9)
    np.testing.assert_allclose(hessians[1][1], 0, atol=1e-9)


# ---- shapes and dtypes


def test_an_x_or_y_without_entries_has_derivatives_without_entries():
    engine, x = Numdifftools(), np.zeros((0, 2))
    f, g = Flat(lambda x: np.sum(x)), Flat(lambda x: np.stack([np.sum(x)] * 3))
    assert engine.value_and_gradient(f, (x,), ())[1][0].shape == (0, 2)
    assert engine.value_gradient_and_hessian(f, (x,), ())[2][0][0].shape == (0, 2, 0, 2)
    assert engine.value_gradient_and_hvp(f, (x,), (np.zeros((3, 0, 2)),), ())[2][0].shape == (3, 0, 2)
    assert engine.value_and_jacobian(g, (x,), ())[1][0][0].shape == (3, 0, 2)
    assert engine.value_and_pullback(g, (x,), (np.ones((2, 3)),), ())[1][0].shape == (2, 0, 2)
    np.testing.assert_array_equal(engine.value_and_pushforward(g, (x,), (np.zeros((2, 0, 2)),), ())[1][0], 0)
    assert engine.error_estimate("gradient", f, (x,), None, ())[0].shape == (0, 2)
    empty = Flat(lambda x: x[:0])
    assert engine.value_and_jacobian(empty, (np.ones(2),), ())[1][0][0].shape == (0, 2)
    assert engine.value_and_pushforward(empty, (np.ones(2),), (np.ones((3, 2)),), ())[1][0].shape == (3, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_computes_in_double_precision_and_returns_the_precision_of_x(dtype: type):
    x = np.array([0.5, 1.5], dtype)
    f = Flat(lambda x: np.sum(np.exp(x)))
    y, (gradient,), ((hessian,),), _ = Numdifftools().value_gradient_and_hessian(f, (x,), ())
    assert y.dtype == gradient.dtype == hessian.dtype == dtype
    exact = np.exp(x.astype(np.float64))
    epsilon = max(float(np.finfo(dtype).eps), 1e-10)
    np.testing.assert_allclose(gradient, exact, rtol=epsilon)
    np.testing.assert_allclose(hessian, np.diag(exact), atol=10 * epsilon)
    assert np.all(np.abs(gradient - exact) <= Numdifftools().error_estimate("gradient", f, (x,), None, ())[0])


def test_f_may_write_into_its_x_and_reuse_its_output():
    buffer = np.zeros(3)

    def f(x: np.ndarray) -> np.ndarray:
        x *= 2
        buffer[:] = x**2
        return buffer

    x = np.array([1.0, 2.0, 3.0])
    (y,), ((jacobian,),), _ = Numdifftools().value_and_jacobian(Flat(f), (x,), ())
    np.testing.assert_array_equal(x, [1, 2, 3])
    np.testing.assert_array_equal(y, [4, 16, 36])
    np.testing.assert_allclose(jacobian, np.diag(8 * x), atol=1e-10)


def test_integer_outputs_and_contexts():
    marker = {"a": [1]}

    def f(x: np.ndarray, context: Any) -> Any:
        assert context is marker
        return np.array([3, 4]) + np.int64(x[0] > 100)

    (y,), ((jacobian,),), aux = Numdifftools().value_and_jacobian(Flat(f), (np.ones(2),), (marker,))
    assert y.dtype == np.float64
    assert aux == 1
    np.testing.assert_array_equal(jacobian, 0)


def test_forward_never_looks_left_of_x():
    x = np.array([1.0, -2.0, 0.0])

    def f(z: Any) -> Any:
        assert np.all(z >= x)
        return np.sum(np.exp(z))

    engine = Numdifftools(method="forward")
    _, (gradient,), ((hessian,),), _ = engine.value_gradient_and_hessian(Flat(f), (x,), ())
    np.testing.assert_allclose(gradient, np.exp(x), rtol=1e-6)
    np.testing.assert_allclose(hessian, np.diag(np.exp(x)), atol=1e-5)


@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_leaving_the_domain_at_every_step_gives_nan_and_an_infinite_bound():
    f, x = Flat(lambda x: np.sum(np.sqrt(x))), np.array([0.0, 1.0])
    _, (gradient,), _ = Numdifftools().value_and_gradient(f, (x,), ())
    assert np.isnan(gradient[0])
    assert gradient[1] == pytest.approx(0.5)
    assert Numdifftools().error_estimate("gradient", f, (x,), None, ())[0][0] == np.inf


# ---- complex numbers


def test_the_gradient_by_a_complex_x_is_the_direction_of_steepest_ascent():
    z = np.array([1 + 2j, -0.5j])
    _, (gradient,), _ = Numdifftools().value_and_gradient(Flat(lambda z: np.sum(np.abs(z) ** 2)), (z,), ())
    np.testing.assert_allclose(gradient, 2 * z, atol=1e-10)


def test_jacobian_pushforward_and_pullback_of_a_holomorphic_function():
    engine, z = Numdifftools(), np.array([1 + 2j, -0.5j])
    f = Flat(lambda z: np.stack([z[0] ** 2 * z[1], np.exp(z[1])]))
    exact = np.array([[2 * z[0] * z[1], z[0] ** 2], [0, np.exp(z[1])]])
    _, ((jacobian,),), _ = engine.value_and_jacobian(f, (z,), ())
    np.testing.assert_allclose(jacobian, exact, atol=1e-9)
    t = np.array([[1j, 2 - 1j], [0, 1]])
    np.testing.assert_allclose(engine.value_and_pushforward(f, (z,), (t,), ())[1][0], t @ exact.T, atol=1e-9)
    np.testing.assert_allclose(engine.value_and_pullback(f, (z,), (t,), ())[1][0], t @ exact.conj(), atol=1e-9)


def test_the_complex_method_refuses_what_it_cannot_see():
    engine = Numdifftools(method="complex")
    with pytest.raises(UnsupportedOperationError, match="real functions of real numbers"):
        engine.value_and_gradient(Flat(lambda z: np.sum(np.abs(z))), (np.ones(2, complex),), ())
    with pytest.raises(UnsupportedOperationError, match="gave a real number for a complex x"):
        engine.value_and_gradient(Flat(lambda x: np.sum(np.abs(x))), (np.ones(2),), ())


# ---- options


def test_options_compare_hash_print_and_pickle():
    engine = Numdifftools(method="forward", order=3)
    assert engine == Numdifftools(method="forward", order=3) != Numdifftools()
    assert hash(engine) == hash(Numdifftools(method="forward", order=3))
    assert repr(engine) == "backend('numdifftools', method='forward', order=3)"
    assert pickle.loads(pickle.dumps(engine)) == engine


@pytest.mark.parametrize("options", [{"method": "best"}, {"method": "multicomplex"}, {"order": 0}, {"order": 3}])
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(options))):
        Numdifftools(**options)


def test_what_the_engine_can_do_is_all_native():
    assert set(Numdifftools().capabilities().operators.values()) == {"native"}


# ---- error estimates


@pytest.mark.parametrize("engine", ENGINES, ids=repr)
@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
def test_errors_stay_within_their_bounds_and_a_wrong_entry_does_not(problem: Problem, engine: Numdifftools):
    f, x = Flat(problem.f), problem.x
    tangents, cotangent = np.array([np.linspace(1, 2, x.size)]), np.array([-2.0])
    gradient, hessian = problem.gradient(x), problem.hessian(x)
    found = {
        "gradient": engine.value_and_gradient(f, (x,), ())[1],
        "hessian": engine.value_gradient_and_hessian(f, (x,), ())[2],
        "hvp": engine.value_gradient_and_hvp(f, (x,), (tangents,), ())[2],
        "pushforward": engine.value_and_pushforward(f, (x,), (tangents,), ())[1],
        "pullback": engine.value_and_pullback(f, (x,), (cotangent,), ())[1],
    }
    exact = {
        "gradient": gradient,
        "hessian": hessian,
        "hvp": tangents @ hessian,
        "pushforward": tangents @ gradient,
        "pullback": -2 * gradient[None],
    }
    seeds = {"hvp": (tangents,), "pushforward": (tangents,), "pullback": (cotangent,)}
    for operator, result in found.items():
        (bound,) = leaves(engine.error_estimate(operator, f, (x,), seeds.get(operator), ()))
        (result,) = leaves(result)
        assert bound.shape == result.shape
        assert np.all(np.abs(result - exact[operator]) <= bound), operator
        assert np.all(bound <= 5e-3 * max(1.0, float(np.max(np.abs(exact[operator]))))), operator


def test_estimates_of_derivatives_by_a_number():
    f, x = Flat(lambda t: np.stack([np.sin(t), np.exp(t)])), np.array(0.7)
    (first,) = Numdifftools().error_estimate("derivative", f, (x,), None, ())
    (second,) = Numdifftools().error_estimate("second_derivative", f, (x,), None, ())
    ((jacobian,),) = Numdifftools().error_estimate("jacobian", f, (x,), None, ())
    assert first.shape == second.shape == jacobian.shape == (2,)
    assert np.all((first > 0) & (first < 1e-10))
    assert np.all((second > 0) & (second < 1e-8))
