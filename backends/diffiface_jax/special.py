"""Special functions: JAX's own where they are right to 12 digits in value and derivative, ours on the host elsewhere.

Measured against SciPy and mpmath by `tests/backends/test_host_call.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.scipy.special as jsp
import numpy as np

from diffiface.adapter import Primitives
from diffiface_jax.host_call import host_call
from diffiface_jax.promotion import cast, kind_of, loop_dtypes


def _elementwise(function: Callable[..., Any], ufunc: np.ufunc) -> Callable[..., Any]:
    """Wrap a JAX function so that it computes in the dtypes the NumPy ufunc would use."""

    def primitive(self: Any, *operands: Any) -> Any:
        *inputs, output = loop_dtypes(ufunc, tuple(map(kind_of, operands)))
        return cast(function(*map(cast, operands, inputs)), output)

    return primitive


_OWN: dict[str, Callable[..., Any]] = {}
"""By name in the table of special functions."""


class SpecialFunctions(Primitives):
    """The special functions among the primitives (promoted as exp and hypot are)."""

    erf = _elementwise(jsp.erf, np.exp)
    erfc = _elementwise(jsp.erfc, np.exp)
    expit = _elementwise(jsp.expit, np.exp)
    log_expit = _elementwise(jax.nn.log_sigmoid, np.exp)
    gammaln = _elementwise(jsp.gammaln, np.exp)
    digamma = _elementwise(jsp.digamma, np.exp)
    ndtr = _elementwise(jsp.ndtr, np.exp)
    log_ndtr = _elementwise(jsp.log_ndtr, np.exp)
    xlogy = _elementwise(jsp.xlogy, np.hypot)

    def polygamma(self, x: Any, *, order: int) -> Any:
        return jsp.polygamma(order, cast(x, loop_dtypes(np.exp, (kind_of(x),))[0]))

    def special(self, *arguments: Any, function: str) -> Any:
        own = _OWN.get(function)
        return own(self, *arguments) if own else self.host_call("special", *arguments, function=function)

    def host_call(self, name: str, *arguments: Any, **parameters: Any) -> Any:
        return host_call(self, name, arguments, parameters)
