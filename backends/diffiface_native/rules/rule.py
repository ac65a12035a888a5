"""What a differentiation rule is, in three shapes: pointwise, of one array, of several arrays.

All rules are written in the primitives of a base `p`, never in NumPy itself, so that they can be differentiated
again. Tangents carry a leading batch axis, cotangents do not. Cotangents are those of the plain transpose, without
conjugation (df = Re(cotangent * dx)), so the rule of a holomorphic function needs no complex case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from diffiface.adapter import Primitives

Partial = Callable[..., Any]
"""`partial(p, t, y, *arguments)`: t times dy/d(argument). Being diagonal it is its own transpose, so t is either."""


class UnaryRule(NamedTuple):
    """The rule of a primitive of one array.

    `jvp(p, tangent, y, x, **parameters)` returns y's tangent, `vjp(p, cotangent, y, x, **parameters)` a cotangent
    that broadcasts to x's shape. Where y is a tuple, so are tangent and cotangent (None: no contribution).
    """

    jvp: Callable[..., Any]
    vjp: Callable[..., Any]


class NaryRule(NamedTuple):
    """The rule of a primitive of several arrays.

    `jvp(p, tangents, y, arrays, **parameters)` returns y's tangent; a tangent is None where the array is a constant.
    `vjp(p, cotangent, y, arrays, wanted, **parameters)` returns a cotangent of the array's shape for each array that
    is `wanted`, and anything for the others. `takes_list` says that the primitive takes its arrays as one list.
    """

    jvp: Callable[..., Any]
    vjp: Callable[..., Sequence[Any]]
    takes_list: bool = False


def is_complex(p: Primitives, value: Any) -> bool:
    """Say whether a value is complex."""
    return p.dtype(value).kind == "c"


def total(p: Primitives, terms: Sequence[Any]) -> Any:
    """Add up the terms, of which there is at least one."""
    result = terms[0]
    for term in terms[1:]:
        result = p.add(result, term)
    return result
