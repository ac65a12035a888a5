"""One run of f on tensors, and the way of its results back to the families they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from diffiface.adapter import NUMPY, Backend, FlatFunction, Leaves, UnsupportedOperationError, current_trace
from diffiface_torch.arrays import array_of, is_wrapped, shared_tensor_of, tensor_of
from diffiface_torch.options import checkpointed
from diffiface_torch.primitives import TorchPrimitives

_CPU = torch.device("cpu")


class Run:
    """One run of f on tensors that record a graph, and the way its results go back."""

    def __init__(
        self,
        f: FlatFunction,
        xs: Leaves,
        contexts: Leaves,
        device_of_arrays: str | None = None,
        checkpoint: bool | str = False,
    ):
        outer = current_trace()
        self.traced = outer.engine == "torch"
        self.given = xs
        self.takes_tensors = False
        device = _CPU if device_of_arrays is None else torch.device(device_of_arrays)
        for x in xs:
            if isinstance(x, torch.Tensor):
                self.takes_tensors, device = True, x.device
                self.traced = self.traced or x.requires_grad
        self.device = device
        self.xs = [self._leaf(x) for x in xs]
        if getattr(f, "native", False):
            contexts = [native_constant(c, device) for c in contexts]
        p = TorchPrimitives(outer, device, contexts, self.traced)
        if checkpoint:
            f = checkpointed(f, checkpoint)
        ys, self.aux = f(p, tuple(self.xs), contexts)
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


def native_constant(context: Any, device: torch.device) -> Any:
    """A NumPy constant as a function written in PyTorch expects it."""
    is_numeric = isinstance(context, np.ndarray) and context.dtype.kind in "fciub"
    return shared_tensor_of(context, device) if is_numeric else context


class PreparedGradient:
    """The gradient of f by one x: the steps of `Run` without what this case does not need."""

    def __init__(self, backend: Backend, f: FlatFunction):
        self._backend, self._f, self._native = backend, f, getattr(f, "native", False)
        self._one = torch.ones((), dtype=torch.float64)
        self._raw = TorchPrimitives(NUMPY, _CPU)
        """What a native function on the CPU runs under: it meets tensors, so there is nothing to know of one run."""

    def __call__(self, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        x = xs[0]
        is_tensor = isinstance(x, torch.Tensor)
        if (
            (is_tensor and (x.requires_grad or is_wrapped(x)))
            or current_trace() is not NUMPY
            or not torch.is_grad_enabled()
        ):
            return self._backend.value_and_gradient(self._f, xs, contexts)
        leaf = (x.detach() if is_tensor else tensor_of(x)).requires_grad_()
        device = leaf.device
        if self._native:
            if contexts:
                contexts = [native_constant(c, device) for c in contexts]
            p = self._raw if device == _CPU else TorchPrimitives(NUMPY, device)
        else:
            p = TorchPrimitives(NUMPY, device, contexts)
        (y,), aux = self._f(p, (leaf,), contexts)
        gradient = None
        if not isinstance(y, torch.Tensor):
            y = tensor_of(np.asarray(y), device)
        elif y.requires_grad:
            one = self._one
            if y.dtype is not one.dtype or y.device != one.device:
                one = self._one = torch.ones_like(y, requires_grad=False)
            (gradient,) = _pull_back(y, leaf, one)
        if gradient is None:
            gradient = torch.zeros_like(leaf, requires_grad=False)
        if not is_tensor:
            return array_of(y), (array_of(gradient),), aux
        value = _copied(y) if y.is_leaf or y._is_view() else y.detach()
        return value, (gradient if gradient.is_contiguous() else _copied(gradient),), aux


_ENGINE = getattr(torch.autograd.Variable, "_execution_engine", None)


def _pull_back(y: torch.Tensor, leaf: torch.Tensor, one: torch.Tensor) -> Sequence[torch.Tensor | None]:
    """Do what `torch.autograd.grad` does, without the questions it asks first: they take a fifth of a small gradient.

    Plain tensors on the CPU need none of them: their backward pass runs in this very thread.
    """
    if _ENGINE is not None and type(y) is torch.Tensor and y.device == _CPU:
        return _ENGINE.run_backward((y,), (one,), False, False, (leaf,), True, accumulate_grad=False)
    return torch.autograd.grad(y, leaf, one, allow_unused=True)


def _contiguous(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().resolve_conj().contiguous()


def _copied(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().resolve_conj().clone(memory_format=torch.contiguous_format)
