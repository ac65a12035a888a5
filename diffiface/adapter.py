"""The extension surface: what an engine must and may supply. Adapters import this module and nothing else of diffiface.

An engine is a frozen dataclass derived from `Backend`, named by an entry point of the group
`diffiface.backends`. It must supply `value_and_pushforward` or `value_and_pullback`; the front end
derives every operator from either. Each further method below that it overrides is used instead of the
derivation. Capabilities are read off the class: what is overridden is native.

Conventions of all methods
    f           a `FlatFunction`: `f(p, xs, contexts)` runs the user's function on this engine's raw
                values under the trace `p` (the engine's `Primitives`) and returns `(ys, aux)`:
                a tuple of raw output leaves and an auxiliary pytree (None unless the user asked).
    xs          the leaves of x: float or complex NumPy arrays (0-d for scalars), or arrays of this
                engine's own family, or raw values of an outer trace (nesting).
    tangents    one array per leaf of x with a leading batch axis: shape `(batch, *x.shape)`.
    cotangents  one array per leaf of y with a leading batch axis: shape `(batch, *y.shape)`; or a function
                that makes them from the `(shape, dtype)` of each leaf of y, so that one run of f serves.
    contexts    the leaves of the constants, passed on to f as they are or traced (never differentiated).
    results     leaves in the family of xs. NumPy results are new arrays, never views of an input.
    nesting     while another trace is running (`current_trace() is not NUMPY`) results are raw values
                of that trace, whatever xs are: f may have met its values in a closure.
Complex numbers: a pullback is the adjoint for the real inner product Re(conj(a) b), so that the
gradient of a real function is the direction of steepest ascent (|z|**2 has gradient 2z).
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from diffiface import errors as errors
from diffiface import nested_rules as nested_rules
from diffiface import trees as trees
from diffiface.captured import NotWatchable as NotWatchable
from diffiface.captured import Revision as Revision
from diffiface.captured import Watch as Watch
from diffiface.captured import user_function as user_function
from diffiface.errors import InputError as InputError
from diffiface.errors import MissingBackendError as MissingBackendError
from diffiface.errors import TracedValueError as TracedValueError
from diffiface.errors import UnsupportedOperationError as UnsupportedOperationError
from diffiface.flat_call import FlatCall as FlatCall
from diffiface.flat_call import rebuild_aux as rebuild_aux
from diffiface.methods_by_name import MethodsByName as MethodsByName
from diffiface.primitives import NUMPY as NUMPY
from diffiface.primitives import PRIMITIVES as PRIMITIVES
from diffiface.primitives import CustomCall as CustomCall
from diffiface.primitives import Primitives as Primitives
from diffiface.primitives.entry_functions import EntryFunctions as EntryFunctions
from diffiface.primitives.object_arrays import ObjectArray as ObjectArray
from diffiface.primitives.object_arrays import ObjectArrayPrimitives as ObjectArrayPrimitives
from diffiface.primitives.object_arrays import object_array as object_array
from diffiface.primitives.object_linear_algebra import ObjectLinearAlgebra as ObjectLinearAlgebra
from diffiface.real_vectors import RealFunction as RealFunction
from diffiface.real_vectors import RealLayout as RealLayout
from diffiface.real_vectors import evaluate_shifted as evaluate_shifted
from diffiface.real_vectors import jacobian_leaves as jacobian_leaves
from diffiface.rebinding import can_read_live as can_read_live
from diffiface.rebinding import names_in as names_in
from diffiface.rebinding import reaches_around as reaches_around
from diffiface.rebinding import reading_live as reading_live
from diffiface.special_functions import SPECIAL_FORMULAS as SPECIAL_FORMULAS
from diffiface.special_functions import SPECIAL_FUNCTIONS as SPECIAL_FUNCTIONS
from diffiface.static_arguments import is_traced_argument as is_traced_argument
from diffiface.static_arguments import static_key as static_key
from diffiface.symbolic.algebra import Algebra as Algebra
from diffiface.symbolic.calls import SymbolicPrimitives as SymbolicPrimitives
from diffiface.symbolic.operators import PreparedProgram as PreparedProgram
from diffiface.symbolic.operators import run_once as run_once
from diffiface.tracing import current_trace as current_trace
from diffiface.tracing import running as running
from diffiface.tracing import tracing as tracing

Leaves = Sequence[Any]
"""A flat tuple of arrays."""

Cotangents = Leaves | Callable[[Sequence[tuple[tuple[int, ...], Any]]], Leaves]
"""Cotangents, or the function that makes them once the shapes and dtypes of y's leaves are known."""

