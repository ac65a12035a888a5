"""Primitives differentiated by our rule: mostly those PyTorch lacks, NumPy's definition as a call on the host.

One `torch.autograd.Function` for all: backward of every order, forward mode, torch.func and vmap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch._C._functorch import TransformType, get_interpreter_stack

from diffiface.adapter import Primitives, UnsupportedOperationError, nested_rules
from diffiface_torch.arrays import NUMPY_DTYPE, array_of, tensor_of, torch_dtype


@dataclass(frozen=True)
class Call:
    """One call of a primitive, its tensors taken out."""

    p: Primitives
    name: str
    arguments: tuple[Any, ...]
    """The constants, and None in the places of tensors."""
    positions: tuple[int, ...]
    parameters: dict[str, Any]
    inside: Callable[..., torch.Tensor] | None
    """The values computed in PyTorch, `inside(p, *arguments)` in double precision; None for a call on the host."""

    def complete(self, tensors: Any) -> list[Any]:
        """Put the tensors, or what stands for them, into their places."""
        arguments = list(self.arguments)
        for i, tensor in zip(self.positions, tensors, strict=True):
            arguments[i] = tensor
        return arguments


def host_call(
    p: Primitives,
    name: str,
    arguments: tuple[Any, ...],
    parameters: dict[str, Any],
    inside: Callable[..., torch.Tensor] | None = None,
) -> Any:
    """Compute a primitive by its NumPy definition, or `inside` PyTorch, and differentiate it by our rule."""
    positions = tuple(i for i, a in enumerate(arguments) if isinstance(a, torch.Tensor))
    # The graph reads constants after f may have changed them.
    constants = tuple(
        None if i in positions else np.array(a) if isinstance(a, np.ndarray) else a for i, a in enumerate(arguments)
    )
    call = Call(p, name, constants, positions, parameters, inside)
    ys = HostCall.apply(call, *(arguments[i] for i in positions))
    return ys[0] if len(ys) == 1 else ys


class HostCall(torch.autograd.Function):
    """A primitive on tensors: always a tuple of outputs."""

    @staticmethod
    def forward(call: Call, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if call.inside is not None:
            return (_computed_inside(call, call.inside, tensors),)
        ys = nested_rules.on_host(call.name, call.complete(map(array_of, tensors)), call.parameters)
        device = tensors[0].device if tensors else getattr(call.p, "device", None)
        return tuple(tensor_of(y, device) for y in ys)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        ctx.call, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)
        ctx.mark_non_differentiable(*(y for y in output if not (y.is_floating_point() or y.is_complex())))

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor) -> Any:
        call, tensors = ctx.call, ctx.saved_tensors
        wanted = [i for i, needed in zip(call.positions, ctx.needs_input_grad[1:], strict=True) if needed]
        pulled = nested_rules.pull_primitive(
            call.p, call.name, call.complete(tensors), call.parameters, wanted, cotangents
        )
        return None, *(
            pulled[i].to(x.dtype) if i in pulled else None for i, x in zip(call.positions, tensors, strict=True)
        )

    @staticmethod
    def jvp(ctx: Any, of_call: None, *tangents: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
        levels = [level.key() for level in get_interpreter_stack() or ()]
        if levels.count(TransformType.Jvp) > 1:
            # PyTorch keeps nothing of a jvp's own tangents, and would give a second derivative of zero.
            raise UnsupportedOperationError(
                f"forward mode inside forward mode goes wrong in PyTorch for a function it lacks ({ctx.call.parameters.get('function', ctx.call.name)})",
                engine="torch",
                fix="use torch.func.hessian or jacrev, or diffiface's own operators",
            )
        call, tensors = ctx.call, ctx.saved_tensors
        moved = {i: t for i, t in zip(call.positions, tangents, strict=True) if t is not None}
        _, pushed = nested_rules.push_primitive(call.p, call.name, call.complete(tensors), call.parameters, moved)
        return pushed

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], call: Call, *tensors: torch.Tensor) -> Any:
        dims = in_dims[1:]
        if not nested_rules.is_elementwise(call.name):
            rows = [
                HostCall.apply(call, *(x if d is None else x.select(d, i) for x, d in zip(tensors, dims, strict=True)))
                for i in range(info.batch_size)
            ]
            columns = tuple(torch.stack(column) for column in zip(*rows, strict=True))
            return columns, (0,) * len(columns)
        # One rank for all, the batch in front; an axis of length 1 where there is none.
        moved = [x.unsqueeze(0) if d is None else x.movedim(d, 0) for x, d in zip(tensors, dims, strict=True)]
        constants = [np.ndim(a) for a in call.arguments if a is not None]
        rank = max([x.ndim - 1 for x in moved] + constants)
        aligned = [x.reshape(x.shape[0], *(1,) * (rank + 1 - x.ndim), *x.shape[1:]) for x in moved]
        ys = HostCall.apply(call, *aligned)
        return ys, (0,) * len(ys)


def _computed_inside(call: Call, inside: Callable[..., torch.Tensor], tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    # In double precision throughout, as SciPy computes single precision too.
    wide = [x.to(torch.float64) for x in tensors]
    with np.errstate(all="ignore"):  # what a formula makes of constants alone is NumPy's
        y = inside(call.p, *call.complete(wide))
    if all(x.dtype is torch.float64 for x in tensors):
        return y
    described = call.complete((tuple(x.shape), NUMPY_DTYPE[x.dtype]) for x in tensors)
    ((_, dtype),) = nested_rules.describe_outputs(call.name, described, call.parameters)
    return y.to(torch_dtype(dtype))
