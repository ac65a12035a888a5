"""JAX arrays as a family: what the front end must know to take and return them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from diffiface.adapter import NUMPY, InputError, Primitives


def device_named(name: str) -> Any:
    """Return the device called "cpu", "gpu", ..., the first of its kind, or "cpu:3" for another.

    Raises `InputError` if there is none.
    """
    platform, _, number = name.partition(":") if isinstance(name, str) else ("", "", "")
    try:
        return jax.devices(platform or "none")[int(number or 0)]
    except (RuntimeError, ValueError, IndexError):
        known = ", ".join(f"{device.platform}:{device.id}" for device in jax.devices())
        raise InputError(
            f"device={name!r} is none of JAX's devices here", engine="jax", fix=f"there are: {known}"
        ) from None


class Family:
    """The array family of `jax.Array`, tracers included."""

    name = "jax"
    mutable = False

    def owns(self, value: Any) -> bool:
        """Say whether a value is a JAX array."""
        return isinstance(value, jax.Array)

    def is_traced(self, value: Any) -> bool:
        """Say whether a value is being transformed by JAX."""
        return isinstance(value, Tracer)

    def dtype(self, value: Any) -> np.dtype:
        """Return the NumPy dtype of an array."""
        return np.dtype(value.dtype)

    def shape(self, value: Any) -> tuple[int, ...]:
        """Return the shape of an array."""
        return tuple(value.shape)

    def to_numpy(self, value: Any) -> np.ndarray:
        """Copy an array to NumPy."""
        return np.array(value)

    def from_numpy(self, array: np.ndarray, like: Any = None) -> jax.Array:
        """Copy a NumPy array to JAX, on the device of `like`, with its dtype (64-bit too)."""
        with jax.enable_x64(True):
            # device_put would alias the caller's memory; jnp.array copies it.
            result = jnp.array(np.array(array))
            devices = like.devices() if isinstance(like, jax.Array) and not self.is_traced(like) else set()
            return jax.device_put(result, devices.pop()) if len(devices) == 1 else result

    def stack(self, arrays: Sequence[Any]) -> jax.Array:
        """Stack arrays of one shape along a new leading axis."""
        with jax.enable_x64(True):
            return jnp.stack(arrays)

    def converted(self, array: np.ndarray) -> jax.Array:
        """Copy a NumPy array to JAX as a program for JAX would: in the precision that is allowed there."""
        return jnp.array(np.array(array, jax.dtypes.canonicalize_dtype(array.dtype)))

    def primitives(self, values: Sequence[Any]) -> Primitives:
        """Return what runs a NumPy function in a program written for this library."""
        from diffiface_jax.primitives import JAXPrimitives  # which imports this module

        return JAXPrimitives(NUMPY)

    def computing(self) -> AbstractContextManager[Any]:
        """Allow 64-bit numbers in this thread."""
        return jax.enable_x64(True)


FAMILY = Family()
