"""di.implicit: a function given by a solver, differentiated by what holds at the solution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.errors import InputError
from diffiface.implicit import linear_solvers
from diffiface.implicit.condition import Kind
from diffiface.implicit.implicit_call import ImplicitCall
from diffiface.implicit.linear_solvers import LinearSolver
from diffiface.rules.arguments import Arguments
from diffiface.rules.rule import FunctionWithRule
from diffiface.rules.ruled_call import Rule
from diffiface.rules.user_code import Code


def implicit(
    solve: Callable[..., Any],
    condition: Callable[..., Any],
    *,
    kind: Kind = "root",
    linear_solver: LinearSolver = "auto",
    output: Any = None,
) -> FunctionWithRule:
    """Return a solver as a function that is differentiated by the implicit function theorem, on every engine.

    The solver is only called, with NumPy arrays, so it may be anything (SciPy's, C code, iterations with a tolerance).
    Derivatives are those of the exact solution, of every order; they cost one linear system each.

    Args:
        solve: `solve(*args) -> x`, x an array or a pytree; it must have converged.
        condition: what holds at x, in NumPy, with the same arguments as solve after x. By kind:
            `"root"`: `condition(x, *args)` is zero, shaped as x; `"fixed_point"`: it is x; `"argmin"`: it is a number,
            smallest (or stationary) at x.
        kind: which of these.
        linear_solver: for the system with the Jacobian A of the condition by x. `"dense"` forms A; `"cg"` (A symmetric
            positive definite, as for a minimum), `"gmres"` and `"bicgstab"` only multiply by A; or a function
            `solver(matvec, b) -> v` of 1-d arrays. `"auto"`: dense up to 256 unknowns, else cg for argmin and gmres.
        output: an example of x, for JAX's jit where solving for ones as arguments fails.
    Returns:
        A function that is called as solve is.
    Raises:
        InputError: an option is not known. RuleError (when a derivative is taken): the condition is not shaped as x.
        UnsupportedOperationError (likewise): the linear solver failed.

    Source: A. Griewank and A. Walther, Evaluating Derivatives, 2nd edition (2008), chapter 15.

    >>> import numpy as np, scipy.optimize, diffiface as di
    >>> def solve(a):  # x**3 + x = a
    ...     return scipy.optimize.brentq(lambda x: x**3 + x - a, -10.0, 10.0, xtol=1e-14)
    >>> root = di.implicit(solve, lambda x, a: x**3 + x - a)
    >>> di.derivative(root, "jax", 2.0)  # 1 / (3 x**2 + 1) at x = 1
    np.float64(0.25)
    >>> di.second_derivative(root, "reverse", 2.0).round(6)
    np.float64(-0.09375)
    """
    if kind not in ("root", "fixed_point", "argmin"):
        raise InputError(f"kind={kind!r} is not known", fix="kind is 'root', 'fixed_point' or 'argmin'")
    for f, what in ((solve, "solve"), (condition, "condition")):
        if not callable(f):
            raise InputError(f"{what} is {type(f).__name__}, not a function", fix="see the help of di.implicit")
    linear_solvers.check(linear_solver)
    rule = Rule(
        name=getattr(solve, "__name__", type(solve).__name__),
        f=Code(solve),
        on_host=True,
        output=None if output is None else trees.map_leaves(np.asarray, output),
    )
    return ImplicitFunction(rule, Code(condition), kind, linear_solver)


class ImplicitFunction(FunctionWithRule):
    """What `di.implicit` returns."""

    def __init__(self, rule: Rule, condition: Code, kind: Kind, linear_solver: LinearSolver):
        super().__init__(rule)
        self.condition = condition
        self.kind: Kind = kind
        self.linear_solver = linear_solver

    def make_call(self, arguments: Arguments, keywords: dict[str, Any]) -> ImplicitCall:
        return ImplicitCall(self.rule, arguments, keywords, self.condition, self.kind, self.linear_solver)

    def captured_parts(self) -> list[Any]:
        return [self.rule.f.function, self.condition.function]

    def __repr__(self) -> str:
        return f"<{self.rule.name}, implicit {self.kind}>"
