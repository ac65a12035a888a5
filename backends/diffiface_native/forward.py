"""The forward engine: dual numbers whose tangents carry a leading batch axis, so one pass takes many directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from diffiface.adapter import FlatFunction, Leaves, Primitives, tracing
from diffiface_native.rules import NARY, POINTWISE, UNARY, NaryRule, Partial, UnaryRule
from diffiface_native.rules.broadcasting import align
from diffiface_native.trace import Trace, TracedValue, supply

_EVERY_TANGENT = slice(None)


class Dual(TracedValue):
    """A primal and its tangents, of shape `(batch, *primal.shape)`."""

    __slots__ = ("tangent",)

    def __init__(self, trace: ForwardTrace, primal: Any, tangent: Any):
        self.trace = trace
        self.primal = primal
        self.tangent = tangent


class ForwardTrace(Trace):
    """The primitives on dual numbers."""

    engine = "forward"
    traced_type = Dual


def push_forward(
    base: Primitives, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
) -> tuple[Sequence[Any], Sequence[Any], Any]:
    """Run f on duals: return its values, their tangents (None for a constant) and aux."""
    trace = ForwardTrace(base)
    duals = [Dual(trace, x, t) for x, t in zip(xs, tangents, strict=True)]
    with tracing(trace):
        ys, aux = f(trace, duals, contexts)
    return [trace.lower(y) for y in ys], [y.tangent if trace.tracks(y) else None for y in ys], aux


def _pointwise_unary(name: str, partials: Sequence[Partial | None]) -> Callable[..., Any]:
    (partial,) = partials
    assert partial is not None

    def method(self: ForwardTrace, x: Any) -> Any:
        base = self.base
        if not (type(x) is Dual and x.trace is self):
            return getattr(base, name)(x)
        primal = x.primal
        y = getattr(base, name)(primal)
        return Dual(self, y, _full(base, partial(base, x.tangent, y, primal), y))

    return method


def _pointwise_binary(name: str, partials: Sequence[Partial | None]) -> Callable[..., Any]:
    partial_a, partial_b = partials
    assert partial_a is not None and partial_b is not None

    def method(self: ForwardTrace, a: Any, b: Any) -> Any:
        base = self.base
        operation = getattr(base, name)
        if type(a) is Dual and a.trace is self:
            primal_a, tangent = a.primal, a.tangent
            if type(b) is Dual and b.trace is self:
                primal_b, tangent_b = b.primal, b.tangent
                y = operation(primal_a, primal_b)
                rank = len(y.shape)
                if len(primal_a.shape) < rank:
                    tangent = align(base, tangent, rank)
                if len(primal_b.shape) < rank:
                    tangent_b = align(base, tangent_b, rank)
                tangent = base.add(
                    partial_a(base, tangent, y, primal_a, primal_b), partial_b(base, tangent_b, y, primal_a, primal_b)
                )
            else:
                y = operation(primal_a, b)
                if len(primal_a.shape) < len(y.shape):
                    tangent = align(base, tangent, len(y.shape))
                tangent = partial_a(base, tangent, y, primal_a, b)
        elif type(b) is Dual and b.trace is self:
            primal_b, tangent = b.primal, b.tangent
            y = operation(a, primal_b)
            if len(primal_b.shape) < len(y.shape):
                tangent = align(base, tangent, len(y.shape))
            tangent = partial_b(base, tangent, y, a, primal_b)
        else:
            return operation(a, b)
        return Dual(self, y, _full(base, tangent, y))

    return method


def _full(base: Primitives, tangent: Any, y: Any) -> Any:
    """Return tangents in the shape `(batch, *y.shape)`: a term may have fewer entries than the value it belongs to."""
    shape = tangent.shape
    return tangent if shape[1:] == y.shape else base.broadcast_to(tangent, shape=(shape[0], *y.shape))


def _pointwise(name: str, partials: Sequence[Partial | None]) -> Callable[..., Any]:
    def method(self: ForwardTrace, *arguments: Any) -> Any:
        base = self.base
        primals = [a.primal if type(a) is Dual and a.trace is self else a for a in arguments]
        y = getattr(base, name)(*primals)
        tangent = None
        for partial, argument, primal in zip(partials, arguments, primals, strict=True):
            if partial is None or argument is primal:
                continue
            term = argument.tangent
            if len(primal.shape) < len(y.shape):
                term = align(base, term, len(y.shape))
            term = partial(base, term, y, *primals)
            tangent = term if tangent is None else base.add(tangent, term)
        return y if tangent is None else Dual(self, y, _full(base, tangent, y))

    return method


def _getitem(self: ForwardTrace, x: Any, *, index: Any) -> Any:
    # Written out for a number, because that is what loops over elements read by.
    if type(index) is not int or not (type(x) is Dual and x.trace is self):
        return _getitem_by_rule(self, x, index=index)
    base = self.base
    return Dual(self, base.getitem(x.primal, index=index), base.getitem(x.tangent, index=(_EVERY_TANGENT, index)))


def _unary(name: str, rule: UnaryRule) -> Callable[..., Any]:
    jvp = rule.jvp

    def method(self: ForwardTrace, x: Any, **parameters: Any) -> Any:
        base = self.base
        if not (type(x) is Dual and x.trace is self):
            return getattr(base, name)(x, **parameters)
        primal = x.primal
        y = getattr(base, name)(primal, **parameters)
        if type(y) is tuple:
            return tuple(map(Dual, (self,) * len(y), y, jvp(base, x.tangent, y, primal, **parameters)))
        if y.dtype is not primal.dtype and base.dtype(y).kind not in "fc":
            return y
        return Dual(self, y, jvp(base, x.tangent, y, primal, **parameters))

    return method


def _nary(name: str, rule: NaryRule) -> Callable[..., Any]:
    jvp, takes_list = rule.jvp, rule.takes_list

    def method(self: ForwardTrace, *arrays: Any, **parameters: Any) -> Any:
        base = self.base
        tangents = [a.tangent if type(a) is Dual and a.trace is self else None for a in arrays]
        primals = [a if t is None else a.primal for a, t in zip(arrays, tangents, strict=True)]
        operation = getattr(base, name)
        y = operation(primals, **parameters) if takes_list else operation(*primals, **parameters)
        if all(t is None for t in tangents) or base.dtype(y).kind not in "fc":
            return y
        return Dual(self, y, jvp(base, tangents, y, primals, **parameters))

    def method_of_list(self: ForwardTrace, arrays: Sequence[Any], **parameters: Any) -> Any:
        return method(self, *arrays, **parameters)

    return method_of_list if takes_list else method


_WRITTEN_OUT = {1: _pointwise_unary, 2: _pointwise_binary}
for _name, _partials in POINTWISE.items():
    _make = _pointwise if None in _partials else _WRITTEN_OUT.get(len(_partials), _pointwise)
    supply(ForwardTrace, _name, _make(_name, _partials))
for _name, _rule in UNARY.items():
    supply(ForwardTrace, _name, _unary(_name, _rule))
_getitem_by_rule = _unary("getitem", UNARY["getitem"])
supply(ForwardTrace, "getitem", _getitem)
for _name, _rule in NARY.items():
    supply(ForwardTrace, _name, _nary(_name, _rule))
