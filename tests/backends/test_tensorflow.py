"""TensorFlow: the shared checks, and what is TensorFlow's own: tensors, tapes, graphs, variables.

It is large and not among what `.[dev]` installs; without it these tests are skipped. To run them:
`pip install -e '.[tensorflow]'`, or `nox -f .ci/noxfile.py -s tensorflow`.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import diffiface as di
from diffiface.adapter import NUMPY, PRIMITIVES
from tests.backends import engine_checks, primitive_checks
from tests.conftest import require

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # (no greetings on stderr)
tf = pytest.importorskip("tensorflow", reason="tensorflow is not installed; see the first lines of this file")

TensorFlow = pytest.importorskip("diffiface_tensorflow.adapter").TensorFlow
FAMILY = pytest.importorskip("diffiface_tensorflow.arrays").FAMILY
TensorFlowPrimitives = pytest.importorskip("diffiface_tensorflow.primitives").TensorFlowPrimitives
OWN_FUNCTIONS = pytest.importorskip("diffiface_tensorflow.special").OWN_FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
X = np.array([0.3, -1.2, 2.0])
rng = np.random.default_rng(3)
A, B = rng.normal(size=(4, 3)), rng.normal(size=3)
GRADIENT = A.T @ np.sin(2 * (A @ B))
HESSIAN = 2 * (A.T * np.cos(2 * (A @ B))) @ A
HOW = {"eager": {}, "graph": {"compile": True}, "xla": {"compile": "xla"}}
how = pytest.mark.parametrize("options", HOW.values(), ids=HOW)


@pytest.mark.parametrize(("name", "number"), primitive_checks.SAMPLES)
def test_primitive(name, number):
    primitive_checks.check(TensorFlow(), name, number)


IN_GRAPHS = [
    pytest.param(name, number, marks=[] if number == 0 and name < "d" else [pytest.mark.nightly])
    for name, number in primitive_checks.SAMPLES
]


@pytest.mark.parametrize(("name", "number"), IN_GRAPHS)
def test_primitive_in_a_graph(name, number):
    primitive_checks.check(TensorFlow(compile=True), name, number)


def test_no_primitive_is_missing():
    assert primitive_checks.missing(TensorFlowPrimitives(NUMPY)) == set()


def test_what_the_docs_say_is_computed_by_numpy():
    ours = [name for name in sorted(PRIMITIVES) if TensorFlowPrimitives.supplier(name) == "ours"]
    text = (ROOT / "docs" / "tensorflow.md").read_text()
    assert ", ".join(f"`{name}`" for name in ours) in " ".join(text.split())


@pytest.mark.parametrize("check", engine_checks.ALL, ids=lambda check: check.__name__)
def test_contract(check):
    check(TensorFlow())


@pytest.mark.parametrize(
    "check",
    [c for c in engine_checks.ALL if "branches" not in c.__name__ and "concrete" not in c.__name__],
    ids=lambda check: check.__name__,
)
def test_contract_in_graphs(check):
    """(`check_chunks` makes a backend of the class with other options, which is eager.)"""
    check(TensorFlow(compile=True))


# ---- functions written in TensorFlow, and in NumPy


def native(x, a):
    return tf.reduce_sum(tf.sin(tf.linalg.matvec(a, x)) ** 2)


def numpy(x, a):
    return np.sum(np.sin(a @ x) ** 2)


@how
@pytest.mark.parametrize("f", [native, numpy])
def test_every_operator(f, options):
    engine = di.backend("tensorflow", **options)
    expected = {
        "gradient": GRADIENT,
        "hessian": HESSIAN,
        "hvp": HESSIAN @ B,
        "pushforward": GRADIENT @ B,
        "pullback": 2 * GRADIENT,
        "jacobian": GRADIENT,
    }
    seeds = {"hvp": (B,), "pushforward": (B,), "pullback": (2.0,)}
    for operator, exact in expected.items():
        arguments = (engine, B, *seeds.get(operator, ()), A)
        prep = getattr(di, f"prepare_{operator}")(f, *arguments)
        for found in (
            getattr(di, operator)(f, *arguments),
            getattr(prep, operator)(B, *seeds.get(operator, ()), A),
        ):
            np.testing.assert_allclose(found, exact, rtol=1e-10, atol=1e-12)
            assert isinstance(found, np.ndarray | np.float64)


def test_other_engines_refuse_a_function_for_tensorflow_and_numeric_ones_call_it():
    with pytest.raises(di.InputError, match="written for tensorflow"):
        di.gradient(native, "reverse", B, A)
    np.testing.assert_allclose(di.gradient(native, "finite_differences", B, A), GRADIENT, rtol=1e-7, atol=1e-8)


@how
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors_stay_tensors_in_their_precision(options, dtype):
    x = tf.constant(X, dtype)
    for f in (lambda x: tf.reduce_sum(x**3), lambda x: np.sum(x**3)):
        prep = di.prepare_gradient(f, di.backend("tensorflow", **options), x)
        for value, gradient in (prep.value_and_gradient(x), di.value_and_gradient(f, "tensorflow", x)):
            assert isinstance(gradient, tf.Tensor) and value.dtype == gradient.dtype == dtype
            np.testing.assert_allclose(gradient, 3 * x.numpy() ** 2, rtol=1e-6)
    assert di.hessian(lambda x: np.sum(x**3), "tensorflow", x).dtype == dtype
    assert di.gradient(lambda x: np.sum(x**3), "reverse", x).dtype == dtype


def test_results_are_of_the_family_of_each_leaf():
    x = {"a": tf.constant(X), "b": X}
    found = di.gradient(lambda x: np.sum(x["a"] * x["b"] ** 2), "tensorflow", x)
    assert isinstance(found["a"], tf.Tensor) and isinstance(found["b"], np.ndarray)
    np.testing.assert_allclose(found["b"], 2 * X**2)


def test_variables():
    x, w = tf.Variable(X), tf.Variable([1.0, 2.0, 3.0], dtype=tf.float64)
    f = lambda x: tf.reduce_sum(w * x**2)
    np.testing.assert_allclose(di.gradient(f, "tensorflow", x), 2 * w.numpy() * X)
    with tf.GradientTape() as tape:  # which watches variables by itself
        gradient = di.gradient(f, "tensorflow", x)
    by_w, by_x = tape.gradient(gradient, [w, x])
    np.testing.assert_allclose(by_w, 2 * X)
    np.testing.assert_allclose(by_x, 2 * w.numpy())


# ---- TensorFlow around, and inside


def test_operators_work_under_a_tape_and_an_accumulator():
    x = tf.constant(X)
    for engine in (di.backend("tensorflow"), di.backend("tensorflow", compile=True)):
        prep = di.prepare_gradient(lambda x: np.sum(x**3), engine, x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            gradient = prep.gradient(x)
        np.testing.assert_allclose(tape.jacobian(gradient, x), np.diag(6 * X))
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            gradient = prep.gradient(x)
        np.testing.assert_allclose(accumulator.jvp(gradient), 6 * X)


def cubes(x):
    return np.sum(x**3)


def test_operators_work_inside_a_tf_function():
    penalty = tf.function(lambda x: tf.reduce_sum(di.gradient(cubes, "tensorflow", x) ** 2))
    np.testing.assert_allclose(penalty(tf.constant(X)), np.sum(9 * X**4))
    with tf.GradientTape() as tape:
        tape.watch(x := tf.constant(X))
        value = penalty(x)
    np.testing.assert_allclose(tape.gradient(value, x), 36 * X**3)

    def inside(x):
        def f(x):
            return np.sum(x**3)

        return di.gradient(f, "tensorflow", x)

    np.testing.assert_allclose(tf.function(inside, autograph=False)(x), 3 * X**2)
    with pytest.raises(Exception, match=r"TracedValueError(.|\n)*autograph=False"):  # (AutoGraph wraps it in its own)
        tf.function(inside)(x)
    with pytest.raises(di.TracedValueError, match="has no value yet"):
        tf.function(lambda x: di.gradient(cubes, "reverse", x), autograph=False)(x)
    unknown = tf.function(
        lambda x: di.gradient(cubes, "tensorflow", x),
        input_signature=[tf.TensorSpec([None], tf.float64)],
        autograph=False,
    )
    with pytest.raises(di.InputError, match="not known"):
        unknown(x)


def test_tapes_and_tf_functions_inside_f():
    @tf.function
    def inner(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(x**3)
        return tape.gradient(y, x)

    f = lambda x: tf.reduce_sum(inner(x) ** 2)
    np.testing.assert_allclose(di.gradient(f, "tensorflow", X), 36 * X**3)
    np.testing.assert_allclose(di.hessian(f, "tensorflow", X), np.diag(108 * X**2))


@how
def test_nesting_to_third_order(options):
    engine = di.backend("tensorflow", **options)
    first = lambda x: di.derivative(np.sin, engine, x)
    second = lambda x: di.derivative(first, engine, x)
    third = di.prepare_derivative(second, engine, 1.0) if options != HOW["xla"] else None
    for found in (di.derivative(second, engine, 0.7), third.derivative(0.7) if third else -np.cos(0.7)):
        np.testing.assert_allclose(found, -np.cos(0.7), rtol=1e-12)
    # d/dx of x * d/dy (x y) is 2 x: the inner derivative takes x for a constant.
    confused = lambda x: x * di.derivative(lambda y: x * y, engine, x)
    np.testing.assert_allclose(di.derivative(confused, engine, 3.0), 6.0)


@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_our_engines_inside(inner):
    f = lambda x: np.sum(di.gradient(lambda x: np.sum(np.sin(x) * x), inner, x) ** 2)
    np.testing.assert_allclose(di.gradient(f, "tensorflow", X), di.gradient(f, "reverse", X), rtol=1e-12)


# ---- preparations as graphs


def test_a_graph_is_written_down_once_and_follows_its_constants():
    runs = []

    def f(x, weights, scale, power, name):
        runs.append(name)
        return np.sum(weights * x**power) * scale

    prep = di.prepare_gradient(f, di.backend("tensorflow", compile=True), X, np.ones(3), 1.0, 2, "a")
    runs.clear()
    for weights, scale in ((X, 2.0), (X**2, 3.0), (np.ones(3), 0.5)):
        np.testing.assert_allclose(prep.gradient(2 * X, weights, scale, 2, "a"), scale * weights * 4 * X)
    assert len(runs) <= 1
    np.testing.assert_allclose(prep.gradient(X, np.ones(3), 1.0, 3, "b"), 3 * X**2)  # integers and text may decide


def test_a_graph_is_written_down_anew_when_data_in_the_closure_change():
    data, scale = np.ones(3), 1.0
    prep = di.prepare_gradient(lambda x: np.sum(data * x**2) * scale, di.backend("tensorflow", compile=True), X)
    np.testing.assert_allclose(prep.gradient(X), 2 * X)
    data[:] = 3.0
    np.testing.assert_allclose(prep.gradient(X), 6 * X)
    scale = 2.0
    np.testing.assert_allclose(prep.gradient(X), 12 * X)


def test_branches_on_values_run_eagerly_and_are_refused_in_graphs():
    f = lambda x: np.sum(x**2) if x[0] > 0 else np.sum(x)
    np.testing.assert_allclose(di.prepare_gradient(f, "tensorflow", X).gradient(-X), np.ones(3))
    graphs = di.backend("tensorflow", compile=True)
    with pytest.raises(di.TracedValueError, match=r"truth of a condition.*not known(.|\n)*np\.where"):
        di.prepare_gradient(f, graphs, X).gradient(X)
    branch = lambda x: tf.reduce_sum(x**2) if x[0] > 0 else tf.reduce_sum(x)
    np.testing.assert_allclose(di.gradient(branch, "tensorflow", -X), np.ones(3))
    with pytest.raises(di.TracedValueError, match=r"branch on a tensor(.|\n)*decorate the function with tf.function"):
        di.prepare_gradient(branch, graphs, X).gradient(X)
    followed = di.prepare_gradient(tf.function(branch), graphs, X)
    np.testing.assert_allclose(followed.gradient(X), 2 * X)
    np.testing.assert_allclose(followed.gradient(-X), np.ones(3))


def singular_values(x):
    return np.sum(np.linalg.svd(np.outer(x, x) + np.diag(x**2))[1] ** 3)


def test_what_numpy_computes_runs_in_graphs_but_not_in_xla():
    expected = di.gradient(singular_values, "reverse", X), di.hessian(singular_values, "reverse", X)
    for engine in (di.backend("tensorflow"), di.backend("tensorflow", compile=True)):
        np.testing.assert_allclose(di.prepare_gradient(singular_values, engine, X).gradient(X), expected[0], rtol=1e-10)
        np.testing.assert_allclose(di.prepare_hessian(singular_values, engine, X).hessian(X), expected[1], rtol=1e-8)
    with pytest.raises(di.UnsupportedOperationError, match="svd is computed by NumPy"):
        di.prepare_gradient(singular_values, di.backend("tensorflow", compile="xla"), X).gradient(X)


@how
def test_long_batches(options):
    x = np.linspace(0.1, 1.0, 30)
    f = lambda x: np.cumsum(np.sin(x)) * x[::-1]
    exact = di.jacobian(f, "reverse", x)
    for chunk_size in (None, 7):
        engine = di.backend("tensorflow", chunk_size=chunk_size, **options)
        np.testing.assert_allclose(di.prepare_jacobian(f, engine, x).jacobian(x), exact, rtol=1e-12, atol=1e-14)


def test_graphs_in_several_threads():
    prep = di.prepare_gradient(lambda x: np.sum(x**4), di.backend("tensorflow", compile=True), X)
    with ThreadPoolExecutor(4) as pool:
        for k, gradient in zip(range(1, 17), pool.map(lambda k: prep.gradient(k * X), range(1, 17)), strict=True):
            np.testing.assert_allclose(gradient, 4 * (k * X) ** 3)


# ---- rules, bridges, implicit functions


@di.rule(
    jvp=lambda primals, tangents: (primals[0] ** 3, 3 * primals[0] ** 2 * tangents[0]),
    vjp=(lambda x: (x**3, x), lambda x, ct: (3 * x**2 * ct,)),
    on_host=True,
)
def black_box(x):
    return np.asarray(x, float) ** 3


@how
def test_rules(options):
    if options == HOW["xla"]:
        with pytest.raises(di.UnsupportedOperationError, match="black_box"):
            di.prepare_gradient(lambda x: np.sum(black_box(x)), di.backend("tensorflow", **options), X).gradient(X)
        return
    engine = di.backend("tensorflow", **options)
    f = lambda x: np.sum(black_box(x) * x)  # x**4
    np.testing.assert_allclose(di.prepare_gradient(f, engine, X).gradient(X), 4 * X**3)
    np.testing.assert_allclose(di.prepare_hessian(f, engine, X).hessian(X), np.diag(12 * X**2))
    np.testing.assert_allclose(di.prepare_pushforward(black_box, engine, X, X).pushforward(X, X), 3 * X**3)
    third = lambda x: np.sum(di.hvp(f, engine, x, X))
    np.testing.assert_allclose(di.gradient(third, engine, X), 24 * X * X)


def test_a_rule_with_one_direction():
    one = di.rule(jvp=lambda primals, tangents: (np.sin(primals[0]), np.cos(primals[0]) * tangents[0]))(
        lambda x: np.sin(x)
    )
    other = di.rule(vjp=(lambda x: (np.sin(x), x), lambda x, ct: (np.cos(x) * ct,)))(lambda x: np.sin(x))
    for f in (one, other):
        np.testing.assert_allclose(di.gradient(lambda x: np.sum(f(x)), "tensorflow", X), np.cos(X))
        np.testing.assert_allclose(di.pushforward(f, "tensorflow", X, X), np.cos(X) * X)


@pytest.mark.parametrize("inner", ["reverse", "jax", "torch", "finite_differences", "tensorflow"])
def test_bridges(inner):
    require(inner)
    bridge = di.DifferentiateWith(lambda x, c: np.sum(np.sin(x) * c) * np.array([1.0, 2.0]), inner)
    c = np.array([1.0, 2.0, 3.0])
    total = lambda x: np.sum(bridge(x, c))
    rtol = 1e-10 if di.capabilities(inner).exact else 1e-6
    np.testing.assert_allclose(di.gradient(total, "tensorflow", X), 3 * c * np.cos(X), rtol=rtol)
    graph = di.prepare_gradient(total, di.backend("tensorflow", compile=True), X)
    np.testing.assert_allclose(graph.gradient(X), 3 * c * np.cos(X), rtol=rtol)
    if inner != "finite_differences":
        np.testing.assert_allclose(di.hessian(total, "tensorflow", X), np.diag(-3 * c * np.sin(X)), atol=1e-10)


@pytest.mark.parametrize("outer", ["reverse", "jax", "torch", "autograd", "tensorflow"])
def test_a_tensorflow_function_inside_other_engines(outer):
    require(outer)
    bridge = di.DifferentiateWith(lambda x: tf.reduce_sum(tf.sin(x) ** 2), "tensorflow")
    np.testing.assert_allclose(di.gradient(lambda x: bridge(x) * 3.0, outer, X), 3 * np.sin(2 * X), rtol=1e-10)


def test_a_bridge_in_a_program_for_tensorflow():
    bridge = di.DifferentiateWith(lambda x: np.sum(np.sin(x) ** 2), "reverse")
    for program in (bridge, tf.function(bridge)):
        with tf.GradientTape() as tape:
            tape.watch(x := tf.constant(X))
            y = program(x)
        np.testing.assert_allclose(tape.gradient(y, x), np.sin(2 * X))


def test_implicit_functions():
    root = di.implicit(lambda a: np.sqrt(a), lambda s, a: s * s - a)
    a = np.array([2.0, 3.0])
    np.testing.assert_allclose(di.gradient(lambda a: np.sum(root(a)), "tensorflow", a), 0.5 / np.sqrt(a))
    np.testing.assert_allclose(
        di.hessian(lambda a: np.sum(root(a)), "tensorflow", a), np.diag(-0.25 * a**-1.5), atol=1e-12
    )


# ---- where TensorFlow's own answer is another, or none


def test_where_tensorflow_itself_gives_nan_or_zero():
    zero = np.array([0.0, 2.0, 0.0])
    for f in (
        np.prod,
        lambda x: np.sum(np.cumprod(x + np.array([0.0, 0.0, 1.0]))),
        lambda x: np.sum(x ** np.array([0.0, 1.0, 3.0])),
    ):
        for operator in (di.gradient, di.hessian):
            np.testing.assert_allclose(operator(f, "tensorflow", zero), operator(f, "reverse", zero), atol=1e-12)
    singular = np.array([[1.0, 2.0], [2.0, 4.0]])
    np.testing.assert_allclose(di.gradient(np.linalg.det, "tensorflow", singular), [[4.0, -2.0], [-2.0, 1.0]])


def test_ties_share_the_derivative():
    tied = np.array([1.0, 1.0])
    for f in (
        np.max,
        lambda x: np.maximum(x[0], x[1]),
        lambda x: np.minimum(x[0], x[1]),
        lambda x: np.logaddexp(x[0], x[1]),
    ):
        np.testing.assert_allclose(di.gradient(f, "tensorflow", tied), [0.5, 0.5])
    assert di.derivative(np.abs, "tensorflow", 0.0) == 0.0


COMPLEX = (
    "exp expm1 log log1p sqrt square reciprocal sin cos tan sinh cosh tanh arcsin arccos arctan arcsinh arccosh arctanh "
    "exp2 log2 log10 conjugate absolute"
)


@pytest.mark.parametrize("name", COMPLEX.split())
def test_complex_functions(name):
    z = np.array([0.3 + 0.4j, -1.2 + 0.7j, 1e-3 - 2e-4j])
    f = getattr(np, name)
    total = lambda z: np.sum(np.abs(f(z)) ** 2)
    np.testing.assert_allclose(f(z), di.value_and_jacobian(lambda z: f(z), "tensorflow", z)[0], rtol=1e-12)
    np.testing.assert_allclose(di.gradient(total, "tensorflow", z), di.gradient(total, "reverse", z), rtol=1e-10)
    if name not in ("conjugate", "absolute"):
        np.testing.assert_allclose(di.jacobian(f, "tensorflow", z), di.jacobian(f, "reverse", z), rtol=1e-10)


@pytest.mark.parametrize("name", sorted(OWN_FUNCTIONS))
def test_own_special_functions_agree_with_scipy(name):
    special = pytest.importorskip("scipy.special")
    x = np.concatenate([np.linspace(-20, 20, 401) + 1e-3, np.logspace(-8, 2, 100)])
    x = 0.5 + np.tanh(x / 10) / 2 if name == "ndtri" else x
    expected = getattr(special, name)(x)
    found = np.asarray(OWN_FUNCTIONS[name](tf.constant(x)))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=2e-13, atol=1e-300)


def test_matrices_that_numpy_refuses_are_refused_by_the_same_error():
    for f in (np.linalg.inv, np.linalg.cholesky, lambda a: np.linalg.solve(a, np.ones(2))):
        with pytest.raises(np.linalg.LinAlgError):
            di.jacobian(f, "tensorflow", np.zeros((2, 2)))


def test_an_index_beyond_the_end_is_refused():
    for index in (3, -4):
        with pytest.raises(IndexError):
            di.gradient(lambda x, index=index: x[index], "tensorflow", X)
    many_axes = lambda x: np.sum(np.reshape(x, (1,) * 8 + (3,))[0, 0, ..., 1:] ** 2)
    np.testing.assert_allclose(di.gradient(many_axes, "tensorflow", X), [0.0, *(2 * X[1:])])


# ---- the package


def test_options():
    graphs = di.backend("tensorflow", compile=True, device="cpu")
    assert repr(graphs) == "backend('tensorflow', compile=True, device='cpu')"
    assert pickle.loads(pickle.dumps(graphs)) == graphs != di.backend("tensorflow")
    np.testing.assert_allclose(di.gradient(lambda x: np.sum(x**2), graphs, X), 2 * X)
    for wrong in ({"compile": "inductor"}, {"compile": 1}, {"device": "gpu:99"}, {"device": 3}, {"device": ""}):
        with pytest.raises(di.InputError, match=next(iter(wrong))):
            di.backend("tensorflow", **wrong)


def test_the_family():
    x = tf.constant(X)
    assert FAMILY.owns(x) and FAMILY.owns(tf.Variable(X)) and not FAMILY.owns(X)
    assert (FAMILY.dtype(x), FAMILY.shape(x), FAMILY.is_traced(x)) == (np.float64, (3,), False)
    array = FAMILY.to_numpy(x)
    array[0] = 9
    assert x.numpy()[0] == X[0]
    with tf.GradientTape() as tape:
        tape.watch(x)
        assert FAMILY.is_traced(x * 2) and not FAMILY.is_traced(tf.constant(X))
    with pytest.raises(di.UnsupportedOperationError, match="bfloat16"):
        FAMILY.dtype(tf.constant(1.0, tf.bfloat16))
    with pytest.raises(di.UnsupportedOperationError, match="float128"):
        FAMILY.from_numpy(np.ones(2, np.longdouble))


def test_comparison():
    rosenbrock = lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    for operator in ("gradient", "hessian"):
        report = di.compare(
            rosenbrock, np.linspace(-1, 1, 5), operator=operator, backends=["reverse", "forward", "tensorflow"]
        )
        assert report.ok and all(row["status"] == "agrees" for row in report.rows), str(report)


BESIDE_OTHERS = """
import numpy as np, diffiface as di
import {first}, {second}, {third}
x = np.array([0.3, -1.2, 2.0])
for engine in ("tensorflow", "torch", "jax", "tensorflow"):
    np.testing.assert_allclose(di.hessian(lambda x: np.sum(np.sin(x)), engine, x), np.diag(-np.sin(x)), rtol=1e-12)
