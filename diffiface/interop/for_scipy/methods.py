"""Which derivatives, in which form, each method of SciPy can take.

Measured with SciPy 1.17 (every cell of the table was run): some methods raise on a sparse Hessian, some on a linear
operator, and only LSODA of the implicit integrators wants its Jacobian dense.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from diffiface.errors import InputError

if TYPE_CHECKING:
    from diffiface.interop.for_scipy.ode import OdeCallables
    from diffiface.interop.for_scipy.residual import ResidualCallables
    from diffiface.interop.for_scipy.scalar import ScalarCallables

MINIMIZE = {
    **dict.fromkeys(("Nelder-Mead", "Powell", "COBYLA", "COBYQA"), "value"),
    **dict.fromkeys(("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP"), "gradient"),
    **dict.fromkeys(("Newton-CG", "trust-constr"), "product or sparse"),
    **dict.fromkeys(("trust-ncg", "trust-krylov"), "product"),
    **dict.fromkeys(("dogleg", "trust-exact"), "dense"),
}
"""Method of `minimize` → what it is fed beside f: nothing, the gradient, or that and the Hessian in a form it takes."""

LEAST_SQUARES = {"trf": "any", "dogbox": "any", "lm": "dense"}
"""Method of `least_squares` → which Jacobians it takes. (`lm` of `root` takes the same.)"""

ROOT = {
    "hybr": "dense",
    **dict.fromkeys(
        ("broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden", "excitingmixing", "krylov", "df-sane"),
        "none",
    ),
}
"""Method of `root` → which Jacobians it takes."""

SOLVE_IVP = {
    **dict.fromkeys(("RK45", "RK23", "DOP853"), "none"),
    **dict.fromkeys(("Radau", "BDF"), "any"),
    "LSODA": "dense",
}
"""Method of `solve_ivp` → which Jacobians it takes."""


def scalar_arguments(callables: ScalarCallables, name: str) -> dict[str, Any]:
    """Return what a method of `minimize` is called with."""
    if name == "minimize":
        return {"fun": callables.fun, "jac": callables.jac}
    form = MINIMIZE[_known(name, MINIMIZE, "minimize", also=("minimize",))]
    if form == "value":
        return {"fun": callables.value, "method": name}
    arguments = {"fun": callables.fun, "jac": callables.jac, "method": name}
    if form == "dense":
        arguments["hess"] = callables.dense_hess
    elif form == "product or sparse" and callables.gives_sparse:
        arguments["hess"] = callables.hess
    elif form != "gradient":
        arguments["hessp"] = callables.hessp
    return arguments


def residual_arguments(callables: ResidualCallables, name: str, products_only: bool) -> dict[str, Any]:
    """Return what a function of vectors, or one of its methods, is called with."""
    functions = ("least_squares", "root", "fsolve", "curve_fit", "NonlinearConstraint")
    methods = {**LEAST_SQUARES, **ROOT}
    _known(name, methods, "least_squares or root", also=functions)
    if products_only and methods.get("trf" if name == "least_squares" else name) != "any":
        raise InputError(
            f"{name} does not take a linear operator for the Jacobian",
            engine=callables.backend.name,
            fix='"trf" and "dogbox" do; leave out products_only',
        )
    if name == "curve_fit":
        if not callables.contexts:
            raise InputError(
                "curve_fit needs a function f(params, xdata), but there is no xdata among the arguments",
                engine=callables.backend.name,
                fix='scipy_callables(f, params, backend, xdata, kind="residual")',
            )
        return {"f": callables.model, "jac": callables.model_jac, "p0": callables.x0.copy()}
    if name == "NonlinearConstraint":
        return {"fun": callables.fun, "jac": callables.jac, "hess": callables.hess}
    if name == "fsolve":
        return {"func": callables.fun, "fprime": callables.dense_jac}
    method = {} if name in functions else {"method": name}
    form = {"least_squares": "any", "root": "dense"}.get(name) or methods[name]
    if form == "none":
        return {"fun": callables.value, **method}
    if products_only:
        return {"fun": callables.value, "jac": callables.jac_operator, **method}
    jac = callables.jac if form == "any" else callables.dense_jac
    return {"fun": callables.fun, "jac": jac, **method}


def ode_arguments(callables: OdeCallables, name: str) -> dict[str, Any]:
    """Return what `solve_ivp` or `odeint` is called with."""
    _known(name, SOLVE_IVP, "solve_ivp", also=("solve_ivp", "odeint"))
    if name == "odeint":
        return {"func": callables.fun, "Dfun": callables.dense_jac, "tfirst": True}
    if name == "solve_ivp":
        return {"fun": callables.fun}
    form = SOLVE_IVP[name]
    arguments = {"fun": callables.fun, "method": name}
    if form != "none":
        arguments["jac"] = callables.jac if form == "any" else callables.dense_jac
    return arguments


def _known(name: str, methods: Collection[str], function: str, also: tuple[str, ...]) -> str:
    if name in methods or name in also:
        return name
    names = (*methods, *also)
    folded = {known.lower(): known for known in names}
    close = folded.get(str(name).lower()) or next(iter(difflib.get_close_matches(str(name), names, n=1)), None)
    hint = f"did you mean {close!r}? " if close else ""
    raise InputError(
        f"{name!r} is no method of {function} that is known here", fix=f"{hint}known: {', '.join(map(repr, names))}"
    )
