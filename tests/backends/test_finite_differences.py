"""The finite-difference engine on flat functions: values, steps, shapes, dtypes, complex numbers."""

from __future__ import annotations

import pickle
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from diffiface_finite_differences.adapter import FiniteDifferences

import diffiface as di
from diffiface.errors import InputError, OutputError, UnsupportedOperationError
from tests.backends.numeric_checks import METHODS, PROBLEMS, TOLERANCES, Flat, Problem, leaves, scale_of

# ---- values


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
def test_gradient_hessian_and_hvp_are_those_derived_by_hand(problem: Problem, method: str):
    engine, f, x = FiniteDifferences(method=method), Flat(problem.f), problem.x
    first, second = TOLERANCES[method]
    value = problem.f(x)
    gradient, hessian = problem.gradient(x), problem.hessian(x)
    # In units of x's own size, as the steps are: a large x has small derivatives.
    unit = np.maximum(np.abs(x), 1)
    size = max(abs(value), scale_of(gradient * unit))

    y, (found,), _ = engine.value_and_gradient(f, (x,), ())
    assert y == value
    np.testing.assert_allclose(found * unit, gradient * unit, rtol=0, atol=first * size)

    _, _, ((found,),), _ = engine.value_gradient_and_hessian(f, (x,), ())
    units = np.outer(unit, unit)
    size = max(size, scale_of(hessian * units))
    np.testing.assert_allclose(found * units, hessian * units, rtol=0, atol=second * size)
    np.testing.assert_array_equal(found, found.T)

    tangents = np.array([unit, np.linspace(-1, 1, x.size) * unit])
    _, _, (found,), _ = engine.value_gradient_and_hvp(f, (x,), (tangents,), ())
    np.testing.assert_allclose(found * unit, tangents @ hessian * unit, rtol=0, atol=5 * second * size)


@pytest.mark.parametrize("method", METHODS)
def test_derivatives_by_a_number_keep_the_shape_of_y(method: str):
    def f(t: Any) -> Any:
        return np.array([[np.sin(t), np.exp(t), t]])

    engine, x = FiniteDifferences(method=method), np.array(0.7)
    first, second = TOLERANCES[method]
    (y,), (dy,), (ddy,), _ = engine.value_derivative_and_second_derivative(Flat(f), (x,), ())
    np.testing.assert_array_equal(y, f(0.7))
    np.testing.assert_allclose(dy, [[np.cos(0.7), np.exp(0.7), 1]], atol=3 * first)
    np.testing.assert_allclose(ddy, [[-np.sin(0.7), np.exp(0.7), 0]], atol=3 * second)
    np.testing.assert_array_equal(engine.value_and_derivative(Flat(f), (x,), ())[1][0], dy)


@pytest.mark.parametrize("method", METHODS)
def test_pushforward_pullback_and_jacobian_of_several_leaves_agree(method: str):
    def f(a: Any, b: Any, c: Any) -> Any:
        return np.outer(a, b) * c, np.sum(a * a) + c

    engine, rng = FiniteDifferences(method=method), np.random.default_rng(0)
    xs = (rng.normal(size=3), rng.normal(size=(2, 1)), np.array(1.5))
    tangents = tuple(rng.normal(size=(4, *x.shape)) for x in xs)
    a, b, c = xs
    ys, jacobians, _ = engine.value_and_jacobian(Flat(f), xs, ())
    assert [[block.shape for block in row] for row in jacobians] == [[y.shape + x.shape for x in xs] for y in ys]
    tolerance = 10 * TOLERANCES[method][0]
    np.testing.assert_allclose(jacobians[0][2], np.outer(a, b), atol=tolerance)
    np.testing.assert_allclose(jacobians[0][0], np.einsum("ik,j->ijk", np.eye(3), b[:, 0]) * c, atol=tolerance)
    np.testing.assert_allclose(jacobians[1][0], 2 * a, atol=tolerance)

    _, tys, _ = engine.value_and_pushforward(Flat(f), xs, tangents, ())
    for ty, row in zip(tys, jacobians, strict=True):
        expected = sum(
            np.tensordot(t.reshape(4, -1), block.reshape(*ty.shape[1:], -1), axes=(1, -1))
            for t, block in zip(tangents, row, strict=True)
        )
        np.testing.assert_allclose(ty, expected, atol=tolerance)

    cotangents = tuple(rng.normal(size=(2, *y.shape)) for y in ys)
    _, txs, _ = engine.value_and_pullback(Flat(f), xs, cotangents, ())
    _, again, _ = engine.value_and_pullback(Flat(f), xs, lambda outputs: cotangents, ())
    for j, tx in enumerate(txs):
        expected = sum(
            np.tensordot(c, row[j], axes=(range(1, c.ndim), range(c.ndim - 1)))
            for c, row in zip(cotangents, jacobians, strict=True)
        )
        np.testing.assert_allclose(tx, expected, atol=tolerance)
        np.testing.assert_array_equal(tx, again[j])


