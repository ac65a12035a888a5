"""Custom rules on every engine, against closed forms, to third order."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

import diffiface as di
from tests.conftest import require

ENGINES = ("forward", "reverse", "jax", "torch", "autograd", "casadi", "sympy")
X = np.array([0.3, -1.2, 2.0])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# softplus: f' = s, f'' = s (1 - s), f''' = s (1 - s)(1 - 2 s)
@di.rule
def softplus_jvp(x):
    return np.log1p(np.exp(x))


@softplus_jvp.defjvp
def _(primals, tangents):
    (x,), (t,) = primals, tangents
    return softplus_jvp(x), t * sigmoid(x)


@di.rule(vjp=(lambda x: (np.log1p(np.exp(x)), x), lambda x, ct: (ct * sigmoid(x),)))
def softplus_vjp(x):
    return np.log1p(np.exp(x))


def black_box(x):
    """Compute softplus from the bytes of x, where no tracing gets through."""
    values = np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape)
    return np.log1p(np.exp(values))


softplus_black_box = di.rule(
    black_box, jvp=lambda primals, tangents: (softplus_black_box(*primals), sigmoid(*primals) * tangents[0])
)
softplus_both = di.rule(
    black_box,
    jvp=lambda primals, tangents: (softplus_both(*primals), sigmoid(*primals) * tangents[0]),
    vjp=(lambda x: (softplus_both(x), x), lambda x, ct: (ct * sigmoid(x),)),
)
RULED = {
    "jvp": softplus_jvp,
    "vjp": softplus_vjp,
    "black box, jvp": softplus_black_box,
    "black box, both": softplus_both,
}


@pytest.fixture(params=ENGINES)
def engine(request):
    require(request.param)
    return request.param


@pytest.mark.parametrize("f", RULED.values(), ids=RULED)
def test_first_to_third_order(f, engine):
    s = sigmoid(X)
    close = {"rtol": 1e-11, "atol": 1e-13}
    np.testing.assert_allclose(di.jacobian(f, engine, X), np.diag(s), **close)
    np.testing.assert_allclose(di.pushforward(f, engine, X, X), s * X, **close)
    np.testing.assert_allclose(di.pullback(f, engine, X, X), s * X, **close)
    total = lambda x: np.sum(f(x))
    np.testing.assert_allclose(di.gradient(total, engine, X), s, **close)
    np.testing.assert_allclose(di.hessian(total, engine, X), np.diag(s * (1 - s)), **close)
    third = di.gradient(lambda x: np.sum(di.hvp(total, engine, x, np.ones(3))), engine, X)
    np.testing.assert_allclose(third, s * (1 - s) * (1 - 2 * s), **close)


@pytest.mark.parametrize("f", RULED.values(), ids=RULED)
def test_prepared_for_other_values(f, engine):
    total = lambda x: np.sum(f(x) ** 2)
    prep = di.prepare_gradient(total, engine, X)
    hessian = di.prepare_hessian(total, engine, X)
    for x in (X, X + 0.5, -X):
        s, y = sigmoid(x), np.log1p(np.exp(x))
        np.testing.assert_allclose(prep.gradient(x), 2 * y * s, rtol=1e-11)
        np.testing.assert_allclose(hessian.hessian(x), np.diag(2 * s**2 + 2 * y * s * (1 - s)), rtol=1e-10)


def test_a_rule_is_compiled_with_the_rest():
    require("reverse")
    pytest.importorskip("llvmlite")
    text = str(di.prepare_gradient(lambda x: np.sum(softplus_jvp(x) ** 2), "reverse", X).explain())
    assert "machine code" in text and "0 NumPy call(s)" in text
    text = str(di.prepare_gradient(lambda x: np.sum(softplus_black_box(x) ** 2), "reverse", X).explain())
    assert "call_out" in text


@pytest.mark.parametrize("engine", ["reverse", "jax", "torch", "autograd"])
def test_the_rule_is_what_counts(engine):
    """A rule that is not the derivative (a clipped gradient) shows which of them was used."""
    require(engine)
    clipped = di.rule(lambda x: x**2, vjp=(lambda x: (x**2, x), lambda x, ct: (np.clip(2 * x * ct, -1, 1),)))
    np.testing.assert_array_equal(di.gradient(lambda x: np.sum(clipped(x)), engine, X), np.clip(2 * X, -1, 1))


def test_each_direction_uses_its_own_rule():
    """With both given, forward mode takes jvp and reverse mode vjp."""
    f = di.rule(
        lambda x: 0 * x,
        jvp=lambda primals, tangents: (0 * primals[0], 5 * tangents[0]),
        vjp=(lambda x: (0 * x, None), lambda _, ct: (7 * ct,)),
    )
    assert di.pushforward(f, "forward", 1.0, 1.0) == 5
    assert di.pullback(f, "reverse", 1.0, 1.0) == 7
    require("jax")
    assert di.pushforward(f, "jax", 1.0, 1.0) == 5
    assert di.pullback(f, "jax", 1.0, 1.0) == 7
    # (PyTorch's and autograd's pushforwards are pullbacks of pullbacks)
    for name in ("torch", "autograd"):
        require(name)
        assert di.pullback(f, name, 1.0, 1.0) == 7


@pytest.mark.parametrize("declared", ["zero", "raise"])
def test_declared(declared, engine):
    f = di.rule(lambda x: x**2, derivative=declared, name="declared")
    total = lambda x: np.sum(f(x)) + np.sum(x)
    if declared == "zero":
        np.testing.assert_array_equal(di.gradient(total, engine, X), np.ones(3))
    else:
        with pytest.raises(di.UnsupportedOperationError, match="declared is declared not to be differentiable"):
            di.gradient(total, engine, X)
    assert di.gradient(lambda x: np.sum(x) + 0 * f(2.0), engine, X) is not None  # constants may go through


def test_nondifferentiable_arguments_and_keywords(engine):
    def power(n, x, *, scale=1.0):
        return scale * x**n

    def jvp(n, primals, tangents, *, scale=1.0):
        (x,), (t,) = primals, tangents
        return power(n, x, scale=scale), scale * n * x ** (n - 1) * t

    f = di.rule(power, jvp=jvp, nondiff_argnums=0)
    np.testing.assert_allclose(di.gradient(lambda x: np.sum(f(3, x, scale=2.0)), engine, X), 6 * X**2)
    np.testing.assert_allclose(di.gradient(lambda x: np.sum(f(n=3, x=x)), engine, X), 3 * X**2)
    with pytest.raises(di.RuleError, match="argument 0 of power is declared non-differentiable"):
        di.gradient(lambda x: np.sum(f(x, np.abs(x))), engine, X)


@dataclasses.dataclass
class Params:
    w: np.ndarray
    b: float


def test_pytrees_and_several_results(engine):
    def affine(params, data):
        y = data @ params.w + params.b
        return {"y": y, "total": np.sum(y)}

    def fwd(params, data):
        return affine(params, data), (params, data)

    def bwd(residuals, ct):
        _, data = residuals
        g = ct["y"] + ct["total"]
        return Params(data.T @ g, np.sum(g)), None

    f = di.rule(affine, vjp=(fwd, bwd))
    data = np.array([[1.0, 2.0], [3.0, 4.0], [-1.0, 0.5]])

    def loss(params):
        out = f(params, data)
        return np.sum(out["y"] ** 2) + 3 * out["total"]

    params = Params(np.array([0.3, -0.2]), 0.7)
    y = data @ params.w + params.b
    g = di.gradient(loss, engine, params)
    np.testing.assert_allclose(g.w, data.T @ (2 * y + 3), rtol=1e-12)
    np.testing.assert_allclose(g.b, np.sum(2 * y + 3), rtol=1e-12)


def test_activity(engine):
    seen = []

    def jvp(primals, tangents):
        seen.append(tuple(t is not None for t in tangents))
        a, b = primals
        terms = [t * other for t, other in zip(tangents, (b, a), strict=True) if t is not None]
        return a * b, sum(terms[1:], terms[0])

    f = di.rule(lambda a, b: a * b, jvp=jvp, activity=True)
    constant = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(di.gradient(lambda x: np.sum(f(x, constant)), engine, X), constant)
    assert set(seen) == {(True, False)}


def test_activity_in_reverse(engine):
    seen = []

    def bwd(residuals, ct, active):
        seen.append(active)
        a, b = residuals
        return (ct * b if active[0] else None, ct * a if active[1] else None)

    f = di.rule(lambda a, b: a * b, vjp=(lambda a, b: (a * b, (a, b)), bwd), activity=True)
    constant = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(di.gradient(lambda x: np.sum(f(constant, x)), engine, X), constant)
    assert (False, True) in seen


def test_complex_rules_pair_by_the_real_inner_product(engine):
    if not di.capabilities(engine).complex_inputs:
        pytest.skip(f"{engine} takes no complex x")
    z = np.array([1.0 + 2j, -0.5 + 0.3j])
    f = di.rule(lambda z: z * z, vjp=(lambda z: (z * z, z), lambda z, ct: (2 * np.conj(z) * ct,)))
    total = lambda z: np.sum(np.abs(f(z)) ** 2)
    np.testing.assert_allclose(di.gradient(total, engine, z), 4 * z * np.abs(z) ** 2, rtol=1e-12)
    np.testing.assert_allclose(di.pushforward(f, engine, z, np.conj(z)), 2 * np.abs(z) ** 2, rtol=1e-12)


def test_in_methods_loops_and_jitted_helpers(engine):
    class Model:
        @di.rule(jvp=lambda primals, tangents: (primals[1] ** 2, 2 * primals[1] * tangents[1]))
        def square(self, x):
            return x**2

        def loss(self, x):
            total = 0.0
            for i in range(3):
                total = total + self.square(x[i])
            return total

    np.testing.assert_allclose(di.gradient(Model().loss, engine, X), 2 * X)


@pytest.mark.parametrize("f", RULED.values(), ids=RULED)
def test_the_complex_step_asks_the_rule(f):
    s, total = sigmoid(X), lambda x: np.sum(f(x))
    np.testing.assert_allclose(di.pushforward(f, "complex_step", X, X), s * X, rtol=1e-14)
    np.testing.assert_allclose(di.gradient(total, "complex_step", X), s, rtol=1e-14)
    np.testing.assert_allclose(di.hessian(total, "complex_step", X), np.diag(s * (1 - s)), atol=1e-10)


def test_mpmath_differentiates_the_function_itself():
    require("mpmath")
    s = sigmoid(X)
    for f in (softplus_jvp, softplus_vjp):
        np.testing.assert_allclose(di.gradient(lambda x: np.sum(f(x)), "mpmath", X), s, rtol=1e-15)
        np.testing.assert_allclose(di.hessian(lambda x: np.sum(f(x)), "mpmath", X), np.diag(s * (1 - s)), atol=1e-15)
    wrong = di.rule(lambda x: x**2, jvp=lambda primals, tangents: (primals[0] ** 2, 7 * tangents[0]))
    np.testing.assert_array_equal(di.gradient(lambda x: np.sum(wrong(x)), "mpmath", X), 2 * X)
    with pytest.raises(di.UnsupportedOperationError, match="black_box runs on NumPy arrays, whose numbers have 16"):
        di.gradient(lambda x: np.sum(softplus_black_box(x)), "mpmath", X)


def test_rules_in_formulas():
    """What can be written as an expression is shown so, what runs in Python as a function of its arguments."""
    require("sympy")
    require("casadi")
    square = di.rule(lambda x: x**2, jvp=lambda p, t: (square(*p), 2 * p[0] * t[0]), name="square")
    assert di.prepare_derivative(lambda x: 3 * square(x), "sympy", 1.0).expression() == "6*x_0"
    hidden = di.rule(lambda x: x**2, on_host=True, jvp=lambda p, t: (hidden(*p), hidden(*p) * t[0]), name="hidden")
    prep = di.prepare_derivative(lambda x: 3 * hidden(x), "sympy", 1.0)
    assert prep.expression() == "3*hidden(x_0)" and "2 call(s) of Python functions" in prep.explain()
    assert prep.derivative(4.0) == 48
    with pytest.raises(di.UnsupportedOperationError, match="C code cannot call hidden, which runs in Python"):
        di.prepare_derivative(hidden, "casadi", 1.0).code()
    assert "casadi_real" in di.prepare_derivative(square, "casadi", 1.0).code()


@pytest.mark.parametrize("engine", ["casadi", "sympy"])
def test_symbols_nest_with_rules(engine):
    """A derivative inside a derivative, the function of both having a rule that runs in Python."""
    require(engine)
    a = np.array([0.3, 1.2])

    def slope(inner):
        return lambda a: di.derivative(lambda t: np.sum(softplus_black_box(t * a)), inner, 2.0)

    s = sigmoid(2 * a)  # the slope is sum(a s(2 a)), its gradient s + 2 a s (1 - s)
    np.testing.assert_allclose(di.gradient(slope(engine), engine, a), s + 2 * a * s * (1 - s), rtol=1e-12)
    np.testing.assert_allclose(di.gradient(slope("reverse"), engine, a), s + 2 * a * s * (1 - s), rtol=1e-12)


@pytest.mark.parametrize("operator", ["jacobian", "hessian"])
@pytest.mark.parametrize("engine", ["casadi", "sympy"])
def test_sparsity_goes_through_rules(engine, operator):
    require(engine)
    f = (lambda x: softplus_black_box(x[1:])) if operator == "jacobian" else (lambda x: np.sum(softplus_vjp(x[1:])))
    found = getattr(di, operator)(f, di.Sparse(engine, detector="engine"), X)
    s = sigmoid(X)
    expected = np.diag(s)[1:] if operator == "jacobian" else np.diag(s * (1 - s) * [0, 1, 1])
    assert found.nnz == 2
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-12)


def test_numeric_engines_only_call_it():
    calls = []
    f = di.rule(lambda x: np.sum(x**2), jvp=lambda *_: calls.append(1))
    np.testing.assert_allclose(di.gradient(f, "finite_differences", X), 2 * X, rtol=1e-6)
    assert not calls


def test_plain_calls_and_names():
    assert softplus_jvp(0.0) == np.log(2)
    assert softplus_jvp.__name__ == "softplus_jvp"
    assert pickle.loads(pickle.dumps(softplus_jvp)) is softplus_jvp
    assert "jvp" in repr(softplus_jvp)


def test_changed_globals_of_a_rule_are_noticed():
    namespace = {"np": np, "factor": 2.0}
    exec("def jvp(primals, tangents):\n    return primals[0] * 1.0, factor * tangents[0]", namespace)
    f = di.rule(lambda x: x * 1.0, jvp=namespace["jvp"])
    prep = di.prepare_gradient(lambda x: np.sum(f(x)), "reverse", X)
    assert prep.gradient(X)[0] == 2
    namespace["factor"] = 3.0
    assert prep.gradient(X)[0] == 3


def test_native_programs():
    jax, torch, autograd = (pytest.importorskip(name) for name in ("jax", "torch", "autograd"))
    s = sigmoid(X)
    for f in (softplus_vjp, softplus_black_box):  # (one direction each, traced and on the host)
        with jax.enable_x64(True):
            total = lambda x: f(x).sum()
            x = jax.numpy.array(X)
            np.testing.assert_allclose(jax.jit(jax.grad(total))(x), s, rtol=1e-12)
            np.testing.assert_allclose(jax.jit(jax.hessian(total))(x), np.diag(s * (1 - s)), rtol=1e-12)
            np.testing.assert_allclose(jax.vmap(jax.grad(total))(jax.numpy.stack([x, x]))[1], s, rtol=1e-12)
            np.testing.assert_allclose(jax.jvp(jax.vmap(total), (x[:, None],), (x[:, None],))[1], s * X, rtol=1e-12)
        t = torch.tensor(X, requires_grad=True)
        total(t).backward()
        np.testing.assert_allclose(t.grad, s, rtol=1e-12)
        t = torch.tensor(X)
        hessian = torch.func.jacrev(torch.func.jacrev(total))(t)
        np.testing.assert_allclose(hessian, np.diag(s * (1 - s)), rtol=1e-12)
        np.testing.assert_allclose(torch.func.jvp(total, (t,), (t,))[1], s @ X, rtol=1e-12)
        np.testing.assert_allclose(autograd.grad(lambda x: autograd.numpy.sum(f(x)))(X), s, rtol=1e-12)


@pytest.mark.parametrize("name", ENGINES)
def test_values_of_float32_stay_float32(name):
    require(name)
    x = X.astype(np.float32)
    g = di.gradient(lambda x: np.sum(softplus_jvp(x)), name, x)
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, sigmoid(x), rtol=1e-6)
