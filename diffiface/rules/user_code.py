"""A function of the user's, called on flat values: traced where that can be done, on the host where it cannot."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffiface.arrays import is_array_like
from diffiface.errors import DiffifaceError, RuleError, UnsupportedOperationError
from diffiface.numpy_api import FUNCTIONS, Array, Dressed, dress, undress
from diffiface.primitives import NUMPY, CustomCall, Primitives
from diffiface.rebinding import Rebinding, users_own
from diffiface.rebinding.libraries import is_users
from diffiface.rebinding.substitutes import redirected
from diffiface.rules.transposition import by_unit_vectors, zeros_like
from diffiface.tracing import tracing

Runner = Callable[..., Any]
"""`call(code, args, keywords={})`: how to run one of the user's functions, traced or plainly."""


_NONE: dict[str, Any] = {}


def defined_at(f: Any) -> str:
    """Say where a function is defined."""
    f = inspect.unwrap(f) if callable(f) else f
    code = getattr(f, "__code__", None)
    name = getattr(f, "__qualname__", getattr(f, "__name__", type(f).__name__))
    return f"{code.co_filename}:{code.co_firstlineno}, in {name}" if code is not None else str(name)


class Code:
    """One function of the user's with what it takes to run it under a trace.

    A function that has been given a rule from outside (`define_rule`) is found in f's code by the rule's stand-in;
    here it is the function itself that must run, so it goes by a copy that the stand-in does not answer for.
    """

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        self._rebinding: Rebinding | None = None
        self._direct: Callable[..., Any] | None = None
        if isinstance(function, types.FunctionType) and is_users(function.__globals__.get("__name__")):
            self._rebinding = Rebinding(_twin(function))
        elif isinstance(function, types.FunctionType | types.BuiltinFunctionType | np.ufunc):
            self._direct = redirected(function) if function in FUNCTIONS else function
        else:
            self._rebinding = Rebinding(function)

    def traced(self, p: Primitives, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Run the function on dressed values of `p`."""
        if self._rebinding is None:
            assert self._direct is not None
            with tracing(p):
                return self._direct(*args, **keywords)
        f = self._rebinding.start()
        try:
            with tracing(p):
                return users_own(f(*args, **keywords))
        finally:
            self._rebinding.end()

    def plain(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Run the function on NumPy arrays, out of sight of any trace."""
        with tracing(NUMPY):
            return self.function(*args, **keywords)


def _twin(f: types.FunctionType) -> types.FunctionType:
    twin = types.FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, f.__closure__)
    twin.__kwdefaults__ = f.__kwdefaults__
    functools.update_wrapper(twin, f, updated=())
    return twin


class UserCode:
    """Some code on flat values: how its arguments are arranged from leaves, and what is read from its result."""

    def __init__(
        self,
        what: str,
        run: Callable[[Runner, Sequence[Any]], list[Any]],
        main: Callable[..., Any],
        scalars: Sequence[bool],
    ):
        self.what = what
        """What messages call it: "the jvp of f"."""
        self.run = run
        """`run(call, leaves)`: do the work with `call(code, args)`, and return the leaves of the result, checked."""
        self.main = main
        """The function whose line messages name."""
        self.scalars = scalars
        """Which of the leaves are numbers rather than arrays of rank 0."""

    def traced(self, p: Primitives, raws: Sequence[Any]) -> tuple[Any, ...]:
        """Run it on values of `p`."""
        leaves = [self._dressed(p, raw) for raw in raws]
        results = self.run(lambda code, args, keywords=_NONE: code.traced(p, args, keywords), leaves)
        for leaf, raw in zip(leaves, raws, strict=True):
            if type(leaf) is Array and leaf._read() is not raw:
                raise self.wrote()
        return tuple(self._raw(p, result) for result in results)

    def _dressed(self, p: Primitives, raw: Any) -> Any:
        if isinstance(raw, np.ndarray | np.generic | int | float | complex):
            return _read_only(raw)
        return dress(raw, p)

    def _raw(self, p: Primitives, result: Any) -> Any:
        if isinstance(result, Dressed):
            raw = result._read()
            if result._p is not p and result._p is not NUMPY and result._p not in p.accepts:
                raise RuleError(
                    f"{self.what} uses a value that is being differentiated and is none of its arguments",
                    where=defined_at(self.main),
                    fix="pass it as an argument of the function that has the rule",
                )
            return raw
        return _plain(result)

    def on_host(self, raws: Sequence[Any]) -> tuple[np.ndarray, ...]:
        """Run it on NumPy arrays, which it cannot write into; the results are new arrays."""
        leaves = [
            _read_only(np.asarray(raw)[()]) if scalar else _read_only(np.array(raw))
            for raw, scalar in zip(raws, self.scalars, strict=True)
        ]
        try:
            results = self.run(lambda code, args, keywords=_NONE: code.plain(args, keywords), leaves)
        except DiffifaceError:
            raise
        except Exception as error:
            if isinstance(error, ValueError) and "read-only" in str(error):
                raise self.wrote() from error
            error.add_note(f"  while {self.what} ran on NumPy arrays, {defined_at(self.main)}")
            raise
        return tuple(_new(_plain(result)) for result in results)

    def wrote(self) -> RuleError:
        """Say that it wrote into what it was given."""
        return RuleError(
            f"{self.what} writes into an argument",
            where=defined_at(self.main),
            fix="work on a copy: x = np.array(x)",
        )


