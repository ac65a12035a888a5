"""scipy.integrate.quad: the integral of a function, differentiated by Leibniz' rule.

The interval is subdivided until the estimate of the error is small, on plain numbers, as SciPy's QUADPACK does.
The integrand is then evaluated at the nodes of that subdivision with the values that are being differentiated. The
derivative of the sum is the same quadrature of the integrand's derivative; moving end points enter as the nodes that
move with them. (QUADPACK also extrapolates at singularities, which has no such derivative; more subdivision replaces
that.)
"""

from __future__ import annotations

import heapq
import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import integrate

from diffiface.numpy_api.conversion import array_in, trace_of
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.dressed import known
from diffiface.rebinding.substitutes import substitute

# The 21-point Kronrod rule on [-1, 1] and the 10-point Gauss rule in every second node: half of each, from the end.
_NODES = np.array(
    [
        0.995657163025808080735527280689003,
        0.973906528517171720077964012084452,
        0.930157491355708226001207180059508,
        0.865063366688984510732096688423493,
        0.780817726586416897063717578345042,
        0.679409568299024406234327365114874,
        0.562757134668604683339000099272694,
        0.433395394129247190799265943165784,
        0.294392862701460198131126603103866,
        0.148874338981631210884826001129720,
        0.0,
    ]
)
_KRONROD = np.array(
    [
        0.011694638867371874278064396062192,
        0.032558162307964727478818972459390,
        0.054755896574351996031381300244580,
        0.075039674810919952767043140916190,
        0.093125454583697605535065465083366,
        0.109387158802297641899210590325805,
        0.123491976262065851077958109585166,
        0.134709217311473325928054001771707,
        0.142775938577060080797094273138717,
        0.147739104901338491374841515972068,
        0.149445554002916905664936468389821,
    ]
)
_GAUSS = np.zeros(11)
_GAUSS[1::2] = [
    0.066671344308688137593568809893332,
    0.149451349150580593145863396957658,
    0.219086362515982043995534934228163,
    0.269266719309996355091226921569469,
    0.295524224714752870173815619188769,
]


def _whole(half: np.ndarray, sign: float = 1.0) -> np.ndarray:
    return np.concatenate([sign * half[:-1], half[::-1]])


NODES, KRONROD, GAUSS = _whole(_NODES, -1.0), _whole(_KRONROD), _whole(_GAUSS)


@dataclass(frozen=True)
class _Map:
    """A piece of the domain as the image of [0, 1]: u -> (x, the slope of x)."""

    start: Any
    end: Any

    def __call__(self, u: float) -> tuple[Any, Any]:
        start, end = self.start, self.end
        if not _is_infinite(start) and not _is_infinite(end):
            return start + (end - start) * u, end - start
        finite, sign = (start, 1.0) if _is_infinite(end) else (end, -1.0)
        return finite + sign * (1.0 - u) / u, 1.0 / u**2


def _is_infinite(bound: Any) -> bool:
    return isinstance(bound, (int, float, np.floating)) and bool(np.isinf(bound))


@dataclass(order=True)
class _Part:
    """A part of one piece: [low, high] within [0, 1], and how well it is known. The worst comes first in a heap."""

    negative_error: float
    number: int
    piece: int
    low: float
    high: float
    value: float


def _measured(integrand: Callable[[float], float], piece: int, low: float, high: float, number: int) -> _Part:
    half = (high - low) / 2
    values = np.array([integrand(low + half * (1 + node)) for node in NODES])
    value = half * float(KRONROD @ values)
    error = abs(half * float((KRONROD - GAUSS) @ values))
    # QUADPACK's scaling: Kronrod's rule is far better than its distance from Gauss' rule.
    spread = half * float(KRONROD @ np.abs(values - value / (2 * half)))
    if spread and error:
        error = spread * min(1.0, (200 * error / spread) ** 1.5)
    rounding = 50 * np.finfo(float).eps * half * float(KRONROD @ np.abs(values))
    return _Part(-max(error, rounding), number, piece, low, high, value)


