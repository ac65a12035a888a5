"""PyTorch behind the front end's engine contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from diffiface.adapter import Backend, Cotangents, FlatFunction, Leaves
from diffiface_torch import graph
from diffiface_torch.arrays import NUMPY_DTYPE
from diffiface_torch.run import PreparedGradient, Run


@dataclass(frozen=True, repr=False)
class Torch(Backend):
    """PyTorch: eager, on the device of x, any order of derivative by reverse over reverse."""

    name = "torch"
    family = "torch"

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts)
            seeds = run.seeds(tangents, run.xs)
            tys = graph.push_batch(run.ys, run.xs, seeds, create_graph=run.traced, chunk_size=self.chunk_size)
        return run.results_y(run.ys), run.results_y(tys), run.aux

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts)
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
            run = Run(f, xs, contexts)
            gradients = run.gradient(create_graph=run.traced)
        return run.result_y(run.ys[0]), run.results_x(gradients), run.aux

    def value_and_jacobian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, list[Leaves], Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts)
            rows = graph.jacobian(run.ys, run.xs, create_graph=run.traced, chunk_size=self.chunk_size)
        return run.results_y(run.ys), [run.results_x(row) for row in rows], run.aux

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts)
            dys = [dy for (dy,) in graph.jacobian(run.ys, run.xs, create_graph=True, chunk_size=None)]
            ddys = [ddy for (ddy,) in graph.jacobian(dys, run.xs, create_graph=run.traced, chunk_size=None)]
        return run.results_y(run.ys), run.results_y(dys), run.results_y(ddys), run.aux

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts)
            gradients = run.gradient(create_graph=True)
            # The Hessian is symmetric: pulling a tangent back through the gradient is pushing it forward.
            seeds = run.seeds(tangents, run.xs)
            products = graph.pull_batch(gradients, run.xs, seeds, create_graph=run.traced, chunk_size=self.chunk_size)
        return run.result_y(run.ys[0]), run.results_x(gradients), run.results_x(products), run.aux

    def value_gradient_and_hessian(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, list[Leaves], Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts)
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

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        return PreparedGradient(self, f) if operator == "gradient" and len(xs) == 1 else None
