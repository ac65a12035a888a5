"""How 64-bit numbers travel between JAX and a call on the host.

JAX may run the callback in a thread of its own, where this thread's permission of 64-bit numbers does not hold: they
would be rounded to 32 bits on the way in and out. So they travel as pairs of 32-bit words, along a last axis.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from diffiface_jax.promotion import dtype_of


def words_of(shape: tuple[int, ...], dtype: np.dtype) -> tuple[tuple[int, ...], np.dtype]:
    """Return the shape and dtype in which an array travels."""
    wide = dtype.kind in "fiuc" and dtype.itemsize >= 8 and dtype != np.complex64
    return ((*shape, dtype.itemsize // 4), np.dtype(np.uint32)) if wide else (shape, dtype)


def packed(x: jax.Array) -> jax.Array:
    """Return an array inside JAX as it travels."""
    dtype = dtype_of(x)
    if words_of((), dtype)[1] == dtype:
        return x
    if dtype.kind == "c":
        parts = jax.lax.bitcast_convert_type(jnp.stack([x.real, x.imag], axis=-1), jnp.uint32)
        return parts.reshape((*x.shape, 4))
    return jax.lax.bitcast_convert_type(x, jnp.uint32)


def unpacked(words: jax.Array, dtype: np.dtype) -> jax.Array:
    """Return what travelled as the array it is, inside JAX."""
    if words_of((), dtype)[1] == dtype:
        return words
    if dtype.kind == "c":
        parts = jax.lax.bitcast_convert_type(words.reshape((*words.shape[:-1], 2, 2)), jnp.float64)
        return jax.lax.complex(parts[..., 0], parts[..., 1])
    return jax.lax.bitcast_convert_type(words, dtype)


def from_words(words: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return what travelled as the array it is, on the host."""
    return words if words_of((), dtype)[1] == dtype else np.ascontiguousarray(words).view(dtype)[..., 0]


def to_words(array: np.ndarray) -> np.ndarray:
    """Return an array on the host as it travels."""
    shape, dtype = words_of(array.shape, array.dtype)
    return array if dtype == array.dtype else np.ascontiguousarray(array)[..., None].view(dtype).reshape(shape)
