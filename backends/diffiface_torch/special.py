"""log-gamma and its derivatives: PyTorch's trigamma, the second one, is right to nine digits only."""

from __future__ import annotations

from typing import Any

import torch


class GammaDerivative(torch.autograd.Function):
    """The derivative of log-gamma of a given order (0 is log-gamma itself), differentiable to any order."""

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
