"""Fourier transforms in JAX."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from diffiface.adapter import Primitives
from diffiface_jax.promotion import kept


class Fourier(Primitives):
    """The primitives of Fourier transforms."""

    def fft(self, x: Any, *, axis: int) -> Any:
        return jnp.fft.fft(kept(x), axis=axis)

    def ifft(self, x: Any, *, axis: int) -> Any:
        return jnp.fft.ifft(kept(x), axis=axis)

    def rfft(self, x: Any, *, axis: int) -> Any:
        return jnp.fft.rfft(kept(x), axis=axis)

    def irfft(self, x: Any, *, axis: int, n: int) -> Any:
        return jnp.fft.irfft(kept(x), n, axis=axis)
