"""Special functions: TensorFlow's own values where they agree with SciPy's to 12 digits, a formula, or ours on the host.

`tests/backends/test_tensorflow.py` measures. Derivatives of the functions of the table, and of xlogy, are our formulas,
wherever values come from; the others TensorFlow has right, to any order.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from diffiface.adapter import SPECIAL_FORMULAS, Primitives
from diffiface_tensorflow.elementwise import REAL, cast, dtype_of, promoted, unary
from diffiface_tensorflow.host_call import host_call


def _ndtr(x: Any) -> Any:
    return 0.5 * tf.math.erfc(x * -math.sqrt(0.5))


def _positive(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function that SciPy does not define for negative numbers, where TensorFlow says infinity."""
    return lambda x: tf.where(x < 0, tf.constant(math.nan, x.dtype), function(x))


_BESSEL = tf.math.special

OWN_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "dawsn": _BESSEL.dawsn,
    "i0": _BESSEL.bessel_i0,
    "i0e": _BESSEL.bessel_i0e,
    "i1": _BESSEL.bessel_i1,
    "i1e": _BESSEL.bessel_i1e,
    "j0": _BESSEL.bessel_j0,
    "j1": _BESSEL.bessel_j1,
    "k0": _positive(_BESSEL.bessel_k0),
    "k0e": _positive(_BESSEL.bessel_k0e),
    "k1": _positive(_BESSEL.bessel_k1),
    "k1e": _positive(_BESSEL.bessel_k1e),
    "ndtri": tf.math.ndtri,
    "spence": _BESSEL.spence,
    "y0": _positive(_BESSEL.bessel_y0),
    "y1": _positive(_BESSEL.bessel_y1),
}
"""TensorFlow's own, by name in the table of special functions."""


class SpecialFunctions(Primitives):
    """The special functions (promoted as exp is)."""

    erf = unary(tf.math.erf, np.exp, REAL, "erf")
    erfc = unary(tf.math.erfc, np.exp, REAL, "erfc")
    expit = unary(tf.math.sigmoid, np.exp, REAL, "expit")
    log_expit = unary(tf.math.log_sigmoid, np.exp, REAL, "log_expit")
    gammaln = unary(tf.math.lgamma, np.exp, REAL, "gammaln")
    digamma = unary(tf.math.digamma, np.exp, REAL, "digamma")
    ndtr = unary(_ndtr, np.exp, REAL, "ndtr")

    def xlogy(self, x: Any, y: Any) -> Any:
        # TensorFlow's derivative by x is 0 where x is, instead of log(y).
        x, y = promoted((x, y, 1.0))[:2]
        inside = tf.math.xlogy if dtype_of(x) in REAL else None
        return host_call(self, "xlogy", (x, y), {}, inside)

    def polygamma(self, x: Any, *, order: int) -> Any:
        dtype = np.result_type(dtype_of(x), np.float32)
        if order == 0 or dtype not in REAL:
            return self.digamma(x) if order == 0 else self.host_call("polygamma", x, order=order)
        return tf.math.polygamma(tf.constant(order, dtype.name), cast(x, dtype))

    def special(self, *arguments: Any, function: str) -> Any:
        inside = None
        if any(isinstance(a, tf.Tensor) for a in arguments) and all(dtype_of(a) == np.float64 for a in arguments):
            own, formula = OWN_FUNCTIONS.get(function), SPECIAL_FORMULAS.get(function)
            if own is not None:
                inside = own
            elif formula is not None:
                inside = lambda *operands: formula(self, *operands)  # noqa: E731
        return host_call(self, "special", arguments, {"function": function}, inside)

    def host_call(self, name: str, *arguments: Any, **parameters: Any) -> Any:
        return host_call(self, name, arguments, parameters)
