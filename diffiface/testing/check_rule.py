"""check_rule: is a custom derivative rule the derivative of its function?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.errors import InputError, RuleError
from diffiface.operators.pullback import value_and_pullback
from diffiface.operators.pushforward import pushforward, value_and_pushforward
from diffiface.rules.rule import FunctionWithRule
from diffiface.rules.user_code import defined_at, is_value

_FLOOR = 1e-12


def check_rule(
    f: Callable[..., Any], *args: Any, order: int = 2, rtol: float = 1e-5, exact_rtol: float = 1e-9, seed: int = 0
) -> None:
    """Raise unless the derivative rules of a function agree with the function, with each other, and are linear.

    Checked at the given point, along random directions: the values that jvp and fwd return are f's; the forward
    direction against central differences of f, by an engine that only calls it; the reverse direction against the
    forward one, by `<ct, J t> == <J* ct, t>`; that both are linear; and for order 2 the derivative of the forward rule
    against central differences of it. (A direction without a rule follows from the other and is checked too.)

    Args:
        f: what `di.rule`, `di.define_rule` or `di.implicit` returned.
        args: its arguments; floating-point ones are differentiated, but for those of `nondiff_argnums`.
        order: 1 leaves out the second derivatives (for rules that run on the host and have none).
        rtol: how far differences may be off, relative to the largest entry.
        exact_rtol: likewise for what must agree up to rounding.
        seed: of the random directions.
    Raises:
        RuleError: the rule is wrong; the message names the check and the worst deviation.
        InputError: f has no rule, or no argument to differentiate.

    >>> import numpy as np, diffiface as di, diffiface.testing
    >>> sine = di.rule(np.sin, jvp=lambda primals, tangents: (np.sin(*primals), np.cos(*primals) * tangents[0]))
    >>> di.testing.check_rule(sine, np.array([0.1, 0.7]))
    >>> wrong = di.rule(np.sin, jvp=lambda primals, tangents: (np.sin(*primals), -np.cos(*primals) * tangents[0]))
    >>> di.testing.check_rule(wrong, np.array([0.1, 0.7]))
    Traceback (most recent call last):
    ...
    diffiface.errors.RuleError: the rule of sin: the forward direction is not that of finite differences: off by 0.25 ...
    """
    if not isinstance(f, FunctionWithRule):
        raise InputError(f"{f!r:.60} has no rule", fix="give what di.rule or di.define_rule returned")
    if order not in (1, 2):
        raise InputError(f"order={order!r} is not known", fix="order is 1 or 2")
    _Check(f, args, np.random.default_rng(seed), rtol, exact_rtol).run(order)


class _Check:
    def __init__(self, f: FunctionWithRule, args: tuple[Any, ...], rng: np.random.Generator, rtol: float, exact: float):
        self.f, self.rng, self.rtol, self.exact = f, rng, rtol, exact
        self.x = {i: _floats(arg) for i, arg in enumerate(args) if i not in f.rule.nondiff_argnums and _moves(arg)}
        if not self.x:
            raise InputError(f"no argument of {f.rule.name} can be differentiated", fix="pass floats or arrays of them")
        self.args = args

    def call(self, x: dict[int, Any]) -> Any:
        return self.f(*(x.get(i, arg) for i, arg in enumerate(self.args)))

    def run(self, order: int) -> None:
        x, call = self.x, self.call
        t, other = self.direction(x), self.direction(x)
        y = call(x)
        y_forward, pushed = value_and_pushforward(call, "forward", x, t)
        self.agree(y_forward, y, self.exact, "the value that the forward direction returns is not f's")
        differences = pushforward(call, "finite_differences", x, t)
        self.agree(pushed, differences, self.rtol, "the forward direction is not that of finite differences")
        both = pushforward(call, "forward", x, _combined(2.0, t, -3.0, other))
        parts = _combined(2.0, pushed, -3.0, pushforward(call, "forward", x, other))
        self.agree(both, parts, self.exact, "the forward direction is not linear in the tangents")

        ct, ct_other = self.direction(y), self.direction(y)
        y_reverse, pulled = value_and_pullback(call, "reverse", x, ct)
        self.agree(y_reverse, y, self.exact, "the value that the reverse direction returns is not f's")
        left, right = _inner(ct, pushed), _inner(pulled, t)
        scale = max(_size(ct) * _size(pushed), _size(pulled) * _size(t))
        if not abs(left - right) <= self.exact * scale + _FLOOR:
            self.fail(f"the two directions are not adjoint: <ct, J t> = {left:.9g}, <J* ct, t> = {right:.9g}")
        both = value_and_pullback(call, "reverse", x, _combined(2.0, ct, -3.0, ct_other))[1]
        parts = _combined(2.0, pulled, -3.0, value_and_pullback(call, "reverse", x, ct_other)[1])
        self.agree(both, parts, self.exact, "the reverse direction is not linear in the cotangents")
        if order == 2:
            self.second_order(t, other, ct)

    def second_order(self, t: Any, other: Any, ct: Any) -> None:
        def along(x: dict[int, Any]) -> Any:
            return pushforward(self.call, "forward", x, t)

        def back(x: dict[int, Any]) -> Any:
            return value_and_pullback(self.call, "reverse", x, ct)[1]

        # A rule that is right at this very point only has the wrong derivative.
        near = _combined(1.0, self.x, 1e-3, other)
        differences = pushforward(self.call, "finite_differences", near, t)
        self.agree(
            along(near), differences, self.rtol, "near this point the forward direction is not that of differences"
        )
        for function, what in ((along, "forward"), (back, "reverse")):
            exact = pushforward(function, "forward", self.x, other)
            differences = pushforward(function, "finite_differences", self.x, other)
            self.agree(
                exact, differences, self.rtol, f"the derivative of the {what} rule is not that of finite differences"
            )

    def direction(self, like: Any) -> Any:
        """Draw a tangent or cotangent."""

        def draw(leaf: Any) -> Any:
            leaf = np.asarray(leaf)
            drawn = self.rng.normal(size=leaf.shape)
            if leaf.dtype.kind == "c":
                drawn = drawn + 1j * self.rng.normal(size=leaf.shape)
            return np.asarray(drawn)[()]

        return trees.map_leaves(draw, like)

    def agree(self, found: Any, due: Any, rtol: float, problem: str) -> None:
        for a, b in zip(_leaves(found), _leaves(due), strict=True):
            scale = max(float(np.max(np.abs(b), initial=0.0)), _FLOOR)
            deviation = float(np.max(np.abs(a - b), initial=0.0))
            if not deviation <= rtol * max(scale, 1e-3):
                self.fail(f"{problem}: off by {deviation:.3g} where the largest entry is {scale:.3g}")

    def fail(self, problem: str) -> None:
        rule = self.f.rule
        code = rule.jvp or rule.bwd or rule.f
        raise RuleError(f"the rule of {rule.name}: {problem}", where=defined_at(code.function))


def _moves(arg: Any) -> bool:
    leaves = trees.flatten(arg)[0]
    return bool(leaves) and all(is_value(leaf) and np.asarray(leaf).dtype.kind in "fc" for leaf in leaves)


def _floats(arg: Any) -> Any:
    return trees.map_leaves(lambda leaf: np.array(leaf)[()], arg)


def _leaves(tree: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in trees.flatten(tree)[0]]


def _combined(a: float, left: Any, b: float, right: Any) -> Any:
    leaves, structure = trees.flatten(left)
    return trees.unflatten(structure, [a * x + b * y for x, y in zip(leaves, _leaves(right), strict=True)])


def _inner(left: Any, right: Any) -> float:
    return float(sum(np.sum(np.real(np.conj(a) * b)) for a, b in zip(_leaves(left), _leaves(right), strict=True)))


def _size(tree: Any) -> float:
    return float(np.sqrt(sum(np.sum(np.abs(a) ** 2) for a in _leaves(tree))))
