"""np.einsum, brought to the one form that the primitive takes: explicit, no index twice in one operand, none alone."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from diffiface.numpy_api.conversion import array_in
from diffiface.numpy_api.functions.raw import cast, ndim, refuse
from diffiface.numpy_api.subscripts import probe
from diffiface.numpy_api.table import numpy_function
from diffiface.primitives import Primitives


@numpy_function(np.einsum, arrays=0)
def einsum(p: Primitives, *operands: Any, dtype: Any = None, order: str = "K", optimize: Any = False) -> Any:
    subscripts, arrays = _textual(operands)
    arrays = [cast(p, array_in(a, p), dtype) for a in arrays]
    inputs, output = _explicit(subscripts, [ndim(p, a) for a in arrays])
    for i, (a, labels) in enumerate(zip(arrays, inputs, strict=True)):
        a, labels = _diagonals(p, a, labels)
        elsewhere = set(output).union(*inputs[:i], *inputs[i + 1 :])
        alone = tuple(k for k, label in enumerate(labels) if label not in elsewhere)
        if alone:
            a = p.sum(a, axis=alone, keepdims=False)
            labels = "".join(label for label in labels if label in elsewhere)
        arrays[i], inputs[i] = a, labels
    if len(arrays) == 1:
        axes = tuple(inputs[0].index(label) for label in output)
        return p.transpose(arrays[0], axes=axes) if axes != tuple(range(len(axes))) else arrays[0]
    while len(arrays) > 2:
        # Two at a time, from the left: one product over all operands would visit every combination of indices.
        kept = set(output).union(*inputs[2:])
        middle = "".join(label for label in dict.fromkeys(inputs[0] + inputs[1]) if label in kept)
        product = _pair(p, arrays[:2], inputs[:2], middle)
        arrays, inputs = [product, *arrays[2:]], [middle, *inputs[2:]]
    return _pair(p, arrays, inputs, output)


@numpy_function(np.einsum_path, arrays=0, kind="structural")
def einsum_path(p: Primitives, *operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    if einsum_call:
        refuse(p, "einsum_path", "einsum_call", einsum_call)
    subscripts, arrays = _textual(operands)
    # A path depends on shapes only.
    return np.einsum_path(subscripts, *[probe(tuple(p.shape(array_in(a, p)))) for a in arrays], optimize=optimize)


def _pair(p: Primitives, arrays: list[Any], inputs: list[str], output: str) -> Any:
    arrays, inputs = list(arrays), list(inputs)
    for i in range(2):
        elsewhere = set(output) | set(inputs[1 - i])
        alone = tuple(k for k, label in enumerate(inputs[i]) if label not in elsewhere)
        if alone:
            arrays[i] = p.sum(arrays[i], axis=alone, keepdims=False)
            inputs[i] = "".join(label for label in inputs[i] if label in elsewhere)
    return p.einsum(arrays, subscripts=f"{inputs[0]},{inputs[1]}->{output}")


def _textual(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """Return the subscripts as text, also for the form `einsum(a, [0, 1], b, [1, 2], [0, 2])`."""
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    arrays, lists = list(operands[0:-1:2]), list(operands[1::2])
    output = operands[-1] if len(operands) % 2 else None
    text = ",".join(_letters(part) for part in lists)
    return text if output is None else f"{text}->{_letters(output)}", arrays


def _letters(numbers: Any) -> str:
    return "".join("..." if n is Ellipsis else string.ascii_letters[n] for n in numbers)


def _explicit(subscripts: str, ranks: list[int]) -> tuple[list[str], str]:
    """Return the labels of each operand and of the output, with letters in the place of an ellipsis."""
    left, arrow, right = subscripts.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(ranks):
        raise ValueError("more operands provided to einstein sum function than specified in the subscripts string")
    free = [c for c in string.ascii_letters if c not in subscripts]
    widths = [
        rank - len(labels.replace("...", "")) if "..." in labels else 0
        for labels, rank in zip(inputs, ranks, strict=True)
    ]
    dots = "".join(free[: max(widths, default=0)])
    inputs = [labels.replace("...", dots[len(dots) - width :]) for labels, width in zip(inputs, widths, strict=True)]
    for labels, rank in zip(inputs, ranks, strict=True):
        if len(labels) != rank:
            raise ValueError("einstein sum subscripts string contains a wrong number of indices for an operand")
    if arrow:
        return inputs, right.replace("...", dots)
    counted = "".join(inputs)
    once = sorted(c for c in set(counted) if counted.count(c) == 1 and c not in dots)
    return inputs, dots + "".join(once)


def _diagonals(p: Primitives, a: Any, labels: str) -> tuple[Any, str]:
    """Take the diagonal wherever a label is repeated within one operand."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            rank = len(labels)
            order = (*(k for k in range(rank) if k not in (i, j)), i, j)
            steps = np.arange(p.shape(a)[i])
            a = p.getitem(p.transpose(a, axes=order), index=(Ellipsis, steps, steps))
            labels = "".join(labels[k] for k in order[:-1])
    return a, labels
