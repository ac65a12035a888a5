"""Functions of matrices and matrix equations that JAX has not, or not with a derivative.

The numbers come from SciPy, by a call on the host. Such a call cannot be transposed, so a derivative is given to JAX
as the solution of a linear equation, which JAX knows how to differentiate and to transpose: it only needs the
solutions of the equation and of the transposed one, and those may come from the host.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np

from diffiface.adapter import NUMPY, Primitives
from diffiface_jax.promotion import kept, promoted
from diffiface_jax.words import from_words, packed, to_words, unpacked, words_of


def _product(a: Any, b: Any) -> Any:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def _transpose(a: Any) -> Any:
    return jnp.swapaxes(a, -1, -2)


def _on_host(name: str, like: Any, *arrays: Any) -> Any:
    """Compute a primitive by its NumPy definition; the result has the shape and dtype of `like`."""
    dtype = np.dtype(like.dtype)
    dtypes = [np.dtype(a.dtype) for a in arrays]

    def run(*words: Any) -> np.ndarray:
        arrays = [from_words(np.asarray(w), d) for w, d in zip(words, dtypes, strict=True)]
        result = getattr(NUMPY, name)(*arrays)
        if np.iscomplexobj(result) and dtype.kind != "c":  # the dtype is settled before the number is known
            result = np.full(result.shape, np.nan)
        return to_words(result.astype(dtype, copy=False))

    shape = jax.ShapeDtypeStruct(*words_of(like.shape, dtype))
    words = jax.pure_callback(run, shape, *map(packed, arrays), vmap_method="broadcast_all")
    return unpacked(words, dtype)


def _sylvester(a: Any, b: Any, q: Any) -> Any:
    return jax.lax.custom_linear_solve(
        lambda x: _product(a, x) + _product(x, b),
        q,
        lambda _, q: _on_host("sylvester", q, a, b, q),
        lambda _, q: _on_host("sylvester", q, _transpose(a), _transpose(b), q),
    )


@jax.custom_jvp
def _sqrtm(a: Any) -> Any:
    return _on_host("sqrtm", a, a)


@_sqrtm.defjvp
def _push_sqrtm(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    y = _sqrtm(*primals)
    return y, _sylvester(y, y, tangents[0])


@jax.custom_jvp
def _logm(a: Any) -> Any:
    return _on_host("logm", a, a)


def _frechet_logm(a: Any, direction: Any) -> Any:
    """Return the derivative of the logarithm, by log([[a, e], [0, a]]) = [[log(a), Dlog(a) e], [0, log(a)]]."""
    n = a.shape[-1]
    top = jnp.concatenate([a, direction], axis=-1)
    bottom = jnp.concatenate([jnp.zeros_like(a), a], axis=-1)
    block = jnp.concatenate([top, bottom], axis=-2)
    return _on_host("logm", block, block)[..., :n, n:]


@_logm.defjvp
def _push_logm(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    (a,) = primals
    y = _logm(a)

    def of_exponential(direction: Any) -> Any:
        return jax.jvp(jax.scipy.linalg.expm, (y,), (direction,))[1]

    tangent = jax.lax.custom_linear_solve(
        of_exponential,
        tangents[0],
        lambda _, e: _frechet_logm(a, e),
        lambda _, e: _frechet_logm(_transpose(a), e),
    )
    return y, tangent


def _single(function: Callable[..., Any], *arrays: Any) -> Any:
    """Apply a function of single matrices to stacks."""
    outer = np.broadcast_shapes(*(a.shape[:-2] for a in arrays))
    if not outer:
        return function(*map(jnp.asarray, arrays))
    flat = [jnp.broadcast_to(a, (*outer, *a.shape[-2:])).reshape(-1, *a.shape[-2:]) for a in arrays]
    results = jax.vmap(function)(*flat)
    return results.reshape(*outer, *results.shape[1:])


class MatrixFunctions(Primitives):
    """The primitives that SciPy computes."""

    def sylvester(self, a: Any, b: Any, q: Any) -> Any:
        return _single(_sylvester, *promoted((a, b, q)))

    def sqrtm(self, a: Any) -> Any:
        return _single(_sqrtm, kept(a))

    def logm(self, a: Any) -> Any:
        return _single(_logm, kept(a))