OPERATORS = (
    "pushforward",
    "pullback",
    "derivative",
    "gradient",
    "jacobian",
    "second_derivative",
    "hvp",
    "hessian",
)
"""The eight operators, in the order in which they build on each other."""

ENGINE_METHODS = {
    "pushforward": "value_and_pushforward",
    "pullback": "value_and_pullback",
    "derivative": "value_and_derivative",
    "gradient": "value_and_gradient",
    "jacobian": "value_and_jacobian",
    "second_derivative": "value_derivative_and_second_derivative",
    "hvp": "value_gradient_and_hvp",
    "hessian": "value_gradient_and_hessian",
}
"""The engine method that gives each operator everything its variants return."""


@functools.cache
def result_parts(operator: str) -> tuple[str, ...]:
    """Return how each result of an operator's engine method is structured (aux, which comes last, apart).

    "y" or "x": leaves like those of y or x. "batch of y", "batch of x": the same, each with a leading batch axis.
    "y by x", "x by x": one row of leaves for each leaf of y (of x), as in `value_and_jacobian`.

    >>> from diffiface import adapter
    >>> adapter.result_parts("hvp")
    ('y', 'x', 'batch of x')
    """
    from diffiface.operators.by_name import OPERATORS as operators  # which import this module

    return operators[operator].parts


class FlatFunction(Protocol):
    """The user's function as an engine sees it."""

    def __call__(self, p: Primitives, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], Any]: ...


class Family(Protocol):
    """The arrays of another library: an object `FAMILY` in an adapter's `arrays.py`, found by entry point."""

    name: str
    mutable: bool
    """Whether its arrays can be written in place while they are differentiated."""

    def owns(self, value: Any) -> bool:
        """Whether a value is an array of this family."""
        ...

    def is_traced(self, value: Any) -> bool:
        """Whether the library is differentiating or transforming this very value."""
        ...

    def dtype(self, value: Any) -> np.dtype:
        """The NumPy dtype of an array."""
        ...

    def shape(self, value: Any) -> tuple[int, ...]:
        """The shape of an array."""
        ...

    def to_numpy(self, value: Any) -> np.ndarray:
        """A copy as a NumPy array on the host."""
        ...

    def from_numpy(self, array: np.ndarray, like: Any) -> Any:
        """A copy of a NumPy array in this family, on the device of `like` (None: the default device)."""
        ...

    def stack(self, arrays: Sequence[Any]) -> Any:
        """Arrays of one shape along a new leading axis."""
        ...

    def converted(self, array: np.ndarray) -> Any:
        """A copy of a NumPy array as a program for this library would make it, in its own default precision."""
        ...

    def primitives(self, values: Sequence[Any]) -> Primitives:
        """What runs a NumPy function on these arrays in a program written for the library (`di.to_jax`, custom rules)."""
        ...

    def computing(self) -> AbstractContextManager[Any]:
        """What to enter around a function of this family so that it computes in the precision it is given."""
        ...


def array_family(module: str) -> Family:
    """Return the array family of a library, by its top-level module: for an engine that computes on another's arrays.

    Raises `MissingBackendError` if no installed package offers it.
    """
    from diffiface import registry  # which imports this module

    family = registry.family_of_module(module)
    if family is None:
        raise MissingBackendError(f"no installed package offers the arrays of {module!r}", fix=f"pip install {module}")
    return family


