"""Checks of an engine's contract (`diffiface.adapter.Backend`) on flat functions, for any engine that traces.

Each function takes the backend; `ALL` lists them for parametrised tests.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from diffiface.adapter import OPERATORS, Backend, Primitives, tracing
from diffiface.operators.cascade import engine_method

X = np.array([0.3, -1.2, 2.0])
W = np.array([[0.3], [0.5]])


def total(p: Primitives, value: Any) -> Any:
    """Sum over every axis."""
    return p.sum(value, axis=tuple(range(len(p.shape(value)))), keepdims=False)


def sum_of_cubes(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
    return (total(p, p.power(xs[0], 3)),), None


def vector(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
    """Two outputs of two inputs: `x**2 * w`, of shape (2, 3), and `sin(x)`."""
    x, w = xs
    return (p.multiply(p.square(x), w), p.sin(x)), None


def scalar(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
    x, w = xs
    return (total(p, p.multiply(p.multiply(p.square(x), x), p.exp(w))),), None


def plain(values: Any) -> Any:
    """Turn an engine's results into NumPy arrays, keeping the nesting."""
    return [plain(v) for v in values] if isinstance(values, (list, tuple)) else np.asarray(values)


def same(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for f, e in zip(found, expected, strict=True):
            same(f, e, tolerance)
        return
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=tolerance, atol=tolerance)


# ---- every operator has the exact result, prepared or not


def _exact_vector_jacobian() -> list[list[np.ndarray]]:
    by_x = np.einsum("ij,jk->ijk", 2 * X * W, np.eye(3))
    by_w = np.einsum("j,ik->ijk", X**2, np.eye(2)).reshape(2, 3, 2, 1)
    return [[by_x, by_w], [np.diag(np.cos(X)), np.zeros((3, 2, 1))]]


def _exact_scalar() -> tuple[Any, ...]:
    e = np.exp(W)
    value = np.sum(X**3 * e)
    gradient = [3 * X**2 * e.sum(), (X**3).sum() * e]
    cross = np.einsum("j,ik->jik", 3 * X**2, e)
    hessian = [
        [np.diag(6 * X * e.sum()), cross],
        [np.moveaxis(cross, 0, -1), ((X**3).sum() * np.diag(e[:, 0])).reshape(2, 1, 2, 1)],
    ]
    return value, gradient, hessian


def _dot(blocks: Sequence[np.ndarray], tangents: Sequence[np.ndarray]) -> np.ndarray:
    parts = [np.tensordot(block, t, axes=t.ndim) for block, t in zip(blocks, tangents, strict=True)]
    return np.sum(np.stack(parts), axis=0)


TANGENTS = (np.random.default_rng(1).normal(size=(4, 3)), np.random.default_rng(2).normal(size=(4, 2, 1)))
COTANGENTS = (np.random.default_rng(3).normal(size=(4, 2, 3)), np.random.default_rng(4).normal(size=(4, 3)))


