"""scipy.integrate: rules for samples, integrals of functions (quad), initial value problems (solve_ivp, odeint)."""

from __future__ import annotations

from diffiface.scipy_api import integrate_ode as integrate_ode
from diffiface.scipy_api import integrate_odeint as integrate_odeint
from diffiface.scipy_api import integrate_quad as integrate_quad
from diffiface.scipy_api import integrate_samples as integrate_samples
