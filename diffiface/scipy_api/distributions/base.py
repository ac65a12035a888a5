"""A distribution as the user's function meets it, in the place of `scipy.stats.norm` and its like.

Each replacement answers with SciPy's own numbers (and SciPy's own code) as long as none of its arguments is being
differentiated. Otherwise the method is computed from the formulas written here. SciPy's own private formulas
(`_logpdf` and so on) are not used: many of them assign to arrays, branch on values or leave NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn

import numpy as np

from diffiface.errors import UnsupportedOperationError, user_line
from diffiface.numpy_api.conversion import trace_of, undress
from diffiface.primitives import NUMPY
from diffiface.scipy_api.distributions.values import to_float

REASONS = {
    "rvs": (
        "draws random numbers, which have no derivative",
        "draw standard random numbers outside the function and transform them inside: loc + scale * z",
    ),
    "fit": ("estimates parameters by a numerical search", "maximise the sum of logpdf yourself"),
    "nnlf": ("takes its parameters as one tuple", "write -np.sum(logpdf(x, ...))"),
    "expect": ("integrates numerically", "write the integral with scipy.integrate.quad or a fixed rule"),
}
"""Why some methods are refused, and the way out."""


def refuse_method(name: str, method: str, engine: str) -> NoReturn:
    """Refuse a method of a distribution for arguments that are being differentiated."""
    reason, fix = REASONS.get(
        method,
        ("is not translated", "write the formula with NumPy and scipy.special functions"),
    )
    raise UnsupportedOperationError(
        f"scipy.stats.{name}.{method} of a value that is being differentiated: it {reason}",
        engine=engine,
        where=user_line(),
        fix=fix,
    )


class NotWritten(Exception):
    """A distribution has no formula of its own for something that SciPy finds numerically."""


class Replacement:
    """What stands in the place of one of SciPy's distribution objects."""

    methods: ClassVar[frozenset[str]] = frozenset()
    """The methods that are written out."""

    def __init__(self, original: Any, name: str):
        self._original = original
        self._name = name

    # isinstance(norm, rv_continuous) keeps its answer.
    @property
    def __class__(self) -> type:
        return type(self._original)

    def __repr__(self) -> str:
        return repr(self._original)

    def __getattr__(self, name: str) -> Any:
        """What is not written out: SciPy's, unless a traced value is among its arguments."""
        value = getattr(self._original, name)
        if not callable(value) or name.startswith("_"):
            return value

        def method(*args: Any, **keywords: Any) -> Any:
            p = trace_of((args, keywords))
            if p is not None and p is not NUMPY:
                refuse_method(self._name, name, p.engine)
            return value(*undress(args), **undress(keywords))

        return method

    def __call__(self, *args: Any, **keywords: Any) -> Frozen:
        return Frozen(self, args, keywords)


class Frozen:
    """A distribution with parameters: `scipy.stats.norm(mu, sigma)`."""

    def __init__(self, distribution: Replacement, args: tuple[Any, ...], keywords: dict[str, Any]):
        self.dist = distribution
        self.args = args
        self.kwds = keywords

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        distribution = self.dist
        if name in distribution.methods:
            method = getattr(distribution, name)
            return lambda *given, **also: method(*given, *self.args, **also, **self.kwds)
        p = trace_of((self.args, self.kwds))
        if p is not None and p is not NUMPY:
            refuse_method(distribution._name, name, p.engine)
        return getattr(distribution._original(*undress(self.args), **undress(self.kwds)), name)


def public(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method with SciPy's name and signature: SciPy's own unless an argument is being differentiated."""
    name = formula.__name__

    def method(self: Any, *args: Any, **keywords: Any) -> Any:
        p = trace_of((args, keywords))
        if p is None or p is NUMPY:  # nothing traced, or only constants in arrays that f made to be written to
            return getattr(self._original, name)(*undress(args), **undress(keywords))
        # What SciPy computes and then leaves out would warn here: the untaken side of every choice is computed.
        with np.errstate(all="ignore"):
            try:
                return formula(self, *args, **keywords)
            except NotWritten:
                refuse_method(self._name, name, p.engine)

    method.__name__ = name
    method.__doc__ = formula.__doc__
    return method


class Univariate(Replacement):
    """A distribution of one variable: shape parameters, then `loc` (and `scale`), by position or by name."""

    shapes: ClassVar[tuple[str, ...]] = ()
    """The names of the shape parameters, in SciPy's order."""
    moved_by: ClassVar[tuple[str, ...]] = ("loc", "scale")
    """The names of the parameters behind them."""

    def _parameters(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], Any, Any]:
        """Return the shapes, loc and scale."""
        names = (*self.shapes, *self.moved_by)
        if len(args) > len(names):
            raise TypeError(f"scipy.stats.{self._name} takes {len(names)} parameters ({', '.join(names)})")
        given = dict(zip(names, args, strict=False))
        for name, value in keywords.items():
            if name not in names:
                raise TypeError(f"scipy.stats.{self._name} got an unexpected keyword argument {name!r}")
            if name in given:
                raise TypeError(f"scipy.stats.{self._name} got multiple values for argument {name!r}")
            given[name] = value
        missing = [name for name in self.shapes if name not in given]
        if missing:
            raise TypeError(f"scipy.stats.{self._name} is missing its shape parameters: {', '.join(missing)}")
        shapes = tuple(to_float(given[name]) for name in self.shapes)
        return shapes, to_float(given.get("loc", 0.0)), to_float(given.get("scale", 1.0))

    def _argcheck(self, *shapes: Any) -> Any:
        """Say for which shapes the distribution exists (SciPy's default: all positive)."""
        valid: Any = np.True_
        for shape in shapes:
            valid = valid & (shape > 0)
        return valid

    def _support(self, *shapes: Any) -> tuple[Any, Any]:
        """Return the ends of the support in the standard form."""
        return -np.inf, np.inf