def cases() -> dict[str, tuple[Any, tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]]:
    """Return per operator: the flat function, xs, the seeds, and the exact results."""
    jacobian = _exact_vector_jacobian()
    value, gradient, hessian = _exact_scalar()
    ys = [X**2 * W, np.sin(X)]
    pushed = [np.stack([_dot(row, [t[b] for t in TANGENTS]) for b in range(4)]) for row in jacobian]
    pulled = [
        np.stack(
            [
                sum(np.tensordot(c[b], row[j], axes=c.ndim - 1) for c, row in zip(COTANGENTS, jacobian, strict=True))
                for b in range(4)
            ]
        )
        for j in range(2)
    ]
    products = [np.stack([_dot(row, [t[b] for t in TANGENTS]) for b in range(4)]) for row in hessian]
    t = np.array(0.7)

    def curve(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return (p.sin(p.multiply(xs[0], X)), p.power(xs[0], 3)), None

    curve_values = [np.sin(t * X), t**3]
    curve_slopes = [X * np.cos(t * X), 3 * t**2]
    return {
        "pushforward": (vector, (X, W), (TANGENTS,), (ys, pushed)),
        "pullback": (vector, (X, W), (COTANGENTS,), (ys, pulled)),
        "derivative": (curve, (t,), (), (curve_values, curve_slopes)),
        "gradient": (scalar, (X, W), (), (value, gradient)),
        "jacobian": (vector, (X, W), (), (ys, jacobian)),
        "second_derivative": (curve, (t,), (), (curve_values, curve_slopes, [-(X**2) * np.sin(t * X), 6 * t])),
        "hvp": (scalar, (X, W), (TANGENTS,), (value, gradient, products)),
        "hessian": (scalar, (X, W), (), (value, gradient, hessian)),
    }


def check_every_operator(backend: Backend) -> None:
    for operator, (f, xs, seeds, expected) in cases().items():
        *found, aux = engine_method(backend, operator)(f, xs, *seeds, ())
        assert aux is None
        same(found, list(expected))


def check_every_prepared_operator(backend: Backend) -> None:
    for operator, (f, xs, seeds, expected) in cases().items():
        if not backend.supplies(operator):
            continue
        run = backend.prepare(operator, f, tuple(np.ones_like(x) for x in xs), ())
        run = run or partial(engine_method(backend, operator), f)
        for _ in range(2):
            *found, aux = run(xs, *seeds, ())
            assert aux is None
            same(found, list(expected))


def check_chunks(backend: Backend) -> None:
    narrow = type(backend)(chunk_size=2)
    for operator in ("pushforward", "pullback", "jacobian", "hvp", "hessian"):
        f, xs, seeds, expected = cases()[operator]
        *found, _ = engine_method(narrow, operator)(f, xs, *seeds, ())
        same(found, list(expected))


def check_cotangents_may_be_made_from_the_outputs(backend: Backend) -> None:
    def make(outputs: Any) -> Any:
        assert [(tuple(shape), np.dtype(dtype)) for shape, dtype in outputs] == [
            ((2, 3), np.float64),
            ((3,), np.float64),
        ]
        return COTANGENTS

    f, xs, _, expected = cases()["pullback"]
    *found, _ = engine_method(backend, "pullback")(f, xs, make, ())
    same(found, list(expected))
    run = backend.prepare("pullback", f, xs, ()) if backend.supplies("pullback") else None
    if run is not None:
        *found, _ = run(xs, make, ())
        same(found, list(expected))


# ---- nesting


def check_second_order_by_nesting(backend: Backend) -> None:
    """The gradient of a function of a gradient: sum of (3 x²)², so 36 x³."""

    def outer(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        with tracing(p):
            _, (gradient,), _ = engine_method(backend, "gradient")(sum_of_cubes, xs, ())
        return (total(p, p.square(gradient)),), None

    _, (gradient,), _ = engine_method(backend, "gradient")(outer, (X,), ())
    same(gradient, 36 * X**3)


def check_third_order_by_nesting(backend: Backend) -> None:
    def derived(f: Any) -> Any:
        def outer(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
            with tracing(p):
                _, (slope,), _ = engine_method(backend, "gradient")(f, xs, ())
            return (slope,), None

        return outer

    def quintic(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return (p.power(xs[0], 5),), None

    _, (third,), _ = engine_method(backend, "gradient")(derived(derived(quintic)), (np.array(0.7),), ())
    same(third, 60 * 0.7**2)


def check_perturbations_are_not_confused(backend: Backend) -> None:
    """d/dx of x · (d/dy of x + y at y = 1) is 1; the value of x met in a closure is a constant inside."""

    def outer(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        (x,) = xs

        def inner(q: Primitives, ys: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
            return (q.add(q.multiply(x, ys[0]), ys[0]),), None

        with tracing(p):
            _, (slope,), _ = engine_method(backend, "gradient")(inner, (np.array(1.0),), ())
        return (p.multiply(x, p.subtract(slope, x)),), None

    _, (slope,), _ = engine_method(backend, "gradient")(outer, (np.array(0.7),), ())
    same(slope, 1.0)


# ---- what goes in and comes out


def check_complex(backend: Backend) -> None:
    z = np.array([1.0 + 2.0j, -0.5 + 0.25j])

    def square_of_modulus(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return (total(p, p.real(p.multiply(xs[0], p.conjugate(xs[0])))),), None

    def square(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return (p.multiply(xs[0], xs[0]),), None

    _, (gradient,), _ = engine_method(backend, "gradient")(square_of_modulus, (z,), ())
    same(gradient, 2 * z)
    _, ((jacobian,),), _ = engine_method(backend, "jacobian")(square, (z,), ())
    same(jacobian, np.diag(2 * z))
    cotangent = np.array([[1.0 - 1.0j, 2.0 + 0.5j]])
    _, (pulled,), _ = engine_method(backend, "pullback")(square, (z,), (cotangent,), ())
    same(pulled, np.conj(2 * z) * cotangent)


def check_constants_have_no_derivative(backend: Backend) -> None:
    def constant(value: Any) -> Any:
        return lambda p, xs, contexts: ((value,), None)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for value in (np.array(3.0), 3.0, np.float64(3.0)):
            found, (gradient,), _ = engine_method(backend, "gradient")(constant(value), (X,), ())
            same(found, 3.0)
            same(gradient, np.zeros(3))
            _, _, ((hessian,),), _ = engine_method(backend, "hessian")(constant(value), (X,), ())
            same(hessian, np.zeros((3, 3)))
        ys, ((jacobian,),), _ = engine_method(backend, "jacobian")(constant(np.ones((2, 2))), (X,), ())
        same(ys[0], np.ones((2, 2)))
        same(jacobian, np.zeros((2, 2, 3)))


def check_aux(backend: Backend) -> None:
    def with_aux(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        squares = p.square(xs[0])
        return (total(p, squares),), {"squares": p.lower(squares), "label": "text", "count": 3, "none": None}

    runs: list[Callable[..., Any]] = [partial(engine_method(backend, "gradient"), with_aux)]
    if backend.supplies("gradient"):
        prepared = backend.prepare("gradient", with_aux, (X,), ())
        runs += [prepared, prepared] if prepared else []
    for run in runs:
        _, (gradient,), aux = run((X,), ())
        same(gradient, 2 * X)
        same(np.asarray(aux["squares"]), X**2)
        assert (aux["label"], aux["count"], aux["none"]) == ("text", 3, None)


def check_contexts(backend: Backend) -> None:
    def weighted(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        weights, scale, power, name = contexts
        assert name == "name"
        return (total(p, p.multiply(p.multiply(p.power(xs[0], power), weights), scale)),), None

    run = backend.prepare("gradient", weighted, (X,), (np.ones(3), 1.0, 2, "name"))
    run = run or partial(engine_method(backend, "gradient"), weighted)
    for weights, scale, power in ((X, 2.0, 2), (X**2, 3.0, 2), (X, 2.0, 3)):
        _, (gradient,), _ = run((X,), (weights, scale, power, "name"))
        same(gradient, scale * weights * power * X ** (power - 1))


def check_single_precision_stays(backend: Backend) -> None:
    x = X.astype(np.float32)
    y, (gradient,), _ = engine_method(backend, "gradient")(sum_of_cubes, (x,), ())
    assert np.asarray(y).dtype == gradient.dtype == np.float32
    same(gradient, 3 * x**2, 1e-6)
    _, _, ((hessian,),), _ = engine_method(backend, "hessian")(sum_of_cubes, (x,), ())
    assert hessian.dtype == np.float32


def check_double_constants_do_not_widen_the_gradient(backend: Backend) -> None:
    def weighted(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return (total(p, p.multiply(xs[0], X)),), None

    y, (gradient,), _ = engine_method(backend, "gradient")(weighted, (X.astype(np.float32),), ())
    assert np.asarray(y).dtype == np.float64 and gradient.dtype == np.float32


def check_scalars_and_empty_arrays(backend: Backend) -> None:
    _, (slope,), _ = engine_method(backend, "gradient")(sum_of_cubes, (np.array(2.0),), ())
    assert isinstance(slope, np.ndarray) and slope.shape == ()
    same(slope, 12.0)
    y, (gradient,), _ = engine_method(backend, "gradient")(sum_of_cubes, (np.zeros((0, 3)),), ())
    assert float(y) == 0 and gradient.shape == (0, 3)
    _, _, ((hessian,),), _ = engine_method(backend, "hessian")(sum_of_cubes, (np.zeros(0),), ())
    assert hessian.shape == (0, 0)


def check_results_are_new_arrays(backend: Backend) -> None:
    def identity(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return xs, None

    x, cotangent = X.copy(), np.ones((1, 3))
    (y,), (tx,), _ = engine_method(backend, "pullback")(identity, (x,), (cotangent,), ())
    _, (gradient,), _ = engine_method(backend, "gradient")(lambda p, xs, c: ((total(p, xs[0]),), None), (x,), ())
    for result in (y, tx, gradient):
        assert result.flags.writeable and result.flags.c_contiguous
        assert not np.shares_memory(result, x) and not np.shares_memory(result, cotangent)


def check_x_in_any_memory_order(backend: Backend) -> None:
    base = np.arange(12.0).reshape(3, 4)
    frozen = base.copy()
    frozen.flags.writeable = False
    for x in (base.T, base[::-1, ::2], frozen):
        _, (gradient,), _ = engine_method(backend, "gradient")(sum_of_cubes, (x,), ())
        same(gradient, 3 * x**2)
        assert gradient.flags.c_contiguous


def check_constants_changed_later(backend: Backend) -> None:
    """f may go on changing a plain array that it has used: (1 + 5) x."""

    def changing(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        factor = np.ones(3)
        first = p.multiply(xs[0], factor)
        factor *= 5
        return (total(p, p.add(first, p.multiply(xs[0], factor))),), None

    _, (gradient,), _ = engine_method(backend, "gradient")(changing, (X,), ())
    same(gradient, np.full(3, 6.0))


def check_branches_on_values(backend: Backend) -> None:
    def branching(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        y = total(p, p.square(xs[0]))
        return (y if bool(p.primal(p.greater(y, 1.0))) else p.negative(y),), None

    for x, sign in ((X, 1), (X / 100, -1)):
        _, (gradient,), _ = engine_method(backend, "gradient")(branching, (x,), ())
        same(gradient, sign * 2 * x)
        _, _, (product,), _ = engine_method(backend, "hvp")(branching, (x,), (np.eye(3),), ())
        same(product, sign * 2 * np.eye(3))


def check_repeated_writes(backend: Backend) -> None:
    """Of two writes to one place the last counts, for the value and for the derivative."""
    index = np.array([0, 2, 0])

    def written(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return (p.setitem(np.zeros(3), xs[0], index=index),), None

    ys, ((jacobian,),), _ = engine_method(backend, "jacobian")(written, (X,), ())
    same(ys[0], np.array([X[2], 0, X[1]]))
    same(jacobian, np.array([[0.0, 0, 1], [0, 0, 0], [0, 1, 0]]))


def check_ties_are_shared(backend: Backend) -> None:
    x = np.array([1.0, 3.0, 3.0])

    def largest(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return (p.max(xs[0], axis=(0,), keepdims=False),), None

    _, (gradient,), _ = engine_method(backend, "gradient")(largest, (x,), ())
    same(gradient, np.array([0, 0.5, 0.5]))


def check_products_with_zeros(backend: Backend) -> None:
    x = np.array([2.0, 0.0, 3.0])

    def product(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return (p.add(p.prod(xs[0], axis=0, keepdims=False), total(p, p.cumprod(xs[0], axis=0))),), None

    _, (gradient,), _ = engine_method(backend, "gradient")(product, (x,), ())
    same(gradient, np.array([1.0, 14.0, 0.0]))


def check_indices_out_of_bounds(backend: Backend) -> None:
    for index in (5, np.array([0, 7])):

        def outside(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any], index: Any = index) -> Any:
            return (total(p, p.getitem(xs[0], index=index)),), None

        try:
            engine_method(backend, "gradient")(outside, (X,), ())
        except IndexError:
            continue
        raise AssertionError(f"index {index} of an array of length 3 went unnoticed")


def check_concrete_values(backend: Backend) -> None:
    def asking(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        mask, order = p.greater(xs[0], 0.0), p.argsort(xs[0], axis=0)
        np.testing.assert_array_equal(p.concrete(mask), X > 0)
        np.testing.assert_array_equal(p.concrete(order), np.argsort(X))
        assert p.concrete(p.square(xs[0])) is None
        np.testing.assert_allclose(p.primal(p.square(xs[0])), X**2)
        return (total(p, xs[0]),), None

    engine_method(backend, "gradient")(asking, (X,), ())
    engine_method(backend, "hessian")(asking, (X,), ())


def check_threads(backend: Backend) -> None:
    def cubes(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return (total(p, p.multiply(p.power(xs[0], 3), contexts[0])),), None

    operators = [
        operator for operator in OPERATORS if operator in ("gradient", "hessian") and backend.supplies(operator)
    ]
    for operator in operators or ["hessian"]:
        run = backend.prepare(operator, cubes, (X,), (1.0,)) if operators else None
        run = run or partial(engine_method(backend, operator), cubes)
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda k, run=run: run((k * X,), (float(k),)), range(1, 25)))
        for k, result in zip(range(1, 25), results, strict=True):
            same(result[1][0], k * 3 * (k * X) ** 2)


ALL = [value for name, value in list(globals().items()) if name.startswith("check_")]
"""Every check, in the order written here."""
