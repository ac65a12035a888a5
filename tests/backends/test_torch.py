"""PyTorch: the shared checks, and what is PyTorch's own: tensors, graphs, in-place writes, custom functions."""

from __future__ import annotations

import diffiface_torch
import numpy as np
import pytest
import torch
from diffiface_torch import custom_calls
from diffiface_torch.adapter import Torch
from diffiface_torch.arrays import FAMILY
from diffiface_torch.primitives import TorchPrimitives

import diffiface as di
from diffiface.adapter import NUMPY
from tests.backends import engine_checks, primitive_checks

X = np.array([0.3, -1.2, 2.0])
CPU = torch.device("cpu")


@pytest.mark.parametrize(("name", "number"), primitive_checks.SAMPLES)
def test_primitive(name, number):
    primitive_checks.check(Torch(), name, number)


def test_no_primitive_is_missing():
    assert primitive_checks.missing(TorchPrimitives(NUMPY, CPU)) == set()


@pytest.mark.parametrize("check", engine_checks.ALL, ids=lambda check: check.__name__)
def test_contract(check):
    check(Torch())


def cubes(x):
    return torch.sum(x**3)


@pytest.mark.parametrize("f", [cubes, lambda x: np.sum(x**3)], ids=["native", "numpy"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_stay_tensors(f, dtype):
    x = torch.tensor(X, dtype=dtype)
    value, gradient = di.value_and_gradient(f, "torch", x)
    assert value.dtype == gradient.dtype == dtype and not value.requires_grad and not gradient.requires_grad
    torch.testing.assert_close(gradient, 3 * x**2)
    hessian = di.hessian(f, "torch", x)
    assert isinstance(hessian, torch.Tensor) and hessian.dtype == dtype
    torch.testing.assert_close(hessian, torch.diag(6 * x))
    assert x.grad is None and not x.requires_grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_prepared_gradients(dtype):
    x = torch.tensor(X, dtype=dtype)
    for f in (cubes, lambda x: np.sum(x**3)):
        value, gradient = di.prepare_gradient(f, "torch", x).value_and_gradient(2 * x)
        assert value.dtype == gradient.dtype == dtype and not value.requires_grad
        torch.testing.assert_close(gradient, 12 * x**2)
    constant = di.prepare_gradient(lambda x: torch.ones((), dtype=dtype), "torch", x)
    torch.testing.assert_close(constant.gradient(x), torch.zeros_like(x))
    with torch.no_grad():
        torch.testing.assert_close(di.prepare_gradient(cubes, "torch", x).gradient(x), 3 * x**2)


def test_a_prepared_gradient_of_the_first_entry_does_not_hand_out_x():
    x = torch.tensor(X)
    value, _ = di.prepare_gradient(lambda x: x[0], "torch", x).value_and_gradient(x)
    value += 1
    torch.testing.assert_close(x, torch.tensor(X))


def test_every_operator_keeps_tensors():
    x, t = torch.tensor(X), torch.ones(3, dtype=torch.float64)
    f = lambda x: torch.sin(x)
    scalar = torch.tensor(0.5, dtype=torch.float64)
    torch.testing.assert_close(di.jacobian(f, "torch", x), torch.diag(torch.cos(x)))
    torch.testing.assert_close(di.pushforward(f, "torch", x, t), torch.cos(x))
    torch.testing.assert_close(di.pullback(f, "torch", x, t), torch.cos(x))
    torch.testing.assert_close(di.hvp(cubes, "torch", x, t), 6 * x)
    torch.testing.assert_close(di.derivative(f, "torch", scalar), torch.cos(scalar))
    torch.testing.assert_close(di.second_derivative(f, "torch", scalar), -torch.sin(scalar))


def test_batches_of_tensors():
    x, t = torch.tensor(X), torch.ones(3, dtype=torch.float64)
    first, second = di.pushforward(torch.sin, "torch", x, (t, 2 * t))
    torch.testing.assert_close(second, 2 * first)


@pytest.mark.parametrize("operator", ["gradient", "hessian"])
def test_a_tensor_in_a_graph_gives_a_result_in_the_graph(operator):
    x = torch.tensor(X, requires_grad=True)
    result = getattr(di, operator)(cubes, "torch", x)
    result.sum().backward()
    torch.testing.assert_close(x.grad, 6 * x.detach() if operator == "gradient" else torch.full((3,), 6.0).double())


def test_parameters_in_a_closure_collect_no_gradient():
    weight = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    di.gradient(lambda x: torch.sum(weight * x**2), "torch", torch.tensor(X))
    assert weight.grad is None


def test_derivatives_are_taken_under_no_grad():
    with torch.no_grad():
        np.testing.assert_allclose(di.gradient(cubes, "torch", X), 3 * X**2)


def test_native_functions_take_numpy_constants_of_any_memory_order():
    base = np.arange(12.0).reshape(3, 4)
    frozen = base.copy()
    frozen.flags.writeable = False
    for constant in (base, frozen, base[::-1, ::-2], base.T.copy().T):
        gradient = di.gradient(lambda x, c: torch.sum(c.T @ x), "torch", X, constant)
        np.testing.assert_allclose(gradient, constant.sum(axis=1))


def test_writes_in_place_in_a_native_function():
    def f(x):
        y = torch.zeros(3, dtype=x.dtype)
        y[0] = x[0] * x[1]
        y[1:] = x[1:] ** 2
        return y

    expected = np.array([[X[1], X[0], 0], [0, 2 * X[1], 0], [0, 0, 2 * X[2]]])
    np.testing.assert_allclose(di.jacobian(f, "torch", X), expected)
    np.testing.assert_allclose(di.hessian(lambda x: torch.sum(f(x)), "torch", X), [[0, 1, 0], [1, 2, 0], [0, 0, 2]])


class HostSquare(torch.autograd.Function):
    """A user's own rule, which leaves PyTorch."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(x.detach().numpy() ** 2)

    @staticmethod
    def backward(ctx, cotangent):
        (x,) = ctx.saved_tensors
        return cotangent * torch.from_numpy(2 * x.detach().numpy()) + 0 * torch.from_numpy(cotangent.detach().numpy())


def test_a_custom_function_that_calls_numpy():
    np.testing.assert_allclose(di.jacobian(lambda x: HostSquare.apply(x), "torch", X), np.diag(2 * X))


def test_a_function_with_live_control_flow_is_batched():
    def f(x):
        return torch.stack([x[i] ** 2 if x[i] > 0 else -x[i] for i in range(3)])

    np.testing.assert_allclose(di.jacobian(f, "torch", X), np.diag(np.where(X > 0, 2 * X, -1)))


def test_torch_func_is_refused_by_name():
    with pytest.raises(di.UnsupportedOperationError, match=r"torch\.func"):
        torch.func.vmap(lambda x: di.gradient(cubes, "torch", x))(torch.tensor(np.stack([X, X])))


def test_torch_inside_torch():
    def inner(y, x):
        return np.sum(x * y**3)

    def outer(x):
        return np.sum(di.gradient(inner, "torch", x, x) ** 2)

    np.testing.assert_allclose(di.gradient(outer, "torch", X), 54 * X**5)


def test_promotion_follows_numpy():
    p = TorchPrimitives(NUMPY, CPU)
    single = torch.ones(3, dtype=torch.float32)
    assert p.dtype(p.multiply(single, 2.0)) == np.float32
    assert p.dtype(p.multiply(single, np.float64(2.0))) == np.float64
    assert p.dtype(p.multiply(torch.ones((), dtype=torch.float64), single)) == np.float64
    assert p.dtype(p.add(single, np.arange(3))) == np.float64
    assert p.dtype(p.exp(np.arange(3))) == np.float64
    assert p.dtype(p.divide(torch.arange(3), 2)) == np.float64
    assert p.dtype(p.where(np.ones(3, bool), single, 0.0)) == np.float32
    assert p.dtype(p.concatenate([single, np.ones(1)], axis=0)) == np.float64
    assert p.dtype(p.sum(torch.ones(3, dtype=torch.bool), axis=(0,), keepdims=False)) == np.int64


def test_the_mean_of_floats_is_pytorchs_and_of_anything_else_numpys():
    table = np.arange(6.0).reshape(2, 3) + 0.25
    weights = np.array([[1.0, -2.0, 0.5], [3.0, 1.5, -1.0]])
    ways = ({}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)}, {"axis": ()}, {"where": weights > 0})
    for way in ways:
        jacobian = di.jacobian(lambda x, way=way: np.mean(x * weights, **way), "torch", table)
        np.testing.assert_allclose(
            jacobian, di.jacobian(lambda x, way=way: np.mean(x * weights, **way), "forward", table), rtol=1e-15
        )
    with pytest.raises(np.exceptions.AxisError):
        di.jacobian(lambda x: np.mean(x, axis=2), "torch", table)


def test_constants_are_read_when_they_are_used():
    def f(x, c):
        own = c[:1] + 0.0
        y = own * x + c.T[::-1] * x
        own[:] = 100.0
        return np.sum(y * own) + np.sum(record["a"] * x)

    record = np.zeros(3, dtype=[("a", float), ("b", np.int32)])
    record["a"] = 1.0, 2.0, 3.0
    c = np.array([2.0, 3.0, 4.0])
    np.testing.assert_allclose(di.gradient(f, "torch", X, c), 100 * (2.0 + c[::-1]) + record["a"], rtol=1e-15)
    np.testing.assert_allclose(
        di.gradient(lambda x, r: np.sum(r["a"] * x), "torch", X, record), record["a"], rtol=1e-15
    )


def test_rules_are_right_without_the_private_function_of_pytorch(monkeypatch):
    monkeypatch.setattr(custom_calls, "_WILL_RUN", None)
    f = di.rule(np.sin, name="f", vjp=(lambda x: (np.sin(x), x), lambda x, ct: (ct * np.cos(x),)))
    np.testing.assert_allclose(di.pullback(f, "torch", X, T := np.array([1.0, -2.0, 0.5])), T * np.cos(X), rtol=1e-15)
    np.testing.assert_allclose(di.pushforward(f, "torch", X, T), T * np.cos(X), rtol=1e-15)
    np.testing.assert_allclose(di.hessian(lambda x: np.sum(f(x)), "torch", X), np.diag(-np.sin(X)), rtol=1e-15)


INDICES = [
    (0, slice(None), np.array([1, 0])),
    (slice(None), 1, np.array([1, 0])),
    (np.array([0, 1]), slice(None, None, -1), 1),
    (slice(None, None, -2), Ellipsis, None),
    (np.array([[True, False, True], [False, True, False]]),),
    (np.array([True, False]), slice(None), np.array([0])),
    (None, np.array([-1, 0]), Ellipsis),
    (slice(None), np.array([0, 2]), np.array([1, 1])),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indices_mean_what_they_mean_in_numpy(index):
    p = TorchPrimitives(NUMPY, CPU)
    array = np.arange(12.0).reshape(2, 3, 2)
    tensor = torch.tensor(array)
    expected = array[index]
    np.testing.assert_array_equal(p.getitem(tensor, index=index).numpy(), expected)
    values = 100 + np.arange(expected.size, dtype=float).reshape(expected.shape)
    written, added = array.copy(), array.copy()
    written[index] = values
    np.add.at(added, index, values)
    np.testing.assert_array_equal(p.setitem(tensor, values, index=index).numpy(), written)
    np.testing.assert_array_equal(p.add_at(tensor, values, index=index).numpy(), added)
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_a_stack_of_systems_with_one_right_hand_side():
    a = np.stack([np.eye(2) * k for k in (1.0, 2.0)])
    b = np.array([[1.0, 2.0], [3.0, 4.0]])  # a matrix, though it could pass for two vectors
    solved = TorchPrimitives(NUMPY, CPU).solve(torch.tensor(a), b)
    np.testing.assert_allclose(solved.numpy(), np.linalg.solve(a, b[None]))


def test_the_family():
    x = FAMILY.from_numpy(X)
    assert FAMILY.owns(x) and not FAMILY.owns(X)
    assert FAMILY.dtype(x) == np.float64 and FAMILY.shape(x) == (3,)
    assert not FAMILY.is_traced(x) and FAMILY.is_traced(x.clone().requires_grad_())
    back = FAMILY.to_numpy(x.clone().requires_grad_())
    back[:] = 0
    np.testing.assert_array_equal(x.numpy(), X)
    assert FAMILY.stack([x, x]).shape == (2, 3)
    assert diffiface_torch.REQUIRES == ("torch",)


def test_backends_print_compare_and_hash():
    assert repr(di.backend("torch", chunk_size=8)) == "backend('torch', chunk_size=8)"
    assert Torch() == Torch() and len({Torch(), Torch(), Torch(chunk_size=8)}) == 2
