"""Primitives that JAX lacks: NumPy's definition as a call on the host, our rule on top, under every transformation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from diffiface.adapter import Primitives, nested_rules
from diffiface_jax.failures import left_with
from diffiface_jax.promotion import dtype_of
from diffiface_jax.words import from_words, packed, to_words, unpacked, words_of


def host_call(p: Primitives, name: str, arguments: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
    """Compute a primitive by its NumPy definition: in jit, vmap and derivatives of every order."""
    arguments = private(arguments)
    positions = [i for i, a in enumerate(arguments) if isinstance(a, jax.Array)]
    if not positions:
        return _one_or_tuple([jnp.asarray(y) for y in nested_rules.on_host(name, arguments, parameters)])
    elementwise = nested_rules.is_elementwise(name)
    dtypes = [dtype_of(arguments[i]) for i in positions]
    outputs = [jax.ShapeDtypeStruct(*o) for o in described_outputs(name, arguments, parameters)]

    def run(*words: Any) -> tuple[np.ndarray, ...]:
        # A Python number in `arguments` stays one, so that it does not decide the dtype.
        operands = [from_words(np.asarray(w), dtype) for w, dtype in zip(words, dtypes, strict=True)]
        with left_with(p):
            results = nested_rules.on_host(name, _completed(arguments, positions, operands), parameters)
        return tuple(to_words(y.astype(o.dtype, copy=False)) for y, o in zip(results, outputs, strict=True))

    def value(*operands: Any) -> tuple[Any, ...]:
        if elementwise:
            # One rank for all, so that an axis that vmap puts in front stands in front of every operand.
            operands = tuple(jnp.broadcast_to(o, outputs[0].shape) for o in operands)
        method = "expand_dims" if elementwise else "sequential"
        words = tuple(jax.ShapeDtypeStruct(*words_of(o.shape, np.dtype(o.dtype))) for o in outputs)
        results = jax.pure_callback(run, words, *map(packed, operands), vmap_method=method)
        return tuple(unpacked(y, np.dtype(o.dtype)) for y, o in zip(results, outputs, strict=True))

    return with_our_rule(value, p, name, arguments, parameters)


def private(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments with NumPy arrays copied: JAX reads them later than f may write into them."""
    return tuple(np.array(a) if isinstance(a, np.ndarray) else a for a in arguments)


def described_outputs(
    name: str, arguments: tuple[Any, ...], parameters: dict[str, Any]
) -> list[tuple[tuple[int, ...], np.dtype]]:
    """Return shapes and dtypes of a primitive's outputs."""
    described = [(a.shape, dtype_of(a)) if isinstance(a, jax.Array) else a for a in arguments]
    return nested_rules.describe_outputs(name, described, parameters)


def with_our_rule(
    value: Callable[..., tuple[Any, ...]],
    p: Primitives,
    name: str,
    arguments: tuple[Any, ...],
    parameters: dict[str, Any],
) -> Any:
    """Apply `value`, a function of the JAX arrays among the arguments, and differentiate it by the primitive's rule."""
    positions = [i for i, a in enumerate(arguments) if isinstance(a, jax.Array)]
    call = jax.custom_jvp(value)

    def push(operands: Any, tangents: Any) -> tuple[Any, Any]:
        moved = {
            i: t
            for i, t in zip(positions, tangents, strict=True)
            if not isinstance(t, SymbolicZero) and dtype_of(t).kind in "fc"
        }
        if not moved:
            ys = call(*operands)
            return ys, tuple(_tangent(jnp.zeros(y.shape, y.dtype), y) for y in ys)
        complete = _completed(arguments, positions, operands)
        ys, tys = nested_rules.push_primitive(p, name, complete, parameters, moved)
        return ys, tuple(_tangent(ty, y) for ty, y in zip(tys, ys, strict=True))

    call.defjvp(push, symbolic_zeros=True)
    return _one_or_tuple(call(*(arguments[i] for i in positions)))


def _completed(arguments: tuple[Any, ...], positions: list[int], operands: Any) -> list[Any]:
    """Return the arguments with these operands in the places of the JAX arrays."""
    complete = list(arguments)
    for i, operand in zip(positions, operands, strict=True):
        complete[i] = operand
    return complete


def _tangent(ty: Any, y: Any) -> Any:
    """A tangent as JAX wants it: of y's dtype, and none for integers."""
    if y.dtype.kind in "fc":
        return jnp.asarray(ty, y.dtype)
    return np.zeros(y.shape, jax.dtypes.float0)


def _one_or_tuple(ys: Any) -> Any:
    return ys[0] if len(ys) == 1 else tuple(ys)
