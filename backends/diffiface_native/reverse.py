"""The reverse engine: a tape of nodes in the order of their creation, swept backwards for each cotangent.

A held cotangent may be smaller than its node's value, as long as it broadcasts to it: the gradient of a sum stays a
number until somebody needs its entries. A node *owns* its cotangent when the buffer was made for it alone; only then
is anything added in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.adapter import FlatFunction, Leaves, Primitives, errors, tracing
from diffiface_native.ground import Ground
from diffiface_native.rules import NARY, POINTWISE, UNARY, NaryRule, Partial, UnaryRule
from diffiface_native.rules.broadcasting import unbroadcast
from diffiface_native.rules.contraction import matmul_vjp_left, matmul_vjp_right
from diffiface_native.rules.indexing import repeats_entries
from diffiface_native.trace import Trace, TracedValue, supply

_LARGE = 64 * 1024
"""From how many bytes on a context is not copied when an operation has to remember it."""


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

    def __init__(self, base: Primitives, contexts: Leaves):
        super().__init__(base)
        self.tape: list[Node] = []
        self.contexts = contexts
        # Of small ones a copy is cheap, and f may write to them; of large ones it must not (docs/limitations.md).
        self.unchanging = {id(_owner(c)) for c in contexts if type(c) is np.ndarray and c.nbytes > _LARGE}

    def run(self, f: FlatFunction, xs: Leaves) -> tuple[list[Node], tuple[Any, ...], Any]:
        """Record f: return the input nodes, the outputs and aux."""
        inputs = [Node(self, x, _pull_nothing, ()) for x in xs]
        with tracing(self):
            ys, aux = f(self, inputs, self.contexts)
        return inputs, ys, aux

    def keep(self, constant: Any) -> Any:
        """Return a constant as it is now: of an array a copy, unless it is a large context or cannot be written to."""
        if type(constant) is not np.ndarray or self.records or id(constant) in self.unchanging:
            return constant
        owner = _owner(constant)
        if id(owner) in self.unchanging or (type(owner) is np.ndarray and not owner.flags.writeable):
            return constant
        return constant.copy(order="K")

    def sweep(self, ys: Sequence[Any], cotangents: Sequence[Any], inputs: Sequence[Node]) -> list[tuple[Any, bool]]:
        """Pull one cotangent per output back to the inputs: a cotangent (or None) for each, and whether it is new."""
        p = self.base
        for y, ct in zip(ys, cotangents, strict=True):
            if self.tracks(y):
                _accumulate(y, ct, p)
        try:
            for node in reversed(self.tape):
                ct = node.cotangent
                if ct is None:
                    continue
                node.cotangent = None
                node.owned = False
                if ct.dtype is not node.primal.dtype:
                    ct = _real_where_primal_is(p, ct, node.primal)
                node.pull(node, ct, p)
        except errors.DiffifaceError as error:
            error.engine = error.engine or self.engine
            raise
        results = [(x.cotangent, x.owned) for x in inputs]
        for x in inputs:
            x.cotangent = None
            x.owned = False
        return results

    def largest(self) -> int:
        """Return the size in bytes of the largest array on the tape."""
        return max((node.primal.nbytes for node in self.tape), default=0)

    def free(self) -> None:
        """Drop the tape, which holds nodes that hold this trace: without the cycle their arrays go at once."""
        self.tape.clear()


def _owner(array: np.ndarray) -> Any:
    """Return the object whose memory an array views."""
    return array if array.base is None else array.base


def _kept_index(index: Any) -> Any:
    """Return an index as it is now: its arrays and lists copied."""
    if isinstance(index, tuple):
        return tuple(map(_kept_index, index))
    return index.copy() if isinstance(index, (np.ndarray, list)) else index


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
        node.owned = isinstance(p, Ground) and type(both) is np.ndarray and both.shape == node.primal.shape


def _accumulate_operand(node: Node, ct: Any, y: Any, p: Primitives) -> None:
    """Accumulate the cotangent of an operand that may have been broadcast to y."""
    shape = node.primal.shape
    if shape != y.shape:
        if ct.shape != y.shape:
            ct = p.broadcast_to(ct, shape=p.shape(y))
        ct = unbroadcast(p, ct, p.shape(node.primal))
    if node.cotangent is None:  # the common case, without a call
        node.cotangent = ct
    else:
        _accumulate(node, ct, p)


def _whole(p: Primitives, ct: Any, y: Any) -> Any:
    return ct if ct.shape == y.shape else p.broadcast_to(ct, shape=p.shape(y))


# ---- how each shape of operation passes its cotangent on


def _pull_nothing(node: Node, ct: Any, p: Primitives) -> None:
    """End the sweep: an input has nobody to pass its cotangent to."""


def _pull_pointwise_unary(node: Node, ct: Any, p: Primitives) -> None:
    x, partial = node.payload
    ct = partial(p, ct, node.primal, x.primal)
    if x.cotangent is None:  # the common case, without a call
        x.cotangent = ct
    else:
        _accumulate(x, ct, p)


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


def _pull_where(node: Node, ct: Any, p: Primitives) -> None:
    condition, a, b = node.payload
    y = node.primal
    if a is not None:
        _accumulate_operand(a, p.where(condition, ct, 0.0), y, p)
    if b is not None:
        _accumulate_operand(b, p.where(condition, 0.0, ct), y, p)


def _pull_total(node: Node, ct: Any, p: Primitives) -> None:
    """Hand the cotangent of a sum of everything on as it is: it broadcasts to what was summed."""
    (x,) = node.payload
    if x.cotangent is None:
        x.cotangent = ct
    else:
        _accumulate(x, ct, p)


def _pull_matmul(node: Node, ct: Any, p: Primitives) -> None:
    a, b, primal_a, primal_b = node.payload
    ct = _whole(p, ct, node.primal)
    if a is not None:
        _accumulate(a, matmul_vjp_left(p, ct, primal_a, primal_b), p)
    if b is not None:
        _accumulate(b, matmul_vjp_right(p, ct, primal_a, primal_b), p)


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
    if not isinstance(p, Ground):
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
    if repeats_entries(p, index):
        np.add.at(buffer, index, ct)
    else:
        buffer[index] += ct


# ---- the primitives


def _split(trace: ReverseTrace, arguments: Sequence[Any]) -> tuple[list[Node | None], list[Any]]:
    """Separate arguments into the nodes (None for a constant) and the base's values."""
    nodes: list[Node | None] = []
    primals = []
    for argument in arguments:
        if type(argument) is Node and argument.trace is trace:
            nodes.append(argument)
            primals.append(argument.primal)
        else:
            nodes.append(None)
            primals.append(argument)
    return nodes, primals