def test_hessian_blocks_of_several_leaves():
    def f(a: Any, b: Any) -> Any:
        return np.sum(a**2) * b

    xs = (np.array([1.0, 2.0]), np.array(3.0))
    _, _, hessians, _ = FiniteDifferences().value_gradient_and_hessian(Flat(f), xs, ())
    np.testing.assert_allclose(hessians[0][0], 6 * np.eye(2), atol=1e-6)
    np.testing.assert_allclose(hessians[0][1], [2, 4], atol=1e-6)
    np.testing.assert_allclose(hessians[1][0], [2, 4], atol=1e-6)
    np.testing.assert_allclose(hessians[1][1], 0, atol=1e-6)


def test_tangents_of_any_length_give_proportional_results():
    x, t = np.array([0.3, -2.0, 1e4]), np.array([1.0, -0.5, 100.0])

    def f(x: Any) -> Any:
        return np.sin(x[0]) * x[1] + np.log(x[2]) ** 2

    engine, lengths = FiniteDifferences(), np.array([[1.0], [1e-9], [1e9], [0.0]])
    _, (ty,), _ = engine.value_and_pushforward(Flat(f), (x,), (lengths * t,), ())
    np.testing.assert_allclose(ty, lengths[:, 0] * ty[0], rtol=1e-8)
    _, _, (products,), _ = engine.value_gradient_and_hvp(Flat(f), (x,), (lengths * t,), ())
    np.testing.assert_allclose(products, lengths * products[0], rtol=1e-8, atol=1e-12)


# ---- where f is evaluated, and how often


def test_forward_never_looks_left_of_x():
    x = np.array([1.0, -2.0, 0.0])

    def f(z: Any) -> Any:
        assert np.all(z >= x)
        return np.sum(np.exp(z))

    engine = FiniteDifferences(method="forward")
    _, (gradient,), ((hessian,),), _ = engine.value_gradient_and_hessian(Flat(f), (x,), ())
    np.testing.assert_allclose(gradient, np.exp(x), rtol=1e-6)
    np.testing.assert_allclose(hessian, np.diag(np.exp(x)), atol=1e-3)
    _, (root,), _ = engine.value_and_gradient(Flat(lambda z: np.sum(z**1.5)), (np.zeros(2),), ())
    np.testing.assert_allclose(root, 0, atol=2e-4)


@pytest.mark.parametrize(("method", "count"), [("central", 1 + 2 * 5), ("forward", 1 + 5), ("complex_step", 1 + 5)])
def test_the_value_of_f_is_computed_once_and_reused(method: str, count: int):
    f = Flat(lambda x: np.sum(x**2))
    FiniteDifferences(method=method).value_and_gradient(f, (np.ones(5),), ())
    assert f.calls == count


def test_a_given_step_is_used():
    seen = []
    f = Flat(lambda x: seen.append(x.copy()) or np.sum(x))
    x = np.array([4.0, 0.0])
    FiniteDifferences(method="forward", relative_step=0.25).value_and_gradient(f, (x,), ())
    np.testing.assert_array_equal(seen, [[4, 0], [5, 0], [4, 0.25]])
    seen.clear()
    FiniteDifferences(method="forward", relative_step=0.25, absolute_step=0.125).value_and_gradient(f, (x,), ())
    np.testing.assert_array_equal(seen, [[4, 0], [5, 0], [4, 0.125]])


