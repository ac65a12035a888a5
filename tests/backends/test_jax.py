"""JAX: the shared checks, and what is JAX's own: jit, 64 bits, its arrays, its tracers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import diffiface_jax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from diffiface_jax.adapter import JAX
from diffiface_jax.arrays import FAMILY
from diffiface_jax.primitives import JAXPrimitives

import diffiface as di
from diffiface.adapter import NUMPY
from tests.backends import engine_checks, primitive_checks

X = np.array([0.3, -1.2, 2.0])

# JAX compiles anew for every shape and order, minutes in all: by day the first order, of the first sample of each. (In
# second order by day: our own functions in test_own_special, and the operators on whole models in tests/engines.)
FIRST_SAMPLES = [name for name, number in primitive_checks.SAMPLES if number == 0]


@pytest.mark.parametrize("name", FIRST_SAMPLES)
def test_primitive(name):
    primitive_checks.check(JAX(), name, 0, thorough=False)


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "number"), primitive_checks.SAMPLES)
def test_every_sample_of_a_primitive(name, number):
    primitive_checks.check(JAX(), name, number)


def test_no_primitive_is_missing():
    assert primitive_checks.missing(JAXPrimitives(NUMPY)) == set()


@pytest.mark.parametrize("check", engine_checks.ALL, ids=lambda check: check.__name__)
def test_contract(check):
    check(JAX())


class Counted:
    """A flat function that counts how often it is run (under jit: traced)."""

    def __init__(self):
        self.runs = 0

    def __call__(self, p, xs, contexts):
        self.runs += 1
        scale, power = contexts
        return (engine_checks.total(p, p.multiply(p.power(xs[0], power), scale)),), None


def test_a_prepared_function_is_traced_once():
    f = Counted()
    run = JAX().prepare("gradient", f, (X,), (1.0, 2))
    for scale in (1.0, 2.0, 3.0):
        engine_checks.same(run((scale * X,), (scale, 2))[1][0], 2 * scale**2 * X)
    assert f.runs == 1


def test_an_integer_constant_is_static():
    f = Counted()
    run = JAX().prepare("gradient", f, (X,), (1.0, 2))
    for power in (2, 3, 2, 3):
        engine_checks.same(run((X,), (1.0, power))[1][0], power * X ** (power - 1))
    assert f.runs == 2


def test_equal_constants_of_different_types_are_told_apart():
    def f(p, xs, contexts):
        return (p.multiply(xs[0], 2.0 if contexts[0] is True else 1.0),), None

    run = JAX().prepare("gradient", f, (np.array(1.0),), (1,))
    assert run((np.array(1.0),), (1,))[1][0] == 1
    assert run((np.array(1.0),), (True,))[1][0] == 2


def test_unhashable_constants_are_known_by_identity():
    class Box:
        __hash__ = None

        def __init__(self, factor):
            self.factor = factor

    def f(p, xs, contexts):
        return (p.multiply(xs[0], contexts[0].factor),), None

    two, three = Box(2.0), Box(3.0)
    run = JAX().prepare("gradient", f, (np.array(1.0),), (two,))
    assert [float(run((np.array(1.0),), (box,))[1][0]) for box in (two, three, two)] == [2, 3, 2]


def test_a_function_that_branches_runs_when_not_jitted():
    def f(x):
        return np.sum(x**2) if x[0] > 0 else np.sum(x)

    prep = di.prepare_gradient(f, di.backend("jax", jit=False), X)
    np.testing.assert_allclose(prep.gradient(X), 2 * X)
    np.testing.assert_allclose(prep.gradient(-X), np.ones(3))


def test_the_global_precision_flag_is_left_alone():
    before = jax.config.jax_enable_x64
    assert di.gradient(lambda x: np.sum(x**2), "jax", X).dtype == np.float64
    assert jax.config.jax_enable_x64 == before
    assert jnp.ones(1).dtype == (np.float64 if before else np.float32)


def test_an_error_in_f_leaves_the_precision_alone():
    before = jax.config.jax_enable_x64
    with pytest.raises(ZeroDivisionError):
        di.gradient(lambda x: 1 / 0, "jax", X)
    assert jax.config.jax_enable_x64 == before


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("f", [lambda x: jnp.sum(x**3), lambda x: np.sum(x**3)], ids=["native", "numpy"])
def test_jax_arrays_stay_jax_arrays_of_their_dtype(f, prepared):
    x = jnp.array([1.0, 2.0, 3.0], dtype=np.float32)
    for operator, expected in (("gradient", 3 * X**0 * np.array([1.0, 4, 9])), ("hessian", np.diag([6.0, 12, 18]))):
        call = getattr(getattr(di, f"prepare_{operator}")(f, "jax", x), operator) if prepared else None
        result = call(x) if call else getattr(di, operator)(f, "jax", x)
        assert isinstance(result, jax.Array) and result.dtype == np.float32
        np.testing.assert_allclose(np.asarray(result), expected, rtol=1e-6)


def test_double_constants_do_not_widen_the_results_of_single_arrays():
    x = jnp.array([1.0, 2.0, 3.0], dtype=np.float32)
    value, gradient = di.value_and_gradient(lambda x, c: np.sum(x * c), "jax", x, X)
    assert value.dtype == gradient.dtype == np.float32
    jacobian = di.jacobian(lambda x, c: x * c, "jax", x, X)
    assert jacobian.dtype == np.float32


def test_a_python_float_does_not_widen_single_precision_under_jit():
    x = X.astype(np.float32)
    f = lambda x, c: np.sum(np.where(x > 0, c * x, c) + c)
    for value, gradient in (
        di.value_and_gradient(f, "jax", x, 2.0),
        di.prepare_gradient(f, "jax", x, 2.0).value_and_gradient(x, 2.0),
    ):
        assert value.dtype == gradient.dtype == np.float32


def test_double_jax_arrays_stay_double():
    with jax.enable_x64(True):
        x = jnp.asarray(X)
    gradient = di.gradient(lambda x: jnp.sum(x**3), "jax", x)
    assert gradient.dtype == np.float64
    np.testing.assert_allclose(np.asarray(gradient), 3 * X**2, rtol=1e-15)


def test_numpy_and_jax_leaves_keep_their_families():
    x = {"a": X, "b": jnp.array([1.0, 2.0], dtype=np.float32)}
    gradient = di.gradient(lambda x: np.sum(x["a"] ** 2) + np.sum(x["b"] ** 2), "jax", x)
    assert type(gradient["a"]) is np.ndarray and gradient["a"].dtype == np.float64
    assert isinstance(gradient["b"], jax.Array) and gradient["b"].dtype == np.float32


def test_native_functions_take_numpy():
    def f(x, w, index):
        return jnp.sum(w[index] * jnp.sin(x))

    w, index = np.array([1.0, 2.0, 3.0]), np.array([2, 0, 1])
    expected = w[index] * np.cos(X)
    np.testing.assert_allclose(di.gradient(f, "jax", X, w, index), expected)
    np.testing.assert_allclose(di.prepare_gradient(f, "jax", X, w, index).gradient(X, w, index), expected)


@pytest.mark.parametrize("f", [lambda x: jnp.sum(x**3), lambda x: np.sum(x**3)], ids=["native", "numpy"])
def test_operators_work_inside_the_users_own_transformations(f):
    x = jnp.array([1.0, 2.0], dtype=np.float32)
    gradient = lambda x: di.gradient(f, "jax", x)
    np.testing.assert_allclose(jax.jit(gradient)(x), 3 * np.asarray(x) ** 2, rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(gradient)(jnp.stack([x, 2 * x]))[1], 12 * np.asarray(x) ** 2, rtol=1e-6)
    np.testing.assert_allclose(jax.jacobian(gradient)(x), np.diag(6 * np.asarray(x)), rtol=1e-6)


def test_jax_inside_jax():
    def inner(y, x):
        return np.sum(x * y**3)

    def outer(x):
        return np.sum(di.gradient(inner, "jax", x, x) ** 2)

    # The gradient of x · y³ by y at y = x is 3 x³; of the sum of its squares, 54 x⁵.
    np.testing.assert_allclose(di.gradient(outer, "jax", X), 54 * X**5)


def test_arrays_in_aux_pass_through_jit():
    def f(x):
        return np.sum(x**2), {"double": 2 * x, "label": "text"}

    prep = di.prepare_gradient(f, "jax", X, has_aux=True)
    for x in (X, 2 * X):
        (_, aux), gradient = prep.value_and_gradient(x)
        np.testing.assert_allclose(aux["double"], 2 * x)
        assert type(aux["double"]) is np.ndarray and aux["label"] == "text"
        np.testing.assert_allclose(gradient, 2 * x)


def test_jax_results_do_not_read_a_constant_the_caller_changes_afterwards():
    # JAX returns before it has computed: the constant must be large enough for the change to come first.
    x, A = FAMILY.from_numpy(np.ones(800)), np.full((800, 800), 1.0 / 800)
    prep = di.prepare_gradient(lambda x, A: np.sum(np.tanh(A @ (A @ (A @ A)) @ x)), "jax", x, A)
    expected = np.array(prep.gradient(x, A))
    constant = A.copy()
    found = prep.gradient(x, constant)
    constant[:] = 0.0
    np.testing.assert_array_equal(found, expected)


def test_a_constant_too_many_is_not_dropped_without_the_check():
    prep = di.prepare_gradient(lambda x, a: np.sum(a * x), "jax", X, 2.0, strict=False)
    with pytest.raises(di.InputError, match="cannot be called with 3 arguments"):
        prep.gradient(X, 2.0, 3.0)


def test_two_threads_may_differ_in_precision():
    def run(dtype):
        x = X.astype(dtype)
        return [di.gradient(lambda x: np.sum(x**2), "jax", x).dtype for _ in range(5)]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, [np.float32, np.float64])) == [[np.float32] * 5, [np.float64] * 5]


def test_the_family():
    x = FAMILY.from_numpy(X)
    assert FAMILY.owns(x) and not FAMILY.owns(X) and not FAMILY.is_traced(x)
    assert FAMILY.dtype(x) == np.float64 and FAMILY.shape(x) == (3,)
    back = FAMILY.to_numpy(x)
    assert back.flags.writeable
    np.testing.assert_array_equal(back, X)
    assert FAMILY.stack([x, x]).shape == (2, 3) and FAMILY.stack([x, x]).dtype == np.float64
    assert diffiface_jax.REQUIRES == ("jax",)


def test_backends_print_compare_and_hash():
    assert repr(di.backend("jax", jit=False)) == "backend('jax', jit=False)"
    assert JAX() == JAX(jit=True) != JAX(jit=False) and len({JAX(), JAX(), JAX(jit=False)}) == 2


def test_what_f_refers_to_may_change_after_preparing():
    state, weights, traces = {"factor": 1.0}, np.ones(3), []

    def f(x):
        traces.append(x)
        return state["factor"] * np.sum(weights * x**2)

    def g(x):
        return f(x)

    del traces[:]
    x = np.array([1.0, 2.0, 3.0])
    gradient, hessian = di.prepare_gradient(lambda x: state["factor"] * np.sum(weights * x**2), "jax", x), None
    for factor, weight in ((1.0, 1.0), (-2.0, 1.0), (-2.0, 4.0)):
        state["factor"], weights[0] = factor, weight
        due = 2 * factor * weights * x
        np.testing.assert_allclose(gradient.gradient(x), due)
        np.testing.assert_allclose(gradient.value_and_gradient(x)[1], due)  # which has a compiled call of its own
        hessian = hessian or di.prepare_hessian(lambda x: state["factor"] * np.sum(weights * x**2), "jax", x)
        np.testing.assert_allclose(hessian.hessian(x).diagonal(), 2 * factor * weights)
    # What f changes itself is not watched: it would be traced at every call.
    prep = di.prepare_gradient(g, "jax", x)
    prep.gradient(x)
    count = len(traces)
    prep.gradient(x + 1)
    assert len(traces) == count
