"""Functions written for an engine get that engine's arrays, by a static rule; others are refused with the reason."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import diffiface as di
from diffiface.style import native_engines
from tests.conftest import require


def jax_function():
    require("jax")
    import jax.numpy as jnp

    return lambda x, A: jnp.sum(jnp.sin(A @ x) ** 2)


def torch_function():
    require("torch")
    import torch

    return lambda x, A: torch.sum(torch.sin(A @ x) ** 2)


def autograd_function():
    require("autograd")
    import autograd.numpy as anp

    return lambda x, A: anp.sum(anp.sin(anp.dot(A, x)) ** 2)


NATIVE = {"jax": jax_function, "torch": torch_function, "autograd": autograd_function}
natives = pytest.mark.parametrize("engine", NATIVE)

rng = np.random.default_rng(3)
A, x = rng.normal(size=(4, 3)), rng.normal(size=3)
GRADIENT = A.T @ np.sin(2 * (A @ x))
HESSIAN = 2 * (A.T * np.cos(2 * (A @ x))) @ A


@natives
def test_on_its_own_engine(engine):
    f = NATIVE[engine]()
    assert native_engines(f) == (engine,)
    for prepared in (False, True):
        g = di.prepare_gradient(f, engine, x, A).gradient(x, A) if prepared else di.gradient(f, engine, x, A)
        assert type(g) is np.ndarray and g.dtype == np.float64
        np.testing.assert_allclose(g, GRADIENT, rtol=1e-10)
        H = di.prepare_hessian(f, engine, x, A).hessian(x, A) if prepared else di.hessian(f, engine, x, A)
        np.testing.assert_allclose(H, HESSIAN, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(di.hvp(f, engine, x, x, A), HESSIAN @ x, rtol=1e-10)
    np.testing.assert_allclose(di.pushforward(f, engine, x, x, A), GRADIENT @ x, rtol=1e-10)


@natives
def test_numeric_engines_can_call_it(engine):
    f = NATIVE[engine]()
    np.testing.assert_allclose(di.gradient(f, "finite_differences", x, A), GRADIENT, rtol=1e-7, atol=1e-8)


@natives
def test_other_engines_refuse_it(engine):
    f = NATIVE[engine]()
    for other in {"forward", "reverse", "jax", "torch", "autograd"} - {engine}:
        with pytest.raises(di.InputError, match=f"written for {engine}"):
            di.gradient(f, require(other), x, A)


def test_style_can_be_set():
    jnp = pytest.importorskip("jax.numpy")
    f = lambda x: np.sum(x**2) if hasattr(x, "_value") or not jnp else jnp.sum(x**2)
    assert native_engines(f) == ("jax",)
    np.testing.assert_allclose(di.gradient(f, di.backend("jax", style="numpy"), np.ones(2)), [2.0, 2.0])
    seen = []
    di.gradient(lambda x: (seen.append(type(x).__name__), x.sum())[1], di.backend("jax", style="native"), np.ones(2))
    assert seen and seen[0] not in ("Array", "Scalar")


def test_where_the_rule_looks():
    require("jax")
    import jax
    import jax.numpy as jnp

    def helper(x):
        return jnp.sum(x)

    class Model:
        def __init__(self):
            self.weight = 2.0

        def loss(self, x):
            return jnp.sum(x) * self.weight

        __call__ = loss

    assert native_engines(lambda x: helper(x)) == ("jax",)
    assert native_engines(functools.partial(helper)) == ("jax",)
    assert native_engines(jax.jit(helper)) == ("jax",)
    assert native_engines(Model().loss) == ("jax",)
    assert native_engines(Model()) == ("jax",)
    assert native_engines(lambda x, f=helper: f(x)) == ("jax",)
    assert native_engines(lambda x: np.sum(x)) == ()
    assert native_engines(np.sum) == ()


@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_family_of_x_is_the_family_of_the_result(engine):
    require(engine)
    f = lambda x: np.sum(x**3)
    for backend in (engine, "reverse", "finite_differences"):
        if engine == "torch":
            import torch

            v = torch.tensor([1.0, 2.0], dtype=torch.float64)
            g = di.gradient(f, backend, v)
            assert isinstance(g, torch.Tensor) and g.dtype == torch.float64 and not g.requires_grad
            H = di.hessian(f, backend, v)
            assert isinstance(H, torch.Tensor)
            y, g = di.prepare_gradient(f, backend, v).value_and_gradient(v)
            assert isinstance(g, torch.Tensor) and isinstance(y, torch.Tensor)
            np.testing.assert_allclose(g.numpy(), [3.0, 12.0], rtol=1e-6)
            assert not v.requires_grad
        else:
            import jax
            import jax.numpy as jnp

            v = jnp.array([1.0, 2.0], jnp.float32)
            g = di.gradient(f, backend, v)
            assert isinstance(g, jax.Array) and g.dtype == jnp.float32
            assert isinstance(di.hessian(f, backend, v), jax.Array)
            y, g = di.prepare_gradient(f, backend, v).value_and_gradient(v)
            assert isinstance(g, jax.Array)
            np.testing.assert_allclose(np.asarray(g), [3.0, 12.0], rtol=1e-5)


def test_jax_global_state_is_not_touched():
    require("jax")
    import jax

    before = jax.config.jax_enable_x64
    di.prepare_gradient(lambda x: np.sum(x**2), "jax", np.ones(2)).gradient(np.ones(2))
    di.hessian(lambda x: np.sum(x**2), "jax", np.ones(2))
    assert jax.config.jax_enable_x64 is before


def test_a_native_jax_function_that_fills_its_output_is_refused():
    require("jax")
    import jax.numpy as jnp

    def fill(y, x):
        y[:] = jnp.sin(x)

    with pytest.raises(di.UnsupportedOperationError, match="fills its output"):
        di.jacobian(fill, "jax", np.ones(2), y=np.empty(2))


def test_torch_functions_may_fill_their_output():
    require("torch")
    import torch

    def fill(y, x):
        y[:] = torch.sin(x)

    np.testing.assert_allclose(
        di.jacobian(fill, "torch", np.ones(2), y=np.empty(2)), np.cos(1.0) * np.eye(2), rtol=1e-12
    )
