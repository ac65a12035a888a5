"""A solution that SciPy has found with plain numbers, as a value of the trace.

From F(x, a) = 0 follows dx = -(dF/dx)^-1 dF/da da (the implicit function theorem). A function given to SciPy hides its
parameters a (they are in its closure), so F cannot be asked for dF/da. What can be done is to evaluate it, with a
traced: the chord iteration x <- x - A^-1 F(x, a), A being the plain numbers of dF/dx at the solution, leaves the
value where it is, and each step makes one more order of its derivatives exact.

Source: B. Christianson, Reverse accumulation and attractive fixed points, Optimization Methods and Software 3 (1994);
A. Griewank and A. Walther, Evaluating Derivatives, 2nd edition (2008), chapter 15.
"""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from diffiface import registry
from diffiface.errors import TracedValueError, UnsupportedOperationError, user_line
from diffiface.numpy_api.array import Array, dress
from diffiface.numpy_api.conversion import array_in, trace_of
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.dressed import Dressed, known
from diffiface.primitives import NUMPY, Primitives
from diffiface.tracing import running, tracing

Equations = Callable[[Primitives, Any], Any]
"""A function of a trace and an array (dressed by it, or plain), run while that trace is."""

BY_HAND = "make the solver a function of its own, with its parameters as arguments: di.implicit(solve, condition)"
"""What to write where nothing here fits."""

_ORDERS_OF_A_TRACE = 2
"""No operator takes more than two derivatives within one trace (a Hessian); further ones are traces inside traces."""
_FAR = 1e-2
"""How far Newton's step may lead from a solution, relative to its size, before it is called none."""


def plain(value: Any, name: str) -> Any:
    """Return the plain numbers behind what a function returned or was given; an error where they are not known."""
    p = trace_of(value)
    if p is None:
        return value
    if isinstance(value, tuple):  # (value, gradient)
        return tuple(plain(item, name) for item in value)
    try:
        return known(p, array_in(value, p), name)[()]
    except TracedValueError as error:
        raise TracedValueError(
            f"{name} runs on plain numbers, and asks for values that are not known while the function is traced for "
            "compilation (jit)",
            engine=p.engine,
            where=user_line(),
            fix=f"{BY_HAND}; or turn jit off where the backend has the option (jit=False), or use another engine",
        ) from error


def on_plain_numbers(function: Any, args: Sequence[Any], name: str) -> Any:
    """Return a function of SciPy's arguments alone, whose results are plain numbers (what is no function, as it is)."""
    if not callable(function):
        return function
    holding_numbers = _with_plain_closure(function)
    args = tuple(_plain_if_known(value) for value in args)

    @functools.wraps(function)  # curve_fit counts the parameters
    def on_numbers(*x: Any) -> Any:
        return plain(holding_numbers(*x, *args), name)

    return on_numbers


def _with_plain_closure(function: Any, outer: tuple[Any, ...] = ()) -> Any:
    """Return a function with plain numbers for the traced values in its closure, as far as they are found there.

    Without this, every evaluation for SciPy would be traced (slow, and jax would warn of the long loop). Cells without
    traced values stay the user's own, so that a counter of calls goes on counting.
    """
    if type(function) is not types.FunctionType or function in outer:  # (a recursive function is in its own closure)
        return function
    cells = [_with_plain_content(cell, (*outer, function)) for cell in function.__closure__ or ()]
    if all(new is old for new, old in zip(cells, function.__closure__ or (), strict=True)):
        return function
    copy = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, tuple(cells)
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _with_plain_content(cell: types.CellType, outer: tuple[Any, ...]) -> types.CellType:
    try:
        content = cell.cell_contents
    except ValueError:  # a name that is not bound yet
        return cell
    new = _plain_if_known(content) if trace_of(content) else _with_plain_closure(content, outer)
    return cell if new is content else types.CellType(new)


def _plain_if_known(value: Any) -> Any:
    p = trace_of(value)
    if p is None or not isinstance(value, Dressed | tuple | list):
        return value
    if not isinstance(value, Dressed):
        return type(value)(_plain_if_known(item) for item in value) if type(value) in (tuple, list) else value
    try:
        number = np.array(known(p, value._read(), "scipy.optimize"))
    except TracedValueError:  # where it is used, the error says more
        return value
    return number if isinstance(value, Array) else number[()]


def as_arguments(args: Any) -> tuple[Any, ...]:
    """Return `args=` as SciPy reads it."""
    return args if isinstance(args, tuple) else (args,)


