"""A program as a Python function of numbers: compiled expressions, and calls on the host between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.errors import RuleError
from diffiface.primitives.object_arrays import ObjectArray
from diffiface.symbolic.algebra import Algebra, Entries
from diffiface.symbolic.calls import Called, entries_of
from diffiface.symbolic.chain import needed

Evaluate = Callable[[np.ndarray], np.ndarray]


def evaluated(algebra: Algebra, calls: Sequence[Called], inputs: Entries, outputs: Entries) -> Evaluate:
    """Return the function from the inputs' numbers to the outputs'."""
    calls, replaced = spelt_out(algebra, calls, outputs)
    if not calls:
        return algebra.compile(inputs, replaced(outputs))
    stages, known = [], list(inputs)
    for called in calls:
        stages.append(_Stage(called, algebra.compile(known, replaced(called.inputs))))
        known = known + called.symbols
    last = algebra.compile(known, replaced(outputs))

    def evaluate(vector: np.ndarray) -> np.ndarray:
        for stage in stages:
            vector = np.concatenate([vector, stage(vector)])
        return last(vector)

    return evaluate


def spelt_out(
    algebra: Algebra, calls: Sequence[Called], outputs: Entries
) -> tuple[list[Called], Callable[[Entries], Entries]]:
    """Return the calls that must be made on the host, and what puts the values of all others into expressions."""

    def behind(called: Called) -> Entries:
        return called.inputs if called.values is None else entries_of(called.values)

    used = needed(algebra, list(calls), outputs, behind)
    symbols: Entries = []
    values: Entries = []
    for called in used:
        if called.values is not None:
            found = algebra.substitute(entries_of(called.values), symbols, values) if symbols else behind(called)
            symbols, values = symbols + called.symbols, values + found

    def replaced(entries: Entries) -> Entries:
        return algebra.substitute(entries, symbols, values) if symbols and entries else entries

    return [called for called in used if called.values is None], replaced


class _Stage:
    """One call on the host."""

    def __init__(self, called: Called, inputs: Evaluate):
        self._called, self._inputs = called, inputs
        self._ends = np.cumsum([called.operands[i].entries.size for i in called.traced])[:-1]

    def __call__(self, vector: np.ndarray) -> np.ndarray:
        called, operands = self._called, list(self._called.operands)
        parts = np.split(self._inputs(vector), self._ends)
        for i, part in zip(called.traced, parts, strict=True):
            operand: ObjectArray = operands[i]
            operands[i] = part.reshape(operand.shape).astype(operand.dtype)
        results: list[Any] = [np.asarray(y) for y in called.call.on_host(operands)]
        for found, due in zip(results, called.results, strict=True):
            if found.shape != due.shape:
                raise RuleError(
                    f"{called.call.name} returned an array of shape {found.shape}, where {due.shape} was found beforehand",
                    fix="the shape must not depend on values; output= says what it is",
                )
        return np.concatenate([y.astype(np.float64).reshape(-1) for y in results])
