"""Derivatives of derivatives: which engines can be combined, and how.

`functions.py` holds derivatives as functions that another engine differentiates, `nesting.py` says which engines can
stand inside which, `hvp_modes.py` the four ways to a Hessian-vector product, `backend.py` the pair of engines as a
backend, `nth_derivative.py` derivatives of any order by one number.
"""

from diffiface.second_order.functions import DerivativeFunction as DerivativeFunction
from diffiface.second_order.functions import GradientFunction as GradientFunction
from diffiface.second_order.functions import PullbackFunction as PullbackFunction
from diffiface.second_order.functions import PushforwardFunction as PushforwardFunction
