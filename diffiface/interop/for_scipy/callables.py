"""scipy_callables: a function and its derivatives in the forms that SciPy calls, prepared once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, overload

from diffiface.adapter import Backend
from diffiface.errors import InputError
from diffiface.interop.for_scipy.ode import OdeCallables
from diffiface.interop.for_scipy.residual import ResidualCallables
from diffiface.interop.for_scipy.scalar import ScalarCallables


@overload
def scipy_callables(
    f: Callable[..., Any], x: Any, backend: str | Backend, *contexts: Any, kind: Literal["scalar"] = "scalar"
) -> ScalarCallables: ...
@overload
def scipy_callables(
    f: Callable[..., Any], x: Any, backend: str | Backend, *contexts: Any, kind: Literal["residual"]
) -> ResidualCallables: ...
@overload
def scipy_callables(
    f: Callable[..., Any], x: Any, backend: str | Backend, *contexts: Any, kind: Literal["ode"]
) -> OdeCallables: ...
def scipy_callables(
    f: Callable[..., Any],
    x: Any,
    backend: str | Backend,
    *contexts: Any,
    kind: Literal["scalar", "residual", "ode"] = "scalar",
) -> ScalarCallables | ResidualCallables | OdeCallables:
    """Return a function and its derivatives in the forms that SciPy's optimisers and integrators call.

    Derivatives are prepared once (second ones at first use). What was computed at the last x is remembered, so that a
    value and a gradient asked for in two calls cost one evaluation. Counters say what was computed: `nfev`, `njev`,
    `nhev`, `nhvp`.

    Args:
        f: `f(x, *contexts)`, for kind "ode" `f(t, x, *contexts)`.
        x: an array of any shape, or a pytree of them, like those f will get. Its values do not matter, except that
            `callables.x0` is x as the float64 vector that SciPy works on; `callables.vector.tree(v)` goes back.
        backend: an engine's name or object; `di.Sparse(...)` gives CSR arrays to the methods that take them.
        contexts: further arguments of f, the same in every call. (Leave SciPy's `args=` empty.)
        kind: "scalar" for `minimize`; "residual" (any array y) for `least_squares`, `root`, `fsolve`, `curve_fit`,
            `NonlinearConstraint`; "ode" for `solve_ivp` and `odeint`.
    Returns:
        An object with `fun`, `jac`, `fun_and_jac`, `hess`, `hessp`, `jac_operator` (as far as the kind has them), all of
        them returning new float64 arrays, and `for_method(name)`: the keyword arguments that a method of SciPy takes.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.

    >>> import numpy as np, diffiface as di
    >>> from scipy.optimize import minimize
    >>> rosenbrock = lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> callables = di.interop.scipy_callables(rosenbrock, np.array([-1.2, 1.0]), "reverse")
    >>> minimize(x0=callables.x0, **callables.for_method("trust-exact")).x.round(4)
    array([1., 1.])
    """
    if not callable(f):
        raise InputError(f"f is {f!r:.60}, which cannot be called", fix="the order is scipy_callables(f, x, backend)")
    if kind == "scalar":
        return ScalarCallables(f, x, backend, contexts)
    if kind == "residual":
        return ResidualCallables(f, x, backend, contexts)
    if kind == "ode":
        return OdeCallables(f, x, backend, contexts)
    raise InputError(f"kind={kind!r} is not known", fix='kind is "scalar", "residual" or "ode"')