def test_a_small_absolute_step_suits_functions_of_tiny_numbers():
    x = np.array([1e-8])
    with np.errstate(all="raise"):
        _, (missed,), _ = FiniteDifferences().value_and_gradient(Flat(lambda x: np.sum(np.log(x))), (x,), ())
    assert np.isnan(missed).all()
    engine = FiniteDifferences(absolute_step=1e-14)
    _, (gradient,), _ = engine.value_and_gradient(Flat(lambda x: np.sum(np.log(x))), (x,), ())
    np.testing.assert_allclose(gradient, 1e8, rtol=1e-7)


def test_a_step_that_cannot_move_x_is_refused():
    with pytest.raises(InputError, match="too small to move x"):
        FiniteDifferences(relative_step=1e-20).value_and_gradient(Flat(np.sum), (np.ones(2),), ())


def test_f_may_write_into_its_x_and_reuse_its_output():
    buffer = np.zeros(3)

    def f(x: np.ndarray) -> np.ndarray:
        x *= 2
        buffer[:] = x**2
        return buffer

    x = np.array([1.0, 2.0, 3.0])
    (y,), ((jacobian,),), _ = FiniteDifferences().value_and_jacobian(Flat(f), (x,), ())
    np.testing.assert_array_equal(x, [1, 2, 3])
    np.testing.assert_array_equal(y, [4, 16, 36])
    np.testing.assert_allclose(jacobian, np.diag(8 * x), atol=1e-7)


def test_contexts_are_passed_unchanged_and_aux_is_that_of_the_value():
    marker = {"a": [1]}

    def f(x: np.ndarray, context: Any) -> Any:
        assert context is marker
        return np.sum(x)

    assert FiniteDifferences().value_and_gradient(Flat(f), (np.ones(2),), (marker,))[-1] == 1


# ---- shapes and dtypes


@pytest.mark.parametrize("method", METHODS)
def test_an_x_without_entries_has_derivatives_without_entries(method: str):
    engine, x = FiniteDifferences(method=method), np.zeros((0, 2))
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


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_differences_are_taken_in_double_precision_and_returned_in_the_precision_of_x(dtype: type):
    x = np.array([0.5, 1.5, 2.0], dtype)
    y, (gradient,), ((hessian,),), _ = FiniteDifferences().value_gradient_and_hessian(
        Flat(lambda x: np.sum(np.exp(x))), (x,), ()
    )
    assert y.dtype == gradient.dtype == hessian.dtype == dtype
    exact = np.exp(x.astype(np.float64))
    epsilon = max(float(np.finfo(dtype).eps), 1e-8)
    np.testing.assert_allclose(gradient, exact, rtol=epsilon)
    np.testing.assert_allclose(hessian, np.diag(exact), atol=max(10 * epsilon, 1e-6))


def test_steps_suit_a_function_that_computes_in_single_precision_itself():
    x = np.array([0.5, 1.5])
    f = Flat(lambda x: np.sum(np.exp(x.astype(np.float32))))
    _, (gradient,), _ = FiniteDifferences().value_and_gradient(f, (x,), ())
    np.testing.assert_allclose(gradient, np.exp(x), rtol=1e-3)
    (bound,) = FiniteDifferences().error_estimate("gradient", f, (x,), None, ())
    assert np.all(np.abs(gradient - np.exp(x)) <= bound)
    assert np.all(bound < 0.1)


def test_integer_outputs_become_floats():
    (y,), ((jacobian,),), _ = FiniteDifferences().value_and_jacobian(
        Flat(lambda x: np.array([3, 4]) + np.int64(x[0] > 0)), (np.ones(2),), ()
    )
    assert y.dtype == jacobian.dtype == np.float64
    np.testing.assert_array_equal(jacobian, 0)


