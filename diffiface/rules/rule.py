"""Custom derivative rules: a function whose derivatives are what its author says, on every engine."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np

from diffiface import trees
from diffiface.errors import InputError
from diffiface.numpy_api import Dressed, dress
from diffiface.primitives import NUMPY
from diffiface.rebinding import plain_constants, substitute
from diffiface.rebinding.arrays import writable
from diffiface.rebinding.functions import forget, original_of
from diffiface.rules.arguments import Arguments, bound, raw_operands, trace_of_call
from diffiface.rules.ruled_call import Rule, RuledCall
from diffiface.rules.user_code import Code
from diffiface.tracing import running

Derivative = Literal["zero", "raise"]


class FunctionWithRule:
    """A function and its derivative rules: called as the function, differentiated by the rules.

    Made by `di.rule`, `di.define_rule`, `di.implicit`.
    """

    def __init__(self, rule: Rule):
        functools.update_wrapper(self, rule.f.function)
        self.rule = rule
        try:
            self._signature: inspect.Signature | None = inspect.signature(rule.f.function)
        except (TypeError, ValueError):  # builtins without one
            self._signature = None

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        args, keywords = bound(self._signature, args, keywords)
        arguments = Arguments(args, self.rule.nondiff_argnums)
        p = trace_of_call(arguments, keywords, self.rule.name)
        if p is None:
            result = self.rule.f.function(*map(plain_constants, args), **plain_constants(keywords))
            return writable(result) if running.traces else result
        if p is NUMPY:  # plain numbers that f's code may not write into: they can be the caller's own
            call = self.make_call(arguments, plain_constants(keywords))
            ys = call.on_host(raw_operands(arguments.operands()))
            return writable(call.output.rebuild(ys))
        call = self.make_call(arguments, keywords)
        operands = arguments.operands()
        ys = p.custom_call(call, raw_operands(operands))
        if any(isinstance(o, Dressed) for o in operands):
            ys = [dress(y, p) for y in ys]
        return call.output.rebuild(ys)

    def captured_parts(self) -> list[Any]:
        """Return the user's functions, for an engine that watches what a recorded program refers to."""
        rule = self.rule
        return [code.function for code in (rule.f, rule.jvp, rule.fwd, rule.bwd) if code is not None]

    def make_call(self, arguments: Arguments, keywords: dict[str, Any]) -> RuledCall:
        """Return one call, for an engine."""
        return RuledCall(self.rule, arguments, keywords)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        rule = self.rule
        given = [n for n, code in (("jvp", rule.jvp), ("vjp", rule.bwd)) if code is not None]
        what = ", ".join(given) if rule.derivative == "rule" else f"derivative={rule.derivative!r}"
        return f"<{rule.name} with rule: {what or 'none yet'}>"

    def __reduce__(self) -> str:
        return self.__qualname__  # type: ignore[attr-defined]

    def defjvp(self, jvp: Callable[..., Any]) -> Callable[..., Any]:
        """Set the forward rule, `jvp(primals, tangents) -> (y, tangent of y)`; also as a decorator.

        >>> import numpy as np, diffiface as di
        >>> @di.rule
        ... def log1pexp(x):
        ...     return np.logaddexp(0.0, x)
        >>> @log1pexp.defjvp
        ... def log1pexp_jvp(primals, tangents):
        ...     (x,), (t,) = primals, tangents
        ...     return log1pexp(x), t / (1 + np.exp(-x))
        >>> di.derivative(log1pexp, "reverse", 0.0)
        np.float64(0.5)
        """
        self.rule.jvp = _code(jvp, "jvp")
        self.rule.derivative = "rule"
        return jvp

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Set the reverse rule: `fwd(*args) -> (y, residuals)` and `bwd(residuals, cotangent) -> (cotangents...)`.

        >>> import numpy as np, diffiface as di
        >>> square = di.rule(lambda x: x * x)
        >>> square.defvjp(lambda x: (x * x, x), lambda x, ct: (2 * x * ct,))
        >>> di.gradient(lambda x: np.sum(square(x)), "jax", np.array([1.0, 3.0]))
        array([2., 6.])
        """
        self.rule.fwd, self.rule.bwd = _code(fwd, "fwd"), _code(bwd, "bwd")
        self.rule.derivative = "rule"


def rule(
    f: Callable[..., Any] | None = None,
    *,
    jvp: Callable[..., Any] | None = None,
    vjp: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
    derivative: Derivative | None = None,
    nondiff_argnums: int | Iterable[int] = (),
    activity: bool = False,
    on_host: bool = False,
    output: Any = None,
    name: str | None = None,
) -> Any:
    """Give a function derivative rules of its own, which then hold on every engine.

    Rules are plain NumPy, in JAX's conventions. They are differentiated in their turn, so one rule gives derivatives
    of every order; where f is called inside a rule, its rule applies. If only one direction is given, the other
    follows from it by transposition.

    Args:
        f: the function, of numbers, arrays and pytrees of them; left out where `rule(...)` is used as a decorator.
        jvp: the forward rule, `jvp(primals, tangents) -> (y, ty)`; `primals` is the tuple of f's arguments, `tangents`
            that of their tangents (zeros for an argument that does not move), `ty` is shaped as y.
        vjp: the reverse rule `(fwd, bwd)`: `fwd(*args) -> (y, residuals)`, residuals being whatever bwd needs;
            `bwd(residuals, ct) -> cotangents`, a tuple with one entry like each argument (None: zero). For complex
            numbers cotangents pair by Re(conj(a) b), so that the gradient of abs(z)**2 is 2z.
        derivative: `"zero"`: the derivative is zero; `"raise"`: there is none, and asking for it is an error.
        nondiff_argnums: positions of arguments that are never differentiated. They come first in the calls
            `jvp(*nondiff, primals, tangents)` and `bwd(*nondiff, residuals, ct)`, and are left out of primals,
            tangents and cotangents.
        activity: tell rules what is wanted: tangents of arguments that do not move are None instead of zeros, and bwd
            gets a third argument, a tuple that says for each argument whether its cotangent is used.
        on_host: f is never traced, but called with NumPy arrays. (Otherwise that happens where tracing fails.)
        output: an example of what f returns, for black boxes under jit whose output's shape depends on values.
        name: what messages call it; by default f's own name.
    Returns:
        A function that is called as f is.
    Raises:
        InputError: the rules are not functions, or contradict each other.
        RuleError (when a derivative is taken): a rule returned something of a wrong shape or structure, wrote into an
            argument, or a direction is missing; the message names the rule, the engine and the line.

    >>> import numpy as np, diffiface as di
    >>> @di.rule(jvp=lambda primals, tangents: (norm(*primals), primals[0] @ tangents[0] / norm(*primals)))
    ... def norm(x):
    ...     return np.sqrt(x @ x)
    >>> di.gradient(norm, "reverse", np.array([3.0, 4.0]))
    array([0.6, 0.8])
    >>> di.hessian(norm, "jax", np.array([3.0, 4.0])).round(4)
    array([[ 0.128, -0.096],
           [-0.096,  0.072]])
    """
    if f is None:
        return functools.partial(
            rule,
            jvp=jvp,
            vjp=vjp,
            derivative=derivative,
            nondiff_argnums=nondiff_argnums,
            activity=activity,
            on_host=on_host,
            output=output,
            name=name,
        )
    f = original_of(f)
    f = f.rule.f.function if isinstance(f, FunctionWithRule) else f
    if derivative not in (None, "zero", "raise"):
        raise InputError(f"derivative={derivative!r} is not known", fix="it is 'zero' or 'raise', or left out")
    if derivative is not None and (jvp is not None or vjp is not None):
        raise InputError("both derivative= and a rule were given", fix="give one of them")
    if vjp is not None and not (isinstance(vjp, tuple | list) and len(vjp) == 2):
        raise InputError("vjp= must be the pair (fwd, bwd)", fix="vjp=(fwd, bwd): see the help of di.rule")
    positions = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)
    if any(not isinstance(i, int) or i < 0 for i in positions):
        raise InputError(f"nondiff_argnums={nondiff_argnums!r}: positions count from 0", fix="nondiff_argnums=(0, 2)")
    return FunctionWithRule(
        Rule(
            name=name or getattr(f, "__name__", type(f).__name__),
            f=_code(f, "f"),
            jvp=None if jvp is None else _code(jvp, "jvp"),
            fwd=None if vjp is None else _code(vjp[0], "fwd"),
            bwd=None if vjp is None else _code(vjp[1], "bwd"),
            derivative=derivative or "rule",
            nondiff_argnums=frozenset(positions),
            activity=activity,
            on_host=on_host,
            output=None if output is None else trees.map_leaves(np.asarray, output),
        )
    )


def define_rule(
    f: Callable[..., Any],
    *,
    jvp: Callable[..., Any] | None = None,
    vjp: tuple[Callable[..., Any], Callable[..., Any]] | None = None,
    derivative: Derivative | None = None,
    nondiff_argnums: int | Iterable[int] = (),
    activity: bool = False,
    on_host: bool = False,
    output: Any = None,
) -> FunctionWithRule:
    """Give a function of another library derivative rules, without touching the library.

    From now on, code that is differentiated meets the rule wherever it calls f by a name or as an attribute of a
    module. The library itself is not changed. Preparations made before do not know of the rule.

    Args:
        f: a function, a builtin or a ufunc (decorate methods and objects with `di.rule`).
        jvp, vjp, derivative, nondiff_argnums, activity, on_host, output: as for `di.rule`.
    Returns:
        The function with the rule, as `di.rule` would return it.
    Raises:
        InputError: f is nothing that can be found again in code, or the rules are not functions.

    >>> import math, numpy as np, diffiface as di
    >>> def area(x):  # say, of a library
    ...     return math.erf(float(x))
    >>> def jvp(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return ruled(x), 2 / np.sqrt(np.pi) * np.exp(-(x**2)) * t
    >>> ruled = di.define_rule(area, jvp=jvp)  # code that calls `area` meets the rule too
    >>> di.derivative(lambda x: ruled(2 * x), "torch", 0.0)
    np.float64(2.256758334191025)
    """
    f = original_of(f)
    if not isinstance(f, types.FunctionType | types.BuiltinFunctionType | np.ufunc | type(np.sum)):
        raise InputError(
            f"define_rule was given {type(f).__name__} {f!r:.60}, which cannot be found again in code",
            fix="give a function, or use g = di.rule(f, ...) and call g",
        )
    ruled: FunctionWithRule = rule(
        f,
        jvp=jvp,
        vjp=vjp,
        derivative=derivative,
        nondiff_argnums=nondiff_argnums,
        activity=activity,
        on_host=on_host,
        output=output,
    )
    substitute(f, ruled)
    forget(f)
    return ruled


def _code(f: Any, what: str) -> Code:
    if isinstance(f, FunctionWithRule):
        f = f.__call__
    if not callable(f):
        raise InputError(f"{what} is {type(f).__name__}, not a function", fix="see the help of di.rule")
    return Code(f)
