"""diffiface: one Python front end for derivatives, over any differentiation engine."""

import importlib
import typing

from diffiface.bridges import DifferentiateWith as DifferentiateWith
from diffiface.bridges import to_autograd as to_autograd
from diffiface.bridges import to_jax as to_jax
from diffiface.bridges import to_torch as to_torch
from diffiface.contexts import Cache as Cache
from diffiface.contexts import Constant as Constant
from diffiface.errors import DiffifaceError as DiffifaceError
from diffiface.errors import DisagreementError as DisagreementError
from diffiface.errors import InputError as InputError
from diffiface.errors import LongLoopWarning as LongLoopWarning
from diffiface.errors import MissingBackendError as MissingBackendError
from diffiface.errors import OutputError as OutputError
from diffiface.errors import PreparationMismatchError as PreparationMismatchError
from diffiface.errors import RuleError as RuleError
from diffiface.errors import SparsityPatternError as SparsityPatternError
from diffiface.errors import TracedValueError as TracedValueError
from diffiface.errors import TracingMismatchError as TracingMismatchError
from diffiface.errors import UnknownBackendError as UnknownBackendError
from diffiface.errors import UnsupportedOperationError as UnsupportedOperationError
from diffiface.from_primitive import ForwardFromPrimitive as ForwardFromPrimitive
from diffiface.from_primitive import ReverseFromPrimitive as ReverseFromPrimitive
from diffiface.implicit import implicit as implicit
from diffiface.operators.derivative import derivative as derivative
from diffiface.operators.derivative import prepare_derivative as prepare_derivative
from diffiface.operators.derivative import value_and_derivative as value_and_derivative
from diffiface.operators.gradient import gradient as gradient
from diffiface.operators.gradient import prepare_gradient as prepare_gradient
from diffiface.operators.gradient import value_and_gradient as value_and_gradient
from diffiface.operators.hessian import hessian as hessian
from diffiface.operators.hessian import prepare_hessian as prepare_hessian
from diffiface.operators.hessian import value_gradient_and_hessian as value_gradient_and_hessian
from diffiface.operators.hessian_operator import hessian_operator as hessian_operator
from diffiface.operators.hessian_operator import prepare_hessian_operator as prepare_hessian_operator
from diffiface.operators.hvp import gradient_and_hvp as gradient_and_hvp
from diffiface.operators.hvp import hvp as hvp
from diffiface.operators.hvp import prepare_hvp as prepare_hvp
from diffiface.operators.hvp import value_gradient_and_hvp as value_gradient_and_hvp
from diffiface.operators.jacobian import jacobian as jacobian
from diffiface.operators.jacobian import prepare_jacobian as prepare_jacobian
from diffiface.operators.jacobian import value_and_jacobian as value_and_jacobian
from diffiface.operators.jacobian_operator import jacobian_operator as jacobian_operator
from diffiface.operators.jacobian_operator import prepare_jacobian_operator as prepare_jacobian_operator
from diffiface.operators.linear_operator import LinearOperatorPrep as LinearOperatorPrep
from diffiface.operators.preparation import Prep as Prep
from diffiface.operators.pullback import prepare_pullback as prepare_pullback
from diffiface.operators.pullback import prepare_vjp as prepare_vjp
from diffiface.operators.pullback import pullback as pullback
from diffiface.operators.pullback import value_and_pullback as value_and_pullback
from diffiface.operators.pullback import value_and_vjp as value_and_vjp
from diffiface.operators.pullback import vjp as vjp
from diffiface.operators.pushforward import jvp as jvp
from diffiface.operators.pushforward import prepare_jvp as prepare_jvp
from diffiface.operators.pushforward import prepare_pushforward as prepare_pushforward
from diffiface.operators.pushforward import pushforward as pushforward
from diffiface.operators.pushforward import value_and_jvp as value_and_jvp
from diffiface.operators.pushforward import value_and_pushforward as value_and_pushforward
from diffiface.operators.second_derivative import prepare_second_derivative as prepare_second_derivative
from diffiface.operators.second_derivative import second_derivative as second_derivative
from diffiface.operators.second_derivative import (
    value_derivative_and_second_derivative as value_derivative_and_second_derivative,
)
from diffiface.registry import available_backends as available_backends
from diffiface.registry import backend as backend
from diffiface.registry import capabilities as capabilities
from diffiface.registry import register_backend as register_backend
from diffiface.registry import registered_backends as registered_backends
from diffiface.rules import define_rule as define_rule
from diffiface.rules import rule as rule
from diffiface.second_order.backend import SecondOrder as SecondOrder
from diffiface.sparse import MixedMode as MixedMode
from diffiface.sparse import Sparse as Sparse

__version__ = "0.1.0"

if typing.TYPE_CHECKING:
    from diffiface import interop as interop
    from diffiface import testing as testing
    from diffiface.auto import fastest as fastest
    from diffiface.benchmarking import benchmark as benchmark
    from diffiface.comparison import compare as compare
    from diffiface.distributed import Parallel as Parallel
    from diffiface.distributed import sum_over as sum_over

_LOADED_WHEN_NAMED = {
    "benchmark": "diffiface.benchmarking",
    "compare": "diffiface.comparison",
    "fastest": "diffiface.auto",
    "Parallel": "diffiface.distributed",
    "sum_over": "diffiface.distributed",
    "interop": "diffiface",
    "testing": "diffiface",
}
"""What one can differentiate without: public names, and the modules they are in."""


def __getattr__(name: str) -> object:
    if name not in _LOADED_WHEN_NAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _LOADED_WHEN_NAMED[name]
    if module == __name__:
        return importlib.import_module(f"{module}.{name}")
    found = globals()[name] = getattr(importlib.import_module(module), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LOADED_WHEN_NAMED})
