"""A function and its derivatives in the forms that other packages call. None of them is needed until it is used.

    for_scipy            scipy_callables: minimize, least_squares, root, curve_fit, solve_ivp, constraints
    optimagic            functions of pytrees of parameters
    minuit               iminuit
    ipopt                cyipopt, with sparse structures
    likelihood_models    statsmodels
    log_densities        emcee, dynesty, nutpie
    vectors              pytrees as vectors, and back
    last_point           what was computed at the last x

What is written in JAX (blackjax, diffrax, optimistix, numpyro) takes the functions that `di.to_jax` makes.
"""

from diffiface.interop.for_scipy.callables import scipy_callables as scipy_callables
from diffiface.interop.ipopt import ipopt_problem as ipopt_problem
from diffiface.interop.likelihood_models import likelihood_model as likelihood_model
from diffiface.interop.log_densities import log_density as log_density
from diffiface.interop.log_densities import nutpie_model as nutpie_model
from diffiface.interop.minuit import minuit_arguments as minuit_arguments
from diffiface.interop.optimagic import optimagic_arguments as optimagic_arguments