class Mode(enum.Enum):
    """How an engine propagates derivatives."""

    FORWARD = "forward"
    REVERSE = "reverse"
    BOTH = "forward and reverse"
    NUMERIC = "numeric"


Support = Literal["native", "derived", "unsupported"]


@dataclass(frozen=True)
class Capabilities:
    """What an engine class can do, read off the class."""

    mode: Mode
    operators: dict[str, Support]
    exact: bool
    nests: Literal["in any engine", "in itself", "no"]
    complex_inputs: bool


@dataclass(frozen=True)
class Backend:
    """The base of every engine adapter: options are dataclass fields, so backends compare, hash, pickle and print."""

    name: ClassVar[str] = ""
    """The registered name."""
    mode: ClassVar[Mode] = Mode.BOTH
    exact: ClassVar[bool] = True
    """False for engines that approximate; they implement `error_estimate` and never vote in a comparison."""
    traces: ClassVar[bool] = True
    """Whether f meets traced values (dressed as NumPy arrays), or plain NumPy arrays (numeric engines)."""
    family: ClassVar[str] = "numpy"
    """The array family besides NumPy that the engine takes and returns as it is, as named in `diffiface.families`."""
    nests: ClassVar[Literal["in any engine", "in itself", "no"]] = "in itself"
    """Where the engine may run when x is itself being differentiated."""
    complex_inputs: ClassVar[bool] = True
    joins_leaves: ClassVar[bool] = False
    """Whether Jacobians and Hessians are one matrix over all entries of y and x (the only block of the result) instead
    of nested like y and x."""

    checks_value: ClassVar[bool] = True
    """Whether preparing compares f in plain NumPy with f traced (a backend that runs f elsewhere does so there)."""

    style: Literal["auto", "numpy", "native"] = field(default="auto", kw_only=True)
    """What f is written in: "auto" looks at what its code mentions; "native" hands it the engine's raw arrays."""
    chunk_size: int | None = field(default=None, kw_only=True)
    """The most tangents (or cotangents) computed in one batch; None leaves it to the engine."""

    def __post_init__(self) -> None:
        if self.style not in ("auto", "numpy", "native"):
            raise InputError(
                f"style={self.style!r} is not known", engine=self.name, fix="style is 'auto', 'numpy' or 'native'"
            )
        if self.chunk_size is not None and (not isinstance(self.chunk_size, int) or self.chunk_size < 1):
            raise InputError(
                f"chunk_size={self.chunk_size!r} is not a positive integer",
                engine=self.name,
                fix="give 1 or more, or None",
            )

    def __repr__(self) -> str:
        shown = [o for o in fields(self) if o.repr and getattr(self, o.name) != o.default]
        values = {o.name: getattr(self, o.name) for o in shown}
        options = [f"{name}={(v.value if isinstance(v, enum.Enum) else v)!r}" for name, v in values.items()]
        return f"backend({', '.join([repr(self.name), *options])})"

    # ---- one of these two is the engine's duty

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        """Return `(ys, tys, aux)`: f's value and the derivatives along a batch of tangents."""
        raise NotImplementedError

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        """Return `(ys, txs, aux)`: f's value and the adjoint derivatives of a batch of cotangents."""
        raise NotImplementedError

    # ---- these are derived unless the engine has something better

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        """Return `(ys, dys, aux)` for a single scalar x."""
        raise NotImplementedError

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        """Return `(y, gradients, aux)` for a scalar y; f has checked that it is one."""
        raise NotImplementedError

    def value_and_jacobian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Sequence[Leaves], Any]:
        """Return `(ys, jacobians, aux)`, `jacobians[i][j]` of shape `ys[i].shape + xs[j].shape`."""
        raise NotImplementedError

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        """Return `(ys, dys, ddys, aux)` for a single scalar x."""
        raise NotImplementedError

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        """Return `(y, gradients, hvps, aux)`, the Hessian times a batch of tangents."""
        raise NotImplementedError

    def value_gradient_and_hessian(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Sequence[Leaves], Any]:
        """Return `(y, gradients, hessians, aux)`, `hessians[i][j]` of shape `xs[i].shape + xs[j].shape`."""
        raise NotImplementedError

    def value_and_nth_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves, order: int
    ) -> tuple[Leaves, Leaves, Any]:
        """Return `(ys, derivatives of that order, aux)` for a single scalar x and an order of 2 or more.

        By default the engine differentiates its own derivatives.
        """
        raise NotImplementedError

    # ---- what an engine may gain from

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        """Do once what can be done once (jit, record, allocate).

        Asked for every operator, whether the engine supplies or derives it.
        Return the engine method of `operator` with f bound, `run(xs, [tangents or cotangents,] contexts)`,
        safe to use from several threads; or None if preparing gains nothing.

        What it returns may say `is_private = True`: it only reads the tangents or cotangents, and its results are new
        arrays that nobody else has, so that neither need be copied. It may have further methods, which the front end
        uses where it finds them: `explain()` and `graph()` for `Prep`'s own; `only(indices)`, the same run where the
        other results may be left out; and on what that returns, `direct(places, fallback)`: a bound call of the engine's own, from the user's bare NumPy arguments
        to what he gets. `places` are the parts it returns, each the path among the results and whether that part is a
        batch of one, to be returned without its batch axis; `fallback` it calls with the same arguments wherever they
        are not those it was made for, or a derivative is being taken (`running.traces`). With `seeds=` the tangents or
        cotangents are no arguments but always these, with `take=` it returns those entries of its only part.
        """
        return None

    def sparsity(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[tuple[int, int], np.ndarray] | None:
        """Return where the "jacobian" or "hessian" may differ from zero, for any x, if the engine can tell.

        The shape of the matrix, and an array with a row `(i, j)` for each such entry: i counts the entries of y (of x,
        for a Hessian), j those of x, all leaves one after the other in C order. None if it cannot tell.
        """
        return None

    def error_estimate(self, operator: str, f: FlatFunction, xs: Leaves, seeds: Leaves | None, contexts: Leaves) -> Any:
        """Return a bound on the error of each entry of the operator's result, in the result's own nesting.

        Only for engines that approximate. `seeds` are the tangents or cotangents, or None.
        """
        raise NotImplementedError

    def engine_for(
        self, operator: Any, f: Callable[..., Any], arguments: Leaves, seeds: Any, **options: Any
    ) -> Backend:
        """Return the engine that computes one call: itself, unless this backend chooses among engines for each call.

        `operator` is the `Operator`, the rest what the user gave; options are `prepared`, `argnums`, `has_aux` and `y`.
        """
        return self

    # ---- questions answered from the class

    def supplies(self, operator: str) -> bool:
        """Whether the engine's class itself implements the operator."""
        method = ENGINE_METHODS[operator]
        return getattr(type(self), method) is not getattr(Backend, method)

    def capabilities(self) -> Capabilities:
        """Read off the class what is native, derived or unsupported."""
        derivable = self.supplies("pushforward") or self.supplies("pullback")
        operators: dict[str, Support] = {
            operator: "native" if self.supplies(operator) else "derived" if derivable else "unsupported"
            for operator in OPERATORS
        }
        return Capabilities(self.mode, operators, self.exact, self.nests, self.complex_inputs)

    def method(self, operator: str) -> Callable[..., tuple[Any, ...]]:
        """Return the engine's own method for an operator, or its derivation from the engine's other methods.

        Called as `method(f, xs, [tangents or cotangents,] contexts)`.
        """
        from diffiface.operators.cascade import engine_method

        return engine_method(self, operator)

    def companion(self) -> Backend | None:
        """Return an engine for the direction this one does not go in, if one belongs to it and the two nest."""
        return None

    def unprepared(self) -> Backend:
        """Return the engine itself (derivations may hold a preparation's stand-in for it)."""
        return self
