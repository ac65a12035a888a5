"""Checks generated from the table of primitives, for any engine that traces.

`check(backend, name, number)` holds one sample of one primitive against its NumPy definition:
value, dtype and shape; the gradient in all float arguments and in each alone (the others being plain
constants) against central differences of the definition; a pushforward against the gradient; a
Hessian-vector product against central differences of the engine's own gradient; and that nothing is lost
on the way: a smooth primitive gives a traced output for a traced input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from diffiface.adapter import NUMPY, PRIMITIVES, Backend, Primitives
from diffiface.operators.cascade import engine_method
from diffiface.primitives import Sample

SAMPLES = [(name, number) for name, primitive in PRIMITIVES.items() for number in range(len(primitive.samples))]
"""Every sample of the table, as `(name, number)`."""

_VALUE_TOLERANCE = {"polygamma": 1e-10, "digamma": 1e-10, "log_ndtr": 1e-10}
_STEP = 1e-5

# SciPy's polygamma of float32 is float64; an engine may keep float32.
_DTYPE_QUIRKS = frozenset({"polygamma"})

# Outputs made of vectors that are known up to a sign, or a phase, only.
_KNOWN_UP_TO_PHASE = {"eigh": (1,), "eig": (1,), "svd": (0, 2), "qr": (0, 1)}

# The definition reads one triangle; its derivative is agreed to be that of the symmetrised argument.
_SYMMETRISED = frozenset({"cholesky", "eigh"})


def missing(backend_primitives: Primitives) -> set[str]:
    """Return the primitives that neither an engine nor our fallback supplies."""
    return {name for name in PRIMITIVES if backend_primitives.supplier(name) == "nobody"}


def check(backend: Backend, name: str, number: int, *, thorough: bool = True) -> None:
    """Check one sample of one primitive on one engine.

    `thorough=False` leaves out the arguments one by one, float32 and the second order: for engines that compile every
    check of an expensive primitive for seconds.
    """
    case = _Case(name, PRIMITIVES[name].samples[number])
    if not case.active:
        _check_constants(backend, case)
        return
    everything = list(range(len(case.active)))
    _check_first_order(backend, case, everything, eager=number == 0)
    if not thorough:
        return
    if len(case.active) > 1:
        for position in everything:
            _check_first_order(backend, case, [position], eager=False)
    if number == 0:
        _check_single_precision(backend, case)
    if PRIMITIVES[name].derivative == "smooth" and not any(np.iscomplexobj(x) for x in case.active):
        _check_second_order(backend, case)


class _Case:
    """One sample, with its float arrays pulled out as active arguments."""

    def __init__(self, name: str, sample: Sample):
        self.name, self.parameters = name, sample.parameters
        self.is_list = isinstance(sample.arrays[0], list)
        self.arguments = list(sample.arrays[0] if self.is_list else sample.arrays)
        self.positions = [i for i, a in enumerate(self.arguments) if isinstance(a, np.ndarray) and a.dtype.kind in "fc"]
        self.active = [self.arguments[i] for i in self.positions]
        generator = np.random.default_rng(len(name))
        self.weights = [generator.uniform(0.5, 1.5, np.shape(y)) for y in self.apply(NUMPY, self.active)]
        self.tangents = [generator.uniform(0.5, 1.5, x.shape) for x in self.active]

    def apply(self, p: Primitives, active: Sequence[Any], which: Sequence[int] | None = None) -> tuple[Any, ...]:
        """Run the primitive with some of its active arguments replaced; returns its outputs as a tuple."""
        arguments = list(self.arguments)
        for number, value in zip(range(len(active)) if which is None else which, active, strict=True):
            arguments[self.positions[number]] = value
        function = getattr(p, self.name)
        result = function(arguments, **self.parameters) if self.is_list else function(*arguments, **self.parameters)
        outputs = result if isinstance(result, tuple) else (result,)
        gauge = _KNOWN_UP_TO_PHASE.get(self.name, ())
        return tuple(p.square(p.absolute(y)) if i in gauge else y for i, y in enumerate(outputs))

    def weighted(self, p: Primitives, outputs: Sequence[Any]) -> Any:
        """Return a fixed weighted sum of the outputs, a real scalar."""
        total = 0.0
        for y, w in zip(outputs, self.weights, strict=True):
            axes = tuple(range(np.ndim(w)))
            total = p.add(total, p.sum(p.multiply(p.real(y), w), axis=axes, keepdims=False))
        return total

    def reference(self, active: Sequence[np.ndarray], which: Sequence[int]) -> float:
        """Return the same sum by the NumPy definition."""
        if self.name in _SYMMETRISED:
            active = [(a + np.conj(np.swapaxes(a, -1, -2))) / 2 for a in active]
        return float(self.weighted(NUMPY, self.apply(NUMPY, active, which)))


def _flat(case: _Case, which: Sequence[int] | None, seen: list[Any]) -> Callable[..., Any]:
    """The flat function of the case: its weighted sum, with the outputs beside it.

    What the outputs look like from inside is noted in `seen`.
    """

    def flat(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        outputs = case.apply(p, xs, which)
        seen[:] = [(p.dtype(y), tuple(p.shape(y)), p.concrete(y)) for y in outputs]
        return (case.weighted(p, outputs),), tuple(map(p.lower, outputs))

    return flat


def _runner(backend: Backend, operator: str, flat: Any, xs: Sequence[Any], eager: bool) -> Callable[..., Any]:
    """Return the engine's method with the function bound, prepared unless `eager`."""
    run = None
    if backend.supplies(operator) and not eager:
        run = backend.prepare(operator, flat, xs, ())
    return run or partial(engine_method(backend, operator), flat)


