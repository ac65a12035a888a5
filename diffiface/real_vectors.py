"""f as a map of real vectors: how engines that can only evaluate f see it.

All leaves are laid end to end in one float64 vector; a complex entry becomes two real ones, real part
first. On such vectors complex numbers need no special cases: the adjoint for Re(conj(a) b) is the
transpose, and the gradient of a real function is the direction of steepest ascent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from diffiface.errors import OutputError, UnsupportedOperationError
from diffiface.primitives import NUMPY
from diffiface.primitives.numpy_arrays import NumPyPrimitives

if TYPE_CHECKING:
    from diffiface.adapter import Cotangents, FlatFunction, Leaves

CONTINUED = NumPyPrimitives()
"""The trace under which f runs at complex points next to a real x: real outputs and scratch memory become complex."""

_WIDE = (np.dtype(np.float64), np.dtype(np.complex128))


@dataclass(frozen=True)
class RealLayout:
    """Where each leaf lies in the real vector."""

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype, ...]

    @classmethod
    def of(cls, leaves: Leaves) -> RealLayout:
        """Read the layout off some leaves."""
        return cls(tuple(leaf.shape for leaf in leaves), tuple(leaf.dtype for leaf in leaves))

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """The part of the vector that belongs to each leaf."""
        parts, start = [], 0
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            stop = start + math.prod(shape) * (2 if dtype.kind == "c" else 1)
            parts.append(slice(start, stop))
            start = stop
        return tuple(parts)

    @property
    def size(self) -> int:
        """The length of the vector."""
        return self.slices[-1].stop

    @property
    def is_real(self) -> bool:
        """Whether no leaf is complex."""
        return all(dtype.kind != "c" for dtype in self.dtypes)

    def join(self, leaves: Leaves) -> np.ndarray:
        """Return the vector of these leaves: shape `(size,)`, or `(batch, size)` if they have a batch axis."""
        parts = []
        for leaf, shape, dtype in zip(leaves, self.shapes, self.dtypes, strict=True):
            array = np.asarray(leaf)
            flat = array.reshape((*array.shape[: array.ndim - len(shape)], math.prod(shape)))
            if dtype.kind == "c":
                parts.append(np.array(flat, np.complex128, order="C").view(np.float64))
            else:
                parts.append(np.array(flat, np.float64))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)

    def split(self, vectors: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return new float64 or complex128 leaves from `(size,)`, or with a batch axis from `(batch, size)`.

        A complex vector (of a layout without complex leaves) gives complex leaves.
        """
        leaves = []
        for part, shape, dtype in zip(self.slices, self.shapes, self.dtypes, strict=True):
            entries = vectors[..., part].copy(order="C")
            if dtype.kind == "c":
                entries = entries.view(np.complex128)
            leaves.append(entries.reshape((*vectors.shape[:-1], *shape)))
        return tuple(leaves)

    def split_as_given(self, vectors: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return new leaves as `split` does, in the layout's own dtypes."""
        leaves = self.split(vectors)
        return tuple(leaf.astype(dtype, copy=False) for leaf, dtype in zip(leaves, self.dtypes, strict=True))


def jacobian_leaves(matrix: np.ndarray, y_layout: RealLayout, x_layout: RealLayout) -> list[list[np.ndarray]]:
    """Return blocks of shape `y.shape + x.shape` from the Jacobian of the real vectors, in x's precision.

    A complex y is taken to be holomorphic in a complex x; for a real y, dy = Re(J dx).
    """
    rows = []
    for y_part, y_shape, y_dtype in zip(y_layout.slices, y_layout.shapes, y_layout.dtypes, strict=True):
        row = []
        for x_part, x_shape, x_dtype in zip(x_layout.slices, x_layout.shapes, x_layout.dtypes, strict=True):
            block, dtype = matrix[y_part, x_part], x_dtype
            if y_dtype.kind == "c":
                block, dtype = block[0::2] + 1j * block[1::2], np.result_type(x_dtype, np.complex64)
                block = block[:, 0::2] if x_dtype.kind == "c" else block
            elif x_dtype.kind == "c":
                block = block[:, 0::2] - 1j * block[:, 1::2]
            row.append(np.array(block, dtype, order="C").reshape((*y_shape, *x_shape)))
        rows.append(row)
    return rows


def evaluate(f: FlatFunction, xs: Leaves, contexts: Leaves, continued: bool = False) -> tuple[tuple[Any, ...], Any]:
    """Run f on leaves it may write into, and return copies of its outputs (it may return the same memory again)."""
    ys, aux = f(CONTINUED if continued else NUMPY, xs, contexts)
    return tuple(np.array(y) if isinstance(y, (np.ndarray, np.generic)) else y for y in ys), aux


def evaluate_shifted(f: FlatFunction, xs: Leaves, contexts: Leaves, continued: bool = False) -> tuple[Any, ...]:
    """Run f at a point the user did not ask for, where leaving its domain is no reason to warn or stop."""
    with np.errstate(all="ignore"):
        return evaluate(f, xs, contexts, continued)[0]


class RealFunction:
    """f near one x: the vector `x`, the value `y` there, and the map from vectors to vectors.

    `ys` and `aux` are what f returned at x itself; everything else is computed in double precision.
    """

    def __init__(self, f: FlatFunction, xs: Leaves, contexts: Leaves, engine: str):
        self.f, self.contexts, self.engine = f, contexts, engine
        ys, self.aux = evaluate(f, tuple(np.array(x) for x in xs), contexts)
        self._check_plain(ys)
        self.ys = tuple(y.astype(np.float64) if y.dtype.kind in "biu" else y for y in ys)
        self.x_layout, self.y_layout = RealLayout.of(xs), RealLayout.of(self.ys)
        self.x = self.x_layout.join(xs)
        if all(dtype in _WIDE for dtype in self.x_layout.dtypes):
            wide = self.ys
        else:
            wide = evaluate_shifted(f, self.x_layout.split(self.x), contexts)
        self.y = self.collect(wide)
        # Whatever x is, f may compute in single precision itself.
        precisions = [np.float64, *(y.dtype for y in wide if y.dtype.kind in "fc")]
        self.epsilon = max(getattr(f, "relative_error", 0.0), *(float(np.finfo(kind).eps) for kind in precisions))
        """The relative rounding error of f's values."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return f's vector at another x; at a complex x (of real leaves) its analytic continuation."""
        continued = x.dtype.kind == "c"
        return self.collect(evaluate_shifted(self.f, self.x_layout.split(x), self.contexts, continued), continued)

    def cotangent_vectors(self, cotangents: Cotangents) -> np.ndarray:
        """Return the vectors of a batch of cotangents: shape `(batch, size of y)`."""
        if callable(cotangents):
            cotangents = cotangents([(y.shape, y.dtype) for y in self.ys])
        # For a real output only the real part of a cotangent takes part in Re(conj(a) b).
        return self.y_layout.join(
            [c if y.dtype.kind == "c" else np.real(c) for c, y in zip(cotangents, self.ys, strict=True)]
        )

    def collect(self, ys: Sequence[Any], continued: bool = False) -> np.ndarray:
        """Check and join the outputs of one evaluation."""
        self._check_plain(ys)
        layout = self.y_layout
        if tuple(y.shape for y in ys) != layout.shapes:
            given = tuple(y.shape for y in ys)
            raise OutputError(
                f"the function returned shape {_shown(layout.shapes)} at x, but {_shown(given)} close by",
                engine=self.engine,
                fix="the shape of y must not depend on the values of x",
            )
        if continued:
            self._check_continuation(ys)
            return np.concatenate([y.astype(np.complex128).reshape(y.size) for y in ys])
        for y, dtype in zip(ys, layout.dtypes, strict=True):
            if y.dtype.kind == "c" and dtype.kind != "c":
                raise OutputError(
                    "the function is real at x, but complex at a point close by",
                    engine=self.engine,
                    fix="return x + 0j (complex everywhere), or a real number",
                )
        return layout.join(ys)

    def check_can_be_continued(self) -> None:
        """Raise unless f is a real function of real numbers, as differences along the imaginary axis need."""
        if not (self.x_layout.is_real and self.y_layout.is_real):
            raise UnsupportedOperationError(
                "a complex step is for real functions of real numbers, but x or y is complex",
                engine=self.engine,
                fix="use method='central'",
            )

    def _check_plain(self, ys: Sequence[Any]) -> None:
        if not all(isinstance(y, np.ndarray) for y in ys):
            raise UnsupportedOperationError(
                "the function met values that another engine is differentiating, and their derivatives would be lost",
                engine=self.engine,
                fix="inside a function being differentiated use 'forward' or 'reverse', which nest in any engine",
            )

    def _check_continuation(self, ys: Sequence[np.ndarray]) -> None:
        for y, part in zip(ys, self.y_layout.slices, strict=True):
            # Real at a complex x is right only if the output does not depend on x.
            if y.dtype.kind != "c" and not np.array_equal(self._elsewhere[part], self.y[part], equal_nan=True):
                raise UnsupportedOperationError(
                    "the function gave a real number for a complex x, so a complex step cannot see its derivative",
                    engine=self.engine,
                    fix="avoid np.abs, .real and comparisons of x in the function, or use method='central'",
                )

    @cached_property
    def _elsewhere(self) -> np.ndarray:
        """f's vector some way off, which tells a constant from a lost imaginary part."""
        return self(self.x * 1.0009765625 + 0.0009765625)


def _shown(shapes: tuple[tuple[int, ...], ...]) -> str:
    return str(shapes[0]) if len(shapes) == 1 else str(list(shapes))
