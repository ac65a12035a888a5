"""A graph as a text that says everything a program made of it depends on: equal texts, equal programs.

Numbers of values are part of it, because a program names what it computes by them; the same function recorded again has
the same. Samples are not, but for their shapes, dtypes and layouts: no program depends on more (`forgetting`).
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from diffiface_native.recorded.graph import Graph, Value

_SPELT_OUT = (int, float, complex, bool, str, slice, type(None), type(Ellipsis))
"""Of these, and of nothing else, two that are written alike are alike. (-0.0 and 0.0, 1 and True are not.)"""


class Unkeyable(Exception):
    """The graph holds something of which we cannot say what it is, in another process."""


def graph_text(graph: Graph) -> str:
    """Return the text.

    Raises:
        Unkeyable: if there is something in it that has no text: a function of the user's, say.
    """
    rows = [
        (
            value.number,
            value.operation,
            value.place,
            _like(value.sample),
            [_part(argument) for argument in value.arguments],
            [(name, _part(parameter)) for name, parameter in value.parameters.items()],
        )
        for value in graph.live()
    ]
    inputs = [value.number for value in graph.inputs]
    guards = [(guard.value.number, guard.expected) for guard in graph.guards]
    return repr((rows, inputs, guards, [_part(output) for output in graph.outputs]))


def _like(sample: Any) -> Any:
    if type(sample) is np.ndarray:
        return sample.dtype.str, sample.shape, sample.strides
    return sample.dtype.str


def _part(part: Any) -> Any:
    """Return something of Python's own types that stands for an argument or a parameter."""
    kind = type(part)
    if kind is Value:
        return (part.number,)
    if kind in _SPELT_OUT:
        return part
    if kind is tuple:
        return ["tuple", *map(_part, part)]
    if kind is np.ndarray and part.dtype.kind in "fcbiu":
        digest = hashlib.sha256(np.ascontiguousarray(part).data).hexdigest()
        return ["array", part.dtype.str, part.shape, part.strides, digest]
    if isinstance(part, np.generic) and part.dtype.kind in "fcbiu":
        return ["number", part.dtype.str, part.tobytes()]
    if isinstance(part, np.dtype):
        return ["dtype", part.str]
    raise Unkeyable(f"a {kind.__name__}")
