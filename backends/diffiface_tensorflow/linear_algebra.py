"""Linear algebra in TensorFlow: what is unique. Factorisations up to signs are LAPACK's, called by diffiface.

(TensorFlow's own come from Eigen, with other signs, and several lack the derivative of complex or tall matrices.)
"""

# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from diffiface.adapter import Primitives
from diffiface_tensorflow.elementwise import promoted, tensor


def _checked(function: Callable[..., Any], *matrices: Any, **options: Any) -> Any:
    """Call a function of TensorFlow's; what it refuses is refused by NumPy's error."""
    try:
        return function(*matrices, **options)
    except tf.errors.InvalidArgumentError as error:
        raise np.linalg.LinAlgError(error.message) from error


def _with_common_stack(a: Any, b: Any) -> tuple[Any, Any]:
    """Two stacks of matrices, broadcast against each other: TensorFlow wants them equal."""
    a, b = promoted((a, b))
    stack = np.broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
    return tuple(tf.broadcast_to(m, (*stack, *m.shape[-2:])) for m in (a, b))  # type: ignore[return-value]


def _symmetric(a: Any) -> Any:
    """The matrix that the lower triangle stands for, with the derivative of the symmetrised argument."""
    symmetrised = (a + tf.linalg.adjoint(a)) / 2
    lower = tf.linalg.band_part(a, -1, 0)
    strictly_lower = tf.linalg.set_diag(lower, tf.zeros_like(tf.linalg.diag_part(a)))
    return symmetrised + tf.stop_gradient(lower + tf.linalg.adjoint(strictly_lower) - symmetrised)


class LinearAlgebra(Primitives):
    """The primitives of linear algebra."""

    def solve(self, a: Any, b: Any) -> Any:
        return _checked(tf.linalg.solve, *_with_common_stack(a, b))

    def triangular_solve(self, a: Any, b: Any, *, lower: bool, unit_diagonal: bool) -> Any:
        a, b = _with_common_stack(a, b)
        if unit_diagonal:
            a = tf.linalg.set_diag(a, tf.ones_like(tf.linalg.diag_part(a)))
        return _checked(tf.linalg.triangular_solve, a, b, lower=lower)

    def inv(self, a: Any) -> Any:
        return _checked(tf.linalg.inv, tensor(a))

    def cholesky(self, a: Any) -> Any:
        factor = tf.linalg.cholesky(_symmetric(tensor(a)))
        if tf.executing_eagerly() and not tf.reduce_all(tf.math.is_finite(tf.math.real(factor))):
            raise np.linalg.LinAlgError("Matrix is not positive definite")  # (TensorFlow says so by NaN)
        return factor

    def slogdet(self, a: Any) -> tuple[Any, Any]:
        a = tensor(a)
        if a.dtype.is_complex:  # TensorFlow has no derivative of the sign
            return self.host_call("slogdet", a)  # type: ignore[misc]
        sign, logabsdet = tf.linalg.slogdet(a)
        return tf.stop_gradient(sign), logabsdet
