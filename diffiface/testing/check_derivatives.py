"""Hand-written derivatives checked: what `scipy.optimize.check_grad` answers with one number, entry by entry."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.comparison.problem import OPERATORS, Problem, arrays_of, copied, same_bytes
from diffiface.contexts import unwrap
from diffiface.errors import InputError
from diffiface.testing.entrywise import Claim, LayoutMismatch, common_factor, describe, judge_entries


class UncheckedEntryWarning(UserWarning):
    """Entries of a derivative could not be judged: finite differences are too coarse there, and no engine traces f."""


def check_derivative_of(
    operator: str,
    f: Callable[..., Any],
    x: Any,
    claim: Claim,
    contexts: Sequence[Any],
    *,
    t: Any = None,
    name: str = "the derivative",
    rtol: float | None = None,
    atol: float = 0.0,
    seconds: float = 20.0,
) -> None:
    """Check a claimed result of any operator entry by entry.

    Args:
        operator: one of the eight, by name.
        f: the function, in plain NumPy.
        x: where to check.
        claim: a function called as `claim(x, [t,] *contexts)`, or its value.
        contexts: further arguments of f and of the claim.
        t: the tangent or cotangent, for the operators that take one.
        name: what messages call the claim.
        rtol: how far an entry may be off, relative to itself; None: 1e-5 in double precision, 1e-3 in single.
        atol: how far every entry may be off besides.
        seconds: how long finite differences may take.
    Raises:
        AssertionError: the claim is wrong: in which entries, and by how much.
        InputError: f or x cannot be differentiated at all.
    """
    for option, value in (("rtol", rtol), ("atol", atol), ("seconds", seconds)):
        if value is not None and not (np.isscalar(value) and value >= 0):  # type: ignore[operator]
            raise InputError(f"{option}={value!r} is not a number from 0 upwards", fix=f"{option}=1e-6, for example")
    problem = Problem(f, OPERATORS[operator], (x, *contexts), t, 0)
    title = f"{name} is not the {_WORDS[operator]} of {getattr(f, '__name__', repr(f))}"
    if not all(np.all(np.isfinite(y)) for y in problem.ys):
        raise AssertionError(f"f is not finite at this x: {problem.ys[0] if len(problem.ys) == 1 else problem.ys}")
    given = _evaluate(claim, problem, name) if callable(claim) else claim
    try:
        judgement = judge_entries(problem, given, rtol=rtol, atol=atol, seconds=seconds)
    except LayoutMismatch as mismatch:
        raise AssertionError(f"{title}: it {mismatch}") from None
    if judgement.wrong:
        count = f"{len(judgement.wrong)} of {judgement.size} entries wrong, by {judgement.witnesses}"
        factor = common_factor(judgement.wrong, judgement.size)
        lines = [f"{title}: {count}", describe(judgement, "given"), *([f"  {factor}"] if factor else [])]
        raise AssertionError("\n".join(lines))
    if judgement.undecided:
        warnings.warn(
            f"{len(judgement.undecided)} of {judgement.size} entries of {name} could not be checked to 1 %:\n"
            + describe(judgement, "given"),
            UncheckedEntryWarning,
            stacklevel=3,
        )


_WORDS = {"hvp": "Hessian-vector product", "second_derivative": "second derivative", "hessian": "Hessian"} | {
    "jacobian": "Jacobian",
    **{word: word for word in ("gradient", "derivative", "pushforward", "pullback")},
}


def _evaluate(claim: Callable[..., Any], problem: Problem, name: str) -> Any:
    """Call the claim on copies, twice: it must leave its arguments alone and repeat itself."""
    (x, *contexts), t = problem.fresh_arguments()
    arguments = [x, *([] if t is None else [t]), *map(unwrap, contexts)]
    before = [array.copy() for array in arrays_of(arguments)]
    given = claim(*arguments)
    if given is None:
        raise AssertionError(f"{name} returned None: does it end without `return`?")
    given = copied(given) if not hasattr(given, "toarray") else given.copy()  # it may be a buffer that is used again
    if not same_bytes(before, arrays_of(arguments)):
        raise AssertionError(f"{name} changed its arguments")
    return given


def _tangent_like(x: Any) -> Any:
    """Return a fixed tangent with no zero and no two equal entries."""
    rng = np.random.default_rng(12)

    def drawn(leaf: Any) -> Any:
        size = rng.uniform(0.5, 1.5, np.shape(leaf)) * rng.choice([-1.0, 1.0], np.shape(leaf))
        return size.astype(leaf.dtype) if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fc" else size

    return trees.map_leaves(drawn, x)


def _needs_seed(claim: Claim, t: Any, name: str) -> None:
    if t is None and not callable(claim):
        raise InputError(f"{name} is a value: it belongs to a t that is not given", fix="pass t=, or a function")


def check_gradient(
    f: Callable[..., Any],
    x: Any,
    grad: Claim,
    *contexts: Any,
    rtol: float | None = None,
    atol: float = 0.0,
    seconds: float = 20.0,
) -> None:
    """Check a hand-written gradient, entry by entry.

    Each entry is compared with finite differences of f, which come with an error of their own, and with an exact
    engine, if f is plain NumPy that one can trace. So it needs no tolerance, finds one entry that is 1 % off, and
    does not blame float32.

    Args:
        f: `f(x, *contexts) -> y`, a real scalar.
        x: where to check: a float, an array, or a pytree of them.
        grad: `grad(x, *contexts)`, or the gradient at x; like x.
        contexts: further arguments of f and of grad.
        rtol: how far an entry may be off, relative to itself; None: 1e-5 in double precision, 1e-3 in single.
        atol: how far every entry may be off besides.
        seconds: how long finite differences may take; entries beyond that are judged by the engine alone.
    Raises:
        AssertionError: an entry is wrong (which, and what it should be), the shape is, or grad changed its arguments.
        InputError, OutputError: x or what f returned cannot be used.

    >>> import numpy as np
    >>> from diffiface.testing import check_gradient
    >>> check_gradient(lambda x: np.sum(x**3), np.array([1.0, 2.0]), lambda x: 3 * x**2)
    >>> check_gradient(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([3.0, 12.12]))
    Traceback (most recent call last):
    AssertionError: grad is not the gradient of <lambda>: 1 of 2 entries wrong, by finite differences and reverse
      entry  given  should be  off by  evidence
      [1]    12.12  12         1 %     reverse: 12; finite differences: 12 ± ...
    """
    check_derivative_of("gradient", f, x, grad, contexts, name="grad", rtol=rtol, atol=atol, seconds=seconds)


def check_derivative(
    f: Callable[..., Any],
    x: Any,
    df: Claim,
    *contexts: Any,
    rtol: float | None = None,
    atol: float = 0.0,
    seconds: float = 20.0,
) -> None:
    """Check a hand-written derivative by a scalar x, entry by entry.

    The arguments are those of `check_gradient`, but x is a number, f may return an array, and `df(x, *contexts)` is like y.

    Raises:
        AssertionError: an entry is wrong, or the shape. InputError, OutputError: x or y cannot be used.

    >>> import numpy as np
    >>> from diffiface.testing import check_derivative
    >>> check_derivative(np.sin, 0.5, np.cos)
    """
    check_derivative_of("derivative", f, x, df, contexts, name="df", rtol=rtol, atol=atol, seconds=seconds)


def check_second_derivative(
    f: Callable[..., Any],
    x: Any,
    ddf: Claim,
    *contexts: Any,
    rtol: float | None = None,
    atol: float = 0.0,
    seconds: float = 20.0,
) -> None:
    """Check a hand-written second derivative by a scalar x, entry by entry.

    The arguments are those of `check_gradient`, but x is a number, f may return an array, and `ddf(x, *contexts)` is like y.

    Raises:
        AssertionError: an entry is wrong, or the shape. InputError, OutputError: x or y cannot be used.

    >>> import numpy as np
    >>> from diffiface.testing import check_second_derivative
    >>> check_second_derivative(np.sin, 0.5, lambda x: -np.sin(x))
    """
    check_derivative_of("second_derivative", f, x, ddf, contexts, name="ddf", rtol=rtol, atol=atol, seconds=seconds)


def check_jacobian(
    f: Callable[..., Any],
    x: Any,
    jac: Claim,
    *contexts: Any,
    rtol: float | None = None,
    atol: float = 0.0,
    seconds: float = 20.0,
) -> None:
    """Check a hand-written Jacobian, entry by entry.

    The arguments are those of `check_gradient`, but f may return an array, and `jac(x, *contexts)` has the shape `y.shape + x.shape`.
    A SciPy sparse array will do where that is two-dimensional.

    Raises:
        AssertionError: an entry is wrong, or the shape. InputError, OutputError: x or y cannot be used.

    >>> import numpy as np
    >>> from diffiface.testing import check_jacobian
    >>> check_jacobian(lambda x: x**2, np.array([1.0, 2.0]), lambda x: np.diag(2 * x))
    """
    check_derivative_of("jacobian", f, x, jac, contexts, name="jac", rtol=rtol, atol=atol, seconds=seconds)


def check_hessian(
    f: Callable[..., Any],
    x: Any,
    hess: Claim,
    *contexts: Any,
    rtol: float | None = None,
    atol: float = 0.0,
    seconds: float = 20.0,
) -> None:
    """Check a hand-written Hessian, entry by entry.

    The arguments are those of `check_gradient`, but `hess(x, *contexts)` has the shape `x.shape + x.shape`. A SciPy sparse array will do.

    Raises:
        AssertionError: an entry is wrong, or the shape. InputError, OutputError: x or y cannot be used.

    >>> import numpy as np
    >>> from diffiface.testing import check_hessian
    >>> check_hessian(lambda x: np.sum(x**3), np.array([1.0, 2.0]), lambda x: np.diag(6 * x))
    """
    check_derivative_of("hessian", f, x, hess, contexts, name="hess", rtol=rtol, atol=atol, seconds=seconds)


def check_hvp(
    f: Callable[..., Any],
    x: Any,
    hvp: Claim,
    *contexts: Any,
    t: Any = None,
    rtol: float | None = None,
    atol: float = 0.0,
    seconds: float = 20.0,
) -> None:
    """Check a hand-written Hessian-vector product (SciPy's `hessp`), entry by entry.

    The arguments are those of `check_gradient`, but `hvp(x, t, *contexts)` is like x, and so is the tangent t
    (default: a fixed one without zeros).

    Raises:
        AssertionError: an entry is wrong, or the shape. InputError, OutputError: x, t or y cannot be used.

    >>> import numpy as np
    >>> from diffiface.testing import check_hvp
    >>> check_hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]), lambda x, t: 6 * x * t)
    """
    _needs_seed(hvp, t, "hvp")
    t = _tangent_like(x) if t is None else t
    check_derivative_of("hvp", f, x, hvp, contexts, t=t, name="hvp", rtol=rtol, atol=atol, seconds=seconds)


def check_pushforward(
    f: Callable[..., Any],
    x: Any,
    jvp: Claim,
    *contexts: Any,
    t: Any = None,
    rtol: float | None = None,
    atol: float = 0.0,
    seconds: float = 20.0,
) -> None:
    """Check a hand-written pushforward (Jacobian times tangent), entry by entry.

    The arguments are those of `check_gradient`, but `jvp(x, t, *contexts)` is like y, and the tangent t like x
    (default: a fixed one without zeros).

    Raises:
        AssertionError: an entry is wrong, or the shape. InputError, OutputError: x, t or y cannot be used.

    >>> import numpy as np
    >>> from diffiface.testing import check_pushforward
    >>> check_pushforward(lambda x: x**2, np.array([1.0, 2.0]), lambda x, t: 2 * x * t)
    """
    _needs_seed(jvp, t, "jvp")
    t = _tangent_like(x) if t is None else t
    check_derivative_of("pushforward", f, x, jvp, contexts, t=t, name="jvp", rtol=rtol, atol=atol, seconds=seconds)


def check_pullback(
    f: Callable[..., Any],
    x: Any,
    vjp: Claim,
    *contexts: Any,
    t: Any = None,
    rtol: float | None = None,
    atol: float = 0.0,
    seconds: float = 20.0,
) -> None:
    """Check a hand-written pullback (cotangent times Jacobian), entry by entry.

    The arguments are those of `check_gradient`, but `vjp(x, t, *contexts)` is like x, and the cotangent t like y
    (default: a fixed one without zeros).

    Raises:
        AssertionError: an entry is wrong, or the shape. InputError, OutputError: x, t or y cannot be used.

    >>> import numpy as np
    >>> from diffiface.testing import check_pullback
    >>> check_pullback(lambda x: x**2, np.array([1.0, 2.0]), lambda x, t: 2 * x * t)
    """
    _needs_seed(vjp, t, "vjp")
    if t is None:
        t = _tangent_like(f(copied(x), *(unwrap(copied(context)) for context in contexts)))
    check_derivative_of("pullback", f, x, vjp, contexts, t=t, name="vjp", rtol=rtol, atol=atol, seconds=seconds)
