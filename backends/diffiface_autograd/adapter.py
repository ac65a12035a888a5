"""autograd behind the front end's engine contract."""

# autograd.numpy is filled when it is imported, which type checkers cannot see.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import Box

from diffiface.adapter import Backend, Cotangents, FlatFunction, Leaves, Mode, current_trace
from diffiface_autograd.arrays import plain
from diffiface_autograd.primitives import AutogradPrimitives
from diffiface_autograd.tape import Tape, conjugate_or_real


@dataclass(frozen=True, repr=False)
class Autograd(Backend):
    """autograd: reverse mode on NumPy arrays, live Python control flow, any order."""

    name = "autograd"
    mode = Mode.REVERSE
    family = "autograd"

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        run = _Run(f, xs, contexts)
        if callable(cotangents):
            cotangents = cotangents([(np.shape(plain(y)), _dtype(y)) for y in run.ys])
        rows = [run.pull([c[i] for c in cotangents]) for i in range(anp.shape(cotangents[0])[0])]
        columns = zip(*rows, strict=True) if rows else [()] * len(xs)
        txs = [
            anp.stack(list(column)) if column else np.zeros((0, *np.shape(plain(x))), _dtype(x))
            for column, x in zip(columns, xs, strict=True)
        ]
        return [run.result(y) for y in run.ys], [run.result(tx) for tx in txs], run.aux

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        run = _Run(f, xs, contexts)
        (y,) = run.ys
        gradients = run.pull([np.ones((), _dtype(y))])
        return run.result(y), [run.result(gradient) for gradient in gradients], run.aux


class _Run:
    """One run of f on boxes, and its pullback."""

    def __init__(self, f: FlatFunction, xs: Leaves, contexts: Leaves):
        outer = current_trace()
        self._nested = outer.engine == "autograd"
        # Rules read x after the caller may have changed the array.
        self._xs = [x if isinstance(x, Box) else np.array(x) for x in xs]
        self.aux: Any = None

        def traced(level: int, boxes: Leaves) -> Leaves:
            ys, self.aux = f(AutogradPrimitives(outer, level), tuple(boxes), contexts)
            return ys

        self._tape = Tape(traced, self._xs)
        self.ys = self._tape.ys

    def pull(self, cotangents: Leaves) -> list[Any]:
        """Return the adjoint for the inner product Re(conj(a) b); autograd's own does not conjugate."""
        seeds = [conjugate_or_real(c, _dtype(y).kind == "c") for c, y in zip(cotangents, self.ys, strict=True)]
        txs = []
        for tx, x in zip(self._tape.pull(seeds), self._xs, strict=True):
            dtype = _dtype(x)
            tx = conjugate_or_real(tx, dtype.kind == "c")
            txs.append(tx if _dtype(tx) == dtype else anp.array(tx).astype(dtype))
        return txs

    def result(self, value: Any) -> Any:
        """Hand a result back: as a box inside an outer derivative, else as an array of its own."""
        # Boxes also come from the user's own autograd.grad around this call.
        return value if self._nested or isinstance(value, Box) else np.array(value, order="C")


def _dtype(value: Any) -> np.dtype:
    return np.asarray(plain(value)).dtype