def _keep_constants(trace: ReverseTrace, nodes: Sequence[Node | None], primals: Sequence[Any]) -> list[Any]:
    return [trace.keep(v) if n is None else v for n, v in zip(nodes, primals, strict=True)]


def _pointwise_unary(name: str, partials: Sequence[Partial | None]) -> Callable[..., Any]:
    (partial,) = partials

    def method(self: ReverseTrace, x: Any) -> Any:
        if type(x) is Node and x.trace is self:
            node = Node(self, getattr(self.base, name)(x.primal), _pull_pointwise_unary, (x, partial))
            self.tape.append(node)
            return node
        return getattr(self.base, name)(x)

    return method


def _pointwise_binary(name: str, partials: Sequence[Partial | None]) -> Callable[..., Any]:
    partial_a, partial_b = partials
    uses_operands = name not in ("add", "subtract")

    def method(self: ReverseTrace, a: Any, b: Any) -> Any:
        operation = getattr(self.base, name)
        if type(a) is Node and a.trace is self:
            if type(b) is Node and b.trace is self:
                node = Node(self, operation(a.primal, b.primal), _pull_both, (a, b, partials))
            else:
                kept = self.keep(b) if uses_operands else b
                node = Node(self, operation(a.primal, b), _pull_left, (a, kept, partial_a))
        elif type(b) is Node and b.trace is self:
            kept = self.keep(a) if uses_operands else a
            node = Node(self, operation(a, b.primal), _pull_right, (kept, b, partial_b))
        else:
            return operation(a, b)
        self.tape.append(node)
        return node

    return method


