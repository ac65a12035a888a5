"""Enzyme (inside JAX) behind the front end's engine contract."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from diffiface.adapter import (
    Backend,
    Cotangents,
    FlatFunction,
    InputError,
    Leaves,
    MethodsByName,
    Mode,
    current_trace,
    result_parts,
)
from diffiface_enzyme.compiled import CompiledOperator
from diffiface_enzyme.operators import SEEDED

_WIDE = frozenset(map(np.dtype, ("f8", "i8", "u8")))
_MODES = {"forward": Mode.FORWARD, "reverse": Mode.REVERSE, "both": Mode.BOTH}


@dataclass(frozen=True, repr=False)
class Enzyme(MethodsByName, Backend):
    """Enzyme: derivatives of compiled JAX programs, in forward and reverse mode, of any order.

    Everything is compiled, also without preparation; so f may not branch on values of x.
    """

    name = "enzyme"
    family = "jax"
    complex_inputs = False

    mode: Mode = Mode.BOTH  # pyright: ignore[reportIncompatibleVariableOverride]
    """Which of Enzyme's modes is used: "forward", "reverse", or "both", each for what it is good for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        mode: Any = self.mode
        if not isinstance(mode, Mode):
            known = _MODES | {Mode.BOTH.value: Mode.BOTH}
            if not isinstance(mode, str) or mode not in known:
                raise InputError(
                    f"mode={mode!r} is not known", engine=self.name, fix="mode is 'forward', 'reverse' or 'both'"
                )
            object.__setattr__(self, "mode", known[mode])
        elif mode is Mode.NUMERIC:
            raise InputError("Enzyme is not numeric", engine=self.name, fix="mode is 'forward', 'reverse' or 'both'")

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        return self._compiled(operator, f)

    def _run(self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves, seeds: Any = None) -> tuple[Any, ...]:
        run = self._compiled(operator, f)
        return run(xs, contexts) if seeds is None else run(xs, seeds, contexts)

    def _compiled(self, operator: str, f: FlatFunction) -> Callable[..., tuple[Any, ...]]:
        outer = current_trace()
        compiled = CompiledOperator(operator, f, outer, self.mode)
        native = getattr(f, "native", False)

        def run(xs: Leaves, contexts: Leaves, seeds: Cotangents = ()) -> tuple[Any, ...]:
            # JAX may compute after this call has returned, from memory that must not change then.
            arrays = tuple(x if isinstance(x, jax.Array) else np.array(x) for x in xs)
            contexts = tuple(np.array(c) if isinstance(c, np.ndarray) else c for c in contexts)
            with _precision(arrays, contexts) if native else jax.enable_x64(True):
                values, aux = compiled(arrays, seeds, contexts)
            if outer.engine == "enzyme":
                return *values, aux
            parts, any_jax = result_parts(operator), any(isinstance(x, jax.Array) for x in xs)
            return *(_handed_back(v, part, xs, any_jax) for v, part in zip(values, parts, strict=True)), aux

        if operator in SEEDED:
            return lambda xs, seeds, contexts: run(xs, contexts, seeds)
        return run


def _precision(xs: Leaves, contexts: Leaves) -> contextlib.AbstractContextManager[Any]:
    """Allow 64-bit numbers in this thread, unless everything a function written in JAX is given is narrower."""
    wide = any(getattr(value, "dtype", None) in _WIDE for value in (*xs, *contexts))
    return jax.enable_x64(True) if wide else contextlib.nullcontext()


def _handed_back(value: Any, part: str, xs: Leaves, any_jax: bool) -> Any:
    """Hand a result back: what is shaped like a leaf of x in the family of that leaf, y in JAX's if any of x is."""
    if part.endswith(" by x"):
        return [_handed_back(row, "x", xs, any_jax) for row in value]
    if part in ("x", "batch of x"):
        return [_in_family(v, isinstance(x, jax.Array)) for v, x in zip(value, xs, strict=True)]
    several = isinstance(value, (list, tuple))
    return [_in_family(v, any_jax) for v in value] if several else _in_family(value, any_jax)


def _in_family(value: Any, is_jax: bool) -> Any:
    # (a tracer: the user's own jit or vmap runs around this call)
    return value if is_jax or isinstance(value, Tracer) else np.array(value)
