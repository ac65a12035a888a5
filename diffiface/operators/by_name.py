"""The eight operators by their names."""

from __future__ import annotations

from diffiface.operators.derivative import DERIVATIVE
from diffiface.operators.gradient import GRADIENT
from diffiface.operators.hessian import HESSIAN
from diffiface.operators.hvp import HVP
from diffiface.operators.jacobian import JACOBIAN
from diffiface.operators.operator import Operator
from diffiface.operators.pullback import PULLBACK
from diffiface.operators.pushforward import PUSHFORWARD
from diffiface.operators.second_derivative import SECOND_DERIVATIVE

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (PUSHFORWARD, PULLBACK, DERIVATIVE, GRADIENT, JACOBIAN, SECOND_DERIVATIVE, HVP, HESSIAN)
}
"""In the order in which they build on each other."""
