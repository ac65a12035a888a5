"""The differentiation rules of all primitives, in three tables: pointwise, of one array, of several arrays."""

from diffiface_native.rules import (
    contraction,
    elementwise,
    factorizations,
    fourier,
    indexing,
    linear_algebra,
    reductions,
    selection,
    shape,
    special,
)
from diffiface_native.rules.rule import NaryRule as NaryRule
from diffiface_native.rules.rule import Partial as Partial
from diffiface_native.rules.rule import UnaryRule as UnaryRule

POINTWISE: dict[str, tuple[Partial | None, ...]] = {
    **elementwise.POINTWISE,
    **special.POINTWISE,
    **selection.POINTWISE,
}

UNARY: dict[str, UnaryRule] = {
    **elementwise.UNARY,
    **special.UNARY,
    **selection.UNARY,
    **reductions.UNARY,
    **shape.UNARY,
    **indexing.UNARY,
    **linear_algebra.UNARY,
    **factorizations.UNARY,
    **fourier.UNARY,
}

NARY: dict[str, NaryRule] = {**special.NARY, **shape.NARY, **indexing.NARY, **contraction.NARY, **linear_algebra.NARY}
