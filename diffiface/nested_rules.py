"""The derivative of one primitive, by our own engines nested in another: what fills in where that engine lacks it.

An engine that lacks a primitive computes its value by a call of the NumPy definition on the host, and its derivative
by these two functions: 'forward' and 'reverse' nest in any engine, so their rules come out as operations of the
engine itself, to be differentiated again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diffiface.primitives import PRIMITIVES, Primitives
from diffiface.tracing import tracing


def push_primitive(
    p: Primitives, name: str, arguments: Sequence[Any], parameters: Mapping[str, Any], tangents: Mapping[int, Any]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the outputs of a primitive and their tangents, given those of some arguments by position."""
    positions = sorted(tangents)
    batched = [p.reshape(tangents[i], shape=(1, *p.shape(tangents[i]))) for i in positions]
    with tracing(p):
        ys, tys, _ = _engine("forward").value_and_pushforward(
            _Flat(name, arguments, parameters, positions), [arguments[i] for i in positions], batched, ()
        )
    return tuple(ys), tuple(p.getitem(ty, index=0) for ty in tys)


def pull_primitive(
    p: Primitives,
    name: str,
    arguments: Sequence[Any],
    parameters: Mapping[str, Any],
    wanted: Sequence[int],
    cotangents: Sequence[Any],
) -> dict[int, Any]:
    """Return the cotangents of the wanted arguments, for the inner product Re(conj(a) b)."""
    batched = [p.reshape(ct, shape=(1, *p.shape(ct))) for ct in cotangents]
    with tracing(p):
        _, txs, _ = _engine("reverse").value_and_pullback(
            _Flat(name, arguments, parameters, wanted), [arguments[i] for i in wanted], batched, ()
        )
    return {i: p.getitem(tx, index=0) for i, tx in zip(wanted, txs, strict=True)}


class _Flat:
    """One primitive as a function of some of its arguments."""

    def __init__(self, name: str, arguments: Sequence[Any], parameters: Mapping[str, Any], positions: Sequence[int]):
        self.name, self.arguments, self.parameters, self.positions = name, arguments, parameters, positions

    def __call__(self, p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        arguments = list(self.arguments)
        for i, x in zip(self.positions, xs, strict=True):
            arguments[i] = x
        y = getattr(p, self.name)(*arguments, **self.parameters)
        return (y if isinstance(y, tuple) else (y,)), None


def _engine(name: str) -> Any:
    from diffiface import registry  # the front end, which imports this module by way of the adapter's surface

    return registry.resolve(name)


def is_elementwise(name: str) -> bool:
    """Whether a primitive works entry by entry, broadcasting its arguments."""
    return PRIMITIVES[name].kind in ("elementwise", "special")


def on_host(name: str, arguments: Sequence[Any], parameters: Mapping[str, Any]) -> tuple[np.ndarray, ...]:
    """Run a primitive's NumPy definition; several outputs or one, always a tuple of new arrays."""
    with np.errstate(all="ignore"):  # outside of the domain there is NaN, without a warning out of an engine's depths
        y = PRIMITIVES[name].definition(*arguments, **parameters)
    return tuple(np.array(part, order="C") for part in (y if isinstance(y, tuple) else (y,)))


def describe_outputs(
    name: str, arguments: Sequence[Any], parameters: Mapping[str, Any]
) -> list[tuple[tuple[int, ...], np.dtype]]:
    """Return shapes and dtypes of a primitive's outputs, for arguments of which only those are known.

    `arguments` hold numbers, arrays, or `(shape, dtype)` for what is not known. Found by running the definition on an
    example: entrywise ones on single entries, others on ones (identities where square matrices are).
    """
    if is_elementwise(name):
        shape = np.broadcast_shapes(*(a[0] if isinstance(a, tuple) else np.shape(a) for a in arguments))
        example = [np.full((), 0.5).astype(a[1]) if isinstance(a, tuple) else _first(a) for a in arguments]
        return [(shape, y.dtype) for y in on_host(name, example, parameters)]
    example = [_example(*a) if isinstance(a, tuple) else a for a in arguments]
    return [(y.shape, y.dtype) for y in on_host(name, example, parameters)]


def _first(value: Any) -> Any:
    """One entry of an array, with its dtype; a number as it is."""
    if isinstance(value, np.ndarray):
        return value.reshape(-1)[0] if value.size else np.ones((), value.dtype)
    return value


def _example(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    if len(shape) >= 2 and shape[-1] == shape[-2]:
        return np.broadcast_to(np.eye(shape[-1], dtype=dtype), shape)
    return np.ones(shape, dtype)
