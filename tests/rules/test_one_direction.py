"""A rule given in one direction serves both, also where the rule itself can only be run on NumPy arrays."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di
from tests.conftest import require

ENGINES = ("forward", "reverse", "jax", "torch", "autograd", "casadi", "sympy", "complex_step")
X, T = np.array([0.3, -1.2, 2.0]), np.array([1.0, -2.0, 0.5])
A = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])  # so that the two directions differ in shape
JACOBIAN = A * np.cos(X)


def numbers(x):
    """Return the numbers in x by way of its bytes, where no tracing gets through."""
    return np.frombuffer(np.asarray(x).tobytes()).reshape(np.shape(x))


def value(x):
    return A @ np.sin(numbers(x))


RULES = {
    "bwd traced": {"vjp": (lambda x: (value(x), x), lambda x, ct: ((A.T @ ct) * np.cos(x),))},
    "fwd on the host": {"vjp": (lambda x: (value(x), np.cos(numbers(x))), lambda c, ct: ((A.T @ ct) * c,))},
    "bwd on the host": {"vjp": (lambda x: (value(x), x), lambda x, ct: ((A.T @ numbers(ct)) * np.cos(numbers(x)),))},
    "jvp on the host": {"jvp": lambda p, t: (value(p[0]), A @ (np.cos(numbers(p[0])) * numbers(t[0])))},
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("given", RULES)
def test_both_directions(given, engine):
    require(engine)
    f = di.rule(value, name="f", **RULES[given])
    ct = np.array([2.0, -1.0])
    np.testing.assert_allclose(di.pushforward(f, engine, X, T), JACOBIAN @ T, rtol=1e-12)
    np.testing.assert_allclose(di.pullback(f, engine, X, ct), JACOBIAN.T @ ct, rtol=1e-12)
    np.testing.assert_allclose(di.jacobian(f, engine, X), JACOBIAN, rtol=1e-12)
    prep = di.prepare_pushforward(f, engine, X, T)
    np.testing.assert_allclose(prep.pushforward(2 * X, T), A * np.cos(2 * X) @ T, rtol=1e-12)


@pytest.mark.parametrize("given", RULES)
def test_in_programs_for_torch(given):
    torch = pytest.importorskip("torch")
    f = di.rule(value, name="f", **RULES[given])
    x, t = torch.tensor(X), torch.tensor(T)
    np.testing.assert_allclose(torch.func.jvp(f, (x,), (t,))[1], JACOBIAN @ T, rtol=1e-12)
    np.testing.assert_allclose(torch.autograd.functional.jvp(f, x, t)[1], JACOBIAN @ T, rtol=1e-12)
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        np.testing.assert_allclose(jacobian(f)(x), JACOBIAN, rtol=1e-12)
    x.requires_grad_()
    f(x).sum().backward()
    np.testing.assert_allclose(x.grad, JACOBIAN.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("given", ["bwd on the host", "jvp on the host"])
def test_in_programs_for_jax_and_autograd(given):
    jax, autograd = pytest.importorskip("jax"), pytest.importorskip("autograd")
    f = di.rule(value, name="f", **RULES[given])
    with jax.enable_x64(True):
        x = jax.numpy.array(X)
        np.testing.assert_allclose(jax.jit(jax.jacfwd(f))(x), JACOBIAN, rtol=1e-12)
        np.testing.assert_allclose(jax.jit(jax.jacrev(f))(x), JACOBIAN, rtol=1e-12)
    np.testing.assert_allclose(autograd.jacobian(f)(X), JACOBIAN, rtol=1e-12)
    np.testing.assert_allclose(autograd.make_jvp(f)(X)(T)[1], JACOBIAN @ T, rtol=1e-12)
