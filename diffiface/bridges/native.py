"""A NumPy function as a function of another library's arrays: di.to_jax, di.to_torch, di.to_autograd."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface import registry, trees
from diffiface.adapter import Backend
from diffiface.arrays import family_of
from diffiface.bridges.differentiate_with import DifferentiateWith


def to_jax(f: Callable[..., Any], *, backend: str | Backend = "jax", output: Any = None) -> Callable[..., Any]:
    """Return a NumPy function as a function of JAX arrays, for use under `jax.jit`, `jax.vmap` and `jax.grad`.

    Args:
        f: the function, of numbers, arrays and pytrees of them.
        backend: who differentiates it. `"jax"`: JAX itself, which traces and compiles f with the rest of the program;
            any other engine: f is called on the host (see `di.DifferentiateWith`).
        output: an example of what f returns, where calling it once on ones does not tell.
    Returns:
        A function from JAX arrays (or what becomes one) to JAX arrays.
    Raises:
        MissingBackendError: JAX is not installed. Otherwise as `di.DifferentiateWith`.

    >>> import jax, jax.numpy as jnp, numpy as np, diffiface as di
    >>> f = di.to_jax(lambda x: np.sum(np.sin(x) ** 2))
    >>> jax.jit(jax.grad(f))(jnp.array([0.0, 0.5])).round(4)
    Array([0.    , 0.8415], dtype=float32)
    """
    return _into("jax", f, backend, output)


def to_torch(f: Callable[..., Any], *, backend: str | Backend = "torch", output: Any = None) -> Callable[..., Any]:
    """Return a NumPy function as a function of PyTorch tensors, for `backward`, `torch.func` and modules.

    Args:
        f: the function, of numbers, arrays and pytrees of them.
        backend: who differentiates it. `"torch"`: PyTorch itself, operation by operation; any other engine: f is called
            on the host (see `di.DifferentiateWith`).
        output: an example of what f returns; PyTorch never needs it.
    Returns:
        A function from tensors (or what becomes one) to tensors.
    Raises:
        MissingBackendError: PyTorch is not installed. Otherwise as `di.DifferentiateWith`.

    >>> import numpy as np, torch, diffiface as di
    >>> x = torch.tensor([0.0, 0.5], dtype=torch.float64, requires_grad=True)
    >>> di.to_torch(lambda x: np.sum(np.sin(x) ** 2), backend="reverse")(x).backward()
    >>> x.grad
    tensor([0.0000, 0.8415], dtype=torch.float64)
    """
    return _into("torch", f, backend, output)


def to_autograd(
    f: Callable[..., Any], *, backend: str | Backend = "autograd", output: Any = None
) -> Callable[..., Any]:
    """Return a NumPy function (plain `numpy`, not `autograd.numpy`) as one that autograd differentiates.

    Args:
        f: the function, of numbers, arrays and pytrees of them.
        backend: who differentiates it. `"autograd"`: autograd itself, operation by operation; any other engine: f is a
            primitive of autograd's (see `di.DifferentiateWith`).
        output: an example of what f returns; autograd never needs it.
    Returns:
        A function from NumPy arrays, or the boxes autograd has around them, to the same.
    Raises:
        MissingBackendError: autograd is not installed. Otherwise as `di.DifferentiateWith`.

    >>> import autograd, numpy as np, diffiface as di
    >>> autograd.grad(di.to_autograd(lambda x: np.sum(np.sin(x) ** 2)))(np.array([0.0, 0.5])).round(4)
    array([0.    , 0.8415])
    """
    return _into("autograd", f, backend, output)


def _into(engine: str, f: Callable[..., Any], backend: str | Backend, output: Any) -> Callable[..., Any]:
    registry.backend_class(engine)  # a clear error where the library is missing
    bridge = DifferentiateWith(f, backend, output=output)
    family = registry.family_of_module(engine)
    assert family is not None

    @functools.wraps(f, updated=())
    def function(*args: Any, **keywords: Any) -> Any:
        leaves, structure = trees.flatten((args, keywords))
        if not any(family_of(leaf) is family for leaf in leaves):
            leaves = [_in_family(family, leaf) for leaf in leaves]
            args, keywords = trees.unflatten(structure, leaves)
        result = bridge(*args, **keywords)
        return trees.map_leaves(functools.partial(_in_family, family), result)

    return function


def _in_family(family: Any, leaf: Any) -> Any:
    return family.converted(np.asarray(leaf)) if isinstance(leaf, np.ndarray | np.generic | float | complex) else leaf
