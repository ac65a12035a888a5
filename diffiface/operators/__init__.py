"""The eight operators, one per file, each with its derivation from the others.

`operator.py` says what an operator is, `call.py` what one call of it is, `preparation.py` what is kept
between calls, `cascade.py` how the derivations reach an engine's methods.
"""

# Imported for their derivations: an operator may be derived through any other.
from diffiface.operators import derivative as derivative
from diffiface.operators import gradient as gradient
from diffiface.operators import hessian as hessian
from diffiface.operators import hvp as hvp
from diffiface.operators import jacobian as jacobian
from diffiface.operators import pullback as pullback
from diffiface.operators import pushforward as pushforward
from diffiface.operators import second_derivative as second_derivative
