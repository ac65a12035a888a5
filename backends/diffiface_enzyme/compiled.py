"""An operator of one function, compiled: traced by JAX, differentiated by Enzyme, run by XLA."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from diffiface.adapter import (
    Cotangents,
    FlatCall,
    FlatFunction,
    Leaves,
    Mode,
    Primitives,
    Revision,
    UnsupportedOperationError,
    errors,
    rebuild_aux,
)
from diffiface_enzyme.operators import OPERATORS, SEEDED
from diffiface_enzyme.programs import flat_call

_NUMBERS = (float, complex, np.floating, np.complexfloating, jax.Array)


def _is_argument(context: Any) -> bool:
    """Whether a constant is an argument of the compiled function, so that its value may change."""
    return context.dtype.kind in "fciub" if isinstance(context, np.ndarray) else isinstance(context, _NUMBERS)


def _key_of(context: Any) -> Any:
    try:
        hash(context)
    except TypeError:
        return id(context)
    return type(context), context  # 1, 1.0 and True are equal, but not the same argument of f


class CompiledOperator:
    """One compiled function for each set of constants that are no numbers of their own kind: text, integers, masks."""

    def __init__(self, operator: str, f: FlatFunction, outer: Primitives, mode: Mode):
        self.operator, self.f, self.outer, self.mode = operator, f, outer, mode
        self._made: dict[Any, _Compiled] = {}
        self.revision = Revision(f, watch=not getattr(f, "native", False))

    def __call__(self, xs: Leaves, seeds: Cotangents, contexts: Leaves) -> tuple[list[Any], Any]:
        if not self.revision.is_current():
            self.revision.renew()
            self._made = {}
        mask = tuple(map(_is_argument, contexts))
        arguments = [c for c, is_argument in zip(contexts, mask, strict=True) if is_argument]
        static = [c for c, is_argument in zip(contexts, mask, strict=True) if not is_argument]
        key = (len(xs), mask, *map(_key_of, static))
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = _Compiled(self, mask, static)
        return made(xs, seeds, arguments)


class _Compiled:
    def __init__(self, whole: CompiledOperator, mask: tuple[bool, ...], static: list[Any]):
        self._whole, self._mask, self._static = whole, mask, static
        self._rest: tuple[Any, list[Any]] | None = None
        self._is_traced = False
        self._function = jax.jit(self._run)

    def _flat(self, arguments: Leaves) -> FlatCall:
        given, static = iter(arguments), iter(self._static)
        contexts = tuple(next(given if is_argument else static) for is_argument in self._mask)
        return flat_call(self._whole.f, self._whole.outer, contexts)

    def _run(self, xs: Leaves, seeds: Leaves, arguments: Leaves) -> list[Any]:
        flat = self._flat(arguments)
        seeded = [seeds] if self._whole.operator in SEEDED else []
        results = OPERATORS[self._whole.operator](flat, tuple(xs), *seeded, self._whole.mode)
        self._rest, self._is_traced = flat.rest, True
        self._whole.revision.settle()
        return list(results)

    def __call__(self, xs: Leaves, seeds: Cotangents, arguments: Leaves) -> tuple[list[Any], Any]:
        if callable(seeds):
            ys, _ = jax.eval_shape(lambda xs, arguments: self._flat(arguments)(*xs), list(xs), list(arguments))
            seeds = seeds([(y.shape, np.dtype(y.dtype)) for y in ys])
        try:
            *values, arrays = self._function(list(xs), list(seeds), list(arguments))
        except Exception as error:
            # What f raised while it was traced is f's own; after that, only Enzyme and XLA are at work.
            if isinstance(error, errors.DiffifaceError) or not self._is_traced:
                raise
            first = str(error).strip().splitlines() or [type(error).__name__]
            raise UnsupportedOperationError(
                f"Enzyme cannot differentiate this program: {first[-1] if 'Pipeline failed' in str(error) else first[0]}",
                engine="enzyme",
                fix="use 'jax', which runs the same program, or 'reverse'",
            ) from error
        return values, rebuild_aux(self._rest, arrays)
