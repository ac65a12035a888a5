"""scipy.integrate.odeint: LSODA's own numbers, with the derivatives of an explicit method at a tighter tolerance.

LSODA's implicit steps cannot be differentiated one by one. The solution it approximates can: it is computed once more by
the Runge-Kutta formulas of `integrate_ode`, whose derivatives are used, while the values stay those of LSODA.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy import integrate

from diffiface.numpy_api.conversion import array_in, trace_of
from diffiface.numpy_api.dressed import known
from diffiface.numpy_api.functions.shape import as_dressed
from diffiface.rebinding.substitutes import substitute
from diffiface.scipy_api.integrate_ode import solve_ivp

_RTOL, _ATOL = 1e-10, 1e-12
"""Well below odeint's own default of 1.5e-8, so that the derivatives are those of the solution."""


def _plain(value: Any) -> Any:
    p = trace_of(value)
    return value if p is None else known(p, array_in(value, p), "scipy.integrate.odeint")[()]


@substitute(integrate.odeint)
def odeint(func: Any, y0: Any, t: Any, args: Any = (), *rest: Any, tfirst: bool = False, **options: Any) -> Any:
    """Solve an initial value problem, as scipy.integrate.odeint does."""
    arguments = args if isinstance(args, tuple) else (args,)

    def right_side(time: Any, y: Any, *arguments: Any) -> Any:
        return func(time, y, *arguments) if tfirst else func(y, time, *arguments)

    p = trace_of((y0, t, arguments))
    if p is None:  # func may itself hold values that are being differentiated
        p = trace_of(right_side(t[0], np.atleast_1d(y0), *arguments))
    if p is None:
        return integrate.odeint(func, y0, t, args, *rest, tfirst=tfirst, **options)

    def plain_right_side(time: float, y: np.ndarray, *arguments: Any) -> Any:
        return np.asarray(_plain(as_dressed(right_side(time, y, *arguments))))

    plain_arguments = tuple(_plain(value) for value in arguments)
    found = integrate.odeint(
        plain_right_side, _plain(y0), np.asarray(_plain(t)), plain_arguments, *rest, tfirst=True, **options
    )
    values = found[0] if isinstance(found, tuple) else found

    y = np.atleast_1d(as_dressed(y0))
    rows = [y]
    for start, stop in itertools.pairwise(t):
        y = solve_ivp(right_side, (start, stop), y, "DOP853", args=arguments, rtol=_RTOL, atol=_ATOL).y[:, -1]
        rows.append(y)
    solution = np.stack(rows)
    result = solution + (values - np.asarray(_plain(solution)))
    return (result, *found[1:]) if isinstance(found, tuple) else result