def _check_constants(backend: Backend, case: _Case) -> None:
    def flat(p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        outputs = case.apply(p, ())
        seen[:] = [(p.dtype(y), tuple(p.shape(y)), None) for y in outputs]
        return (p.square(xs[0]),), tuple(map(p.lower, outputs))

    seen: list[Any] = []
    _, _, values = engine_method(backend, "gradient")(flat, (np.array(1.0),), ())
    _compare(case, case.apply(NUMPY, ()), values, seen, np.float64)


def _check_single_precision(backend: Backend, case: _Case) -> None:
    active = tuple(x.astype(np.complex64 if np.iscomplexobj(x) else np.float32) for x in case.active)
    seen: list[Any] = []
    run = _runner(backend, "gradient", _flat(case, None, seen), active, eager=False)
    _, gradients, values = run(active, ())
    _compare(case, case.apply(NUMPY, active), values, seen, np.float32)
    assert [g.dtype for g in gradients] == [x.dtype for x in active]


def _compare(case: _Case, expected: Sequence[Any], found: Sequence[Any], seen: Sequence[Any], dtype: type) -> None:
    assert len(expected) == len(found) == len(seen)
    tolerance = 2e-6 if dtype is np.float32 else _VALUE_TOLERANCE.get(case.name, 1e-12)
    for want, value, (seen_dtype, shape, _) in zip(map(np.asarray, expected), found, seen, strict=True):
        assert shape == want.shape
        if case.name not in _DTYPE_QUIRKS:
            assert seen_dtype == want.dtype, f"{case.name} gave {seen_dtype}, NumPy gives {want.dtype}"
        np.testing.assert_allclose(np.asarray(value), want, rtol=tolerance, atol=tolerance)


def _central(
    function: Callable[[Sequence[np.ndarray]], Any], active: Sequence[np.ndarray], position: int
) -> np.ndarray:
    """Return the gradient by central differences, `d/dRe + i d/dIm` for complex arguments."""
    x = active[position]
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        for unit in (1.0, 1j) if np.iscomplexobj(x) else (1.0,):
            shifted = [x.copy(), x.copy()]
            shifted[0][index] += _STEP * unit
            shifted[1][index] -= _STEP * unit
            high, low = (function([*active[:position], s, *active[position + 1 :]]) for s in shifted)
            gradient[index] += unit * (high - low) / (2 * _STEP)
    return gradient


def _check_first_order(backend: Backend, case: _Case, which: Sequence[int], eager: bool) -> None:
    """Compare value, gradient and pushforward in some of the arguments, the others being constants."""
    active = tuple(case.active[i] for i in which)
    before = [x.copy() for x in active]
    seen: list[Any] = []
    flat = _flat(case, which, seen)
    value, gradients, outputs = _runner(backend, "gradient", flat, active, eager)(active, ())
    expected_outputs = case.apply(NUMPY, active, which)
    _compare(case, expected_outputs, outputs, seen, np.float64)
    np.testing.assert_allclose(value, case.weighted(NUMPY, expected_outputs), rtol=1e-10, atol=1e-10)
    derivative = PRIMITIVES[case.name].derivative
    moves = False
    for position, (x, gradient) in enumerate(zip(active, gradients, strict=True)):
        np.testing.assert_array_equal(x, before[position])
        assert isinstance(gradient, np.ndarray) and gradient.dtype == x.dtype and gradient.shape == x.shape
        if derivative != "smooth":
            assert not np.any(gradient), f"{case.name} has no derivative, but its gradient is {gradient}"
            continue
        expected = _central(lambda xs: case.reference(xs, which), active, position)
        moves = moves or bool(np.any(expected))
        scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8 * scale)
    if not moves:
        return
    assert any(concrete is None for *_, concrete in seen), f"{case.name} lost track of its input"
    if any(map(np.iscomplexobj, active)) and not backend.supplies("pushforward"):
        return  # a real output of a complex x has no Jacobian to derive the pushforward from
    tangents = tuple(case.tangents[i].astype(x.dtype)[None] for i, x in zip(which, active, strict=True))
    _, (moved,), _ = _runner(backend, "pushforward", flat, active, eager)(active, tangents, ())
    paired = sum(np.sum(np.real(np.conj(g) * t[0])) for g, t in zip(gradients, tangents, strict=True))
    np.testing.assert_allclose(np.asarray(moved)[0], paired, rtol=1e-8, atol=1e-9)


def _check_second_order(backend: Backend, case: _Case) -> None:
    """Compare a Hessian-vector product in all arguments with differences of the engine's own gradient."""
    flat = _flat(case, None, [])
    active = tuple(case.active)
    tangents = tuple(t + np.swapaxes(t, -1, -2) if case.name in _SYMMETRISED else t for t in case.tangents)
    gradient_at = _runner(backend, "gradient", flat, active, eager=False)
    product_at = _runner(backend, "hvp", flat, active, eager=False)
    _, _, products, _ = product_at(active, tuple(t[None] for t in tangents), ())
    moved = []
    for sign in (1, -1):
        point = tuple(x + sign * _STEP * t for x, t in zip(active, tangents, strict=True))
        moved.append(gradient_at(point, ())[1])
    for product, high, low in zip(products, *moved, strict=True):
        expected = (high - low) / (2 * _STEP)
        scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
        np.testing.assert_allclose(np.asarray(product)[0], expected, rtol=1e-6, atol=1e-7 * scale)
