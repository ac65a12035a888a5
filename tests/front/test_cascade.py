"""The derived operators: through toy engines that supply one primitive, and through engines stripped to theirs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import diffiface as di
from diffiface import registry
from diffiface.adapter import NUMPY, Backend, Mode
from tests.conftest import EXACT, require
from tests.problems import SCALAR_PROBLEMS, VECTOR_PROBLEMS


@dataclass(frozen=True, repr=False)
class ToyForward(Backend):
    """Central differences along the tangents: one method, everything else derived."""

    name = "toy_forward"
    mode = Mode.FORWARD
    traces = False
    nests = "in itself"

    def value_and_pushforward(self, f, xs, tangents, contexts):
        ys, aux = f(NUMPY, tuple(np.array(x) for x in xs), contexts)
        h = 1e-4
        tys = [[] for _ in ys]
        for b in range(len(tangents[0])):
            ahead, _ = f(NUMPY, tuple(x + h * t[b] for x, t in zip(xs, tangents, strict=True)), contexts)
            behind, _ = f(NUMPY, tuple(x - h * t[b] for x, t in zip(xs, tangents, strict=True)), contexts)
            for column, plus, minus in zip(tys, ahead, behind, strict=True):
                column.append((plus - minus) / (2 * h))
        return ys, [np.stack(c) if c else np.zeros((0, *np.shape(y))) for c, y in zip(tys, ys, strict=True)], aux


@dataclass(frozen=True, repr=False)
class ToyReverse(Backend):
    """The same differences, contracted with the cotangents."""

    name = "toy_reverse"
    mode = Mode.REVERSE
    traces = False
    nests = "in itself"

    def value_and_pullback(self, f, xs, cotangents, contexts):
        ys, aux = f(NUMPY, tuple(np.array(x) for x in xs), contexts)
        if callable(cotangents):
            cotangents = cotangents([(np.shape(y), np.asarray(y).dtype) for y in ys])
        h = 1e-4
        txs = [np.zeros((len(cotangents[0]), *x.shape)) for x in xs]
        for k, x in enumerate(xs):
            for index in np.ndindex(x.shape):
                step = np.zeros(x.shape)
                step[index] = h
                ahead, _ = f(NUMPY, (*xs[:k], x + step, *xs[k + 1 :]), contexts)
                behind, _ = f(NUMPY, (*xs[:k], x - step, *xs[k + 1 :]), contexts)
                for plus, minus, c in zip(ahead, behind, cotangents, strict=True):
                    slope = (plus - minus) / (2 * h)
                    txs[k][(slice(None), *index)] += np.sum(c * slope, axis=tuple(range(1, c.ndim)))
        return ys, txs, aux


def stripped_engines():
    for name in EXACT:
        # JAX's at night: every derived operator is compiled for every problem.
        marks = [pytest.mark.nightly] if name == "jax" else []
        if name not in ("reverse", "autograd"):
            forward = lambda name=name: di.ForwardFromPrimitive(require(name))
            yield pytest.param(forward, id=f"forward from {name}", marks=marks)
        if name != "forward":
            reverse = lambda name=name: di.ReverseFromPrimitive(require(name))
            yield pytest.param(reverse, id=f"reverse from {name}", marks=marks)


@pytest.fixture(params=[ToyForward, ToyReverse, *stripped_engines()])
def one_primitive(request):
    """A backend that supplies one primitive, and its accuracy for first and second derivatives."""
    backend = request.param()
    toy = isinstance(backend, (ToyForward, ToyReverse))
    return backend, (1e-6, 1e-4) if toy else (1e-10, 1e-10)


def close(found, expected, tolerance):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1.0, np.max(np.abs(expected))))


def test_exactly_one_primitive_is_native(one_primitive):
    backend, _ = one_primitive
    support = backend.capabilities().operators
    assert sorted(support.values()).count("native") == 1
    assert support["hessian"] == "derived"


@pytest.mark.parametrize("problem", SCALAR_PROBLEMS, ids=repr)
@pytest.mark.parametrize("prepared", [False, True], ids=["direct", "prepared"])
def test_scalar_operators(one_primitive, problem, prepared):
    backend, (first, second) = one_primitive
    f, x, contexts = problem.f, problem.x, problem.contexts
    t = np.linspace(-1.0, 1.5, x.size).reshape(x.shape)
    if prepared:
        value_and_gradient = di.prepare_gradient(f, backend, x, *contexts).value_and_gradient
        hvp = di.prepare_hvp(f, backend, x, t, *contexts).gradient_and_hvp
        hessian = di.prepare_hessian(f, backend, x, *contexts).value_gradient_and_hessian
    else:
        value_and_gradient = lambda x, *c: di.value_and_gradient(f, backend, x, *c)
        hvp = lambda x, t, *c: di.gradient_and_hvp(f, backend, x, t, *c)
        hessian = lambda x, *c: di.value_gradient_and_hessian(f, backend, x, *c)
    y, g = value_and_gradient(x, *contexts)
    assert y == pytest.approx(f(x, *contexts), rel=1e-12)
    close(g, problem.gradient(x, *contexts), first)
    g, h = hvp(x, t, *contexts)
    close(g, problem.gradient(x, *contexts), first)
    close(h, np.tensordot(problem.hessian(x, *contexts), t, axes=x.ndim), second)
    _, g, H = hessian(x, *contexts)
    close(g, problem.gradient(x, *contexts), first)
    close(H, problem.hessian(x, *contexts), second)
    _, _, H = hessian(x, *contexts)  # once more: nothing stale
    close(H, problem.hessian(x, *contexts), second)


@pytest.mark.parametrize("problem", VECTOR_PROBLEMS, ids=repr)
def test_array_operators(one_primitive, problem):
    backend, (first, _) = one_primitive
    f, x, contexts = problem.f, problem.x, problem.contexts
    J, y = problem.jacobian(x, *contexts), f(x, *contexts)
    t = np.linspace(0.5, 1.5, x.size).reshape(x.shape)
    c = np.linspace(-0.5, 1.5, y.size).reshape(y.shape)
    value, jac = di.value_and_jacobian(f, backend, x, *contexts)
    close(value, y, 1e-12)
    close(jac, J, first)
    close(di.pushforward(f, backend, x, (t, -t), *contexts)[1], -np.tensordot(J, t, axes=x.ndim), first)
    close(di.pullback(f, backend, x, (c, 2 * c), *contexts)[1], 2 * np.tensordot(c, J, axes=y.ndim), first)


def test_scalar_x(one_primitive):
    backend, (first, second) = one_primitive
    f = lambda t: np.stack([np.sin(t), t**3])
    _, dy, ddy = di.value_derivative_and_second_derivative(f, backend, 0.5)
    close(dy, [np.cos(0.5), 0.75], first)
    close(ddy, [-np.sin(0.5), 3.0], second)
    close(di.derivative(f, backend, 0.5), [np.cos(0.5), 0.75], first)


def test_complex(one_primitive):
    backend, (first, _) = one_primitive
    if isinstance(backend, (ToyForward, ToyReverse)):
        pytest.skip("the toy engines difference along real directions only")
    z = np.array([3.0 + 4.0j, 1.0 - 2.0j])
    close(di.gradient(lambda z: np.sum(np.real(z * np.conj(z))), backend, z), 2 * z, first)
    close(di.pullback(lambda z: z**2, backend, z, z), np.conj(2 * z) * z, first)
    close(di.pushforward(lambda z: z**2, backend, z, z), 2 * z * z, first)


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 100])
@pytest.mark.parametrize("name", ["forward", "reverse"])
def test_chunks_are_caps(name, chunk_size):
    backend = di.backend(name, chunk_size=chunk_size)
    problem = SCALAR_PROBLEMS[2]
    close(di.gradient(problem.f, backend, problem.x), problem.gradient(problem.x), 1e-12)
    close(di.hessian(problem.f, backend, problem.x), problem.hessian(problem.x), 1e-12)
    close(
        di.jacobian(lambda x: np.outer(x, x)[:, :2], backend, problem.x)[1, 0],
        problem.x[[1, 0, 0, 0]] * [1, 1, 0, 0],
        1e-12,
    )


def test_an_engine_that_supplies_nothing_is_refused():
    @dataclass(frozen=True, repr=False)
    class Nothing(Backend):
        name = "nothing"

    with pytest.raises(di.UnsupportedOperationError, match="nothing: this engine has no way"):
        di.gradient(lambda x: x, Nothing(), 1.0)


def test_registering_an_engine_by_hand():
    registry.register_backend(ToyForward)
    try:
        assert "toy_forward" in di.available_backends()
        assert di.gradient(lambda x: x**2, "toy_forward", 3.0) == pytest.approx(6.0, rel=1e-6)
    finally:
        registry._extra.pop("toy_forward")