print("ok")
"""
TWO_DEVICES = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import diffiface as di

where = []

def f(x):
    where.append(x.device)
    return tf.reduce_sum(x**2)

x = np.array([0.3, -1.2, 2.0])
np.testing.assert_allclose(di.gradient(f, di.backend("tensorflow", device="cpu:1"), x), 2 * x)
with tf.device("CPU:1"):
    put = tf.constant(x)
gradient = di.gradient(lambda x: np.sum(x**2 * 3.0), "tensorflow", put)
assert where[0].endswith("CPU:1") and gradient.device.endswith("CPU:1"), (where, gradient.device)
assert di.gradient(f, "tensorflow", x) is not None and where[-1].endswith("CPU:0"), where
assert di.gradient(lambda x: np.sum(x**2), "reverse", put).device.endswith("CPU:1")
print("ok")
"""


def run_alone(code):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")]),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.stdout.strip().endswith("ok"), run.stdout + run.stderr


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("first", "second", "third"),
    [("tensorflow", "torch", "jax"), ("torch", "tensorflow", "jax"), ("jax", "torch", "tensorflow")],
)
def test_beside_jax_and_torch(first, second, third):
    require("jax"), require("torch")
    run_alone(BESIDE_OTHERS.format(first=first, second=second, third=third))


def test_devices():
    run_alone(TWO_DEVICES)


@pytest.mark.nightly
def test_the_kit():
    print(di.testing.test_backend("tensorflow"))


def test_a_part_of_the_kit():
    di.testing.test_backend("tensorflow", tags=["basic"], operators=["gradient", "jacobian", "hvp"])
