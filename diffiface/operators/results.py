"""Putting an engine's results into the user's structures and families, as the variant that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.adapter import NUMPY, current_trace
from diffiface.arrays import NUMPY_FAMILY, LeafSpec, family_of, finish, is_plain
from diffiface.numpy_api import dress
from diffiface.operators.call import Call
from diffiface.operators.operator import Part
from diffiface.operators.out import fill


def assemble(call: Call, results: tuple[Any, ...], variant: str, out: Any = None, y_structure: Any = trees.LEAF) -> Any:
    """Return what a variant returns, picked from an engine's results; fill `out` and the call's `y=` if there are any."""
    parts, indices = call.operator.parts, call.operator.variants[variant]
    chosen = [_part(call, parts[index], results[index], y_structure) for index in indices]
    has_value = indices[0] == 0
    if call.y_buffer is not None:
        np.copyto(call.y_buffer, results[0][0])
        if has_value:
            chosen[0] = call.y_buffer
    if out is not None:
        start = 1 if has_value else 0
        chosen[start:] = fill(out, chosen[start:], call.backend.name)
    if call.has_aux:
        aux = trees.map_leaves(lambda leaf: _finish_aux(call, leaf), results[-1])
        if has_value:
            chosen[0] = (chosen[0], aux)
        else:
            chosen.append(aux)
    return chosen[0] if len(chosen) == 1 else tuple(chosen)


def _part(call: Call, part: Part, result: Any, y_structure: Any) -> Any:
    if part == "y":
        return _like_y(call, result if isinstance(result, (tuple, list)) else (result,), y_structure)
    if part == "x":
        return _like_x(call, result)
    if part == "batch of y":
        return _batch(call, result, lambda member: _like_y(call, member, y_structure))
    if part == "batch of x":
        return _batch(call, result, lambda member: _like_x(call, member))
    if call.backend.joins_leaves:
        return result[0][0]
    outer = y_structure if part == "y by x" else call.x_structure
    rows = [[_finish_derivative(call, leaf, o) for leaf, o in zip(row, call.originals, strict=True)] for row in result]
    return trees.unflatten(outer, [trees.unflatten(call.x_structure, row) for row in rows])


def _like_y(call: Call, leaves: Sequence[Any], y_structure: Any) -> Any:
    return trees.unflatten(y_structure, [_finish_y(call, leaf) for leaf in leaves])


def _like_x(call: Call, leaves: Sequence[Any]) -> Any:
    columns = zip(leaves, call.x_specs, call.originals, strict=True)
    return trees.unflatten(call.x_structure, [_finish_x(call, *column) for column in columns])


def _batch(call: Call, leaves: Sequence[Any], as_member: Callable[[list[Any]], Any]) -> Any:
    """Return the members of a batch one by one, or the only one where the user gave no batch."""
    if call.batch is None:
        return as_member([_member(leaf, 0) for leaf in leaves])
    return tuple(as_member([_member(leaf, index) for leaf in leaves]) for index in range(call.batch))


def _member(batch: Any, index: int) -> Any:
    """One member of a batch, as an array of its own."""
    if isinstance(batch, np.ndarray):
        return np.array(batch[index])
    trace = current_trace()
    return batch[index] if trace is NUMPY else trace.getitem(batch, index=index)


# ---- one leaf


def _finish_x(call: Call, result: Any, spec: LeafSpec, original: Any) -> Any:
    if call.nested and not is_plain(result):
        return dress(result, current_trace())
    return finish(result, spec, original)


def _finish_y(call: Call, result: Any) -> Any:
    if call.nested and not is_plain(result):
        return dress(result, current_trace())
    if call.originals[0] is not None:
        return finish(np.asarray(result), call.x_specs[0], call.originals[0])
    if isinstance(result, np.ndarray) and result.ndim == 0:
        return result[()]
    return result


def _finish_derivative(call: Call, result: Any, original: Any) -> Any:
    if original is not None and not call.nested:
        return finish(result, call.x_specs[0], original)
    return _finish_y(call, result)


def _finish_aux(call: Call, leaf: Any) -> Any:
    family = None if is_plain(leaf) or isinstance(leaf, str) else family_of(leaf)
    if family is not None and not call.nested and call.x_specs[0].family == NUMPY_FAMILY and not call.function.native:
        return family.to_numpy(leaf)
    return leaf
