"""Derivatives of expressions that hold results of calls: the chain rule, with the calls' own rules in it.

The engine differentiates expressions between the calls. A derivative can hold results of further calls (a rule may call
its function again); these lie behind the calls that were there before, so that it can be differentiated in its turn.
"""

from __future__ import annotations

from typing import Any

from diffiface.primitives.object_arrays import ObjectArray, object_array
from diffiface.symbolic.algebra import Algebra, Entries
from diffiface.symbolic.calls import Called, SymbolicPrimitives


class Chain:
    """The derivatives of one trace's expressions."""

    def __init__(self, algebra: Algebra, p: SymbolicPrimitives):
        self._algebra, self._p = algebra, p

    def push(self, ys: Entries, xs: Entries, tangents: Entries) -> Entries:
        """Return the Jacobian of ys by xs times the tangents."""
        symbols, moved = list(xs), list(tangents)
        for called in self._between(ys, xs):
            pushed = self._push_call(called, symbols, moved)
            symbols, moved = symbols + called.symbols, moved + pushed
        return self._algebra.push(ys, symbols, moved)

    def _push_call(self, called: Called, symbols: Entries, moved: Entries) -> Entries:
        p = self._p
        tangents: list[Any] = [None] * len(called.operands)
        for i in called.traced:
            operand = called.operands[i]
            tangent = self._algebra.push(operand.flat(), symbols, moved)
            if operand.dtype.kind == "f" and not all(map(self._algebra.is_zero, tangent)):
                tangents[i] = _like(operand, tangent)
        if all(tangent is None for tangent in tangents):
            return self._zeros(len(called.symbols))
        pushed = called.call.push(p, called.operands, called.results, tangents)
        return [entry for ty in pushed for entry in p.raw(ty).flat()]

    def pull(self, ys: Entries, xs: Entries, cotangents: Entries) -> Entries:
        """Return the transposed Jacobian times the cotangents."""
        between = self._between(ys, xs)
        symbols = [*xs, *(symbol for called in between for symbol in called.symbols)]
        given = self._algebra.pull(ys, symbols, cotangents)
        for called in reversed(between):
            count = len(called.symbols)
            symbols, given, of_results = symbols[:-count], given[:-count], given[-count:]
            if not all(map(self._algebra.is_zero, of_results)):
                pulled = self._pull_call(called, symbols, of_results)
                given = [a + b for a, b in zip(given, pulled, strict=True)]
        return given

    def _pull_call(self, called: Called, symbols: Entries, of_results: Entries) -> Entries:
        p, algebra = self._p, self._algebra
        wanted = [
            i
            for i in called.traced
            if called.operands[i].dtype.kind == "f" and algebra.depend(called.operands[i].flat(), symbols)
        ]
        cotangents, start = [], 0
        for result in called.results:
            stop = start + result.entries.size
            cotangents.append(_like(result, of_results[start:stop]))
            start = stop
        pulled = called.call.pull(p, called.operands, called.results, wanted, cotangents)
        inputs = [entry for i in wanted for entry in called.operands[i].flat()]
        return algebra.pull(inputs, symbols, [entry for ct in pulled for entry in p.raw(ct).flat()])

    def jacobian(self, ys: Entries, xs: Entries) -> Entries:
        """Return the entries of the Jacobian, row by row."""
        if not self._between(ys, xs):
            return self._algebra.jacobian(ys, xs)
        if len(xs) <= len(ys):
            columns = [self.push(ys, xs, self._unit(i, len(xs))) for i in range(len(xs))]
            return [column[k] for k in range(len(ys)) for column in columns]
        return [entry for k in range(len(ys)) for entry in self.pull(ys, xs, self._unit(k, len(ys)))]

    def hessian(self, y: Any, xs: Entries) -> tuple[Entries, Entries]:
        """Return the gradient, and the entries of the Hessian row by row."""
        if not self._between([y], xs):
            return self._algebra.hessian(y, xs)
        gradient = self.pull([y], xs, self._unit(0, 1))
        return gradient, self.jacobian(gradient, xs)

    def _between(self, ys: Entries, xs: Entries) -> list[Called]:
        """Return the calls by way of which ys depend on xs, in their order."""
        reached, symbols = [], list(xs)
        for called in self._p.calls:
            if self._algebra.depend(called.inputs, symbols):
                reached.append(called)
                symbols += called.symbols
        return needed(self._algebra, reached, ys, lambda called: called.inputs)

    def _unit(self, place: int, count: int) -> Entries:
        constant = self._p.entry_functions.constant
        return [constant(1.0 if i == place else 0.0) for i in range(count)]

    def _zeros(self, count: int) -> Entries:
        return [self._p.entry_functions.constant(0.0)] * count


def needed(algebra: Algebra, calls: list[Called], entries: Entries, behind: Any) -> list[Called]:
    """Return those of the calls that expressions use, directly or by way of what is `behind` other calls."""
    used, wanted = [], list(entries)
    for called in reversed(calls):
        if algebra.depend(wanted, called.symbols):
            used.append(called)
            wanted += behind(called)
    return used[::-1]


def _like(array: ObjectArray, entries: Entries) -> ObjectArray:
    dtype = array.dtype if array.dtype.kind == "f" else "float64"
    return ObjectArray(object_array(entries, array.shape), dtype)
