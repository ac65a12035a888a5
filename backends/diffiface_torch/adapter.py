"""PyTorch behind the front end's engine contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from diffiface.adapter import Backend, Cotangents, FlatFunction, Leaves
from diffiface_torch import graph
from diffiface_torch.arrays import NUMPY_DTYPE
from diffiface_torch.options import Compiled, check_options
from diffiface_torch.run import PreparedGradient, Run


@dataclass(frozen=True, repr=False)
class Torch(Backend):
    """PyTorch: eager, on the device of x, any order of derivative by reverse over reverse."""

    name = "torch"
    family = "torch"

    device: str | None = None
    """Where NumPy arrays are computed with: "cpu", "cuda:1", ...; tensors stay on the device they are on."""
    compile: bool | str = False
    """Whether a prepared gradient or pullback of a function written in PyTorch goes through `torch.compile`; text names
    the compiler ("inductor" if True)."""
    checkpoint: bool | str = False
    """How the values that f's derivative needs are kept: True, not at all (f runs again instead); "cpu", in the memory
    of the host; False, where they were computed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_options(self.device, self.compile, self.checkpoint)

    @property
    def _chunk(self) -> int | None:
        # What is computed again, or fetched, for the derivative is so for one cotangent at a time.
        return 1 if self.checkpoint else self.chunk_size

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts, self.device, self.checkpoint)
            seeds = run.seeds(tangents, run.xs)
            tys = graph.push_batch(run.ys, run.xs, seeds, create_graph=run.traced, chunk_size=self._chunk)
        return run.results_y(run.ys), run.results_y(tys), run.aux

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts, self.device, self.checkpoint)
            if callable(cotangents):
                cotangents = cotangents([(tuple(y.shape), NUMPY_DTYPE[y.dtype]) for y in run.ys])
            seeds = run.seeds(cotangents, run.ys)
            txs = graph.pull_batch(run.ys, run.xs, seeds, create_graph=run.traced, chunk_size=self._chunk)
        return run.results_y(run.ys), run.results_x(txs), run.aux

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        ys, rows, aux = self.value_and_jacobian(f, xs, contexts)
        return ys, [dy for (dy,) in rows], aux

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts, self.device, self.checkpoint)
            gradients = run.gradient(create_graph=run.traced)
        return run.result_y(run.ys[0]), run.results_x(gradients), run.aux

    def value_and_jacobian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, list[Leaves], Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts, self.device, self.checkpoint)
            rows = graph.jacobian(run.ys, run.xs, create_graph=run.traced, chunk_size=self._chunk)
        return run.results_y(run.ys), [run.results_x(row) for row in rows], run.aux

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts, self.device, self.checkpoint)
            dys = [dy for (dy,) in graph.jacobian(run.ys, run.xs, create_graph=True, chunk_size=None)]
            ddys = [ddy for (ddy,) in graph.jacobian(dys, run.xs, create_graph=run.traced, chunk_size=None)]
        return run.results_y(run.ys), run.results_y(dys), run.results_y(ddys), run.aux

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts, self.device, self.checkpoint)
            gradients = run.gradient(create_graph=True)
            # The Hessian is symmetric: pulling a tangent back through the gradient is pushing it forward.
            seeds = run.seeds(tangents, run.xs)
            products = graph.pull_batch(gradients, run.xs, seeds, create_graph=run.traced, chunk_size=self._chunk)
        return run.result_y(run.ys[0]), run.results_x(gradients), run.results_x(products), run.aux

    def value_gradient_and_hessian(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, list[Leaves], Any]:
        with torch.enable_grad():
            run = Run(f, xs, contexts, self.device, self.checkpoint)
            gradients = run.gradient(create_graph=True)
            rows = graph.along_basis(
                lambda seeds: graph.pull_batch(
                    gradients, run.xs, seeds, create_graph=run.traced, chunk_size=self._chunk
                ),
                run.xs,
                run.xs,
            )
        columns = zip(*rows, strict=True)
        return run.result_y(run.ys[0]), run.results_x(gradients), [run.results_x(row) for row in columns], run.aux

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        if self.compile:
            name = "inductor" if self.compile is True else self.compile
            compiled = Compiled(f, operator, name)
            return partial(self.method(operator), compiled)
        plain = self.device is None and not self.checkpoint
        return PreparedGradient(self, f) if plain and operator == "gradient" and len(xs) == 1 else None
