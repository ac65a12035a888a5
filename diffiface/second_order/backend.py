"""`SecondOrder`: two engines as one backend, the outer differentiating what the inner computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from diffiface.adapter import Backend, FlatFunction, Leaves
from diffiface.errors import InputError, UnsupportedOperationError
from diffiface.operators.cascade import DERIVATIONS, engine_method
from diffiface.registry import resolve
from diffiface.second_order.functions import DerivativeFunction, GradientFunction
from diffiface.second_order.hvp_modes import HVP_MODES, HvpMode, choose_mode, hvp, inner_engine, missing_direction
from diffiface.second_order.nesting import check_pair

_FIRST_ORDER = ("pushforward", "pullback", "derivative", "gradient", "jacobian")


@dataclass(frozen=True, repr=False)
class SecondOrder(Backend):
    """Two engines for second derivatives: `inner` takes the first derivative, `outer` differentiates that.

    A backend like any other: `second_derivative`, `hvp` and `hessian`, prepared or not, use both engines; the operators
    of first order use `inner`. When both are the same engine, and no mode is asked for, that engine's own way is taken.

    Args:
        outer, inner: names of engines or backend objects. Whether they can be combined is checked here.
        hvp_mode: how a Hessian-vector product is computed: "forward_over_reverse" (the pushforward of the gradient),
            "reverse_over_forward" (the gradient of the derivative along the tangent), "reverse_over_reverse" (the
            pullback of the gradient), "forward_over_forward", or "auto": the cheapest for these engines.
        style, chunk_size: as for every backend; by default the inner engine's style and the outer's chunk size.
    Raises:
        UnsupportedOperationError: the outer engine cannot differentiate the inner one (the message names the pairs
            that can), or an engine does not go in the direction that hvp_mode asks of it.
        InputError: hvp_mode is not known, or outer or inner is itself a pair.
        UnknownBackendError, MissingBackendError: an engine is not known or not installed.

    >>> import numpy as np, diffiface as di
    >>> pair = di.SecondOrder("forward", "reverse")
    >>> di.hessian(lambda x: x[0] ** 2 * x[1], pair, np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    >>> pair
    SecondOrder(backend('forward'), backend('reverse'))
    """

    outer: str | Backend
    inner: str | Backend
    hvp_mode: HvpMode = field(default="auto", kw_only=True)

    def __post_init__(self) -> None:
        set_field = partial(object.__setattr__, self)
        set_field("outer", resolve(self.outer))
        set_field("inner", resolve(self.inner))
        outer, inner = self.engines
        for engine in (outer, inner):
            if isinstance(engine, SecondOrder):
                raise InputError(
                    f"SecondOrder takes two engines, not {engine!r}",
                    fix="for a higher derivative by one number use derivative(..., order=n)",
                )
        if self.style == "auto":
            set_field("style", inner.style)
        if self.chunk_size is None:
            set_field("chunk_size", outer.chunk_size)
        super().__post_init__()
        if not (self.is_one_engine and outer.supplies("hvp")):  # an engine's own way need not be nesting
            check_pair(outer, inner)
        self._check_mode()

    def _check_mode(self) -> None:
        if self.hvp_mode == "auto":
            return
        if self.hvp_mode not in HVP_MODES:
            raise InputError(
                f"hvp_mode={self.hvp_mode!r} is not known",
                engine=self.name,
                fix=f"hvp_mode is 'auto', {', '.join(map(repr, HVP_MODES[:-1]))} or {HVP_MODES[-1]!r}",
            )
        reason = missing_direction(self.hvp_mode, *self.engines)
        if reason is not None:
            possible = [repr(mode) for mode in HVP_MODES if missing_direction(mode, *self.engines) is None]
            raise UnsupportedOperationError(
                f"hvp_mode={self.hvp_mode!r} is not for {self!r}: {reason}",
                fix=f"hvp_mode={' or '.join(possible) or repr('auto')}, or 'auto'",
            )

    def __repr__(self) -> str:
        outer, inner = self.engines
        options = []
        if self.hvp_mode != "auto":
            options.append(f"hvp_mode={self.hvp_mode!r}")
        if self.style != inner.style:
            options.append(f"style={self.style!r}")
        if self.chunk_size != outer.chunk_size:
            options.append(f"chunk_size={self.chunk_size!r}")
        return f"SecondOrder({', '.join([repr(outer), repr(inner), *options])})"

    # ---- what there is to say of the pair: f meets the inner engine, everything else the outer

    @property
    def engines(self) -> tuple[Backend, Backend]:
        """The outer and the inner engine."""
        assert isinstance(self.outer, Backend) and isinstance(self.inner, Backend)
        return self.outer, self.inner

    name = property(lambda self: self.inner.name)  # pyright: ignore[reportAssignmentType]
    mode = property(lambda self: self.inner.mode)  # pyright: ignore[reportAssignmentType]
    traces = property(lambda self: self.inner.traces)  # pyright: ignore[reportAssignmentType]
    complex_inputs = property(lambda self: self.inner.complex_inputs)  # pyright: ignore[reportAssignmentType]

    @property
    def exact(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        outer, inner = self.engines
        return outer.exact and inner.exact

    @property
    def family(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        outer, inner = self.engines
        return outer.family if outer.family == inner.family else "numpy"

    @property
    def nests(self) -> Literal["in any engine", "in itself", "no"]:  # pyright: ignore[reportIncompatibleVariableOverride]
        outer, inner = self.engines
        if outer.nests == inner.nests == "in any engine":
            return "in any engine"
        return "in itself" if outer.name == inner.name and "no" not in (outer.nests, inner.nests) else "no"

    @property
    def is_one_engine(self) -> bool:
        """Whether the pair is one engine, to be used in its own way."""
        outer, inner = self.engines
        if outer.name == inner.name and not outer.traces:
            return True  # second differences of f, whatever the mode; differences of differences lose digits
        return outer == inner and self.hvp_mode == "auto"

    # ---- first order: the inner engine

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return self._first_order("pushforward", f, xs, tangents, contexts)

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Any, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return self._first_order("pullback", f, xs, cotangents, contexts)

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        return self._first_order("derivative", f, xs, contexts)

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        return self._first_order("gradient", f, xs, contexts)

    def value_and_jacobian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Sequence[Leaves], Any]:
        return self._first_order("jacobian", f, xs, contexts)

    def _first_order(self, operator: str, *arguments: Any) -> Any:
        return engine_method(self.engines[1], operator)(*arguments)

    # ---- second order: both

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        if self.is_one_engine:
            return engine_method(self.engines[0], "second_derivative")(f, xs, contexts)
        return derivative_of_derivative(*self.engines, f, xs, contexts)

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        if self.is_one_engine:
            return engine_method(self.engines[0], "hvp")(f, xs, tangents, contexts)
        outer, inner = self.engines
        mode = self._mode()
        return hvp(mode, outer, inner_engine(mode, inner), f, xs, tangents, contexts)

    def value_gradient_and_hessian(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Sequence[Leaves], Any]:
        if self.is_one_engine:
            return engine_method(self.engines[0], "hessian")(f, xs, contexts)
        return DERIVATIONS["hessian"](self, f, xs, contexts)

    def _mode(self) -> HvpMode:
        return choose_mode(*self.engines) if self.hvp_mode == "auto" else self.hvp_mode

    # ---- prepared: the outer engine prepares itself for the inner one's derivatives

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        from diffiface.operators.prepared_engine import PreparedEngine, engine_run

        outer, inner = self.engines
        if operator in _FIRST_ORDER:
            return engine_run(inner, operator, f, xs, contexts)
        if self.is_one_engine:
            return engine_run(outer, operator, f, xs, contexts)
        # Under an outer engine that traces, the inner one runs on traced values once, and is prepared with the outer.
        if operator == "hvp":
            mode = self._mode()
            inner = inner_engine(mode, inner)
        else:
            mode = "auto"
        stages = PreparedEngine(outer), inner if outer.traces else PreparedEngine(inner)
        if operator == "hvp":
            return _Prepared(partial(hvp, mode, *stages, f), stages[0].explain)
        if operator == "second_derivative":
            return _Prepared(partial(derivative_of_derivative, *stages, f), stages[0].explain)
        pair = PreparedEngine(self)
        return _Prepared(partial(DERIVATIONS["hessian"], pair, f), pair.explain)

    # ---- errors

    def error_estimate(self, operator: str, f: FlatFunction, xs: Leaves, seeds: Leaves | None, contexts: Leaves) -> Any:
        """Return the outer engine's bounds, if only that engine approximates."""
        outer, inner = self.engines
        if operator in _FIRST_ORDER:
            return inner.error_estimate(operator, f, xs, seeds, contexts)
        if self.is_one_engine:
            return outer.error_estimate(operator, f, xs, seeds, contexts)
        if not inner.exact:
            raise NotImplementedError
        if operator == "second_derivative":
            bounds = outer.error_estimate("derivative", DerivativeFunction(inner, f), xs, None, contexts)
            return bounds[len(bounds) // 2 :]
        if operator == "hvp":
            return outer.error_estimate("pushforward", GradientFunction(inner, f), xs, seeds, contexts)[1:]
        return outer.error_estimate("jacobian", GradientFunction(inner, f), xs, None, contexts)[1:]


class _Prepared:
    """A prepared method that can say how it runs."""

    def __init__(self, run: Callable[..., tuple[Any, ...]], explain: Callable[[], str]):
        self._run, self.explain = run, explain

    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        return self._run(*arguments)


def derivative_of_derivative(
    outer: Backend, inner: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves
) -> tuple[Leaves, Leaves, Leaves, Any]:
    """Return `(ys, dys, ddys, aux)`, the engine method of `second_derivative`."""
    values, derivatives, aux = engine_method(outer, "derivative")(DerivativeFunction(inner, f), xs, contexts)
    half = len(values) // 2
    return values[:half], values[half:], derivatives[half:], aux