def test_leaving_the_domain_gives_nan_and_an_infinite_bound():
    x = np.array([0.0, 1.0])
    f = Flat(lambda x: np.sum(np.sqrt(x)))
    _, (gradient,), _ = FiniteDifferences().value_and_gradient(f, (x,), ())
    assert np.isnan(gradient[0])
    assert gradient[1] == pytest.approx(0.5)
    (bound,) = FiniteDifferences().error_estimate("gradient", f, (x,), None, ())
    assert bound[0] == np.inf
    assert bound[1] < 1e-8


def test_entries_that_are_not_finite_spoil_no_others():
    x = np.array([np.nan, 1.0, np.inf])
    _, ((jacobian,),), _ = FiniteDifferences().value_and_jacobian(Flat(lambda x: x[1:2] ** 2), (x,), ())
    assert jacobian[0, 1] == pytest.approx(2)


# ---- complex numbers


def test_the_gradient_by_a_complex_x_is_the_direction_of_steepest_ascent():
    z = np.array([1 + 2j, -0.5j])
    _, (gradient,), _ = FiniteDifferences().value_and_gradient(Flat(lambda z: np.sum(np.abs(z) ** 2)), (z,), ())
    assert gradient.dtype == np.complex128
    np.testing.assert_allclose(gradient, 2 * z, atol=1e-8)


def test_jacobian_pushforward_and_pullback_of_a_holomorphic_function():
    engine, z = FiniteDifferences(), np.array([1 + 2j, -0.5j])
    f = Flat(lambda z: np.stack([z[0] ** 2 * z[1], np.exp(z[1])]))
    exact = np.array([[2 * z[0] * z[1], z[0] ** 2], [0, np.exp(z[1])]])
    _, ((jacobian,),), _ = engine.value_and_jacobian(f, (z,), ())
    np.testing.assert_allclose(jacobian, exact, atol=1e-7)
    t = np.array([[1j, 2 - 1j], [0, 1]])
    np.testing.assert_allclose(engine.value_and_pushforward(f, (z,), (t,), ())[1][0], t @ exact.T, atol=1e-7)
    np.testing.assert_allclose(engine.value_and_pullback(f, (z,), (t,), ())[1][0], t @ exact.conj(), atol=1e-7)


def test_complex_outputs_of_a_real_x_and_real_outputs_of_a_complex_one():
    engine, x = FiniteDifferences(), np.array([0.3, 0.7])
    _, ((jacobian,),), _ = engine.value_and_jacobian(Flat(lambda x: np.exp(1j * x)), (x,), ())
    np.testing.assert_allclose(jacobian, np.diag(1j * np.exp(1j * x)), atol=1e-8)
    z = np.array(1 + 2j)
    _, ((jacobian,),), _ = engine.value_and_jacobian(Flat(lambda z: np.stack([z.real, z.imag])), (z,), ())
    np.testing.assert_allclose(jacobian, [1, -1j], atol=1e-8)
    bounds = engine.error_estimate("jacobian", Flat(lambda z: np.stack([z.real, z.imag])), (z,), None, ())
    assert bounds[0][0].dtype == np.float64


def test_a_complex_step_refuses_what_it_cannot_see():
    engine = FiniteDifferences(method="complex_step")
    with pytest.raises(UnsupportedOperationError, match="real functions of real numbers"):
        engine.value_and_gradient(Flat(lambda z: np.sum(np.abs(z))), (np.ones(2, complex),), ())
    with pytest.raises(UnsupportedOperationError, match="real functions of real numbers"):
        engine.value_and_jacobian(Flat(lambda x: x * 1j), (np.ones(2),), ())
    with pytest.raises(UnsupportedOperationError, match="gave a real number for a complex x"):
        engine.value_and_gradient(Flat(lambda x: np.sum(np.abs(x))), (np.ones(2),), ())
    _, (gradient,), _ = engine.value_and_gradient(Flat(lambda x: np.float64(2.0)), (np.ones(2),), ())
    np.testing.assert_array_equal(gradient, 0)


