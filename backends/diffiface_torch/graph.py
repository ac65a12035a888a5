"""Derivatives of one run of f, read off the graph that PyTorch recorded: reverse mode, and reverse over reverse.

Everything is a pullback. The pullback is linear in its cotangents, and pulling a tangent back through it
is the pushforward; pulling one back through the gradient is the Hessian-vector product. So nothing but
reverse rules is needed, which PyTorch has for every function, and f runs once, on ordinary tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.autograd.function import BackwardCFunction

from diffiface_torch.host_call import HostCall
from diffiface_torch.special import GammaDerivative

Tensors = Sequence[torch.Tensor]


def size(leaves: Tensors) -> int:
    """Return the number of entries of all leaves together."""
    return sum(leaf.numel() for leaf in leaves)


def pull(ys: Tensors, xs: Tensors, cotangents: Tensors, *, create_graph: bool, batched: bool = False) -> Tensors:
    """Return the cotangents of xs (with a leading batch axis if `batched`); zero where ys do not depend on xs."""
    pairs = [(y, c) for y, c in zip(ys, cotangents, strict=True) if y.requires_grad]
    found: Sequence[torch.Tensor | None] = (None,) * len(xs)
    if pairs:
        found = torch.autograd.grad(
            [y for y, _ in pairs],
            xs,
            [c for _, c in pairs],
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=True,
            is_grads_batched=batched,
        )
    batch = (cotangents[0].shape[0],) if batched else ()
    return [x.new_zeros((*batch, *x.shape)) if tx is None else tx for x, tx in zip(xs, found, strict=True)]


def pull_batch(ys: Tensors, xs: Tensors, cotangents: Tensors, *, create_graph: bool, chunk_size: int | None) -> Tensors:
    """Pull a batch of cotangents back, `chunk_size` of them at once."""
    count = cotangents[0].shape[0]
    chunk = min(chunk_size or count, count) if _may_be_batched(ys) else 1
    if count == 0:
        return [x.new_zeros((0, *x.shape)) for x in xs]
    if chunk == 1:
        rows = [pull(ys, xs, [c[i] for c in cotangents], create_graph=create_graph) for i in range(count)]
        return [torch.stack(column) for column in zip(*rows, strict=True)]
    parts = [
        pull(ys, xs, [c[i : i + chunk] for c in cotangents], create_graph=create_graph, batched=True)
        for i in range(0, count, chunk)
    ]
    return parts[0] if len(parts) == 1 else [torch.cat(column) for column in zip(*parts, strict=True)]


def _may_be_batched(ys: Tensors) -> bool:
    """Whether every backward rule of the graph is PyTorch's own, and writes nothing in place.

    A user's `torch.autograd.Function` may call NumPy in its backward, and the rule of an in-place write
    copies into a slice; neither can run on a batch of cotangents.
    """
    pending = [y.grad_fn for y in ys if y.grad_fn is not None]
    seen = set(pending)
    while pending:
        node = pending.pop()
        if node.name() == "CopySlices" or (
            isinstance(node, BackwardCFunction)
            and getattr(node, "_forward_cls", None) not in (GammaDerivative, HostCall)
        ):
            return False
        for parent, _ in node.next_functions:
            if parent is not None and parent not in seen:
                seen.add(parent)
                pending.append(parent)
    return True


def push_batch(ys: Tensors, xs: Tensors, tangents: Tensors, *, create_graph: bool, chunk_size: int | None) -> Tensors:
    """Push a batch of tangents forward: pull them back through the pullback."""
    cotangents = [torch.zeros_like(y, requires_grad=True) for y in ys]
    txs = pull(ys, xs, cotangents, create_graph=True)
    return pull_batch(txs, cotangents, tangents, create_graph=create_graph, chunk_size=chunk_size)


def along_basis(linear: Callable[[Tensors], Tensors], inputs: Tensors, outputs: Tensors) -> list[list[torch.Tensor]]:
    """Apply a linear map to every unit vector of `inputs`.

    Returns blocks `[output][input]` with axes `(*input.shape, *output.shape)`.
    """
    total = size(inputs)
    units, offset = [], 0
    for leaf in inputs:
        unit = leaf.new_zeros((total, leaf.numel()))
        unit[offset : offset + leaf.numel()].fill_diagonal_(1)
        units.append(unit.reshape((total, *leaf.shape)))
        offset += leaf.numel()
    stacked = linear(units)
    sizes = [leaf.numel() for leaf in inputs]
    return [
        [
            block.reshape((*leaf.shape, *output.shape))
            for block, leaf in zip(torch.split(moved, sizes), inputs, strict=True)
        ]
        for moved, output in zip(stacked, outputs, strict=True)
    ]


def jacobian(ys: Tensors, xs: Tensors, *, create_graph: bool, chunk_size: int | None) -> list[list[torch.Tensor]]:
    """Return blocks `[y][x]` of shape `y.shape + x.shape`, along the basis of whichever is smaller."""
    options: dict[str, Any] = {"create_graph": create_graph, "chunk_size": chunk_size}
    complex_xs, complex_ys = (any(leaf.is_complex() for leaf in leaves) for leaves in (xs, ys))
    # Between real and complex numbers one of the two directions knows only the real part.
    forward = size(xs) < size(ys) if complex_xs == complex_ys else complex_ys
    if forward:
        blocks = along_basis(lambda tangents: push_batch(ys, xs, tangents, **options), xs, ys)
        return [[_last_axes_first(block, y.ndim) for block in row] for row, y in zip(blocks, ys, strict=True)]
    blocks = along_basis(lambda cotangents: pull_batch(ys, xs, cotangents, **options), ys, xs)
    # A pullback is the adjoint; a row of the Jacobian is not conjugated.
    return [[block.conj() for block in row] for row in zip(*blocks, strict=True)]


def _last_axes_first(block: torch.Tensor, count: int) -> torch.Tensor:
    leading = block.ndim - count
    return block.permute((*range(leading, block.ndim), *range(leading)))
