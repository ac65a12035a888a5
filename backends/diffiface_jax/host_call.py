"""Primitives that JAX lacks: NumPy's definition as a call on the host, our rule on top, under every transformation."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from diffiface.adapter import Primitives, nested_rules
from diffiface_jax.promotion import dtype_of


def host_call(p: Primitives, name: str, arguments: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
    """Compute a primitive by its NumPy definition: in jit, vmap and derivatives of every order."""
    arguments = tuple(np.array(a) if isinstance(a, np.ndarray) else a for a in arguments)  # JAX reads them later
    positions = [i for i, a in enumerate(arguments) if isinstance(a, jax.Array)]
    if not positions:
        return _one_or_tuple([jnp.asarray(y) for y in nested_rules.on_host(name, arguments, parameters)])
    elementwise = nested_rules.is_elementwise(name)
    dtypes = [dtype_of(arguments[i]) for i in positions]
    described = [(a.shape, dtype_of(a)) if isinstance(a, jax.Array) else a for a in arguments]
    outputs = [jax.ShapeDtypeStruct(*o) for o in nested_rules.describe_outputs(name, described, parameters)]

    def with_operands(operands: Any) -> list[Any]:
        complete = list(arguments)
        for i, operand in zip(positions, operands, strict=True):
            complete[i] = operand
        return complete

    def run(*words: Any) -> tuple[np.ndarray, ...]:
        # A Python number in `arguments` stays one, so that it does not decide the dtype.
        operands = [_from_words(np.asarray(w), dtype) for w, dtype in zip(words, dtypes, strict=True)]
        results = nested_rules.on_host(name, with_operands(operands), parameters)
        return tuple(_to_words(y.astype(o.dtype, copy=False)) for y, o in zip(results, outputs, strict=True))

    @jax.custom_jvp
    def call(*operands: Any) -> tuple[Any, ...]:
        if elementwise:
            # One rank for all, so that an axis that vmap puts in front stands in front of every operand.
            operands = tuple(jnp.broadcast_to(o, outputs[0].shape) for o in operands)
        method = "expand_dims" if elementwise else "sequential"
        words = tuple(jax.ShapeDtypeStruct(*_words_of(o.shape, np.dtype(o.dtype))) for o in outputs)
        results = jax.pure_callback(run, words, *map(_packed, operands), vmap_method=method)
        return tuple(_unpacked(y, np.dtype(o.dtype)) for y, o in zip(results, outputs, strict=True))

    def push(operands: Any, tangents: Any) -> tuple[Any, Any]:
        moved = {
            i: t
            for i, t in zip(positions, tangents, strict=True)
            if not isinstance(t, SymbolicZero) and dtype_of(t).kind in "fc"
        }
        if not moved:
            ys = call(*operands)
            return ys, tuple(_tangent(jnp.zeros(y.shape, y.dtype), y) for y in ys)
        ys, tys = nested_rules.push_primitive(p, name, with_operands(operands), parameters, moved)
        return ys, tuple(_tangent(ty, y) for ty, y in zip(tys, ys, strict=True))

    call.defjvp(push, symbolic_zeros=True)
    return _one_or_tuple(call(*(arguments[i] for i in positions)))


def _tangent(ty: Any, y: Any) -> Any:
    """A tangent as JAX wants it: of y's dtype, and none for integers."""
    if y.dtype.kind in "fc":
        return jnp.asarray(ty, y.dtype)
    return np.zeros(y.shape, jax.dtypes.float0)


# JAX may run the callback in a thread of its own, where this thread's permission of 64-bit numbers does not hold: they
# would be rounded to 32 bits on the way in and out. So they travel as pairs of 32-bit words, along a last axis.


def _words_of(shape: tuple[int, ...], dtype: np.dtype) -> tuple[tuple[int, ...], np.dtype]:
    """Return the shape and dtype in which an array travels."""
    wide = dtype.kind in "fiuc" and dtype.itemsize >= 8 and dtype != np.complex64
    return ((*shape, dtype.itemsize // 4), np.dtype(np.uint32)) if wide else (shape, dtype)


def _packed(x: jax.Array) -> jax.Array:
    dtype = dtype_of(x)
    if _words_of((), dtype)[1] == dtype:
        return x
    if dtype.kind == "c":
        parts = jax.lax.bitcast_convert_type(jnp.stack([x.real, x.imag], axis=-1), jnp.uint32)
        return parts.reshape((*x.shape, 4))
    return jax.lax.bitcast_convert_type(x, jnp.uint32)


def _unpacked(words: jax.Array, dtype: np.dtype) -> jax.Array:
    if _words_of((), dtype)[1] == dtype:
        return words
    if dtype.kind == "c":
        parts = jax.lax.bitcast_convert_type(words.reshape((*words.shape[:-1], 2, 2)), jnp.float64)
        return jax.lax.complex(parts[..., 0], parts[..., 1])
    return jax.lax.bitcast_convert_type(words, dtype)


def _from_words(words: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return words if _words_of((), dtype)[1] == dtype else np.ascontiguousarray(words).view(dtype)[..., 0]


def _to_words(array: np.ndarray) -> np.ndarray:
    shape, dtype = _words_of(array.shape, array.dtype)
    return array if dtype == array.dtype else np.ascontiguousarray(array)[..., None].view(dtype).reshape(shape)


def _one_or_tuple(ys: Any) -> Any:
    return ys[0] if len(ys) == 1 else tuple(ys)
