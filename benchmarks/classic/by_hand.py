"""The same derivatives by an engine alone, as someone who knows it would write them: what diffiface adds is measured by these.

Each function is called once with the arguments and returns the call that is timed: NumPy arrays in, a NumPy array out, in
double precision, compiled beforehand where the engine compiles. Nothing is kept between calls that diffiface does not keep.
"""

from __future__ import annotations

import numpy as np


def _jax_gradient(loss):
    import jax

    compiled = jax.jit(jax.grad(loss))

    def call(*arguments):
        with jax.enable_x64(True):
            return np.asarray(compiled(*arguments))

    return call


def _torch_gradient(loss):
    import torch

    def call(x, *constants):
        leaf = torch.tensor(x, requires_grad=True)
        loss(leaf, *map(torch.from_numpy, constants)).backward()
        return leaf.grad.numpy()

    return call


def logit_jax(*arguments):
    import jax.numpy as jnp

    def loss(b, y, X):
        p = 1 / (1 + jnp.exp(-(X @ b)))
        return jnp.sum(jnp.log(jnp.where(y, p, 1 - p)))

    return _jax_gradient(loss)


def logit_torch(*arguments):
    import torch

    def loss(b, y, X):
        p = 1 / (1 + torch.exp(-(X @ b)))
        return torch.sum(torch.log(torch.where(y, p, 1 - p)))

    return _torch_gradient(loss)


def logit_autograd(*arguments):
    import autograd
    import autograd.numpy as anp

    def loss(b, y, X):
        p = 1 / (1 + anp.exp(-(X @ b)))
        return anp.sum(anp.log(anp.where(y, p, 1 - p)))

    return autograd.grad(loss)


def _rosenbrock(total):
    return lambda x: total(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_jax(*arguments):
    import jax.numpy as jnp

    return _jax_gradient(_rosenbrock(jnp.sum))


def rosenbrock_torch(*arguments):
    import torch

    return _torch_gradient(_rosenbrock(torch.sum))


def rosenbrock_autograd(*arguments):
    import autograd
    import autograd.numpy as anp

    return autograd.grad(_rosenbrock(anp.sum))


BY_HAND = {
    (problem, "gradient"): {engine: f"by_hand:{problem}_{engine}" for engine in ("jax", "torch", "autograd")}
    for problem in ("logit", "rosenbrock")
}