def _where(self: ReverseTrace, condition: Any, a: Any, b: Any) -> Any:
    # The only pointwise primitive of three arguments, of which the first has no derivative.
    if type(condition) is Node:
        condition = self.lower(condition)
    node_a = a if type(a) is Node and a.trace is self else None
    node_b = b if type(b) is Node and b.trace is self else None
    y = self.base.where(condition, a if node_a is None else node_a.primal, b if node_b is None else node_b.primal)
    if node_a is None and node_b is None:
        return y
    node = Node(self, y, _pull_where, (self.keep(condition), node_a, node_b))
    self.tape.append(node)
    return node


def _sum(self: ReverseTrace, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    # Written out, because it ends nearly every function that has a gradient.
    if keepdims or not (type(x) is Node and x.trace is self) or len(axis) != len(x.primal.shape):
        return _sum_by_rule(self, x, axis=axis, keepdims=keepdims)
    y = self.base.sum(x.primal, axis=axis, keepdims=False)
    if y.dtype is not x.primal.dtype and self.base.dtype(y).kind not in "fc":
        return y
    node = Node(self, y, _pull_total, (x,))
    self.tape.append(node)
    return node


def _matmul(self: ReverseTrace, a: Any, b: Any) -> Any:
    # Written out, because it is the commonest primitive of more than one array.
    node_a = a if type(a) is Node and a.trace is self else None
    node_b = b if type(b) is Node and b.trace is self else None
    primal_a = a if node_a is None else node_a.primal
    primal_b = b if node_b is None else node_b.primal
    y = self.base.matmul(primal_a, primal_b)
    if node_a is None:
        if node_b is None:
            return y
        primal_a = self.keep(primal_a)
    elif node_b is None:
        primal_b = self.keep(primal_b)
    node = Node(self, y, _pull_matmul, (node_a, node_b, primal_a, primal_b))
    self.tape.append(node)
    return node


def _unary(name: str, rule: UnaryRule) -> Callable[..., Any]:
    vjp = rule.vjp
    is_getitem = name == "getitem"
    pull = _pull_getitem if is_getitem else _pull_unary

    def method(self: ReverseTrace, x: Any, **parameters: Any) -> Any:
        if not (type(x) is Node and x.trace is self):
            return getattr(self.base, name)(x, **parameters)
        primal = x.primal
        if is_getitem:
            parameters["index"] = _kept_index(parameters["index"])
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
    vjp, takes_list = rule.vjp, rule.takes_list
    has_index = name in ("setitem", "add_at")

    def method(self: ReverseTrace, *arrays: Any, **parameters: Any) -> Any:
        nodes, primals = _split(self, arrays)
        if has_index:
            parameters["index"] = _kept_index(parameters["index"])
        operation = getattr(self.base, name)
        y = operation(primals, **parameters) if takes_list else operation(*primals, **parameters)
        if nodes.count(None) == len(nodes) or self.base.dtype(y).kind not in "fc":
            return y
        node = Node(self, y, _pull_nary, (nodes, _keep_constants(self, nodes, primals), vjp, parameters))
        self.tape.append(node)
        return node

    def method_of_list(self: ReverseTrace, arrays: Sequence[Any], **parameters: Any) -> Any:
        return method(self, *arrays, **parameters)

    return method_of_list if takes_list else method


_POINTWISE_BY_ARGUMENTS = {1: _pointwise_unary, 2: _pointwise_binary}
for _name, _partials in POINTWISE.items():
    if _name == "where":
        supply(ReverseTrace, _name, _where)
    else:
        supply(ReverseTrace, _name, _POINTWISE_BY_ARGUMENTS[len(_partials)](_name, _partials))
for _name, _rule in UNARY.items():
    supply(ReverseTrace, _name, _unary(_name, _rule))
_sum_by_rule = _unary("sum", UNARY["sum"])
supply(ReverseTrace, "sum", _sum)
for _name, _rule in NARY.items():
    supply(ReverseTrace, _name, _matmul if _name == "matmul" else _nary(_name, _rule))