def _subdivide(
    integrands: list[Callable[[float], float]], epsabs: float, epsrel: float, limit: int
) -> tuple[list[_Part], float]:
    """Return parts on which the rule gives the integral to the accuracy asked for, and the error estimated."""
    heap = [_measured(f, i, 0.0, 1.0, i) for i, f in enumerate(integrands)]
    heapq.heapify(heap)
    number = len(heap)
    while True:
        error = -sum(part.negative_error for part in heap)
        total = sum(part.value for part in heap)
        worst = heap[0]
        middle = (worst.low + worst.high) / 2
        at_rounding = error <= 100 * np.finfo(float).eps * sum(abs(part.value) for part in heap)
        if error <= max(epsabs, epsrel * abs(total)) or at_rounding or not np.isfinite(total):
            return heap, error
        if number >= max(limit, 2) * len(integrands) * 8 or not worst.low < middle < worst.high:
            warnings.warn(
                "The integral is probably divergent, slowly convergent, or its integrand too irregular: the estimated "
                f"error is {error:.1e}.",
                integrate.IntegrationWarning,
                stacklevel=3,
            )
            return heap, error
        heapq.heappop(heap)
        for low, high in ((worst.low, middle), (middle, worst.high)):
            heapq.heappush(heap, _measured(integrands[worst.piece], worst.piece, low, high, number))
            number += 1


def _plain(value: Any) -> Any:
    p = trace_of(value)
    return value if p is None else known(p, array_in(value, p), "scipy.integrate.quad")[()]


def _pieces(a: Any, b: Any, points: Any) -> tuple[list[_Map], float]:
    """Return the domain as pieces with at most one infinite end, and the sign of the integral."""
    plain_a, plain_b = _plain(a), _plain(b)
    a = float(plain_a) if np.isinf(plain_a) else a
    b = float(plain_b) if np.isinf(plain_b) else b
    sign = 1.0
    if plain_b < plain_a and (_is_infinite(a) or _is_infinite(b)):
        a, b, sign = b, a, -1.0
    if _is_infinite(a) and _is_infinite(b):
        return ([] if a == b else [_Map(a, 0.0), _Map(0.0, b)]), sign
    breaks = sorted(
        {float(c) for c in (() if points is None else points) if min(plain_a, plain_b) < c < max(plain_a, plain_b)}
    )
    ends = [a, *(breaks if plain_a <= plain_b else breaks[::-1]), b]
    return [_Map(*pair) for pair in itertools.pairwise(ends)], sign


def _start_of(a: Any, b: Any) -> float:
    """Return a point of the domain, at which the integrand is tried."""
    a, b = float(_plain(a)), float(_plain(b))
    if np.isfinite(a) and np.isfinite(b):
        return (a + b) / 2
    return a + 1.0 if np.isfinite(a) else b - 1.0 if np.isfinite(b) else 0.0


@substitute(integrate.quad)
def quad(
    func: Any,
    a: Any,
    b: Any,
    args: Any = (),
    full_output: int = 0,
    epsabs: float = 1.49e-8,
    epsrel: float = 1.49e-8,
    limit: int = 50,
    points: Any = None,
    weight: Any = None,
    wvar: Any = None,
    wopts: Any = None,
    maxp1: int = 50,
    limlst: int = 50,
    complex_func: bool = False,
) -> Any:
    """Return the integral and an estimate of its error, as scipy.integrate.quad does."""
    args = args if isinstance(args, tuple) else (args,)
    p = trace_of((a, b, args))
    if p is None and callable(func):  # func may itself hold values that are being differentiated
        p = trace_of(func(_start_of(a, b), *args))
    if p is None:
        return integrate.quad(
            func,
            a,
            b,
            args,
            full_output,
            epsabs,
            epsrel,
            limit,
            points,
            weight,
            wvar,
            wopts,
            maxp1,
            limlst,
            complex_func,
        )
    for name, value in {"full_output": full_output, "weight": weight, "complex_func": complex_func}.items():
        if value:
            unsupported(p, f"scipy.integrate.quad with {name}={value!r} is not translated", f"leave out {name}=")
    plain_args = tuple(_plain(value) for value in args)
    pieces, sign = _pieces(a, b, points)

    def plain_integrand(piece: _Map) -> Callable[[float], float]:
        fixed = _Map(_plain(piece.start), _plain(piece.end))

        def integrand(u: float) -> float:
            x, slope = fixed(u)
            return float(_plain(func(x, *plain_args))) * slope

        return integrand

    parts, error = _subdivide([plain_integrand(piece) for piece in pieces], epsabs, epsrel, limit)
    total: Any = 0.0
    for part in parts:
        half = (part.high - part.low) / 2
        for node, weight_of_node in zip(NODES, KRONROD, strict=True):
            x, slope = pieces[part.piece](part.low + half * (1 + node))
            total = total + func(x, *args) * (slope * (half * weight_of_node))
    return sign * total, error
