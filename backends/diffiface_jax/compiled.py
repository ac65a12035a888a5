"""A prepared operator: one jitted function for each set of constants that JAX cannot trace.

A jitted function takes all its arguments one by one, because JAX takes tuples apart anew at every call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from diffiface.adapter import (
    NUMPY,
    Cotangents,
    FlatCall,
    FlatFunction,
    Leaves,
    Revision,
    is_traced_argument,
    rebuild_aux,
    static_key,
)
from diffiface_jax.failures import no_failures
from diffiface_jax.operators import OPERATORS, SEEDED, flat_call


class CompiledOperator:
    """One operator of one function: called with xs, its seeds and the contexts, it gives JAX values and aux."""

    def __init__(self, operator: str, f: FlatFunction, chunk_size: int | None, donates: bool = False):
        self.operator, self.f, self.chunk_size = operator, f, chunk_size
        self.donates = donates
        """Whether XLA may use the memory of xs for results."""
        self._jitted: dict[Any, _Jitted] = {}
        self.failures = no_failures()
        # (a function for JAX behaves under jit as its author expects of JAX, and JAX's arrays cannot change)
        self.revision = Revision(f, watch=not getattr(f, "native", False))

    def __call__(self, xs: Leaves, seeds: Cotangents, contexts: Leaves) -> tuple[list[Any], Any]:
        jitted, traced = self.jitted_for(xs, contexts)
        if callable(seeds):
            seeds = seeds(jitted.outputs(xs, traced))
        *values, arrays = jitted.function(*xs, *traced, *seeds)
        return values, None if jitted.rest is None else rebuild_aux(jitted.rest, arrays)

    def jitted_for(self, xs: Leaves, contexts: Leaves) -> tuple[_Jitted, Leaves]:
        """Return the jitted function for these constants, and those of them that are its arguments."""
        if not self.revision.is_current():
            self.revision.renew()
            self._jitted = {}
        traced, static, mask, key = contexts, [], (), (len(xs), len(contexts))
        for context in contexts:
            if not is_traced_argument(context, jax.Array):
                mask = tuple(is_traced_argument(c, jax.Array) for c in contexts)
                traced = [c for c, is_traced in zip(contexts, mask, strict=True) if is_traced]
                static = [c for c, is_traced in zip(contexts, mask, strict=True) if not is_traced]
                key = (len(xs), mask, *map(static_key, static))
                break
        jitted = self._jitted.get(key)
        if jitted is None:
            jitted = self._jitted[key] = _Jitted(self, len(xs), len(traced), mask, static)
        return jitted, traced


class _Jitted:
    """The jitted function for one set of static constants (kept alive here: unhashable ones are known by identity)."""

    def __init__(
        self, compiled: CompiledOperator, x_count: int, traced_count: int, mask: tuple[bool, ...], static: list[Any]
    ):
        self.rest: tuple[Any, list[Any]] | None = None
        self._f, self._mask, self._static, self._failures = compiled.f, mask, static, compiled.failures
        self._outputs: list[tuple[tuple[int, ...], np.dtype]] | None = None
        transformation: Callable[..., Any] = OPERATORS[compiled.operator]
        takes_seeds, chunk_size = compiled.operator in SEEDED, compiled.chunk_size

        def run(*arguments: Any) -> tuple[Any, ...]:
            xs, rest = arguments[:x_count], arguments[x_count:]
            traced, seeds = rest[:traced_count], rest[traced_count:]
            flat = self._flat(traced)
            results = transformation(flat, xs, *([seeds] if takes_seeds else []), chunk_size)
            self.rest = flat.rest
            compiled.revision.settle()
            return results

        self.function = jax.jit(run, donate_argnums=tuple(range(x_count)) if compiled.donates else ())

    def _flat(self, traced: Leaves) -> FlatCall:
        if not self._static:
            return flat_call(self._f, NUMPY, tuple(traced), self._failures)
        arguments, constants = iter(traced), iter(self._static)
        contexts = tuple(next(arguments if is_traced else constants) for is_traced in self._mask)
        return flat_call(self._f, NUMPY, contexts, self._failures)

    def outputs(self, xs: Leaves, traced: Leaves) -> list[tuple[tuple[int, ...], np.dtype]]:
        """Return the shapes and dtypes of y's leaves, for cotangents that are made from them."""
        if self._outputs is None:
            ys, _ = jax.eval_shape(lambda xs, traced: self._flat(traced)(*xs), tuple(xs), tuple(traced))
            self._outputs = [(y.shape, np.dtype(y.dtype)) for y in ys]
        return self._outputs
