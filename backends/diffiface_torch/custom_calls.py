"""Functions with derivative rules of their own, in PyTorch: backward of every order, forward mode, torch.func, vmap.

Values come from a call on the host with NumPy arrays; the rules run on tensors, so that they can be differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch._C._functorch import TransformType, get_interpreter_stack

from diffiface.adapter import CustomCall, Primitives, UnsupportedOperationError
from diffiface_torch.arrays import array_of, tensor_of


@dataclass(frozen=True)
class Call:
    """One call of a function, its tensors taken out."""

    p: Primitives
    call: CustomCall
    constants: tuple[Any, ...]
    """The operands, and None in the places of tensors."""
    positions: tuple[int, ...]

    def complete(self, tensors: Any) -> list[Any]:
        """Put the tensors, or what stands for them, into their places."""
        operands = list(self.constants)
        for i, tensor in zip(self.positions, tensors, strict=True):
            operands[i] = tensor
        return operands


def custom_call(p: Primitives, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Return the values of a call, to be differentiated by its rules."""
    positions = tuple(i for i, o in enumerate(operands) if isinstance(o, torch.Tensor))
    # The graph reads constants after f may have changed them.
    constants = tuple(
        None if i in positions else np.array(o) if isinstance(o, np.ndarray) else o for i, o in enumerate(operands)
    )
    if not positions:
        return tuple(tensor_of(np.asarray(y)) for y in call.on_host(constants))
    # (An alias has a node of its own, which is never that of a leaf: `_runs`.)
    tensors = (x.view_as(x) if _is_inexact(x) else x for x in (operands[i] for i in positions))
    return RuledFunction.apply(Call(p, call, constants, positions), *tensors)


class RuledFunction(torch.autograd.Function):
    """Always a tuple of outputs."""

    @staticmethod
    def forward(call: Call, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with torch.enable_grad():  # (the function may differentiate something itself)
            ys = call.call.on_host(call.complete(map(array_of, tensors)))
        device = tensors[0].device
        narrow = all(x.dtype in (torch.float32, torch.complex64) for x in tensors if _is_inexact(x))
        return tuple(_in_precision(tensor_of(np.asarray(y), device), narrow) for y in ys)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        ctx.call, *tensors = inputs
        ctx.count = len(tensors)
        ctx.save_for_backward(*tensors, *output)
        ctx.save_for_forward(*tensors, *output)
        ctx.mark_non_differentiable(*(y for y in output if not _is_inexact(y)))

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor) -> Any:
        call: Call = ctx.call
        tensors, ys = ctx.saved_tensors[: ctx.count], ctx.saved_tensors[ctx.count :]
        wanted = [i for i, needed in zip(call.positions, _asked_for(ctx), strict=True) if needed]
        pulled = call.call.pull(call.p, call.complete(tensors), ys, wanted, cotangents)
        found = dict(zip(wanted, pulled, strict=True))
        return None, *(
            _tensor(found[i], x) if i in found else None for i, x in zip(call.positions, tensors, strict=True)
        )

    @staticmethod
    def jvp(ctx: Any, of_call: None, *tangents: torch.Tensor | None) -> tuple[torch.Tensor, ...]:
        call: Call = ctx.call
        levels = [level.key() for level in get_interpreter_stack() or ()]
        if levels.count(TransformType.Jvp) > 1:
            # PyTorch keeps nothing of a jvp's own tangents, and would give a second derivative of zero.
            raise UnsupportedOperationError(
                f"forward mode inside forward mode goes wrong in PyTorch for a function with its own rule ({call.call.name})",
                engine="torch",
                fix="use torch.func.hessian or jacrev, or diffiface's own operators",
            )
        tensors, ys = ctx.saved_tensors[: ctx.count], ctx.saved_tensors[ctx.count :]
        every: list[Any] = [None] * len(call.constants)
        for i, t in zip(call.positions, tangents, strict=True):
            every[i] = t
        pushed = call.call.push(call.p, call.complete(tensors), ys, every)
        return tuple(_tensor(ty, y) for ty, y in zip(pushed, ys, strict=True))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], call: Call, *tensors: torch.Tensor) -> Any:
        rows = [
            RuledFunction.apply(
                call, *(x if d is None else x.select(d, i) for x, d in zip(tensors, in_dims[1:], strict=True))
            )
            for i in range(info.batch_size)
        ]
        columns = tuple(torch.stack(column) for column in zip(*rows, strict=True))
        return columns, (0,) * len(columns)


_WILL_RUN: Callable[[Any], bool] | None = getattr(torch._C, "_will_engine_execute_node", None)


def _asked_for(ctx: Any) -> list[bool]:
    """Return of which tensors the gradient is used in this backward pass.

    `needs_input_grad` says of which it may be at all. In a pullback of a pullback, which is how a pushforward is
    computed, that is more: the cotangent's is used, but not the primal's, which a rule on the host may not have.
    """
    needed = ctx.needs_input_grad[1:]
    nodes: tuple[Any, ...] = getattr(ctx, "next_functions", ())
    if len(nodes) != len(needed):  # (inside torch.func's transformations PyTorch does not show them)
        return list(needed)
    return [need and node is not None and _runs(node) for need, (node, _) in zip(needed, nodes, strict=True)]


def _runs(node: Any) -> bool:
    """Whether the running backward pass goes on to a node: where PyTorch cannot tell, it may.

    (It cannot tell of the node of a leaf. The function it tells by is a private one, so a version may lack it.)
    """
    if _WILL_RUN is None:
        return True
    try:
        return _WILL_RUN(node)
    except RuntimeError:
        return True


def _is_inexact(x: torch.Tensor) -> bool:
    return x.is_floating_point() or x.is_complex()


def _in_precision(y: torch.Tensor, narrow: bool) -> torch.Tensor:
    """Keep single precision where everything given was in it, as PyTorch's own functions do."""
    if not narrow:
        return y
    return y.to({torch.float64: torch.float32, torch.complex128: torch.complex64}.get(y.dtype, y.dtype))


def _tensor(derivative: Any, like: torch.Tensor) -> torch.Tensor:
    if isinstance(derivative, torch.Tensor):
        return derivative.to(like.dtype)
    return tensor_of(np.asarray(derivative), like.device).to(like.dtype)
