"""One run of a function on autograd's tape, for several inputs and outputs at once.

autograd's own `make_vjp` takes one of each and warns when the output does not depend on the input.
"""

# autograd.numpy is filled when it is imported, which type checkers cannot see.
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as anp
from autograd.core import VJPNode, add_outgrads
from autograd.extend import Box, vspace
from autograd.tracer import new_box, toposort, trace_stack

# autograd counts the traces that are open in one global; two threads would mistake each other's for their own.
_one_tracing_thread = threading.RLock()


class Tape:
    """A function run once on boxes around `xs`; `function(level, boxes)` returns its outputs."""

    def __init__(self, function: Callable[[int, Sequence[Any]], Sequence[Any]], xs: Sequence[Any]):
        self._xs = xs
        self._roots = [VJPNode.new_root() for _ in xs]
        with _one_tracing_thread:
            depth = trace_stack.top
            try:
                with trace_stack.new_trace() as level:
                    outputs = function(level, [new_box(x, level, r) for x, r in zip(xs, self._roots, strict=True)])
            finally:
                trace_stack.top = depth  # autograd leaves it raised when the function fails
        on_tape = [isinstance(y, Box) and y._trace == level for y in outputs]
        self.ys = [y._value if traced else y for y, traced in zip(outputs, on_tape, strict=True)]
        self._ends = [y._node if traced else None for y, traced in zip(outputs, on_tape, strict=True)]

    def pull(self, cotangents: Sequence[Any]) -> list[Any]:
        """Return autograd's (unconjugated) pullback of one cotangent per output."""
        total: dict[Any, Any] = {}
        for end, cotangent in zip(self._ends, cotangents, strict=True):
            if end is None:
                continue
            pending = {end: (cotangent, False)}
            for node in toposort(end):
                cotangent_of_node = pending.pop(node)
                if node in self._roots:
                    total[node] = add_outgrads(total.get(node), cotangent_of_node[0])
                for parent, part in zip(node.parents, node.vjp(cotangent_of_node[0]), strict=True):
                    pending[parent] = add_outgrads(pending.get(parent), part)
        return [
            total[root][0] if root in total else vspace(x).zeros()
            for root, x in zip(self._roots, self._xs, strict=True)
        ]


def conjugate_or_real(value: Any, is_complex: bool) -> Any:
    """Conjugate what belongs to a complex array; of what belongs to a real one only the real part counts."""
    return anp.conj(value) if is_complex else anp.real(value)
