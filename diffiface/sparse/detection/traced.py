"""Patterns from one run of f on values that carry index sets."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from diffiface import registry
from diffiface.adapter import FlatFunction, Leaves
from diffiface.function import Function
from diffiface.second_order import GradientFunction
from diffiface.sparse.detection.index_sets import IndexSets
from diffiface.sparse.detection.trace import SetTrace
from diffiface.sparse.pattern import SparsityPattern, compact


def can_be_traced(f: FlatFunction) -> bool:
    """Say whether f is written in NumPy, so that it can be run on our own values."""
    return isinstance(f, Function) and f.native_to is None


def trace_jacobian(f: FlatFunction, xs: Leaves, contexts: Leaves, local: bool) -> SparsityPattern:
    """Return the pattern of the Jacobian: entries of y by entries of x, all leaves one after the other in C order."""
    return _trace(_traceable(f), xs, contexts, local, first_output=0)


def trace_hessian(f: FlatFunction, xs: Leaves, contexts: Leaves, local: bool) -> SparsityPattern:
    """Return the pattern of the Hessian: that of the Jacobian of the gradient.

    The gradient is taken by our own reverse engine on the values that carry index sets. So two variables interact
    where a derivative rule of f's nonlinear parts brings them together, and not where f is linear; values that f
    computes and does not use, or uses in a comparison only, do not count.
    """
    gradient = GradientFunction(registry.resolve("reverse"), _traceable(f))
    return _trace(gradient, xs, contexts, local, first_output=1).symmetric()


def _traceable(f: FlatFunction) -> FlatFunction:
    """Return f as it is run on traced values, also where its engine gives it plain numbers."""
    return replace(f, traces=True) if isinstance(f, Function) and not f.traces else f


def _trace(f: FlatFunction, xs: Leaves, contexts: Leaves, local: bool, first_output: int) -> SparsityPattern:
    trace = SetTrace(local)
    inputs, first = [], 0
    for x in xs:
        inputs.append(trace.input(_numpy(x), first))
        first += math.prod(x.shape)
    outputs, _ = f(trace, inputs, contexts)
    return _pattern(outputs[first_output:], first, trace, local)


def _pattern(outputs: Leaves, width: int, trace: SetTrace, local: bool) -> SparsityPattern:
    from scipy.sparse import csr_array, vstack

    blocks = []
    for y in outputs:
        sets = getattr(y, "sets", None)
        rows = IndexSets((np.size(y),), ()).rows() if sets is None else sets.rows()
        blocks.append(
            csr_array(
                (np.ones(len(rows.indices), bool), rows.indices, rows.starts), shape=(len(rows.starts) - 1, width)
            )
        )
    matrix: Any = blocks[0] if len(blocks) == 1 else csr_array(vstack(blocks))
    indptr, indices = compact(matrix.indptr, matrix.indices, max(matrix.shape))
    is_local = local or bool(trace.asked)
    return SparsityPattern(
        (matrix.shape[0], width), indptr, indices, "traced", "local" if is_local else "global", tuple(trace.asked)
    )


def _numpy(x: Any) -> np.ndarray:
    from diffiface.arrays import family_of

    if isinstance(x, np.ndarray):
        return x
    family = family_of(x)
    return np.asarray(x if family is None else family.to_numpy(x))
