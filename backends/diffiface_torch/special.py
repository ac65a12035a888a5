"""Special functions: PyTorch's own values where they agree with SciPy's to 12 digits, a formula, or ours on the host.

Those of torch.special that do not agree: its Bessel functions j0, j1, y0, y1 and airy_ai near their zeros, gammainc and
gammaincc (9 digits), ndtr in its left tail. `tests/backends/test_own_special.py` measures.
The derivatives of the functions of the table are its own formulas, wherever their values come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from diffiface.adapter import SPECIAL_FORMULAS, Primitives
from diffiface_torch.host_call import host_call


class GammaDerivative(torch.autograd.Function):
    """The derivative of log-gamma of a given order (0 is log-gamma itself), differentiable to any order.

    PyTorch's own derivative of digamma is right to nine digits only.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, order: int) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.order = order
        if order == 0:
            return torch.special.gammaln(x)
        if order == 1:
            return torch.special.digamma(x)
        return torch.special.zeta(2.0, x) if order == 2 else torch.special.polygamma(order - 1, x)

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor) -> tuple[torch.Tensor, None]:
        (x,), (cotangent,) = ctx.saved_tensors, cotangents
        return cotangent * GammaDerivative.apply(x, ctx.order + 1), None


def ndtr(x: torch.Tensor) -> torch.Tensor:
    """The normal distribution; PyTorch's own is 0 in the left tail."""
    return 0.5 * torch.special.erfc(x * -math.sqrt(0.5))


OWN_FUNCTIONS: dict[str, Callable[..., torch.Tensor]] = {
    name: lambda p, x, function=function: function(x)
    for name, function in {
        "entr": torch.special.entr,
        "erfcx": torch.special.erfcx,
        "erfinv": torch.special.erfinv,
        "i0": torch.special.i0,
        "i0e": torch.special.i0e,
        "i1": torch.special.i1,
        "i1e": torch.special.i1e,
        "k0": torch.special.modified_bessel_k0,
        "k0e": torch.special.scaled_modified_bessel_k0,
        "k1": torch.special.modified_bessel_k1,
        "k1e": torch.special.scaled_modified_bessel_k1,
        "logit": torch.special.logit,
        "ndtri": torch.special.ndtri,
    }.items()
}
"""PyTorch's own, by name in the table of special functions."""


class SpecialFunctions(Primitives):
    """The functions of the table."""

    def special(self, *arguments: Any, function: str) -> Any:
        inside = OWN_FUNCTIONS.get(function) or SPECIAL_FORMULAS.get(function)
        in_torch = any(isinstance(a, torch.Tensor) for a in arguments)
        if not in_torch or any(self.dtype(a).kind == "c" for a in arguments):
            inside = None
        return host_call(self, "special", arguments, {"function": function}, inside)

    def host_call(self, name: str, *arguments: Any, **parameters: Any) -> Any:
        return host_call(self, name, arguments, parameters)
