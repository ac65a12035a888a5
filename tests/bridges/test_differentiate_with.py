"""Engines inside engines, against closed forms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import diffiface as di
from tests.conftest import require

X = np.array([0.3, 0.7, -1.1])
C = np.array([1.0, 2.0, 3.0])
OUTER = ("forward", "reverse", "jax", "torch", "autograd", "casadi", "sympy")
INNER = ("reverse", "jax", "torch", "finite_differences")  # (every other engine in `test_every_inner_engine`)


def f(x, c):
    """Return a vector; its sum has gradient 3 c cos(x) in x and 3 sin(x) in c."""
    return np.sum(np.sin(x) * c) * np.array([1.0, 2.0])


G_X, G_C = 3 * np.cos(X) * C, 3 * np.sin(X)
HESSIAN = np.diag(-3 * np.sin(X) * C)
THIRD = -3 * np.cos(X) * C


@pytest.fixture(params=INNER)
def inner(request):
    return require(request.param)


def bridge(inner):
    first = {"rtol": 1e-10} if di.capabilities(inner).exact else {"rtol": 1e-7}
    second = {"atol": 1e-10} if di.capabilities(inner).exact else {"atol": 2e-5}
    return di.DifferentiateWith(f, inner), first, second


@pytest.mark.parametrize("inner", ["forward", "autograd", "numdifftools", "casadi", "sympy", "mpmath", "complex_step"])
def test_every_inner_engine(inner):
    require(inner)
    F, first, second = bridge(inner)
    total = lambda x, c: np.sum(F(x, c))
    np.testing.assert_allclose(di.gradient(total, "reverse", X, C), G_X, **first)
    np.testing.assert_allclose(di.pushforward(total, "forward", X, X, C), G_X @ X, **first)
    if inner in ("mpmath", "complex_step"):
        with pytest.raises(di.UnsupportedOperationError, match=f"{inner}: .* nest|{inner}: .* inside itself"):
            di.hessian(total, "reverse", X, C)
    elif inner != "numdifftools":  # (its extrapolations of extrapolations take seconds)
        np.testing.assert_allclose(di.hessian(total, "reverse", X, C), HESSIAN, **second)


@pytest.mark.parametrize("outer", OUTER)
def test_in_numpy_code(outer, inner):
    require(outer)
    F, first, second = bridge(inner)
    total = lambda x, c: np.sum(F(x, c))
    np.testing.assert_allclose(di.gradient(total, outer, X, C), G_X, **first)
    np.testing.assert_allclose(di.gradient(total, outer, X, C, argnums=1), G_C, **first)
    np.testing.assert_allclose(di.pushforward(F, outer, X, X, C), (np.cos(X) * C) @ X * np.array([1, 2]), **first)
    np.testing.assert_allclose(di.hessian(total, outer, X, C), HESSIAN, **second)
    prep = di.prepare_gradient(total, outer, X, C)
    np.testing.assert_allclose(prep.gradient(X + 0.1, C), 3 * np.cos(X + 0.1) * C, **first)


@pytest.mark.parametrize("outer", ["reverse", "casadi", "sympy"])
@pytest.mark.parametrize("inner", ["casadi", "sympy"])
def test_third_derivatives_of_numbers_by_symbols(outer, inner):
    require(outer), require(inner)
    F = di.DifferentiateWith(lambda x: np.sin(x) * np.ones(2), inner)
    second = lambda x: di.second_derivative(lambda x: np.sum(F(x)), outer, x)
    np.testing.assert_allclose(di.derivative(second, outer, 0.7), -2 * np.cos(0.7), rtol=1e-12)


@pytest.mark.parametrize("outer", OUTER)
def test_third_order(outer, inner):
    require(outer)
    F = bridge(inner)[0]

    def third():
        product = lambda x: np.sum(di.hvp(lambda x: np.sum(F(x, C)), outer, x, np.ones(3)))
        return di.gradient(product, outer, X)

    if di.capabilities(inner).exact or inner == outer:
        np.testing.assert_allclose(third(), THIRD, rtol=1e-9)
    else:
        with pytest.raises(di.UnsupportedOperationError, match="third derivative of a function bridged"):
            third()


def test_in_jax(inner):
    jax = pytest.importorskip("jax")
    F, first, second = bridge(inner)
    total = lambda x, c: F(x, c).sum()
    with jax.enable_x64(True):
        x, c = jax.numpy.array(X), jax.numpy.array(C)
        for transform in (lambda g: g, jax.jit):
            g = transform(jax.grad(total, (0, 1)))(x, c)
            np.testing.assert_allclose(g[0], G_X, **first)
            np.testing.assert_allclose(g[1], G_C, **first)
        np.testing.assert_allclose(jax.jit(jax.hessian(total))(x, c), HESSIAN, **second)
        rows = jax.vmap(jax.grad(total), (0, None))(jax.numpy.stack([x, 2 * x]), c)
        np.testing.assert_allclose(rows[1], 3 * np.cos(2 * X) * C, **first)
        along = jax.jvp(jax.jit(total), (x, c), (x, 0 * c))[1]
        np.testing.assert_allclose(along, G_X @ X, **first)
        third = jax.grad(lambda x: jax.hessian(total)(x, c).sum())
        if di.capabilities(inner).exact:
            np.testing.assert_allclose(third(x), THIRD, rtol=1e-9)
        else:
            with pytest.raises(di.UnsupportedOperationError, match="third derivative of a function bridged"):
                third(x)


def test_in_torch(inner):
    torch = pytest.importorskip("torch")
    F, first, second = bridge(inner)
    x, c = torch.tensor(X, requires_grad=True), torch.tensor(C, requires_grad=True)
    F(x, c).sum().backward()
    np.testing.assert_allclose(x.grad, G_X, **first)
    np.testing.assert_allclose(c.grad, G_C, **first)
    total = lambda x: F(x, torch.tensor(C)).sum()
    x = torch.tensor(X)
    np.testing.assert_allclose(torch.autograd.functional.hessian(total, x), HESSIAN, **second)
    np.testing.assert_allclose(torch.func.jacrev(torch.func.jacrev(total))(x), HESSIAN, **second)
    np.testing.assert_allclose(torch.func.jvp(total, (x,), (x,))[1], G_X @ X, **first)
    np.testing.assert_allclose(torch.func.vmap(torch.func.grad(total))(torch.stack([x, 2 * x]))[0], G_X, **first)


def test_in_autograd(inner):
    autograd = pytest.importorskip("autograd")
    F, first, second = bridge(inner)
    total = lambda x: autograd.numpy.sum(F(x, C))
    np.testing.assert_allclose(autograd.grad(total)(X), G_X, **first)
    np.testing.assert_allclose(autograd.hessian(total)(X), HESSIAN, **second)


# ---- functions written for an engine


def test_a_jax_function_in_numpy_code():
    jax = pytest.importorskip("jax")

    def g(x):
        return jax.numpy.sum(jax.numpy.exp(x)) * jax.numpy.ones(2)

    G = di.DifferentiateWith(g, "jax")
    for outer in OUTER:
        require(outer)
        if outer == "jax":
            continue  # in a function for JAX g can be called as it is
        total = lambda x: np.sum(G(2 * x))
        np.testing.assert_allclose(di.gradient(total, outer, X), 4 * np.exp(2 * X), rtol=1e-12)
        np.testing.assert_allclose(di.hessian(total, outer, X), np.diag(8 * np.exp(2 * X)), rtol=1e-12)
        np.testing.assert_allclose(
            di.prepare_gradient(total, outer, X).gradient(X + 1), 4 * np.exp(2 * X + 2), rtol=1e-12
        )
    np.testing.assert_allclose(G(X), np.sum(np.exp(X)) * np.ones(2))


def test_a_torch_module_in_jax_and_numpy():
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
    t = torch.tensor(X, requires_grad=True)
    net(t).sum().backward()
    hessian = torch.autograd.functional.hessian(lambda x: net(x).sum(), torch.tensor(X))
    N = di.DifferentiateWith(net, "torch")
    with jax.enable_x64(True):
        total = lambda x: N(x).sum()
        np.testing.assert_allclose(jax.jit(jax.grad(total))(jax.numpy.array(X)), t.grad, rtol=1e-12)
        np.testing.assert_allclose(jax.jit(jax.hessian(total))(jax.numpy.array(X)), hessian, rtol=1e-10, atol=1e-14)
    for outer in ("forward", "reverse", "autograd"):
        np.testing.assert_allclose(di.gradient(lambda x: np.sum(N(x)), outer, X), t.grad, rtol=1e-12)


@dataclasses.dataclass
class Params:
    w: np.ndarray
    b: float


@pytest.mark.parametrize("outer", OUTER)
def test_pytrees_and_statics(outer):
    require(outer)

    def model(params, data, kind):
        y = data @ params.w + params.b
        return {"y": np.tanh(y) if kind == "tanh" else y, "size": np.sum(params.w**2)}

    M = di.DifferentiateWith(model, "finite_differences")
    data = np.array([[1.0, 2.0, 0.5], [3.0, 4.0, -1.0]])

    def loss(m):
        return lambda p: np.sum(m(p, data, "tanh")["y"] ** 2) + m(p, data, "tanh")["size"]

    params = Params(np.array([0.1, -0.2, 0.3]), 0.5)
    found, due = di.gradient(loss(M), outer, params), di.gradient(loss(model), "reverse", params)
    np.testing.assert_allclose(found.w, due.w, rtol=1e-6)
    np.testing.assert_allclose(found.b, due.b, rtol=1e-6)


# ---- the plain spellings


@pytest.mark.parametrize("backend", [None, "reverse", "finite_differences"])
def test_plain_spellings(backend):
    jax, torch, autograd = (pytest.importorskip(name) for name in ("jax", "torch", "autograd"))
    options = {} if backend is None else {"backend": backend}

    def g(x, y):
        out = np.zeros(2)
        out[0] = np.sum(x * y)
        out[1] = np.sum(x**2)
        return np.sum(out)

    due = C + 2 * X
    with jax.enable_x64(True):
        in_jax = di.to_jax(g, **options)
        np.testing.assert_allclose(jax.jit(jax.grad(in_jax))(jax.numpy.array(X), C), due, rtol=1e-7)
        assert isinstance(in_jax(X, C), jax.Array)
    in_torch = di.to_torch(g, **options)
    t = torch.tensor(X, requires_grad=True)
    in_torch(t, torch.tensor(C)).backward()
    np.testing.assert_allclose(t.grad, due, rtol=1e-7)
    assert isinstance(in_torch(X, C), torch.Tensor)
    np.testing.assert_allclose(autograd.grad(di.to_autograd(g, **options))(X, C), due, rtol=1e-7)


# ---- bad input


@pytest.mark.parametrize("outer", ["forward", "reverse", "torch", "autograd"])
def test_what_f_raises_comes_through_with_a_note(outer):
    require(outer)

    def fails(x):
        raise ZeroDivisionError("nobody thought of this")

    F = di.DifferentiateWith(fails, "reverse" if outer != "reverse" else "forward")
    with pytest.raises(ZeroDivisionError, match="nobody thought of this") as caught:
        di.gradient(lambda x: np.sum(F(x)), outer, X)
    assert any("while fails ran" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("outer", ["casadi", "sympy", "jax"])
def test_what_f_raises_once_written_down(outer):
    """The program is written down with an example of x; what f raises at another x comes through."""
    require(outer)

    def fails_for_large(x):
        if np.max(x) > 5:
            raise ZeroDivisionError("nobody thought of this")
        return x**2

    F = di.DifferentiateWith(fails_for_large, "reverse")
    prep = di.prepare_gradient(lambda x: np.sum(F(x)), outer, X)
    np.testing.assert_allclose(prep.gradient(X + 1), 2 * X + 2)
    with pytest.raises(ZeroDivisionError, match="nobody thought of this") as caught:
        prep.gradient(X + 10)
    assert any("while fails_for_large ran" in note or "fails_for_large" in note for note in caught.value.__notes__)


def test_in_jax_the_error_names_function_and_engine():
    jax = pytest.importorskip("jax")

    def fails_for_small(x):
        if np.max(x) < 0.9:
            raise ZeroDivisionError("nobody thought of this")
        return x

    F = di.DifferentiateWith(fails_for_small, "reverse")
    with pytest.raises(Exception, match="nobody thought of this") as caught:
        np.asarray(jax.jit(lambda x: F(x).sum())(jax.numpy.array([0.1, 0.2])))
    assert "fails_for_small" in str(caught.value)


def test_shapes_that_cannot_be_found_are_asked_for():
    jax = pytest.importorskip("jax")

    def picky(x):
        if x[0] in (0, 1):
            raise ValueError("not there")
        return np.array([x[0] ** 2, x[1] ** 3])

    x = jax.numpy.array([2.0, 3.0])
    with pytest.raises(di.UnsupportedOperationError, match="shape of what picky returns"):
        jax.jit(di.DifferentiateWith(picky, "finite_differences"))(x)
    F = di.DifferentiateWith(picky, "finite_differences", output=np.empty(2))
    np.testing.assert_allclose(jax.jit(jax.grad(lambda x: F(x).sum()))(x), [4.0, 27.0], rtol=1e-5)


def test_functions_for_another_engine_are_refused():
    jax = pytest.importorskip("jax")
    with pytest.raises(di.InputError, match="written for jax"):
        di.DifferentiateWith(lambda x: jax.numpy.sum(x), "reverse")
    with pytest.raises(di.UnknownBackendError):
        di.DifferentiateWith(f, "revers")
