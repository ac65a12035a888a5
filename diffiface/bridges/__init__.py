"""Engines inside engines: a function differentiated by one engine in a program that another one differentiates.

differentiate_with   di.DifferentiateWith
native               di.to_jax, di.to_torch, di.to_autograd
bridged_call         what the outer engine asks of such a call, answered by the inner engine
inlined              f traced by the outer engine itself, where both are the same
"""

from diffiface.bridges.differentiate_with import DifferentiateWith as DifferentiateWith
from diffiface.bridges.native import to_autograd as to_autograd
from diffiface.bridges.native import to_jax as to_jax
from diffiface.bridges.native import to_torch as to_torch
