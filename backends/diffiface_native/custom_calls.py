"""Functions with derivative rules of their own, in our engines: values on the base, derivatives by the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.adapter import CustomCall, Primitives
from diffiface_native.forward import Dual, ForwardTrace
from diffiface_native.recorded.graph import Value
from diffiface_native.recorded.recorder import NotRecordable, Recorder
from diffiface_native.reverse import Node, ReverseTrace, _accumulate


def _forward(self: ForwardTrace, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
    base = self.base
    tangents = [o.tangent if self.tracks(o) else None for o in operands]
    primals = [self.lower(o) for o in operands]
    moving = [t for t in tangents if t is not None]
    if not moving:
        return base.custom_call(call, primals)
    batch = base.shape(moving[0])[0]
    rows = [[None if t is None else base.getitem(t, index=i) for t in tangents] for i in range(batch)]
    ys, pushed = call.value_and_push(base, primals, rows)
    results: list[Any] = []
    for place, y in enumerate(ys):
        if base.dtype(y).kind not in "fc":
            results.append(y)
        elif not pushed:
            results.append(Dual(self, y, np.zeros((0, *base.shape(y)), base.dtype(y))))
        else:
            results.append(Dual(self, y, base.stack([tys[place] for tys in pushed], axis=0)))
    return tuple(results)


_WAITING = np.zeros(())
"""What stands for the cotangent of a call while those of its outputs come in."""


def _reverse(self: ReverseTrace, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
    base = self.base
    nodes = [o if self.tracks(o) else None for o in operands]
    primals = [self.lower(o) if node is not None else self.keep(o) for o, node in zip(operands, nodes, strict=True)]
    if nodes.count(None) == len(nodes):
        return base.custom_call(call, primals)
    ys, pull = call.value_and_pull(base, primals)
    # On the tape before its outputs, so that the sweep comes to it when all their cotangents are known.
    collected: dict[int, Any] = {}
    whole = Node(self, _WAITING, _pull_call, (nodes, ys, pull, collected))
    self.tape.append(whole)
    results: list[Any] = []
    for place, y in enumerate(ys):
        if base.dtype(y).kind not in "fc":
            results.append(y)
            continue
        node = Node(self, y, _pull_output, (whole, place))
        self.tape.append(node)
        results.append(node)
    return tuple(results)


def _pull_output(node: Node, ct: Any, p: Primitives) -> None:
    whole, place = node.payload
    whole.payload[-1][place] = ct
    whole.cotangent = _WAITING


def _pull_call(node: Node, _: Any, p: Primitives) -> None:
    nodes, ys, pull, collected = node.payload
    cotangents = [_whole(p, collected[i], y) if i in collected else _zeros(p, y) for i, y in enumerate(ys)]
    collected.clear()  # for the next sweep
    wanted = [i for i, argument in enumerate(nodes) if argument is not None]
    # The rules pair by Re(conj(a) b); the sweep is that of the plain transpose.
    pulled = pull(wanted, [_conjugated(p, ct) for ct in cotangents])
    for i, cotangent in zip(wanted, pulled, strict=True):
        _accumulate(nodes[i], _conjugated(p, cotangent), p)


def _whole(p: Primitives, ct: Any, y: Any) -> Any:
    return ct if p.shape(ct) == p.shape(y) else p.broadcast_to(ct, shape=p.shape(y))


def _zeros(p: Primitives, y: Any) -> np.ndarray:
    dtype = p.dtype(y)
    return np.zeros(p.shape(y), dtype if dtype.kind in "fc" else np.float64)


def _conjugated(p: Primitives, value: Any) -> Any:
    return p.conjugate(value) if p.dtype(value).kind == "c" else value


# ---- the recorder: rules have been applied above it, only values are left


def _recorded(self: Recorder, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
    if not any(type(o) is Value for o in operands):
        return call.on_host(operands)
    return call.value(self, operands)


def _call_out(self: Recorder, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Write down a call of a Python function with NumPy arrays."""
    return self.apply("call_out", operands, {"function": call.on_host})


def _attempt(self: Recorder, run: Callable[[], Any]) -> Any:
    """Run something; if it fails, or would hold for these very numbers only, forget it and raise.

    Where a rule's function branches on values, a call of it is better than a record full of guards.
    """
    graph, values, guards, guarded = self.graph, len(self.graph.values), len(self.graph.guards), {*self._guarded}
    failure: Exception | None = None
    result: Any = None
    try:
        result = run()
    except Exception as error:
        failure = error
    if failure is None and len(graph.guards) > guards:
        failure = NotRecordable("it asks for the numbers behind its values")
    if failure is None:
        return result
    del graph.values[values:], graph.guards[guards:]
    self._guarded = guarded
    self._known = {key: known for key, known in self._known.items() if _number(known) < values}
    raise failure


def _number(known: Any) -> int:
    return (known[-1] if type(known) is tuple else known).number


ForwardTrace.custom_call = _forward
ReverseTrace.custom_call = _reverse
Recorder.custom_call = _recorded
Recorder.call_out = _call_out
Recorder.attempt = _attempt