def test_a_complex_step_passes_the_front_end_with_buffers_and_scratch_memory():
    def fills(y: np.ndarray, x: np.ndarray) -> None:
        y[:] = x**2

    def uses_scratch(x: np.ndarray, scratch: np.ndarray) -> Any:
        scratch[:] = x**3
        return np.sum(scratch)

    engine, x = di.backend("finite_differences", method="complex_step"), np.array([1.0, 2.0])
    np.testing.assert_allclose(di.gradient(lambda x: np.sum(np.exp(x)), engine, x), np.exp(x), rtol=1e-14)
    np.testing.assert_allclose(di.jacobian(fills, engine, x, y=np.zeros(2)), np.diag(2 * x), rtol=1e-14)
    np.testing.assert_allclose(di.gradient(uses_scratch, engine, x, di.Cache(np.zeros(2))), 3 * x**2, rtol=1e-14)
    with pytest.raises(OutputError, match="returned a complex number"):
        di.gradient(lambda x: np.sum(x) * 1j, engine, x)


# ---- outputs that cannot be used


def test_an_output_that_changes_its_shape_or_kind_is_refused():
    def ragged(x: np.ndarray) -> np.ndarray:
        return x if x[0] <= 1 else x[:1]

    with pytest.raises(OutputError, match="close by"):
        FiniteDifferences().value_and_jacobian(Flat(ragged), (np.ones(2),), ())
    with pytest.raises(OutputError, match="complex at a point close by"):
        FiniteDifferences().value_and_jacobian(Flat(lambda x: x if x[0] <= 1 else x * 1j), (np.ones(2),), ())


def test_values_of_another_derivative_are_refused():
    class Traced:
        pass

    def closes_over_a_traced_value(p: Any, xs: Any, contexts: Any) -> Any:
        return (Traced(),), None

    with pytest.raises(UnsupportedOperationError, match="another engine is differentiating"):
        FiniteDifferences().value_and_gradient(closes_over_a_traced_value, (np.ones(2),), ())


# ---- executors


def cubes(x: np.ndarray) -> Any:
    return np.sum(x**3)


@pytest.mark.parametrize("chunk_size", [None, 1, 3])
@pytest.mark.parametrize("method", METHODS)
def test_threads_give_the_same_numbers(method: str, chunk_size: int | None):
    x = np.linspace(-1, 2, 5)
    serial = FiniteDifferences(method=method)
    with ThreadPoolExecutor(2) as pool:
        parallel = FiniteDifferences(method=method, executor=pool, chunk_size=chunk_size)
        for one, other in zip(
            leaves(serial.value_gradient_and_hessian(Flat(cubes), (x,), ())[:3]),
            leaves(parallel.value_gradient_and_hessian(Flat(cubes), (x,), ())[:3]),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


class PicklingExecutor(Executor):
    """What a process pool does to its tasks, without the processes."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        fn, args = pickle.loads(pickle.dumps((fn, args)))
        future: Future[Any] = Future()
        future.set_result(pickle.loads(pickle.dumps(fn(*args, **kwargs))))
        return future


def test_tasks_can_be_sent_to_other_processes():
    x = np.linspace(-1, 2, 5)
    engine = FiniteDifferences(executor=PicklingExecutor())
    _, (gradient,), _ = engine.value_and_gradient(Flat(cubes), (x,), ())
    np.testing.assert_array_equal(gradient, FiniteDifferences().value_and_gradient(Flat(cubes), (x,), ())[1][0])


# ---- options


def test_options_compare_hash_print_and_pickle():
    with ThreadPoolExecutor(1) as pool:
        engine = FiniteDifferences(method="forward", relative_step=1e-4, executor=pool)
        plain = FiniteDifferences(method="forward", relative_step=1e-4)
        assert engine == plain
        assert hash(engine) == hash(plain)
        assert repr(engine) == "backend('finite_differences', method='forward', relative_step=0.0001)"
        assert pickle.loads(pickle.dumps(engine)) == engine


@pytest.mark.parametrize(
    "options",
    [{"method": "best"}, {"relative_step": 0}, {"absolute_step": -1.0}, {"relative_step": "1"}, {"executor": 4}],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(options))):
        FiniteDifferences(**options)


def test_what_the_engine_can_do_is_all_native():
    assert set(FiniteDifferences().capabilities().operators.values()) == {"native"}
