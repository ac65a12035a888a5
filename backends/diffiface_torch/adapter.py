"""PyTorch behind the front end's engine contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from diffiface.adapter import Backend, Cotangents, FlatFunction, Leaves, UnsupportedOperationError, current_trace
from diffiface_torch import graph
from diffiface_torch.arrays import NUMPY_DTYPE, array_of, is_wrapped, shared_tensor_of, tensor_of
from diffiface_torch.primitives import TorchPrimitives

_CPU = torch.device("cpu")


@dataclass(frozen=True, repr=False)
class Torch(Backend):
    """PyTorch: eager, on the device of x, any order of derivative by reverse over reverse."""

    name = "torch"
    family = "torch"

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        with torch.enable_grad():
            run = _Run(f, xs, contexts)
            seeds = run.seeds(tangents, run.xs)
            tys = graph.push_batch(run.ys, run.xs, seeds, create_graph=run.traced, chunk_size=self.chunk_size)
        return run.results_y(run.ys), run.results_y(tys), run.aux

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        with torch.enable_grad():
            run = _Run(f, xs, contexts)
            if callable(cotangents):
                cotangents = cotangents([(tuple(y.shape), NUMPY_DTYPE[y.dtype]) for y in run.ys])
            seeds = run.seeds(cotangents, run.ys)
            txs = graph.pull_batch(run.ys, run.xs, seeds, create_graph=run.traced, chunk_size=self.chunk_size)
        return run.results_y(run.ys), run.results_x(txs), run.aux

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        ys, rows, aux = self.value_and_jacobian(f, xs, contexts)
        return ys, [dy for (dy,) in rows], aux

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        with torch.enable_grad():
            run = _Run(f, xs, contexts)
            gradients = run.gradient(create_graph=run.traced)
        return run.result_y(run.ys[0]), run.results_x(gradients), run.aux

    def value_and_jacobian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, list[Leaves], Any]:
        with torch.enable_grad():
            run = _Run(f, xs, contexts)
            rows = graph.jacobian(run.ys, run.xs, create_graph=run.traced, chunk_size=self.chunk_size)
        return run.results_y(run.ys), [run.results_x(row) for row in rows], run.aux

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        with torch.enable_grad():
            run = _Run(f, xs, contexts)
            dys = [dy for (dy,) in graph.jacobian(run.ys, run.xs, create_graph=True, chunk_size=None)]
            ddys = [ddy for (ddy,) in graph.jacobian(dys, run.xs, create_graph=run.traced, chunk_size=None)]
        return run.results_y(run.ys), run.results_y(dys), run.results_y(ddys), run.aux

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        with torch.enable_grad():
            run = _Run(f, xs, contexts)
            gradients = run.gradient(create_graph=True)
            # The Hessian is symmetric: pulling a tangent back through the gradient is pushing it forward.
            seeds = run.seeds(tangents, run.xs)
            products = graph.pull_batch(gradients, run.xs, seeds, create_graph=run.traced, chunk_size=self.chunk_size)
        return run.result_y(run.ys[0]), run.results_x(gradients), run.results_x(products), run.aux

    def value_gradient_and_hessian(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, list[Leaves], Any]:
        with torch.enable_grad():
            run = _Run(f, xs, contexts)
            gradients = run.gradient(create_graph=True)
            rows = graph.along_basis(
                lambda seeds: graph.pull_batch(
                    gradients, run.xs, seeds, create_graph=run.traced, chunk_size=self.chunk_size
                ),
                run.xs,
                run.xs,
            )
        columns = zip(*rows, strict=True)
        return run.result_y(run.ys[0]), run.results_x(gradients), [run.results_x(row) for row in columns], run.aux


class _Run:
    """One run of f on tensors that record a graph, and the way its results go back."""

    def __init__(self, f: FlatFunction, xs: Leaves, contexts: Leaves):
        outer = current_trace()
        self.traced = outer.engine == "torch"
        self.given = xs
        self.takes_tensors = False
        device = _CPU
        for x in xs:
            if isinstance(x, torch.Tensor):
                self.takes_tensors, device = True, x.device
                self.traced = self.traced or x.requires_grad
        self.device = device
        self.xs = [self._leaf(x) for x in xs]
        if getattr(f, "native", False):
            contexts = [_native_constant(c, device) for c in contexts]
        ys, self.aux = f(TorchPrimitives(outer, device, contexts, self.traced), tuple(self.xs), contexts)
        self.ys = [y if isinstance(y, torch.Tensor) else tensor_of(np.asarray(y), device) for y in ys]

    def _leaf(self, x: Any) -> torch.Tensor:
        if not isinstance(x, torch.Tensor):
            return tensor_of(x, self.device).requires_grad_()
        if is_wrapped(x):
            raise UnsupportedOperationError(
                "x is being transformed by torch.func, inside which no graph can be recorded",
                engine="torch",
                fix="call the operator outside torch.func, or give torch.func's transformation the function itself",
            )
        # A view is a leaf of its own for this derivative, and still connected for the outer one.
        return x.view_as(x) if x.requires_grad else x.detach().requires_grad_()

    def seeds(self, batch: Leaves, leaves: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return tangents or cotangents as tensors in the dtype of what they belong to."""
        seeds = []
        for seed, leaf in zip(batch, leaves, strict=True):
            tensor = seed if isinstance(seed, torch.Tensor) else tensor_of(np.asarray(seed), self.device)
            real = tensor.real if tensor.is_complex() and not leaf.is_complex() else tensor
            seeds.append(real.to(leaf.dtype))
        return seeds

    def gradient(self, *, create_graph: bool) -> Sequence[torch.Tensor]:
        """Pull 1 back."""
        (y,) = self.ys
        if not y.requires_grad:
            return [torch.zeros_like(x) for x in self.xs]
        found = torch.autograd.grad(y, self.xs, create_graph=create_graph, allow_unused=True)
        return [torch.zeros_like(x) if tx is None else tx for x, tx in zip(self.xs, found, strict=True)]

    def results_x(self, tensors: Sequence[torch.Tensor]) -> list[Any]:
        """Hand results shaped like x back, each in the family of its leaf."""
        if self.traced:
            return list(tensors)
        alone = len(tensors) == 1  # x and y of x + y have one and the same gradient tensor
        return [
            (_contiguous(tensor) if alone else _copied(tensor)) if isinstance(x, torch.Tensor) else array_of(tensor)
            for tensor, x in zip(tensors, self.given, strict=True)
        ]

    def results_y(self, tensors: Sequence[torch.Tensor]) -> list[Any]:
        """Hand results shaped like y back."""
        return [self.result_y(tensor) for tensor in tensors]

    def result_y(self, tensor: torch.Tensor) -> Any:
        """Hand one result back: a tensor if any leaf of x was one."""
        if self.traced:
            return tensor
        if not self.takes_tensors:
            return array_of(tensor)
        # What f returned may be x itself, or a view of it.
        return _copied(tensor) if tensor.is_leaf or tensor._is_view() else _contiguous(tensor)


def _native_constant(context: Any, device: torch.device) -> Any:
    """A NumPy constant as a function written in PyTorch expects it."""
    is_numeric = isinstance(context, np.ndarray) and context.dtype.kind in "fciub"
    return shared_tensor_of(context, device) if is_numeric else context


def _contiguous(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().resolve_conj().contiguous()


def _copied(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().resolve_conj().clone(memory_format=torch.contiguous_format)
