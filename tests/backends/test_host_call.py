"""Primitives that an engine lacks, supplied by ours: value, gradient, Hessian, and the engine's own transformations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special as special

import diffiface as di
from diffiface.adapter import NUMPY, UnsupportedOperationError
from diffiface.special_functions import SPECIAL_FUNCTIONS
from tests.numpy_api.special_points import DIFFERENTIABLE, point

LENT = ["jax", "torch", "autograd"]
X = np.array([0.3, 1.2, 2.5])

FUNCTIONS = {
    "jv": lambda x: np.sum(special.jv(1.5, x) ** 2),
    "gammainc": lambda x: np.sum(special.gammainc(x, x + 0.3)),
    "betainc broadcast": lambda x: np.sum(special.betainc(x, 2.0, x[:, None] / 4)),
    "airy": lambda x: np.sum(special.airy(x)[0] * special.airy(x)[3]),
    "voigt, complex inside": lambda x: np.sum(special.voigt_profile(x, 0.4, x / 2)),
    "hankel1, complex": lambda x: np.sum(special.hankel1(1.2, x).imag),
    "0-d": lambda x: special.jv(2, x[0]) * x[1],
    "polynomial": lambda x: np.sum(special.eval_legendre(3, x / 3)),
}


@pytest.mark.parametrize("engine", LENT)
@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_agrees_with_ours(engine, f):
    pytest.importorskip(engine)
    for operator in (di.gradient, di.hessian):
        np.testing.assert_allclose(operator(f, engine, X), operator(f, "reverse", X), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(
        di.jacobian(lambda x: f(x) * np.sin(x), engine, X),
        di.jacobian(lambda x: f(x) * np.sin(x), "reverse", X),
        rtol=1e-12,
        atol=1e-13,
    )


@pytest.mark.parametrize("engine", ["torch", "autograd", pytest.param("jax", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("name", "place"), DIFFERENTIABLE)
def test_every_function_of_the_table(engine, name, place):
    pytest.importorskip(engine)
    arguments = list(point(name))
    x = np.array([float(arguments[place])])

    def flat(p, xs, contexts):
        y = p.special(*arguments[:place], xs[0], *arguments[place + 1 :], function=name)
        y = p.real(y) if p.dtype(y).kind == "c" else y
        return (p.sum(y, axis=(0,), keepdims=False),), None

    value, gradients, _ = di.backend(engine).value_and_gradient(flat, (x,), ())
    expected, expected_gradients, _ = di.backend("reverse").value_and_gradient(flat, (x,), ())
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(gradients[0], expected_gradients[0], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("engine", LENT)
def test_single_precision_and_orders(engine):
    pytest.importorskip(engine)
    assert di.gradient(FUNCTIONS["jv"], engine, X.astype(np.float32)).dtype == np.float32
    with pytest.raises(UnsupportedOperationError, match="the order"):
        di.gradient(lambda v: np.sum(special.jv(v, 1.2)), engine, X)


def test_jax_under_jit_with_arrays_large_enough_for_another_thread():
    pytest.importorskip("jax")
    big = np.linspace(0.1, 3, 200_000)
    prepared = di.prepare_gradient(lambda x: np.sum(special.jv(1.5, x)), "jax", big)
    expected = (special.jv(0.5, big) - special.jv(2.5, big)) / 2
    np.testing.assert_allclose(prepared.gradient(big), expected, rtol=1e-13, atol=1e-16)


def test_jax_hessian_under_one_jit():
    pytest.importorskip("jax")
    prepared = di.prepare_hessian(FUNCTIONS["betainc broadcast"], "jax", X)
    np.testing.assert_allclose(
        prepared.hessian(X), di.hessian(FUNCTIONS["betainc broadcast"], "reverse", X), rtol=1e-11, atol=1e-13
    )


def test_jax_vmap_of_arguments_of_different_rank():
    jax = pytest.importorskip("jax")
    from diffiface_jax.primitives import JAXPrimitives

    p = JAXPrimitives(NUMPY)
    with jax.enable_x64(True):
        v, x = np.array([0.5, 1.5, 2.5]), np.linspace(0.2, 2, 12).reshape(3, 4)
        found = jax.vmap(lambda v, x: p.special(v, x, function="jv"))(v, x)
        np.testing.assert_allclose(found, special.jv(v[:, None], x), rtol=1e-13)


def test_torch_func_and_gradcheck():
    torch = pytest.importorskip("torch")
    from diffiface_torch.primitives import TorchPrimitives

    p = TorchPrimitives(NUMPY, torch.device("cpu"))
    f = lambda x: p.special(1.5, x, function="jv").sum()
    x = torch.tensor(X)
    expected = di.hessian(lambda x: np.sum(special.jv(1.5, x)), "reverse", X)
    np.testing.assert_allclose(torch.func.hessian(f)(x), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(torch.func.jacrev(torch.func.jacrev(f))(x), expected, rtol=1e-12, atol=1e-14)
    rows = torch.func.vmap(torch.func.grad(f))(torch.stack([x, 2 * x]))
    np.testing.assert_allclose(rows[1], di.gradient(lambda x: np.sum(special.jv(1.5, x)), "reverse", 2 * X), rtol=1e-12)
    with pytest.raises(UnsupportedOperationError, match="forward mode inside forward mode"):
        torch.func.jacfwd(torch.func.jacfwd(f))(x)
    leaf = x.clone().requires_grad_()
    assert torch.autograd.gradcheck(f, leaf, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(f, leaf)


def test_autograd_forward_mode():
    pytest.importorskip("autograd")
    from autograd.differential_operators import make_jvp
    from diffiface_autograd.primitives import AutogradPrimitives

    p = AutogradPrimitives(NUMPY, -1)
    value, tangent = make_jvp(lambda x: p.special(1.5, x, function="jv"))(X)(np.ones(3))
    np.testing.assert_allclose(value, special.jv(1.5, X), rtol=1e-13)
    np.testing.assert_allclose(tangent, (special.jv(0.5, X) - special.jv(2.5, X)) / 2, rtol=1e-13)


def test_the_table_says_who_supplies():
    torch = pytest.importorskip("torch")  # noqa: F841
    from diffiface_torch.primitives import TorchPrimitives

    assert TorchPrimitives.supplier("exp") == "own"
    assert TorchPrimitives.supplier("no such primitive") == "ours"
    assert len(SPECIAL_FUNCTIONS) > 200
