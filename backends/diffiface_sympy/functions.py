"""Functions that SymPy lacks, or differentiates into distributions: what a program needs is their ordinary derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special
import sympy


class PiecewiseConstant(sympy.Function):
    """A function whose derivative is zero wherever it has one."""

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.S.Zero


class Sign(PiecewiseConstant):
    """The sign of a number (SymPy's own is differentiated into a Dirac delta)."""


class Floor(PiecewiseConstant):
    """The largest whole number below."""


class Ceil(PiecewiseConstant):
    """The smallest whole number above."""


class Trunc(PiecewiseConstant):
    """The whole number next towards zero."""


class Rint(PiecewiseConstant):
    """The nearest whole number, the even one of two."""


class Absolute(sympy.Function):
    """The absolute value of a real number; its derivative at 0 is 0."""

    def fdiff(self, argindex: int = 1) -> Any:
        return Sign(self.args[0])

    def _latex(self, printer: Any, exp: Any = None) -> str:
        text = rf"\left|{{{printer._print(self.args[0])}}}\right|"
        return text if exp is None else rf"{text}^{{{exp}}}"


class LogNdtr(sympy.Function):
    """The logarithm of the normal distribution function, without underflow far to the left."""

    def fdiff(self, argindex: int = 1) -> Any:
        x: Any = self.args[0]
        return sympy.exp(-(x**2) / 2 - self) / sympy.sqrt(2 * sympy.pi)


class Select(sympy.Expr):
    """`Select(condition, x, y)`: a Piecewise of two branches that SymPy does not try to simplify.

    SymPy examines every new Piecewise, which takes most of the time of a program that has some.
    """

    is_commutative = True

    def __new__(cls, condition: Any, x: Any, y: Any) -> Any:
        return x if x == y else sympy.Expr.__new__(cls, condition, x, y)

    def _eval_derivative(self, s: Any) -> Any:
        branches: Any = self.args[1:]
        return Select(self.args[0], *(branch.diff(s) for branch in branches))


def piecewise(expression: Any) -> Any:
    """Return an expression with SymPy's own Piecewise in the place of Select, for reading."""
    return expression.replace(Select, lambda condition, x, y: sympy.Piecewise((x, condition), (y, True)))


EVALUATED = {
    "Sign": np.sign,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Trunc": np.trunc,
    "Rint": np.rint,
    "Absolute": np.absolute,
    "LogNdtr": scipy.special.log_ndtr,
}
"""What computes these functions in a compiled formula."""
