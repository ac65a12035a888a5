"""Functions with derivative rules of their own, in autograd: a primitive with both rules, in both modes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd.builtins  # noqa: F401 (makes tuples values that autograd knows)
import numpy as np
from autograd.extend import Box, defjvp_argnums, defvjp_argnums, primitive

from diffiface.adapter import CustomCall, Primitives
from diffiface_autograd.arrays import plain


def custom_call(p: Primitives, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Return the values of a call, to be differentiated by its rules."""
    # autograd's rules read constants after f may have changed them.
    operands = [np.array(o) if isinstance(o, np.ndarray) else o for o in operands]
    if not any(isinstance(o, Box) for o in operands):
        return call.on_host(operands)
    ys = _call(p, call, *operands)
    return tuple(ys[k] for k in range(len(plain(ys))))


@primitive
def _call(p: Primitives, call: CustomCall, *operands: Any) -> Any:
    return tuple(call.on_host(operands))


_LEADING = 2
"""The arguments of `_call` before the operands."""


def _values(ans: Any) -> list[Any]:
    return [ans[k] for k in range(len(plain(ans)))]


def _conjugate(p: Primitives, value: Any) -> Any:
    # autograd's cotangents are those of the plain transpose, without the conjugation.
    return p.conjugate(value) if p.dtype(value).kind == "c" else value


def _pullback(argnums: Sequence[int], ans: Any, args: tuple[Any, ...], keywords: Any) -> Callable[[Any], Any]:
    p, call, *operands = args
    wanted = [i - _LEADING for i in argnums]

    def pull(cotangent: Any) -> tuple[Any, ...]:
        cotangents = [_conjugate(p, cotangent[k]) for k in range(len(plain(ans)))]
        pulled = call.pull(p, operands, _values(ans), wanted, cotangents)
        return tuple(_conjugate(p, ct) for ct in pulled)

    return pull


def _pushforward(
    argnums: Sequence[int], tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], keywords: Any
) -> Any:
    p, call, *operands = args
    every: list[Any] = [None] * len(operands)
    for i, t in zip(argnums, tangents, strict=True):
        every[i - _LEADING] = t
    return tuple(call.push(p, operands, _values(ans), every))


defvjp_argnums(_call, _pullback)
defjvp_argnums(_call, _pushforward)
