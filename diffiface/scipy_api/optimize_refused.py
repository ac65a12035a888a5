"""What of scipy.optimize is refused by name, and what has no derivative to lose."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from scipy import optimize

from diffiface.errors import TracedValueError, UnsupportedOperationError, user_line
from diffiface.numpy_api.conversion import trace_of
from diffiface.rebinding.substitutes import substitute
from diffiface.scipy_api.optimize_solution import BY_HAND, plain

MINIMIZE = "use scipy.optimize.minimize, whose x and fun are differentiated; or " + BY_HAND

REFUSED = {
    "basinhopping brute differential_evolution direct dual_annealing shgo": MINIMIZE,
    "fmin_cobyla fmin_l_bfgs_b fmin_slsqp fmin_tnc": MINIMIZE,
    "anderson broyden1 broyden2 diagbroyden excitingmixing linearmixing newton_krylov": "use scipy.optimize.root, "
    "whose x is differentiated; or " + BY_HAND,
    "approx_fprime bracket check_grad line_search": "take derivatives by diffiface's operators, which may be nested",
    "isotonic_regression linprog lsq_linear milp quadratic_assignment": BY_HAND,
}
"""Names -> what to write instead."""


def _refusing(function: Callable[..., Any], fix: str) -> Callable[..., Any]:
    """Return SciPy's function, whose failure on values of a trace (given, or in its function's closure) names it."""
    name = f"scipy.optimize.{function.__name__}"

    @functools.wraps(function)
    def refused(*args: Any, **keywords: Any) -> Any:
        try:
            return function(*args, **keywords)
        except Exception as error:
            p = trace_of((args, keywords))
            lost = _traced_value_error(error)
            if p is None and lost is None:
                raise
            raise UnsupportedOperationError(
                f"{name} is not translated, and cannot use a value that is being differentiated",
                engine=p.engine if p is not None else lost.engine if lost is not None else "",
                where=user_line(),
                fix=fix,
            ) from error

    return refused


def _traced_value_error(error: BaseException | None) -> TracedValueError | None:
    """Return the error of ours behind one of SciPy's (differential_evolution raises its own)."""
    while error is not None and not isinstance(error, TracedValueError):
        error = error.__cause__ or error.__context__
    return error


for _names, _fix in REFUSED.items():
    for _name in _names.split():
        _function = getattr(optimize, _name, None)  # (some are newer than the oldest SciPy that is supported)
        if _function is not None:
            substitute(_function, _refusing(_function, _fix))


@substitute(optimize.linear_sum_assignment)
def linear_sum_assignment(cost_matrix: Any, maximize: bool = False) -> Any:
    """Return the places of an assignment: indices, which do not change with small changes of the costs."""
    return optimize.linear_sum_assignment(plain(cost_matrix, "scipy.optimize.linear_sum_assignment"), maximize)
