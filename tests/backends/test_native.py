"""The forward and reverse engines on bare primitives, without the dress: every rule, nesting, kinks, the tape."""

from __future__ import annotations

import gc
import itertools
import math
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from diffiface_native.adapter import Forward, Reverse
from diffiface_native.rules import NARY, POINTWISE, UNARY
from diffiface_native.rules.broadcasting import matrix_transpose

from diffiface.adapter import PRIMITIVES, TracedValueError, UnsupportedOperationError
from diffiface.primitives import NUMPY, Primitive, Sample

ENGINES = {"forward": Forward(), "reverse": Reverse()}
PAIRS = [*itertools.product(ENGINES, repeat=2)]
READS_LOWER_TRIANGLE = ("cholesky", "eigh")


# ---- tools: gradients as flat functions, so that they nest


def gradient_of(engine: str, f: Callable[..., Any]) -> Callable[..., Any]:
    """Return the flat function of the gradient leaves of a flat scalar function."""

    def by_reverse(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        return tuple(ENGINES["reverse"].value_and_gradient(f, xs, contexts)[1]), None

    def by_forward(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        shapes = [p.shape(x) for x in xs]
        sizes = [math.prod(shape) for shape in shapes]
        stops = np.cumsum(sizes)
        basis = np.split(np.eye(sum(sizes)), stops[:-1], axis=1)
        tangents = [b.reshape(-1, *shape) for b, shape in zip(basis, shapes, strict=True)]
        _, (slopes,), _ = ENGINES["forward"].value_and_pushforward(f, xs, tangents, contexts)
        pieces = [
            p.reshape(p.getitem(slopes, index=slice(stop - size, stop)), shape=shape)
            for size, stop, shape in zip(sizes, stops, shapes, strict=True)
        ]
        return tuple(pieces), None

    return by_reverse if engine == "reverse" else by_forward


def weighted_sum(p: Any, ys: Any) -> Any:
    """Reduce outputs to a number, with weights that tell the entries apart."""
    total = 0.0
    for y in [part for z in ys for part in ((p.real(z), p.imag(z)) if p.dtype(z).kind == "c" else (z,))]:
        shape = p.shape(y)
        weights = np.cos(1.0 + np.arange(math.prod(shape))).reshape(shape)
        total = p.add(total, p.sum(p.multiply(weights, y), axis=tuple(range(len(shape))), keepdims=False))
    return total


def weighted(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda p, xs, contexts: ((weighted_sum(p, f(p, xs, contexts)[0]),), None)


def differences(f: Callable[..., Any], xs: list[np.ndarray], step: float = 1e-6) -> list[np.ndarray]:
    """Return the central differences of a flat scalar function."""
    results = []
    for i, x in enumerate(xs):
        slopes = np.empty(x.shape)
        for place in np.ndindex(x.shape):
            ends = []
            for sign in (1, -1):
                moved = x.copy()
                moved[place] += sign * step
                ends.append(f(NUMPY, [*xs[:i], moved, *xs[i + 1 :]], ())[0][0])
            slopes[place] = (ends[0] - ends[1]) / (2 * step)
        results.append(slopes)
    return results


def assert_leaves_close(results: Any, expected: Any, rtol: float = 1e-6, atol: float = 1e-8) -> None:
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, wanted, rtol=rtol, atol=atol)


# ---- every primitive, every sample


def as_flat_function(primitive: Primitive, sample: Sample) -> tuple[Callable[..., Any], list[np.ndarray]]:
    """Return the primitive as a function of its float arrays, and these arrays."""
    is_list = isinstance(sample.arrays[0], list)
    arrays = list(sample.arrays[0] if is_list else sample.arrays)
    places = [i for i, a in enumerate(arrays) if np.asarray(a).dtype.kind == "f"]
    name, parameters = primitive.name, sample.parameters

    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        arguments = list(arrays)
        for place, x in zip(places, xs, strict=True):
            if name in READS_LOWER_TRIANGLE:
                x = p.multiply(0.5, p.add(x, matrix_transpose(p, x)))
            arguments[place] = x
        operation = getattr(p, name)
        y = operation(arguments, **parameters) if is_list else operation(*arguments, **parameters)
        if name == "eig":  # its vectors are known up to a phase
            y = (y[0], p.square(p.absolute(y[1])))
        return (y if isinstance(y, tuple) else (y,)), None

    return f, [np.asarray(arrays[i], dtype=float) for i in places]


def numbers(*shape: int) -> np.ndarray:
    return np.sin(np.arange(1.0, 1.0 + math.prod(shape))).reshape(shape)


SPD = np.array([[2.0, 0.3, -0.4], [0.3, 1.5, 0.2], [-0.4, 0.2, 1.8]])
REGULAR = SPD + np.array([[0.0, 0.2, 0.0], [-0.1, 0.0, 0.3], [0.0, 0.1, 0.0]])
BROADCASTING = {
    "matmul": [
        Sample((numbers(2, 1, 2, 3), numbers(4, 3, 2)), {}),
        Sample((numbers(3), numbers(2, 3, 2)), {}),
        Sample((numbers(2, 2, 3), numbers(3)), {}),
        Sample((numbers(2, 3), numbers(3, 4)), {}),
        Sample((numbers(2, 2, 2, 3), numbers(3, 2)), {}),
    ],
    "solve": [
        Sample((REGULAR, numbers(2, 3, 2)), {}),
        Sample((np.stack([REGULAR, SPD]), numbers(3, 2)), {}),
    ],
    "cholesky": [Sample((np.stack([SPD, SPD + 1.0]),), {})],
    "eigh": [Sample((np.stack([SPD, SPD @ SPD]),), {})],
    "slogdet": [Sample((np.stack([REGULAR, -REGULAR]),), {})],
    "setitem": [
        Sample((numbers(2, 3), numbers(1, 1, 3)), {"index": (slice(None),)}),
        Sample((numbers(2, 3, 2), numbers(2, 1)), {"index": (np.array([0, 1]), slice(None), np.array([1, 0]))}),
    ],
    "add_at": [Sample((numbers(2, 3), numbers(2, 1)), {"index": (slice(None), np.array([1, 1]))})],
    "getitem": [
        Sample((numbers(2, 3, 2),), {"index": (0, Ellipsis, np.array([1, 1]))}),
        Sample((numbers(2, 3, 2),), {"index": (slice(None), np.array([True, False, True]), None, 1)}),
        Sample((numbers(3),), {"index": []}),
    ],
    "where": [Sample((np.array([[True], [False]]), numbers(3), numbers(2, 1)), {})],
    "einsum": [Sample(([numbers(2, 3)],), {"subscripts": "ij->ji"})],
}

SMOOTH = [
    pytest.param(primitive, sample, id=f"{primitive.name}-{i}")
    for primitive in PRIMITIVES.values()
    if primitive.derivative == "smooth" and primitive.name != "imag"
    for i, sample in enumerate([*primitive.samples, *BROADCASTING.get(primitive.name, [])])
    if not any(getattr(a, "dtype", None) == np.complex128 for a in sample.arrays)  # those are in test_native_complex.py
]


def test_the_rules_cover_the_smooth_primitives() -> None:
    smooth = {name for name, primitive in PRIMITIVES.items() if primitive.derivative == "smooth"}
    assert {*POINTWISE, *UNARY, *NARY} == smooth


@pytest.mark.parametrize(("primitive", "sample"), SMOOTH)
def test_first_derivatives(primitive: Primitive, sample: Sample) -> None:
    f, xs = as_flat_function(primitive, sample)
    f = weighted(f)
    expected = differences(f, xs)
    for engine in ENGINES:
        assert_leaves_close(gradient_of(engine, f)(NUMPY, xs, ())[0], expected)


@pytest.mark.parametrize(("primitive", "sample"), SMOOTH)
def test_single_arguments(primitive: Primitive, sample: Sample) -> None:
    """The derivative in one argument does not change when the others become constants."""
    f, xs = as_flat_function(primitive, sample)
    f = weighted(f)
    together = gradient_of("reverse", f)(NUMPY, xs, ())[0]
    for i in range(len(xs)):

        def alone(p: Any, x: Any, contexts: Any, i: int = i) -> Any:
            return f(p, [*xs[:i], *x, *xs[i + 1 :]], contexts)

        for engine in ENGINES:
            assert_leaves_close(
                gradient_of(engine, alone)(NUMPY, [xs[i]], ())[0], [together[i]], rtol=1e-12, atol=1e-14
            )


@pytest.mark.parametrize(("primitive", "sample"), SMOOTH)
def test_second_derivatives(primitive: Primitive, sample: Sample) -> None:
    f, xs = as_flat_function(primitive, sample)
    f = weighted(f)
    expected = differences(weighted(gradient_of("reverse", f)), xs)
    for inner, outer in PAIRS:
        slope = weighted(gradient_of(inner, f))
        assert_leaves_close(gradient_of(outer, slope)(NUMPY, xs, ())[0], expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", [name for name, p in PRIMITIVES.items() if p.derivative != "smooth"])
@pytest.mark.parametrize("engine", ENGINES)
def test_piecewise_constant_primitives_have_zero_derivatives(engine: str, name: str) -> None:
    primitive = PRIMITIVES[name]
    sample = primitive.samples[0]
    places = [i for i, a in enumerate(sample.arrays) if np.asarray(a).dtype.kind == "f"]
    if not places:
        return

    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        arguments = list(sample.arrays)
        arguments[places[0]] = xs[0]
        y = getattr(p, name)(*arguments, **sample.parameters)
        assert p.concrete(y) is not None
        return (weighted_sum(p, (y,)),), None

    x = np.asarray(sample.arrays[places[0]])
    np.testing.assert_array_equal(gradient_of(engine, f)(NUMPY, [x], ())[0][0], np.zeros(x.shape))


# ---- nesting


def sum_of(p: Any, x: Any) -> Any:
    return p.sum(x, axis=tuple(range(len(p.shape(x)))), keepdims=False)


@pytest.mark.parametrize("engines", [*itertools.product(ENGINES, repeat=3)])
def test_third_derivatives_in_every_combination(engines: tuple[str, ...]) -> None:
    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        return (p.exp(p.sin(xs[0])),), None

    third: Callable[..., Any] = f
    for engine in engines:
        third = gradient_of(engine, third)
    x = 0.7
    s, c = math.sin(x), math.cos(x)
    expected = math.exp(s) * (c**3 - 3 * s * c - c)
    np.testing.assert_allclose(third(NUMPY, [np.array(x)], ())[0][0], expected, rtol=1e-13)


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_no_perturbation_confusion(outer: str, inner: str) -> None:
    """d/dx [x * d/dy (x + y)] is 1, and d/dx [x * d/dy (x * y)] is 2x."""

    def product(operation: str) -> Callable[..., Any]:
        def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
            x = xs[0]
            (slope,), _ = gradient_of(inner, lambda q, ys, _: ((getattr(q, operation)(x, ys[0]),), None))(
                p, [np.array(1.0)], ()
            )
            return (p.multiply(x, slope),), None

        return f

    x = np.array(3.0)
    assert gradient_of(outer, product("add"))(NUMPY, [x], ())[0][0] == 1.0
    assert gradient_of(outer, product("multiply"))(NUMPY, [x], ())[0][0] == 6.0


@pytest.mark.parametrize("engine", ENGINES)
def test_constants_and_primals_through_levels(engine: str) -> None:
    seen = []

    def inner(q: Any, ys: Any, contexts: Any) -> tuple[Any, Any]:
        seen.append((q.primal(ys[0]), q.concrete(ys[0]), q.concrete(np.array(5.0)), q.shape(ys[0]), q.dtype(ys[0])))
        return (sum_of(q, q.square(ys[0])),), None

    gradient_of(engine, weighted(gradient_of("reverse", inner)))(NUMPY, [np.array([1.0, 2.0])], ())
    primal, concrete, constant, shape, dtype = seen[0]
    np.testing.assert_array_equal(primal, [1.0, 2.0])
    assert concrete is None
    assert constant == 5.0
    assert shape == (2,)
    assert dtype == np.float64


# ---- kinks, ties, zeros

POINTS: dict[str, tuple[Callable[..., Any], Any, Any]] = {
    "abs at 0": (lambda p, x: p.absolute(x), [0.0, -2.0], [0.0, -1.0]),
    "maximum shares a tie": (lambda p, x: p.maximum(x, np.array([1.0, 0.0])), [1.0, 3.0], [0.5, 1.0]),
    "minimum shares a tie": (lambda p, x: p.minimum(x, np.array([1.0, 0.0])), [1.0, 3.0], [0.5, 0.0]),
    "max shares ties": (lambda p, x: p.max(x, axis=(0,), keepdims=False), [2.0, 1.0, 2.0], [0.5, 0.0, 0.5]),
    "min shares ties": (lambda p, x: p.min(x, axis=(0,), keepdims=True), [1.0, 1.0, 2.0], [0.5, 0.5, 0.0]),
    "hypot at the origin": (lambda p, x: p.hypot(x, 0.0), [0.0, 3.0], [0.0, 1.0]),
    "prod with a zero": (lambda p, x: p.prod(x, axis=0, keepdims=False), [2.0, 0.0, 3.0], [0.0, 6.0, 0.0]),
    "prod with two zeros": (lambda p, x: p.prod(x, axis=0, keepdims=False), [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
    "cumprod with a zero": (
        lambda p, x: p.getitem(p.cumprod(x, axis=0), index=3),
        [2.0, 0.0, 3.0, 5.0],
        [0.0, 30.0, 0.0, 0.0],
    ),
    "square by power at 0": (lambda p, x: p.power(x, 2), [0.0, -3.0], [0.0, -6.0]),
    "power 0 at 0": (lambda p, x: p.power(x, np.array([0.0, 1.0])), [0.0, 0.0], [0.0, 1.0]),
    "negative base, integer exponent": (lambda p, x: p.power(x, np.array([3.0, -1.0])), [-2.0, -2.0], [12.0, -0.25]),
    "exponent over base 0": (lambda p, x: p.power(np.array([0.0, 0.0]), x), [2.0, 0.0], [0.0, 0.0]),
    "exponent over base 2": (lambda p, x: p.power(2.0, x), [0.0, 1.0], [math.log(2), 2 * math.log(2)]),
    "logaddexp with nothing": (lambda p, x: p.logaddexp(x, -np.inf), [1.0, -np.inf], [1.0, 0.0]),
    "xlogy at 0": (lambda p, x: p.xlogy(0.0, x), [0.0, 2.0], [0.0, 0.0]),
    "xlogy in x at 0": (lambda p, x: p.xlogy(x, np.array([0.0, 2.0])), [0.0, 0.0], [0.0, math.log(2)]),
    "log_ndtr in the far tail": (lambda p, x: p.log_ndtr(x), [-50.0, 3.0], [50.019984, 0.0044378]),
    "log_expit far out": (lambda p, x: p.log_expit(x), [-800.0, 800.0], [1.0, 0.0]),
    "masked logarithm": (
        lambda p, x: p.where(p.greater(x, 0), p.log(p.where(p.greater(x, 0), x, 1.0)), 0.0),
        [-1.0, 2.0],
        [0.0, 0.5],
    ),
    "remainder of a negative": (lambda p, x: p.remainder(-7.5, x), [2.0, 3.0], [4.0, 3.0]),
    "reading twice": (lambda p, x: p.getitem(x, index=np.array([0, 0, 1])), [1.0, 2.0], [2.0, 1.0]),
    "writing twice, the last stays": (
        lambda p, x: p.setitem(np.zeros(2), x, index=np.array([0, 0])),
        [1.0, 2.0],
        [0.0, 1.0],
    ),
    "axes moved by index arrays": (
        lambda p, x: p.getitem(p.reshape(x, shape=(1, 2, 2)), index=(0, slice(0, 1), np.array([1, 1, 0]))),
        [1.0, 2.0, 3.0, 4.0],
        [1.0, 2.0, 0.0, 0.0],
    ),
    "writing where index arrays move axes": (
        lambda p, x: p.setitem(np.zeros((2, 3, 2)), x, index=(0, slice(None), np.array([1, 0]))),
        [1.0, 2.0, 3.0],
        [2.0, 2.0, 2.0],
    ),
}


@pytest.mark.parametrize("case", POINTS)
@pytest.mark.parametrize("engine", ENGINES)
def test_derivatives_at_special_points(engine: str, case: str) -> None:
    function, x, expected = POINTS[case]

    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        return (sum_of(p, function(p, xs[0])),), None

    with np.errstate(all="ignore"):
        (result,), _ = gradient_of(engine, f)(NUMPY, [np.array(x)], ())
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("name", ["absolute", "max", "prod", "cumprod"])
@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_second_derivatives_at_special_points(outer: str, inner: str, name: str) -> None:
    parameters = {
        "absolute": {},
        "max": {"axis": (0,), "keepdims": False},
        "prod": {"axis": 0, "keepdims": False},
        "cumprod": {"axis": 0},
    }[name]
    expected = {
        "absolute": 0,
        "max": 0,
        "prod": [[0, 3, 0], [3, 0, 2], [0, 2, 0]],
        "cumprod": [[0, 4, 0], [4, 0, 2], [0, 2, 0]],
    }

    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        return (sum_of(p, getattr(p, name)(xs[0], **parameters)),), None

    x = np.array([2.0, 0.0, 3.0])
    rows = []
    for i in range(3):

        def entry(p: Any, xs: Any, contexts: Any, i: int = i) -> tuple[Any, Any]:
            return (p.getitem(gradient_of(inner, f)(p, xs, contexts)[0][0], index=i),), None

        rows.append(gradient_of(outer, entry)(NUMPY, [x], ())[0][0])
    np.testing.assert_array_equal(np.array(rows), np.broadcast_to(expected[name], (3, 3)))


# ---- complex numbers and precision

COMPLEX = [
    name
    for name, partials in POINTWISE.items()
    if len(partials) == 1 and PRIMITIVES[name].kind == "elementwise" and name != "cbrt"
]
Z = np.array([0.4 + 0.3j, -0.7 + 1.2j])
COMPLEX_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: lambda p, z, name=name: getattr(p, name)(z) for name in [*COMPLEX, "absolute", "real", "imag"]},
    "add": lambda p, z: p.add(z, 1.0),
    "divide": lambda p, z: p.divide(2.0 + 1j, z),
    "multiply": lambda p, z: p.multiply(z, p.conjugate(z)),
    "power": lambda p, z: p.power(z, p.multiply(0.5j, z)),
    "where": lambda p, z: p.where(np.array([True, False]), z, 0.0),
    "prod": lambda p, z: p.prod(z, axis=0, keepdims=True),
    "matmul": lambda p, z: p.matmul(np.array([[1.0, 2j], [3.0, 1.0]]), z),
    "einsum": lambda p, z: p.einsum([z, z], subscripts="i,j->ij"),
    "setitem": lambda p, z: p.setitem(np.zeros(3, complex), z, index=slice(0, 2)),
    "inv": lambda p, z: p.inv(p.reshape(p.concatenate([z, np.array([2.0, 1j])], axis=0), shape=(2, 2))),
    "det": lambda p, z: p.det(p.reshape(p.concatenate([z, np.array([2.0, 1j])], axis=0), shape=(2, 2))),
    "slogdet": lambda p, z: p.stack(
        p.slogdet(p.reshape(p.concatenate([z, np.array([2.0, 1j])], axis=0), shape=(2, 2))), axis=0
    ),
    "absolute of a getitem": lambda p, z: p.absolute(p.getitem(z, index=1)),
}


@pytest.mark.parametrize("name", COMPLEX_FUNCTIONS)
def test_complex_derivatives(name: str) -> None:
    function = COMPLEX_FUNCTIONS[name]

    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        return (function(p, xs[0]),), None

    tangent, step = np.array([0.6 - 0.2j, -0.3 + 0.9j]), 1e-6
    slope = (function(NUMPY, Z + step * tangent) - function(NUMPY, Z - step * tangent)) / (2 * step)
    _, (ty,), _ = ENGINES["forward"].value_and_pushforward(f, (Z,), (tangent[None],), ())
    np.testing.assert_allclose(ty[0], slope, rtol=1e-7, atol=1e-9)
    weights = np.cos(np.arange(1, 1 + ty[0].size)).reshape(slope.shape).astype(ty.dtype)
    if ty.dtype.kind == "c":
        weights = weights * (0.8 + 0.6j)
    _, (tx,), _ = ENGINES["reverse"].value_and_pullback(f, (Z,), (weights[None],), ())
    assert tx.dtype == Z.dtype
    np.testing.assert_allclose(np.sum(np.conj(tx[0]) * tangent).real, np.sum(np.conj(weights) * slope).real, rtol=1e-7)


def test_complex_conventions() -> None:
    def squared_modulus(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        return (sum_of(p, p.square(p.absolute(xs[0]))),), None

    def through_the_plane(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        return (sum_of(p, p.imag(p.exp(p.multiply(1j, xs[0])))),), None

    _, (steepest,), _ = ENGINES["reverse"].value_and_gradient(squared_modulus, (Z,), ())
    np.testing.assert_allclose(steepest, 2 * Z)
    x = np.array([0.3, 1.1])
    weights = np.array([[1.0 + 2j, 3j]])
    _, (pulled,), _ = ENGINES["reverse"].value_and_pullback(
        lambda p, xs, contexts: ((p.exp(p.multiply(1j, xs[0])),), None), (x,), (weights,), ()
    )
    assert pulled.dtype == np.float64
    np.testing.assert_allclose(pulled, (weights.conj() * 1j * np.exp(1j * x)).real)
    for engine in ENGINES:
        (slope,), _ = gradient_of(engine, through_the_plane)(NUMPY, [x], ())
        assert slope.dtype == np.float64
        np.testing.assert_allclose(slope, np.cos(x))


@pytest.mark.parametrize("name", ["maximum", "minimum"])
@pytest.mark.parametrize("engine", ENGINES)
def test_complex_numbers_are_not_ordered(engine: str, name: str) -> None:
    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        return (p.absolute(getattr(p, name)(xs[0], 0.5)),), None

    with pytest.raises(UnsupportedOperationError, match="complex"):
        if engine == "forward":
            ENGINES[engine].value_and_pushforward(f, (Z,), (Z[None],), ())
        else:
            ENGINES[engine].value_and_pullback(f, (Z,), (np.ones((1, 2)),), ())


@pytest.mark.parametrize(("primitive", "sample"), SMOOTH)
def test_single_precision_stays(primitive: Primitive, sample: Sample) -> None:
    if primitive.name in ("astype", "digamma", "polygamma"):
        return  # These (scipy.special.polygamma too) give double precision whatever they get.

    def single(value: Any) -> Any:
        if isinstance(value, list):
            return [single(v) for v in value]
        return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value

    f, xs = as_flat_function(primitive, Sample(tuple(single(a) for a in sample.arrays), sample.parameters))
    xs = [x.astype(np.float32) for x in xs]
    ys, _ = f(NUMPY, xs, ())
    _, tys, _ = ENGINES["forward"].value_and_pushforward(f, xs, [x[None] for x in xs], ())
    _, txs, _ = ENGINES["reverse"].value_and_pullback(f, xs, [np.asarray(y)[None] for y in ys], ())
    assert [t.dtype for t in tys] == [np.asarray(y).dtype for y in ys]
    assert {t.dtype for t in txs} == {np.dtype(np.float32)}

    def inside(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        ys, _ = f(p, xs, contexts)
        for y in ys:
            single = (np.float32, np.complex64)
            assert p.dtype(y) in single
            tangent_or_none = getattr(y, "tangent", None)
            assert tangent_or_none is None or tangent_or_none.dtype in single
        return ys, None

    ENGINES["forward"].value_and_pushforward(inside, xs, [x[None] for x in xs], ())


# ---- what leaves an engine


def identity_and_views(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
    x = xs[0]
    return (x, p.transpose(x, axes=(1, 0)), contexts[0], p.real(x)), "aux"


def assert_fresh(arrays: list[np.ndarray], inputs: list[np.ndarray]) -> None:
    for i, array in enumerate(arrays):
        assert isinstance(array, np.ndarray)
        assert array.flags.writeable
        assert array.flags.c_contiguous
        for other in [*arrays[:i], *inputs]:
            assert not np.shares_memory(array, other)


def test_results_alias_nothing() -> None:
    x, context = np.arange(6.0).reshape(2, 3), np.ones(2)
    tangents = (np.ones((2, 2, 3)),)
    cotangents = (np.ones((2, 2, 3)), np.ones((2, 3, 2)), np.ones((2, 2)), np.ones((2, 2, 3)))
    ys, tys, aux = ENGINES["forward"].value_and_pushforward(identity_and_views, (x,), tangents, (context,))
    assert aux == "aux"
    assert [t.shape for t in tys] == [c.shape for c in cotangents]
    assert not tys[2].any()
    assert_fresh([*ys, *tys], [x, context, *tangents])
    ys, txs, aux = ENGINES["reverse"].value_and_pullback(identity_and_views, (x,), cotangents, (context,))
    assert aux == "aux"
    np.testing.assert_array_equal(txs[0], np.full((2, 2, 3), 3.0))
    assert_fresh([*ys, *txs], [x, context, *cotangents])


def test_gradient_of_identity_sums_and_constants() -> None:
    x = np.array(2.0)
    value, (slope,), _ = ENGINES["reverse"].value_and_gradient(lambda p, xs, c: ((xs[0],), None), (x,), ())
    assert value == 2.0
    assert slope == 1.0
    assert_fresh([value, slope], [x])
    value, slopes, _ = ENGINES["reverse"].value_and_gradient(lambda p, xs, c: ((3.5,), None), (x, np.ones(2)), ())
    assert value == 3.5
    assert_leaves_close(slopes, [0.0, np.zeros(2)])
    _, (ty,), _ = ENGINES["forward"].value_and_pushforward(lambda p, xs, c: ((7,), None), (x,), (np.ones(3),), ())
    np.testing.assert_array_equal(ty, np.zeros(3))

    def twice(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        return (p.add(sum_of(p, xs[0]), sum_of(p, xs[1])),), None

    a, b = np.ones(2), np.ones(2)
    _, slopes, _ = ENGINES["reverse"].value_and_gradient(twice, (a, b), ())
    assert_fresh(list(slopes), [a, b])


def test_shared_cotangents_are_not_mutated() -> None:
    """x + x passes one buffer to both, and reading from x adds into a buffer of x's own."""

    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        a = p.multiply(xs[0], 2.0)
        b = p.add(a, xs[1])
        return (p.add(b, a), p.getitem(a, index=0), p.getitem(b, index=slice(1, 3))), None

    seeds = (np.ones((2, 3)), np.ones(2), np.ones((2, 2)))
    _, (ct_0, ct_1), _ = ENGINES["reverse"].value_and_pullback(f, (np.ones(3), np.ones(3)), seeds, ())
    np.testing.assert_array_equal(ct_0, [[6.0, 6.0, 6.0]] * 2)
    np.testing.assert_array_equal(ct_1, [[1.0, 2.0, 2.0]] * 2)
    for seed in seeds:
        np.testing.assert_array_equal(seed, np.ones_like(seed))


def test_chunks_give_the_same_tangents() -> None:
    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        return (p.cumprod(xs[0], axis=0), contexts[0]), None

    x, basis = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.eye(5)
    whole = Forward().value_and_pushforward(f, (x,), (basis,), (x,))
    parts = Forward(chunk_size=2).value_and_pushforward(f, (x,), (basis,), (x,))
    np.testing.assert_array_equal(whole[1][0], parts[1][0])
    np.testing.assert_array_equal(parts[1][1], np.zeros((5, 5)))


def test_empty_batches_and_empty_arrays() -> None:
    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        return (p.exp(xs[0]),), None

    _, (ty,), _ = ENGINES["forward"].value_and_pushforward(f, (np.ones(3),), (np.ones((0, 3)),), ())
    assert ty.shape == (0, 3)
    _, (tx,), _ = ENGINES["reverse"].value_and_pullback(f, (np.ones(3),), (np.ones((0, 3)),), ())
    assert tx.shape == (0, 3)
    _, (slope,), _ = ENGINES["reverse"].value_and_gradient(
        lambda p, xs, c: ((sum_of(p, p.cumprod(xs[0], axis=0)),), None), (np.ones(0),), ()
    )
    assert slope.shape == (0,)


# ---- the tape


def test_the_tape_is_freed_at_once() -> None:
    kept: list[Any] = []

    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        y = p.exp(xs[0])
        kept.append(weakref.ref(p))
        return (sum_of(p, y),), None

    gc.disable()
    try:
        ENGINES["reverse"].value_and_gradient(f, (np.ones(3),), ())
        assert kept[0]() is None
    finally:
        gc.enable()


def test_a_value_kept_from_an_earlier_call_is_refused() -> None:
    kept = []

    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        kept.append(xs[0])
        return (sum_of(p, p.exp(xs[0])),), None

    ENGINES["reverse"].value_and_gradient(f, (np.ones(3),), ())
    with pytest.raises(TracedValueError):
        np.asarray(kept[0])
    with pytest.raises(TypeError):
        np.exp(kept[0])


def test_constants_may_change_after_use() -> None:
    context = np.array([1.0, 2.0])

    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        (x,), weights, index, total = xs, np.ones(2), np.array([0, 0]), 0.0
        for _ in range(3):
            total = p.add(total, p.multiply(x, weights))
            total = p.add(total, p.matmul(x, np.diag(weights)))
            total = p.add(total, p.where(weights[::-1] > 1, x, weights))
            total = p.add(total, p.getitem(x, index=(index,)))
            total = p.add(total, p.multiply(x, p.reshape(contexts[0], shape=(2,))))
            weights += 1.0
            index += 1
            index %= 2
        return (sum_of(p, total),), None

    x = np.array([0.3, 0.4])
    expected = differences(lambda p, xs, _: f(p, xs, (context,)), [x])
    (slope,) = ENGINES["reverse"].value_and_gradient(f, (x,), (context,))[1]
    assert_leaves_close([slope], expected)


def autoregression(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
    (x,) = xs
    y = p.setitem(np.zeros(p.shape(x)), p.getitem(x, index=0), index=0)
    for i in range(1, p.shape(x)[0]):
        step = p.add(p.multiply(0.9, p.getitem(y, index=i - 1)), p.getitem(x, index=i))
        y = p.setitem(y, step, index=i)
    return (sum_of(p, y),), None


def test_a_loop_over_entries() -> None:
    """(How fast it is, `benchmarks/element_loops.py` shows.)"""
    n = 1000
    _, (slope,), _ = ENGINES["reverse"].value_and_gradient(autoregression, (np.ones(n),), ())
    np.testing.assert_allclose(slope, (1 - 0.9 ** np.arange(n, 0, -1)) / 0.1)


def test_long_chains_do_not_exhaust_the_stack() -> None:
    def f(p: Any, xs: Any, contexts: Any) -> tuple[Any, Any]:
        y = xs[0]
        for _ in range(50_000):
            y = p.negative(y)
        return (y,), None

    assert ENGINES["reverse"].value_and_gradient(f, (np.array(1.0),), ())[1][0] == 1.0
