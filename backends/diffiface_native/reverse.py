"""The reverse engine: a tape of nodes in the order of their creation, swept backwards for each cotangent.

A held cotangent may be smaller than its node's value, as long as it broadcasts to it: the gradient of a sum stays a
number until somebody needs its entries. A node *owns* its cotangent when the buffer was made for it alone; only then
is anything added in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.adapter import NUMPY, FlatFunction, Leaves, Primitives, tracing
from diffiface_native.rules import NARY, POINTWISE, UNARY, NaryRule, Partial, UnaryRule
from diffiface_native.rules.broadcasting import unbroadcast
from diffiface_native.rules.indexing import repeats_entries
from diffiface_native.trace import Trace, TracedValue, supply


class Node(TracedValue):
    """A value on the tape: `pull(node, cotangent, p)` passes a cotangent on to what `payload` names."""

    __slots__ = ("cotangent", "owned", "payload", "pull")

    def __init__(self, trace: ReverseTrace, primal: Any, pull: Pull, payload: tuple[Any, ...]):
        self.trace = trace
        self.primal = primal
        self.pull = pull
        self.payload = payload
        self.cotangent = None
        self.owned = False


Pull = Callable[[Node, Any, Primitives], None]


class ReverseTrace(Trace):
    """The primitives on nodes, and the tape they write."""

    engine = "reverse"
    traced_type = Node

    def __init__(self, base: Primitives):
        super().__init__(base)
        self.tape: list[Node] = []

    def run(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[list[Node], tuple[Any, ...], Any]:
        """Record f: return the input nodes, the outputs and aux."""
        inputs = [Node(self, x, _pull_nothing, ()) for x in xs]
        with tracing(self):
            ys, aux = f(self, inputs, contexts)
        return inputs, ys, aux

    def sweep(self, ys: Sequence[Any], cotangents: Sequence[Any], inputs: Sequence[Node]) -> list[tuple[Any, bool]]:
        """Pull one cotangent per output back to the inputs: a cotangent (or None) for each, and whether it is new."""
        p = self.base
        for y, ct in zip(ys, cotangents, strict=True):
            if self.tracks(y):
                _accumulate(y, ct, p)
        for node in reversed(self.tape):
            ct = node.cotangent
            if ct is None:
                continue
            node.cotangent = None
            node.owned = False
            if ct.dtype is not node.primal.dtype:
                ct = _real_where_primal_is(p, ct, node.primal)
            node.pull(node, ct, p)
        results = [(x.cotangent, x.owned) for x in inputs]
        for x in inputs:
            x.cotangent = None
            x.owned = False
        return results

    def free(self) -> None:
        """Drop the tape, which holds nodes that hold this trace: without the cycle their arrays go at once."""
        self.tape.clear()


def _real_where_primal_is(p: Primitives, ct: Any, primal: Any) -> Any:
    return p.real(ct) if p.dtype(ct).kind == "c" and p.dtype(primal).kind != "c" else ct


def _accumulate(node: Node, ct: Any, p: Primitives) -> None:
    held = node.cotangent
    if held is None:
        node.cotangent = ct
    elif node.owned and held.dtype is ct.dtype:
        np.add(held, ct, out=held)
    else:
        both = p.add(held, ct)
        node.cotangent = both
        node.owned = p is NUMPY and type(both) is np.ndarray and both.shape == node.primal.shape


def _accumulate_operand(node: Node, ct: Any, y: Any, p: Primitives) -> None:
    """Accumulate the cotangent of an operand that may have been broadcast to y."""
    shape = node.primal.shape
    if shape != y.shape:
        if ct.shape != y.shape:
            ct = p.broadcast_to(ct, shape=p.shape(y))
        ct = unbroadcast(p, ct, p.shape(node.primal))
    _accumulate(node, ct, p)


def _whole(p: Primitives, ct: Any, y: Any) -> Any:
    return ct if ct.shape == y.shape else p.broadcast_to(ct, shape=p.shape(y))


# ---- how each shape of operation passes its cotangent on


def _pull_nothing(node: Node, ct: Any, p: Primitives) -> None:
    """End the sweep: an input has nobody to pass its cotangent to."""


def _pull_pointwise_unary(node: Node, ct: Any, p: Primitives) -> None:
    x, partial = node.payload
    _accumulate(x, partial(p, ct, node.primal, x.primal), p)


def _pull_left(node: Node, ct: Any, p: Primitives) -> None:
    a, b, partial = node.payload
    y = node.primal
    _accumulate_operand(a, partial(p, ct, y, a.primal, b), y, p)


def _pull_right(node: Node, ct: Any, p: Primitives) -> None:
    a, b, partial = node.payload
    y = node.primal
    _accumulate_operand(b, partial(p, ct, y, a, b.primal), y, p)


def _pull_both(node: Node, ct: Any, p: Primitives) -> None:
    a, b, (partial_a, partial_b) = node.payload
    y, primal_a, primal_b = node.primal, a.primal, b.primal
    _accumulate_operand(a, partial_a(p, ct, y, primal_a, primal_b), y, p)
    _accumulate_operand(b, partial_b(p, ct, y, primal_a, primal_b), y, p)


def _pull_pointwise(node: Node, ct: Any, p: Primitives) -> None:
    nodes, primals, partials = node.payload
    y = node.primal
    for argument, partial in zip(nodes, partials, strict=True):
        if argument is not None:
            _accumulate_operand(argument, partial(p, ct, y, *primals), y, p)


def _pull_unary(node: Node, ct: Any, p: Primitives) -> None:
    x, vjp, parameters = node.payload
    y = node.primal
    _accumulate(x, vjp(p, _whole(p, ct, y), y, x.primal, **parameters), p)


def _pull_output(node: Node, ct: Any, p: Primitives) -> None:
    x, vjp, parameters, ys, place = node.payload
    cotangents: list[Any] = [None] * len(ys)
    cotangents[place] = _whole(p, ct, node.primal)
    _accumulate(x, vjp(p, tuple(cotangents), ys, x.primal, **parameters), p)


def _pull_nary(node: Node, ct: Any, p: Primitives) -> None:
    nodes, primals, vjp, parameters = node.payload
    y = node.primal
    wanted = [argument is not None for argument in nodes]
    cotangents = vjp(p, _whole(p, ct, y), y, primals, wanted, **parameters)
    for argument, cotangent in zip(nodes, cotangents, strict=True):
        if argument is not None:
            _accumulate(argument, cotangent, p)


def _pull_getitem(node: Node, ct: Any, p: Primitives) -> None:
    """Add into the entries that were read: a rule would fill a whole array with zeros for each of them."""
    if p is not NUMPY:
        _pull_unary(node, ct, p)
        return
    x, _, parameters = node.payload
    primal, index, buffer = x.primal, parameters["index"], x.cotangent
    if not x.owned or buffer.dtype is not primal.dtype:
        buffer = np.zeros(primal.shape, primal.dtype)
        if x.cotangent is not None:
            buffer += _real_where_primal_is(p, x.cotangent, primal)
        x.cotangent = buffer
        x.owned = True
    if repeats_entries(index):
        np.add.at(buffer, index, ct)
    else:
        buffer[index] += ct


# ---- the primitives


def _pointwise_unary(name: str, partial: Partial) -> Callable[..., Any]:
    def method(self: ReverseTrace, x: Any) -> Any:
        if type(x) is Node and x.trace is self:
            node = Node(self, getattr(self.base, name)(x.primal), _pull_pointwise_unary, (x, partial))
            self.tape.append(node)
            return node
        return getattr(self.base, name)(x)

    return method


def _pointwise_binary(name: str, partials: Sequence[Partial]) -> Callable[..., Any]:
    partials = partial_a, partial_b = tuple(partials)

    def method(self: ReverseTrace, a: Any, b: Any) -> Any:
        operation = getattr(self.base, name)
        if type(a) is Node and a.trace is self:
            if type(b) is Node and b.trace is self:
                node = Node(self, operation(a.primal, b.primal), _pull_both, (a, b, partials))
            else:
                node = Node(self, operation(a.primal, b), _pull_left, (a, b, partial_a))
        elif type(b) is Node and b.trace is self:
            node = Node(self, operation(a, b.primal), _pull_right, (a, b, partial_b))
        else:
            return operation(a, b)
        self.tape.append(node)
        return node

    return method


def _pointwise(name: str, partials: Sequence[Partial | None]) -> Callable[..., Any]:
    def method(self: ReverseTrace, *arguments: Any) -> Any:
        primals = [a.primal if type(a) is Node and a.trace is self else a for a in arguments]
        y = getattr(self.base, name)(*primals)
        nodes = [
            None if partial is None or argument is primal else argument
            for partial, argument, primal in zip(partials, arguments, primals, strict=True)
        ]
        if all(n is None for n in nodes):
            return y
        node = Node(self, y, _pull_pointwise, (nodes, primals, partials))
        self.tape.append(node)
        return node

    return method


def _unary(name: str, rule: UnaryRule) -> Callable[..., Any]:
    vjp = rule.vjp
    pull = _pull_getitem if name == "getitem" else _pull_unary

    def method(self: ReverseTrace, x: Any, **parameters: Any) -> Any:
        if not (type(x) is Node and x.trace is self):
            return getattr(self.base, name)(x, **parameters)
        primal = x.primal
        y = getattr(self.base, name)(primal, **parameters)
        if type(y) is tuple:
            nodes = [Node(self, v, _pull_output, (x, vjp, parameters, y, place)) for place, v in enumerate(y)]
            self.tape.extend(nodes)
            return tuple(nodes)
        if y.dtype is not primal.dtype and self.base.dtype(y).kind not in "fc":
            return y
        node = Node(self, y, pull, (x, vjp, parameters))
        self.tape.append(node)
        return node

    return method


def _nary(name: str, rule: NaryRule) -> Callable[..., Any]:
    vjp = rule.vjp

    def apply(self: ReverseTrace, arrays: Sequence[Any], parameters: dict[str, Any]) -> Any:
        nodes = [a if type(a) is Node and a.trace is self else None for a in arrays]
        primals = [a if n is None else n.primal for a, n in zip(arrays, nodes, strict=True)]
        operation = getattr(self.base, name)
        y = operation(primals, **parameters) if rule.takes_list else operation(*primals, **parameters)
        if all(n is None for n in nodes) or self.base.dtype(y).kind not in "fc":
            return y
        node = Node(self, y, _pull_nary, (nodes, primals, vjp, parameters))
        self.tape.append(node)
        return node

    if rule.takes_list:

        def method(self: ReverseTrace, arrays: Sequence[Any], **parameters: Any) -> Any:
            return apply(self, arrays, parameters)

    else:

        def method(self: ReverseTrace, *arrays: Any, **parameters: Any) -> Any:
            return apply(self, arrays, parameters)

    return method


for _name, _partials in POINTWISE.items():
    if len(_partials) == 1:
        supply(ReverseTrace, _name, _pointwise_unary(_name, _partials[0]))
    elif len(_partials) == 2:
        supply(ReverseTrace, _name, _pointwise_binary(_name, _partials))
    else:
        supply(ReverseTrace, _name, _pointwise(_name, _partials))
for _name, _rule in UNARY.items():
    supply(ReverseTrace, _name, _unary(_name, _rule))
for _name, _rule in NARY.items():
    supply(ReverseTrace, _name, _nary(_name, _rule))
