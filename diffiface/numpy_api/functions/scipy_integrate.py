"""scipy.integrate: rules for samples, integrals of functions (quad), initial value problems (solve_ivp)."""

from __future__ import annotations

from diffiface.numpy_api.functions import scipy_integrate_ode as scipy_integrate_ode
from diffiface.numpy_api.functions import scipy_integrate_quad as scipy_integrate_quad
from diffiface.numpy_api.functions import scipy_integrate_samples as scipy_integrate_samples
