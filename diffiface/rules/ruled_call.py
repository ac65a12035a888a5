"""One call of a function with rules: what an engine asks, answered by the user's f, jvp and vjp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from diffiface.errors import DiffifaceError, RuleError, UnsupportedOperationError
from diffiface.primitives import CustomCall, Primitives
from diffiface.primitives.custom_call import Pull
from diffiface.rules.arguments import Arguments
from diffiface.rules.results import Output, cotangent_leaves, pair, tangent_leaves
from diffiface.rules.transposition import float_of, transposed, zeros_like
from diffiface.rules.user_code import (
    Code,
    Linearity,
    Runner,
    UserCode,
    defined_at,
    evaluate,
    outputs_of_example,
)


@dataclass(eq=False)
class Rule:
    """What a user has said about one function."""

    name: str
    f: Code
    jvp: Code | None = None
    fwd: Code | None = None
    bwd: Code | None = None
    derivative: Literal["rule", "zero", "raise"] = "rule"
    nondiff_argnums: frozenset[int] = frozenset()
    activity: bool = False
    on_host: bool = False
    """Whether f is never traced."""
    output: Any = None
    """The leaves of an example of what f returns, or None where that is found by running it."""


class RuledCall(CustomCall):
    """A function with a rule, and the arguments of one call."""

    def __init__(self, rule: Rule, arguments: Arguments, keywords: dict[str, Any]):
        self.name = rule.name
        self.holds_fixed = rule.derivative == "zero"
        self.rule = rule
        self.arguments = arguments
        self.keywords = keywords
        self.output = Output(rule.name)
        self._value = UserCode(rule.name, self._run_f, rule.f.function, arguments.scalars)

    # ---- values

    def _run_f(self, call: Runner, leaves: Sequence[Any]) -> list[Any]:
        y = call(self.rule.f, self.arguments.rebuild(leaves), self.keywords)
        return self.output.read(y, self.name, self.rule.f.function)

    def on_host(self, operands: Sequence[Any]) -> tuple[np.ndarray, ...]:
        return self._value.on_host(operands)

    def outputs(self, operands: Sequence[Any]) -> list[tuple[tuple[int, ...], np.dtype]]:
        if self.rule.output is not None:
            leaves = self.output.read(self.rule.output, f"the output= given for {self.name}", self.rule.f.function)
            return [(np.shape(leaf), np.asarray(leaf).dtype) for leaf in leaves]
        return outputs_of_example(self, operands)

    def value(self, p: Primitives, operands: Sequence[Any]) -> tuple[Any, ...]:
        if self.rule.on_host:
            return p.call_out(self, operands)
        try:
            return p.attempt(lambda: self._value.traced(p, operands))
        except RuleError:
            raise
        except Exception:  # a black box: it is called with NumPy arrays, which tells what was wrong with f, if anything
            return p.call_out(self, operands)

    # ---- derivatives

    def push(
        self, p: Primitives, operands: Sequence[Any], ys: Sequence[Any], tangents: Sequence[Any]
    ) -> tuple[Any, ...]:
        moved = [i for i, t in enumerate(tangents) if t is not None]
        with self._named(p):
            if self._settled(moved):
                return tuple(zeros_like(p, y) for y in ys)
            if self.rule.jvp is not None:
                return self._by_jvp(p, operands, tangents)[1]
            # (the pullback is linear in the cotangent, and its transpose is the pushforward)
            pulled = transposed(
                p,
                lambda q, cotangents: self._by_vjp(q, operands, moved, cotangents),
                [zeros_like(p, y) for y in ys],
                [tangents[i] for i in moved],
            )
            return tuple(pulled)

    def pull(
        self,
        p: Primitives,
        operands: Sequence[Any],
        ys: Sequence[Any],
        wanted: Sequence[int],
        cotangents: Sequence[Any],
    ) -> list[Any]:
        with self._named(p):
            if self._settled(wanted):
                return [zeros_like(p, operands[i]) for i in wanted]
            if self.rule.bwd is not None:
                return self._by_vjp(p, operands, wanted, cotangents)

            def pushed(q: Primitives, tangents: Sequence[Any]) -> Sequence[Any]:
                every: list[Any] = [None] * len(operands)
                for i, tangent in zip(wanted, tangents, strict=True):
                    every[i] = tangent
                return self._by_jvp(q, operands, every)[1]

            return transposed(p, pushed, [zeros_like(p, operands[i]) for i in wanted], list(cotangents))

    def value_and_push(
        self, p: Primitives, operands: Sequence[Any], batch: Sequence[Sequence[Any]]
    ) -> tuple[Sequence[Any], list[tuple[Any, ...]]]:
        first = batch[0] if len(batch) else [None] * len(operands)
        if p.traced_type is not np.ndarray or self.rule.jvp is None or self.rule.derivative != "rule":
            return super().value_and_push(p, operands, batch)
        with self._named(p):
            self._settled([i for i, t in enumerate(first) if t is not None])
            if not len(batch):
                return p.custom_call(self, operands), []
            ys, tys = self._by_jvp(p, operands, first)  # plain numbers: f need not be run for y
            return ys, [tys, *(self._by_jvp(p, operands, tangents)[1] for tangents in batch[1:])]

    def value_and_pull(self, p: Primitives, operands: Sequence[Any]) -> tuple[Sequence[Any], Pull]:
        if p.traced_type is not np.ndarray or self.rule.bwd is None or self.rule.derivative != "rule":
            return super().value_and_pull(p, operands)
        kept: dict[str, Any] = {}  # plain numbers: what fwd saves can be any object, and is kept as it is

        def run_fwd(call: Runner, leaves: Sequence[Any]) -> list[Any]:
            y, kept["residuals"] = self._fwd(call, leaves)
            return self.output.read(y, f"the vjp's fwd of {self.name}", self._fwd_code.function)

        with self._named(p):
            ys = evaluate(p, self._code("fwd", run_fwd, self._fwd_code, self.arguments.scalars), operands)

        def pull(wanted: Sequence[int], cotangents: Sequence[Any]) -> list[Any]:
            def run_bwd(call: Runner, leaves: Sequence[Any]) -> list[Any]:
                return self._bwd(call, kept["residuals"], leaves, operands, wanted)

            with self._named(p):
                self._settled(wanted)
                code = self._code("bwd", run_bwd, self._bwd_code, [np.ndim(c) == 0 for c in cotangents])
                return self._completed(p, evaluate(p, code, cotangents), operands, wanted)

        return ys, pull

    # ---- the user's rules, on flat values

    def _by_jvp(self, p: Primitives, operands: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        rule, arguments = self.rule, self.arguments
        assert rule.jvp is not None
        what, f, n = f"the jvp of {self.name}", rule.jvp.function, len(operands)
        moving = [i for i, t in enumerate(tangents) if t is not None]

        def run(call: Runner, leaves: Sequence[Any]) -> list[Any]:
            primals, given = leaves[:n], dict(zip(moving, leaves[n:], strict=True))
            every = [
                given[i] if i in given else None if rule.activity else np.zeros(x.shape, float_of(x.dtype))[()]
                for i, x in enumerate(primals)
            ]
            args, nondiff = self._divided(arguments.rebuild(primals))
            args_t, _ = self._divided(arguments.tangents(every))
            result = call(rule.jvp, (*nondiff, args, args_t), self.keywords)
            y, ty = pair(result, what, "(y, tangent of y)", f)
            ys = self.output.read(y, what, f)
            return [*ys, *tangent_leaves(ty, ys, self.output, what, f)]

        scalars = [*arguments.scalars, *(arguments.scalars[i] for i in moving)]
        code = self._code("jvp", run, rule.jvp, scalars)

        def adjoint(q: Primitives, primals: Sequence[Any], cotangents: Sequence[Any]) -> Sequence[Any]:
            return self._by_vjp(q, primals, moving, cotangents)

        linear = Linearity(n, lambda results: results // 2, adjoint if rule.bwd is not None else None)
        results = evaluate(p, code, [*operands, *(tangents[i] for i in moving)], linear)
        half = len(results) // 2
        ys = results[:half]
        tys = tuple(as_derivative(p, ty, y) for ty, y in zip(results[half:], ys, strict=True))
        return ys, tys

    def _by_vjp(
        self, p: Primitives, operands: Sequence[Any], wanted: Sequence[int], cotangents: Sequence[Any]
    ) -> list[Any]:
        n = len(operands)

        def run(call: Runner, leaves: Sequence[Any]) -> list[Any]:
            y, residuals = self._fwd(call, leaves[:n])
            self.output.read(y, f"the vjp's fwd of {self.name}", self._fwd_code.function)
            return self._bwd(call, residuals, leaves[n:], leaves[:n], wanted)

        scalars = [*self.arguments.scalars, *(len(p.shape(c)) == 0 for c in cotangents)]
        code = self._code("vjp", run, self._bwd_code, scalars)

        def adjoint(q: Primitives, primals: Sequence[Any], tangents: Sequence[Any]) -> Sequence[Any]:
            every: list[Any] = [None] * n
            for i, tangent in zip(wanted, tangents, strict=True):
                every[i] = tangent
            return self._by_jvp(q, primals, every)[1]

        linear = Linearity(n, lambda results: 0, adjoint if self.rule.jvp is not None else None)
        return self._completed(p, evaluate(p, code, [*operands, *cotangents], linear), operands, wanted)

    @property
    def _fwd_code(self) -> Code:
        assert self.rule.fwd is not None
        return self.rule.fwd

    @property
    def _bwd_code(self) -> Code:
        assert self.rule.bwd is not None
        return self.rule.bwd

    def _fwd(self, call: Runner, leaves: Sequence[Any]) -> tuple[Any, Any]:
        result = call(self._fwd_code, self.arguments.rebuild(leaves), self.keywords)
        return pair(result, f"the vjp's fwd of {self.name}", "(y, residuals)", self._fwd_code.function)

    def _bwd(
        self, call: Runner, residuals: Any, cotangents: Sequence[Any], primals: Sequence[Any], wanted: Sequence[int]
    ) -> list[Any]:
        """Return the cotangents of the wanted operands, zeros where the rule leaves them out."""
        arguments, f = self.arguments, self._bwd_code.function
        _, nondiff = self._divided(arguments.rebuild(primals))
        args: tuple[Any, ...] = (*nondiff, residuals, self.output.rebuild(cotangents))
        if self.rule.activity:
            owners = {arguments.owner[i] for i in wanted}
            args = (*args, tuple(i in owners for i in arguments.differentiable))
        result = call(self._bwd_code, args)
        found = cotangent_leaves(result, arguments, primals, f"the vjp's bwd of {self.name}", f)
        return [found[i] if i in found else np.zeros(primals[i].shape) for i in wanted]

    def _completed(
        self, p: Primitives, results: Sequence[Any], operands: Sequence[Any], wanted: Sequence[int]
    ) -> list[Any]:
        return [as_derivative(p, result, operands[i]) for i, result in zip(wanted, results, strict=True)]

    # ---- what all of them need

    def _code(self, direction: str, run: Callable[..., list[Any]], main: Code, scalars: Sequence[bool]) -> UserCode:
        return UserCode(f"the {direction} of {self.name}", run, main.function, scalars)

    def _divided(self, args: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Return the arguments that may be differentiated, and the others."""
        still = self.rule.nondiff_argnums
        return tuple(a for i, a in enumerate(args) if i not in still), tuple(
            a for i, a in enumerate(args) if i in still
        )

    def _settled(self, moved: Sequence[int]) -> bool:
        """Say whether the derivative is zero by declaration; raise where there is none."""
        rule = self.rule
        if rule.derivative == "raise":
            raise UnsupportedOperationError(
                f"{self.name} is declared not to be differentiable",
                where=defined_at(rule.f.function),
                fix="differentiate something else, or give it a rule",
            )
        if rule.derivative == "zero":
            return True
        for i in moved:
            if self.arguments.owner[i] in rule.nondiff_argnums:
                raise RuleError(
                    f"argument {self.arguments.owner[i]} of {self.name} is declared non-differentiable "
                    "(nondiff_argnums), but is being differentiated",
                    where=defined_at(rule.f.function),
                    fix="pass a constant there, or write the rule for it too",
                )
        if rule.jvp is None and rule.bwd is None:
            raise RuleError(
                f"{self.name} has no derivative rule yet",
                where=defined_at(rule.f.function),
                fix="give jvp=, vjp=(fwd, bwd) or derivative='zero' to di.rule, or call .defjvp or .defvjp",
            )
        return False

    def _named(self, p: Primitives) -> _Named:
        return _Named("" if p.traced_type is np.ndarray else p.engine)  # (on plain numbers the engine above is meant)


class _Named:
    """Give errors that come out of a rule the name of the engine (a context manager)."""

    def __init__(self, engine: str):
        self.engine = engine

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: Any, error: Any, __: Any) -> None:
        if isinstance(error, DiffifaceError) and not error.engine:
            error.engine = self.engine


def as_derivative(p: Primitives, derivative: Any, like: Any) -> Any:
    """Return a tangent or cotangent in the dtype of the derivatives of a value (real where that is real)."""
    due = float_of(p.dtype(like))
    found = p.dtype(derivative)
    if found.kind == "c" and due.kind != "c":
        derivative = p.real(derivative)
        found = p.dtype(derivative)
    return derivative if found == due else p.astype(derivative, dtype=due)
