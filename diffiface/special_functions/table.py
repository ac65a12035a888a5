"""What a special function is here: SciPy's values, and one partial derivative per argument.

A partial derivative is a formula of the value and the arguments, `lambda y, v, x: ...`, in terms that are themselves
special functions, so that derivatives of every order follow. An argument without one (an order, a degree, a count) is
named instead: differentiating it raises, and says so.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from diffiface.errors import UnsupportedOperationError, user_line
from diffiface.primitives.formula import formula

Partial = Callable[..., Any]


@dataclass(frozen=True)
class SpecialFunction:
    """A function with values on NumPy arrays and partial derivatives in primitives."""

    name: str
    partials: tuple[Partial | str, ...]
    """By argument: a function `(p, y, *arguments)` on raw values, or what the argument is that has no derivative."""
    real_only: bool
    """Whether it has no complex derivative, though it may have complex values."""
    source: str
    """Where its values come from: a name in scipy.special ("airy[0]" is its first output), or "module:function"."""

    @functools.cached_property
    def value(self) -> Callable[..., Any]:
        """The function on NumPy arrays, loaded when first used."""
        module, _, name = self.source.rpartition(":")
        name, _, place = name.removesuffix("]").partition("[")
        function = getattr(importlib.import_module(module or "scipy.special"), name)
        return (lambda *arguments: function(*arguments)[int(place)]) if place else function

    def slope(self, p: Any, place: int, y: Any, arguments: Sequence[Any]) -> Any:
        """Return the partial derivative in one argument, in primitives of p."""
        partial = self.partials[place]
        if isinstance(partial, str):
            raise UnsupportedOperationError(
                f"scipy.special.{self.source.partition('[')[0].rpartition(':')[2]} has no known derivative in "
                f"argument {place + 1}, {partial}",
                engine=p.engine,
                where=user_line(),
                fix="differentiate with respect to the other arguments only",
            )
        if self.real_only and p.dtype(y).kind == "c":
            raise UnsupportedOperationError(
                f"scipy.special.{self.source.partition('[')[0]} of a complex number has no complex derivative",
                engine=p.engine,
                where=user_line(),
                fix="keep the argument real, or use the function without scaling (jv for jve)",
            )
        return partial(p, y, *arguments)


SPECIAL_FUNCTIONS: dict[str, SpecialFunction] = {}


def define(name: str, *partials: Partial | str, source: str = "", real_only: bool = False) -> None:
    """Add a function to the table; each partial is a formula of the value and the arguments."""
    formulas = tuple(partial if isinstance(partial, str) else formula(partial) for partial in partials)
    SPECIAL_FUNCTIONS[name] = SpecialFunction(name, formulas, real_only, source or name)
