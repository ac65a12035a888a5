"""Sparsity patterns of functions written in JAX, read off their programs by the package asdex."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffiface.adapter import NUMPY, FlatFunction, Leaves
from diffiface_jax.operators import flat_call


def pattern_by_asdex(
    operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
) -> tuple[tuple[int, int], np.ndarray] | None:
    """Return the shape of a Jacobian or Hessian, and the (row, column) of each entry that may differ from zero.

    None if asdex is not installed. The leaves of x are laid end to end, and so are those of y.
    """
    if find_spec("asdex") is None:
        return None
    import asdex  # pyright: ignore[reportMissingImports]

    shapes = [x.shape for x in xs]
    dtypes = [x.dtype for x in xs]
    ends = np.cumsum([math.prod(shape) for shape in shapes]).tolist()
    flat = flat_call(f, NUMPY, contexts)

    def of_vector(vector: jax.Array) -> Any:
        parts = jnp.split(vector, ends[:-1])
        ys, _ = flat(*[part.reshape(s).astype(d) for part, s, d in zip(parts, shapes, dtypes, strict=True)])
        return ys[0] if operator == "hessian" else jnp.concatenate([y.reshape(-1) for y in ys])

    detect = asdex.jacobian_sparsity if operator == "jacobian" else asdex.hessian_sparsity
    found = detect(of_vector, jnp.zeros(ends[-1], jnp.result_type(*dtypes)))
    return (found.m, found.n), np.stack([np.asarray(found.rows), np.asarray(found.cols)], axis=1)
