"""Primitives that autograd lacks: NumPy's definition as an autograd primitive, our rule on top, in both modes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd.builtins  # noqa: F401 (makes tuples values that autograd knows)
import numpy as np
from autograd.extend import Box, defjvp_argnums, defvjp_argnums, primitive

from diffiface.adapter import Primitives, nested_rules
from diffiface_autograd.arrays import plain


def host_call(p: Primitives, name: str, arguments: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
    """Compute a primitive by its NumPy definition."""
    # autograd's rules read constants after f may have changed them.
    arguments = tuple(np.array(a) if isinstance(a, np.ndarray) else a for a in arguments)
    if not any(isinstance(a, Box) for a in arguments):
        ys = nested_rules.on_host(name, arguments, parameters)
        return ys[0] if len(ys) == 1 else ys
    y = _call(p, name, parameters, *arguments)
    return tuple(y[k] for k in range(len(plain(y)))) if isinstance(plain(y), tuple) else y


@primitive
def _call(p: Primitives, name: str, parameters: dict[str, Any], *arguments: Any) -> Any:
    ys = nested_rules.on_host(name, arguments, parameters)
    return ys[0] if len(ys) == 1 else ys


_LEADING = 3
"""The arguments of `_call` before those of the primitive."""


def _conjugate(p: Primitives, value: Any) -> Any:
    # autograd's cotangents are those of the plain transpose, without the conjugation.
    return p.conjugate(value) if p.dtype(value).kind == "c" else value


def _pullback(argnums: Sequence[int], ans: Any, args: tuple[Any, ...], keywords: Any) -> Callable[[Any], Any]:
    p, name, parameters, *arguments = args
    wanted = [i - _LEADING for i in argnums]

    def pull(cotangent: Any) -> tuple[Any, ...]:
        several = isinstance(plain(ans), tuple)
        cotangents = (
            [_conjugate(p, cotangent[k]) for k in range(len(plain(ans)))] if several else [_conjugate(p, cotangent)]
        )
        pulled = nested_rules.pull_primitive(p, name, arguments, parameters, wanted, cotangents)
        return tuple(_conjugate(p, pulled[i]) for i in wanted)

    return pull


def _pushforward(
    argnums: Sequence[int], tangents: Sequence[Any], ans: Any, args: tuple[Any, ...], keywords: Any
) -> Any:
    p, name, parameters, *arguments = args
    moved = {i - _LEADING: t for i, t in zip(argnums, tangents, strict=True)}
    _, pushed = nested_rules.push_primitive(p, name, arguments, parameters, moved)
    return pushed if isinstance(plain(ans), tuple) else pushed[0]


defvjp_argnums(_call, _pullback)
defjvp_argnums(_call, _pushforward)