def evaluate(p: Primitives, code: UserCode, raws: Sequence[Any], linear: Linearity | None = None) -> tuple[Any, ...]:
    """Run code on values of `p`: traced, so that it is compiled and differentiated with the rest, or else on the host.

    What runs on the host has no derivative but along arguments in which it is linear; any other that is asked for
    later is an error that says why.
    """
    if p.traced_type is np.ndarray:
        return code.on_host(raws)
    try:
        return p.attempt(lambda: code.traced(p, raws))
    except RuleError:
        raise
    except Exception as error:
        return p.custom_call(HostOnly(code, error, linear), raws)


@dataclass(frozen=True)
class Linearity:
    """That code is linear in its last arguments, as a jvp is in tangents and a vjp in cotangents."""

    first: int
    """The first of these arguments."""
    first_result: Callable[[int], int]
    """Of so many results the first one that is linear in them (a jvp returns y too)."""
    adjoint: Callable[[Primitives, Sequence[Any], Sequence[Any]], Sequence[Any]] | None
    """The transpose, if the user gave it: `adjoint(p, other arguments, covectors)`."""


class HostOnly(CustomCall):
    """Code that could not be traced: values by calls on the host, derivatives only where it is linear."""

    def __init__(self, code: UserCode, reason: Exception, linear: Linearity | None):
        self.name = code.what
        self.code = code
        self.reason = reason
        self.linear = linear

    def on_host(self, operands: Sequence[Any]) -> tuple[np.ndarray, ...]:
        return self.code.on_host(operands)

    def outputs(self, operands: Sequence[Any]) -> list[tuple[tuple[int, ...], np.dtype]]:
        return outputs_of_example(self, operands)

    def push(
        self, p: Primitives, operands: Sequence[Any], ys: Sequence[Any], tangents: Sequence[Any]
    ) -> tuple[Any, ...]:
        linear = self._linear_in(p, [i for i, t in enumerate(tangents) if t is not None])
        moving = [
            zeros_like(p, x) if t is None else t
            for x, t in zip(operands[linear.first :], tangents[linear.first :], strict=True)
        ]
        results = p.custom_call(self, [*operands[: linear.first], *moving])
        start = linear.first_result(len(results))
        return *(zeros_like(p, y) for y in ys[:start]), *results[start:]

    def pull(
        self,
        p: Primitives,
        operands: Sequence[Any],
        ys: Sequence[Any],
        wanted: Sequence[int],
        cotangents: Sequence[Any],
    ) -> list[Any]:
        linear = self._linear_in(p, wanted)
        fixed, start = list(operands[: linear.first]), linear.first_result(len(ys))
        if linear.adjoint is not None:
            pulled = linear.adjoint(p, fixed, cotangents[start:])
        else:
            pulled = by_unit_vectors(
                p,
                lambda vectors: p.custom_call(self, [*fixed, *vectors])[start:],
                [zeros_like(p, x) for x in operands[linear.first :]],
                cotangents[start:],
            )
        return [pulled[i - linear.first] for i in wanted]

    def _linear_in(self, p: Primitives, moved: Sequence[int]) -> Linearity:
        if self.linear is not None and all(i >= self.linear.first for i in moved):
            return self.linear
        reason = str(self.reason).partition("\n")[0]
        raise UnsupportedOperationError(
            f"{self.name} cannot be differentiated: it runs on the host, because tracing it failed ({reason})",
            engine=p.engine,
            where=defined_at(self.code.main),
            fix="write it with NumPy functions, or give what it calls a rule of its own",
        ) from self.reason


def outputs_of_example(call: CustomCall, operands: Sequence[Any]) -> list[tuple[tuple[int, ...], np.dtype]]:
    """Find shapes and dtypes by running the call on an example: ones, or else zeros, where values are not known."""
    failure: Exception | None = None
    for fill in (1, 0):
        example = [np.full(a[0], fill, a[1]) if isinstance(a, tuple) else a for a in operands]
        try:
            with np.errstate(all="ignore"):
                return [(y.shape, y.dtype) for y in call.on_host(example)]
        except Exception as error:
            failure = failure or error
    raise UnsupportedOperationError(
        f"the shape of what {call.name} returns is not known beforehand, and running it on ones failed "
        f"({type(failure).__name__}: {failure})",
        fix="say what it returns: output=np.empty(shape), or a structure of such arrays",
    ) from failure


def is_value(leaf: Any) -> bool:
    """Say whether a leaf is a number or an array."""
    return is_array_like(leaf) and not isinstance(leaf, bool)


def _read_only(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.view(np.ndarray)
        value.flags.writeable = False
    return value


def _plain(result: Any) -> Any:
    value = undress(result)
    return value if isinstance(value, np.ndarray | np.generic) else np.asarray(value)


def _new(value: Any) -> Any:
    value = np.array(value, order="C")
    return value if value.ndim else value[()]
