"""Special functions: JAX's own values where they agree with SciPy's to 12 digits, a formula, or ours on the host.

Most of those of jax.scipy.special do not agree: beta and betaln have 6 digits, erfinv 10, gammainc, gammaincc, zeta,
rel_entr and kl_div other infinities and NaNs at the edges. `tests/backends/test_own_special.py` measures.
The derivatives of the functions of the table are its own formulas, wherever their values come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
import numpy as np

from diffiface.adapter import SPECIAL_FORMULAS, Primitives
from diffiface_jax.host_call import described_outputs, host_call, private, with_our_rule
from diffiface_jax.promotion import cast, dtype_of, kind_of, loop_dtypes

_ROOT_TWO = math.sqrt(2)


def _elementwise(function: Callable[..., Any], ufunc: np.ufunc) -> Callable[..., Any]:
    """Wrap a JAX function so that it computes in the dtypes the NumPy ufunc would use."""

    def primitive(self: Any, *operands: Any) -> Any:
        *inputs, output = loop_dtypes(ufunc, tuple(map(kind_of, operands)))
        return cast(function(*map(cast, operands, inputs)), output)

    return primitive


def _log_ndtr(x: Any) -> Any:
    """log_ndtr; JAX's own loses its digits right of 3, where it is small, and left of -20 for want of terms."""
    right = x > 1
    tail = 0.5 * jsp.erfc(jnp.where(right, x, 1.0) / _ROOT_TWO)
    return jnp.where(right, jnp.log1p(-tail), jsp.log_ndtr(jnp.where(right, 1.0, x), series_order=7))


OWN_FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: lambda p, x, function=function: function(x)
    for name, function in {
        "i0": jsp.i0,
        "i0e": jsp.i0e,
        "i1": jsp.i1,
        "i1e": jsp.i1e,
        "ndtri": jsp.ndtri,
    }.items()
}
"""JAX's own, by name in the table of special functions."""


class SpecialFunctions(Primitives):
    """The special functions among the primitives (promoted as exp and hypot are)."""

    erf = _elementwise(jsp.erf, np.exp)
    erfc = _elementwise(jsp.erfc, np.exp)
    expit = _elementwise(jsp.expit, np.exp)
    log_expit = _elementwise(jax.nn.log_sigmoid, np.exp)
    gammaln = _elementwise(jsp.gammaln, np.exp)
    digamma = _elementwise(jsp.digamma, np.exp)
    ndtr = _elementwise(jsp.ndtr, np.exp)
    log_ndtr = _elementwise(_log_ndtr, np.exp)
    xlogy = _elementwise(jsp.xlogy, np.hypot)

    def polygamma(self, x: Any, *, order: int) -> Any:
        return jsp.polygamma(order, cast(x, loop_dtypes(np.exp, (kind_of(x),))[0]))

    def special(self, *arguments: Any, function: str) -> Any:
        inside = OWN_FUNCTIONS.get(function) or SPECIAL_FORMULAS.get(function)
        in_jax = any(isinstance(a, jax.Array) for a in arguments)
        if inside is None or not in_jax or any(dtype_of(a).kind == "c" for a in arguments):
            return self.host_call("special", *arguments, function=function)
        arguments = private(arguments)
        parameters = {"function": function}
        ((_, dtype),) = described_outputs("special", arguments, parameters)

        def value(*operands: Any) -> tuple[Any, ...]:
            # In double precision throughout, as SciPy computes single precision too.
            remaining = iter(operands)
            wide = [cast(next(remaining), np.dtype(np.float64)) if isinstance(a, jax.Array) else a for a in arguments]
            with np.errstate(all="ignore"):  # what a formula makes of constants alone is NumPy's
                return (cast(inside(self, *wide), dtype),)

        return with_our_rule(value, self, "special", arguments, parameters)

    def host_call(self, name: str, *arguments: Any, **parameters: Any) -> Any:
        return host_call(self, name, arguments, parameters)