def trace_of_call(function: Any, start: Any, args: Sequence[Any]) -> Primitives | None:
    """Return the trace of what a function holds (in its closure, its arguments), found by calling it once."""
    return trace_of(function(start, *args)) if callable(function) else None


def refuse(p: Primitives, problem: str, fix: str = BY_HAND) -> NoReturn:
    """Refuse what has no derivative here."""
    unsupported(p, f"{problem} is not translated", fix)


def solution(p: Primitives, found: Any, equations: Equations, name: str) -> Any:
    """Return a solution with its dependence on what the equations hold.

    Args:
        p: the trace of what they hold.
        found: the solution, as plain numbers.
        equations: F, zero at the solution and of its size, on values of any trace.
        name: of SciPy's function, for messages.
    """
    found = np.asarray(found)
    if p is NUMPY:  # arrays made inside f that hold no value of a trace
        return found[()]
    if found.dtype.kind == "c":
        refuse(p, f"{name} with a complex solution")
    found = found.astype(float)
    if not found.size:
        return found

    def flat(q: Primitives, x: Any) -> Any:
        with tracing(q):
            return q.reshape(array_in(equations(q, x), q), shape=(found.size,))

    inverse = _inverse(p, np.asarray(plain(jacobian(p, flat, found), name), float), name)
    x: Any = found[()]
    for step in range(_ORDERS_OF_A_TRACE * max(1, len(running.traces))):
        change = dress(p.reshape(p.matmul(inverse, flat(p, x)), shape=found.shape), p)
        if not step:
            _check_converged(p, found, np.asarray(plain(change, name)), name)
        x = x - change
    return with_value(found, x, name)


def with_value(value: Any, traced: Any, name: str) -> Any:
    """Return SciPy's own number with the derivatives of ours (which is the same but for SciPy's tolerance)."""
    return np.asarray(value)[()] + (traced - plain(traced, name))


def jacobian(p: Primitives, function: Equations, x: Any) -> Any:
    """Return the Jacobian of a function of an array by that array, as a matrix on the trace `p`."""
    raw = array_in(x, p)
    size = math.prod(p.shape(raw))

    def flat(q: Primitives, values: Sequence[Any], _: Any) -> tuple[tuple[Any, ...], None]:
        result = array_in(function(q, dress(values[0], q)), q)
        return (q.reshape(result, shape=(math.prod(q.shape(result)),)),), None

    with tracing(p):
        (y,), ((matrix,),), _ = registry.resolve("forward").method("jacobian")(flat, [raw], ())
    return dress(p.reshape(matrix, shape=(*p.shape(y), size)), p)


def gradient(p: Primitives, function: Callable[[Any], Any], x: Any) -> Any:
    """Return the gradient of the user's function of an array by that array, on the trace `p`."""

    def flat(q: Primitives, values: Sequence[Any], _: Any) -> tuple[tuple[Any, ...], None]:
        with tracing(q):
            return (q.reshape(array_in(function(dress(values[0], q)), q), shape=()),), None

    with tracing(p):
        _, (result,), _ = registry.resolve("reverse").method("gradient")(flat, [array_in(x, p)], ())
    return dress(result, p)


def _inverse(p: Primitives, matrix: np.ndarray, name: str) -> np.ndarray:
    regular = bool(np.all(np.isfinite(matrix))) and np.linalg.cond(matrix) < 1 / np.finfo(float).eps
    if not regular:
        raise UnsupportedOperationError(
            f"the solution that {name} found has no derivative: the equations that hold there have a singular Jacobian",
            engine=p.engine,
            where=user_line(),
            fix="a solution must be unique near by: look for a direction in which nothing changes, "
            "or a multiple root (at a minimum, the Jacobian is the objective's Hessian)",
        )
    return np.linalg.inv(matrix)


def _check_converged(p: Primitives, found: np.ndarray, change: np.ndarray, name: str) -> None:
    distance = float(np.max(np.abs(change)))
    if not distance <= _FAR * (1 + float(np.max(np.abs(found)))):  # NaN too
        raise UnsupportedOperationError(
            f"what {name} returned is no solution (Newton's step from there has length {distance:.1e}), "
            "so the implicit function theorem does not give its derivative",
            engine=p.engine,
            where=user_line(),
            fix="let it converge (a tighter tolerance, another start); at a kink or a jump there is no derivative",
        )
