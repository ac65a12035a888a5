"""The same derivatives by other engines, used by hand at their best settings.

Each rival takes the workload (a factory over a NumPy-like namespace), the operator and the arguments, and returns calls by
label. What only a call needs once (moving data, tracing, compiling) is done before. A rival that cannot do it returns none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

Calls = Mapping[str, Callable[[], Any]]
Arguments = tuple[np.ndarray, ...]


def jax_calls(make: Callable[[Any], Any], operator: str, arguments: Arguments) -> Calls:
    """jit on 64-bit numbers, run in the calling thread (two to three times faster for small work than JAX's default)."""
    import jax
    import jax.numpy as jnp
    from workloads import euler, euler_step

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    note = ""
    if make is euler:  # the loop written out takes XLA hours: rewritten for it
        note = ", lax.scan"

        def f(start: Any) -> Any:
            state, _ = jax.lax.scan(lambda s, _: (euler_step(jnp, s), None), tuple(start), None, length=1000)
            return sum(s * s for s in state)
    else:
        f = make(jnp)
    by_hand: dict[str, Any] = {
        "value_and_gradient": jax.value_and_grad(f),
        "gradient": jax.grad(f),
        "pullback": lambda x, w, *contexts: jax.vjp(lambda x: f(x, *contexts), x)[1](w)[0],
        "hvp": lambda x, t, *contexts: jax.jvp(jax.grad(lambda x: f(x, *contexts)), (x,), (t,))[1],
        "jacobian": jax.jacfwd(f),
    }
    jitted = jax.jit(by_hand[operator])
    there = tuple(map(jax.device_put, arguments))

    def on_numpy() -> Any:
        result = jitted(*arguments)
        return (float(result[0]), np.asarray(result[1])) if type(result) is tuple else np.asarray(result)

    return {f"jax{note}": lambda: jax.block_until_ready(jitted(*there)), f"jax{note}, NumPy in and out": on_numpy}


def torch_calls(make: Callable[[Any], Any], operator: str, arguments: Arguments) -> Calls:
    """Eager, one thread, data in tensors already."""
    import torch

    torch.set_num_threads(1)
    names = ("exp", "log", "where", "sum", "mean", "tanh", "sin", "cos", "roll", "einsum")
    namespace = SimpleNamespace(**{name: getattr(torch, name) for name in names})
    namespace.asarray = torch.as_tensor
    namespace.stack = lambda parts, axis=0: torch.stack(parts, dim=axis)
    namespace.min = lambda x, axis: torch.amin(x, dim=axis)
    namespace.max = lambda x, axis=None: torch.max(x) if axis is None else torch.amax(x, dim=axis)
    f = make(namespace)
    x, *rest = map(torch.as_tensor, arguments)

    def value_and_gradient() -> Any:
        leaf = x.detach().requires_grad_()
        y = f(leaf, *rest)
        return y.detach(), torch.autograd.grad(y, leaf)[0]

    def pullback() -> Any:
        leaf = x.detach().requires_grad_()
        return torch.autograd.grad(f(leaf, *rest[1:]), leaf, rest[0])[0]

    def hvp() -> Any:
        leaf = x.detach().requires_grad_()
        (g,) = torch.autograd.grad(f(leaf, *rest[1:]), leaf, create_graph=True)
        return torch.autograd.grad(g, leaf, rest[0])[0]

    by_hand = {
        "value_and_gradient": value_and_gradient,
        "gradient": lambda: value_and_gradient()[1],
        "pullback": pullback,
        "hvp": hvp,
        "jacobian": lambda: torch.func.jacfwd(f)(x, *rest),
    }
    return {"torch": by_hand[operator]}


def autograd_calls(make: Callable[[Any], Any], operator: str, arguments: Arguments) -> Calls:
    import autograd
    import autograd.differential_operators as operators
    import autograd.numpy as anp

    f, x = make(anp), arguments[0]
    by_hand: dict[str, Callable[[], Any]] = {
        "value_and_gradient": lambda: autograd.value_and_grad(f)(*arguments),
        "gradient": lambda: autograd.grad(f)(*arguments),
        "pullback": lambda: operators.make_vjp(f)(x, *arguments[2:])[0](arguments[1]),
        "hvp": lambda: operators.hessian_vector_product(f)(x, arguments[1]),
        "jacobian": lambda: autograd.jacobian(f)(*arguments),
    }
    return {"autograd": by_hand[operator]}


def casadi_calls(make: Callable[[Any], Any], operator: str, arguments: Arguments) -> Calls:
    """Scalar expressions of the first argument, their own virtual machine, arguments and results in place (buffer API)."""
    import casadi
    from workloads import euler, rosenbrock

    if make not in (euler, rosenbrock) or arguments[0].size > 20_000:
        return {}
    n = arguments[0].size
    x = casadi.SX.sym("x", n)
    if make is rosenbrock:
        y = casadi.sumsqr(10.0 * (x[1:] - x[:-1] ** 2)) + casadi.sumsqr(1.0 - x[:-1])
    else:
        y = make(SimpleNamespace(sin=casadi.sin))(x)
    if operator == "hvp":
        t = casadi.SX.sym("t", n)
        inputs, outputs = [x, t], [casadi.jtimes(casadi.gradient(y, x), x, t)]
    elif operator in ("value_and_gradient", "gradient"):
        inputs, outputs = [x], ([y] if operator == "value_and_gradient" else []) + [casadi.gradient(y, x)]
    else:
        return {}
    function = casadi.Function("f", inputs, [casadi.densify(o) for o in outputs])
    buffer, call = function.buffer()
    given = [np.array(a) for a in arguments]
    results = [np.empty(o.numel()) for o in outputs]
    for place, array in enumerate(given):
        buffer.set_arg(place, memoryview(array))
    for place, array in enumerate(results):
        buffer.set_res(place, memoryview(array))

    def run(_keep: Any = (function, buffer, given)) -> Any:
        call()
        return results[0] if len(results) == 1 else (results[0][0], results[1])

    return {"casadi": run}


RIVALS: dict[str, Callable[[Callable[[Any], Any], str, Arguments], Calls]] = {
    "jax": jax_calls,
    "torch": torch_calls,
    "autograd": autograd_calls,
    "casadi": casadi_calls,
}
