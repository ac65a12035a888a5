"""scipy.optimize: solutions depend on what the function holds by the implicit function theorem.

optimize_solution  a solution SciPy has found, as a value of the trace
optimize_roots     root_scalar and its methods, newton, root, fsolve, fixed_point
optimize_minima    minimize, minimize_scalar and the older names of their methods
optimize_fits      least_squares, leastsq, curve_fit, nnls
optimize_refused   the rest of the module, refused by name
"""

from __future__ import annotations

from diffiface.scipy_api import optimize_fits as optimize_fits
from diffiface.scipy_api import optimize_minima as optimize_minima
from diffiface.scipy_api import optimize_refused as optimize_refused
from diffiface.scipy_api import optimize_roots as optimize_roots
