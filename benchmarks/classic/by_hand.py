"""The same derivatives by an engine alone, as someone who knows it would write them: what diffiface adds is measured by these.

`prepared` is called once with the arguments and returns the call that is timed: NumPy arrays in, a NumPy array out, in double
precision, compiled beforehand where the engine compiles. Nothing is kept between calls that diffiface does not keep.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from for_engines import written_for

from diffiface.testing.problems import PROBLEMS

Call = Callable[..., np.ndarray]


def by_jax(f: Callable[..., Any], operator: str) -> Call:
    """jit, in 64 bits for the call."""
    import jax

    derivatives: dict[str, Callable[..., Any]] = {
        "gradient": jax.grad(f),
        "hessian": jax.hessian(f),
        "jacobian": jax.jacfwd(f),
        "hvp": lambda x, t, *constants: jax.jvp(jax.grad(lambda x: f(x, *constants)), (x,), (t,))[1],
        "pushforward": lambda x, t, *constants: jax.jvp(lambda x: f(x, *constants), (x,), (t,))[1],
        "pullback": lambda x, t, *constants: jax.vjp(lambda x: f(x, *constants), x)[1](t)[0],
    }
    compiled = jax.jit(derivatives[operator])

    def call(*arguments):
        with jax.enable_x64(True):
            return np.asarray(compiled(*arguments))

    return call


def by_torch(f: Callable[..., Any], operator: str) -> Call:
    """Eager; `torch.func` where a derivative has many columns."""
    import torch

    def backward(x, *constants):
        leaf = x.requires_grad_()
        f(leaf, *constants).backward()
        return leaf.grad

    def pullback(x, t, *constants):
        leaf = x.requires_grad_()
        return torch.autograd.grad(f(leaf, *constants), leaf, t)[0]

    def hvp(x, t, *constants):
        leaf = x.requires_grad_()
        (gradient,) = torch.autograd.grad(f(leaf, *constants), leaf, create_graph=True)
        return torch.autograd.grad(gradient, leaf, t)[0]

    derivatives: dict[str, Callable[..., Any]] = {
        "gradient": backward,
        "pullback": pullback,
        "hvp": hvp,
        "pushforward": lambda x, t, *constants: torch.func.jvp(lambda x: f(x, *constants), (x,), (t,))[1],
        "hessian": torch.func.hessian(f),
        "jacobian": torch.func.jacfwd(f),
    }
    derivative = derivatives[operator]

    def call(x, *others):
        return derivative(torch.tensor(x), *map(torch.from_numpy, others)).numpy()

    return call


def by_autograd(f: Callable[..., Any], operator: str) -> Call:
    """The operators of autograd, which has no forward mode for all of NumPy: there by its double backward trick."""
    import autograd
    import autograd.differential_operators as operators

    derivatives: dict[str, Callable[..., Any]] = {
        "gradient": autograd.grad(f),
        "hessian": autograd.hessian(f),
        "jacobian": autograd.jacobian(f),
        "hvp": lambda x, t, *constants: operators.hessian_vector_product(f)(x, *constants, t),
        "pullback": lambda x, t, *constants: operators.make_vjp(f)(x, *constants)[0](t),
        "pushforward": lambda x, t, *constants: operators.make_jvp_reversemode(f)(x, *constants)(t),
    }
    return derivatives[operator]


ENGINES: dict[str, Callable[[Callable[..., Any], str], Call]] = {
    "jax": by_jax,
    "torch": by_torch,
    "autograd": by_autograd,
}


def prepared(problem: str, operator: str, engine: str, *arguments: Any) -> Call:
    """Return the hand-written call for one problem, operator and engine."""
    return ENGINES[engine](written_for(problem, engine), operator)


BY_HAND = {
    (problem.name, operator): {engine: partial(prepared, problem.name, operator, engine) for engine in ENGINES}
    for problem in PROBLEMS
    for operator in problem.operators
}
"""(problem, operator) → engine → what makes the call, for `benchmark_suite(by_hand=…)`."""
