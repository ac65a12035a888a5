"""Entries that are zero for every x, because nothing has been put there: what the sweep of a gradient leaves empty.

The cotangent of a slice is an array of zeros with the slice's cotangent written into it. Multiplied by a derivative,
those zeros stay zeros, whatever the derivative depends on. Without this a function that uses one entry of a large
intermediate array would seem to depend, in second order, on all of it.

Only while a gradient is swept back, when every array of zeros comes from a rule: the user's zeros may be other numbers
in the next call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.primitives import PRIMITIVES

Mask = np.ndarray | None
"""Where an argument is surely zero; None for nowhere."""


def zeros_of(name: str, arguments: Sequence[Any], masks: Sequence[Mask], y: Any, parameters: dict[str, Any]) -> Mask:
    """Return where the result y of a primitive is surely zero, given its arguments and where they are."""
    rule = _RULES.get(name)
    if rule is None:
        return None
    masks = [_literal(a) if mask is None else mask for a, mask in zip(arguments, masks, strict=True)]
    result = rule(arguments, masks, **parameters)
    return np.broadcast_to(result, np.shape(y)) if result is not None and np.any(result) else None


def _literal(argument: Any) -> Mask:
    """Return where an argument is a zero that stands in a rule: the number 0, as a number."""
    return np.True_ if type(argument) in (int, float) and argument == 0 else None  # type: ignore[return-value]


def _known(mask: Mask, like: Any) -> np.ndarray:
    return np.zeros(np.shape(like), bool) if mask is None else np.asarray(mask)


def _either(arguments: Sequence[Any], masks: Sequence[Mask]) -> Mask:
    return np.logical_or(*(_known(mask, a) for mask, a in zip(masks, arguments, strict=True)))


def _both(arguments: Sequence[Any], masks: Sequence[Mask]) -> Mask:
    a, b = masks
    return None if a is None or b is None else np.logical_and(a, b)


def _first(arguments: Sequence[Any], masks: Sequence[Mask], **parameters: Any) -> Mask:
    return masks[0]


def _where(arguments: Sequence[Any], masks: Sequence[Mask]) -> Mask:
    return _both(arguments[1:], masks[1:])


def _sum(arguments: Sequence[Any], masks: Sequence[Mask], *, axis: tuple[int, ...], keepdims: bool) -> Mask:
    return None if masks[0] is None else np.all(masks[0], axis=axis, keepdims=keepdims)


def _moved(name: str) -> Callable[..., Mask]:
    definition = PRIMITIVES[name].definition

    def rule(arguments: Sequence[Any], masks: Sequence[Mask], **parameters: Any) -> Mask:
        return None if masks[0] is None else np.asarray(definition(masks[0], **parameters))

    return rule


def _setitem(arguments: Sequence[Any], masks: Sequence[Mask], *, index: Any) -> Mask:
    base, value = arguments
    mask = _empty_base(base, value, masks).copy()
    mask[index] = _known(masks[1], value)
    return mask


def _add_at(arguments: Sequence[Any], masks: Sequence[Mask], *, index: Any) -> Mask:
    base, value = arguments
    touched = np.zeros(np.shape(base), bool)
    np.logical_or.at(touched, index, ~_known(masks[1], value))
    return _empty_base(base, value, masks) & ~touched


def _empty_base(base: Any, value: Any, masks: Sequence[Mask]) -> np.ndarray:
    """Return where the array that is written to is zero: a constant one everywhere, if a rule has just made it.

    (A rule that writes 0.0 clears a place in a cotangent, which may be a constant of the user's.)
    """
    fresh = masks[0] is None and isinstance(base, np.ndarray) and type(value) is not float and not base.any()
    return np.ones(base.shape, bool) if fresh else _known(masks[0], base)


_RULES: dict[str, Callable[..., Mask]] = {
    "multiply": _either,
    "divide": _first,
    "add": _both,
    "subtract": _both,
    **dict.fromkeys(("negative", "conjugate", "real", "imag", "astype"), _first),
    "where": _where,
    "sum": _sum,
    **{name: _moved(name) for name in ("reshape", "transpose", "broadcast_to", "getitem")},
    "setitem": _setitem,
    "add_at": _add_at,
}
