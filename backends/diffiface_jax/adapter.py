"""JAX behind the front end's engine contract."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffiface.adapter import (
    Backend,
    Cotangents,
    FlatFunction,
    InputError,
    Leaves,
    MethodsByName,
    current_trace,
    rebuild_aux,
    result_parts,
)
from diffiface_jax.arrays import device_named
from diffiface_jax.compiled import CompiledOperator
from diffiface_jax.failures import REPORTS, no_failures, raise_cause
from diffiface_jax.operators import OPERATORS, SEEDED, flat_call

_LIKE_X = ("x", "batch of x")
_WIDE = frozenset(map(np.dtype, ("f8", "c16", "i8", "u8")))
_HALF = {np.dtype("f8"): np.dtype("f4"), np.dtype("c16"): np.dtype("c8")}


@dataclass(frozen=True, repr=False)
class JAX(MethodsByName, Backend):
    """JAX: jitted at preparation, eager otherwise."""

    name = "jax"
    family = "jax"

    jit: bool = True
    """Whether prepared operators are compiled; False keeps them eager, for functions that branch on values."""
    device: str | None = None
    """Where NumPy arrays are computed with: "cpu", "gpu:1", ...; JAX arrays stay on the device they were put on."""
    donate: bool = False
    """Whether a prepared operator may use the memory of x, a JAX array, for its results: x cannot be used afterwards."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("jit", "donate"):
            if not isinstance(getattr(self, option), bool):
                raise InputError(
                    f"{option}={getattr(self, option)!r} is neither True nor False", engine=self.name, fix="give a bool"
                )
        if self.donate and not self.jit:
            raise InputError("donate=True has no meaning with jit=False", engine=self.name, fix="leave one of them out")
        if self.device is not None:
            device_named(self.device)

    def sparsity(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[tuple[int, int], np.ndarray] | None:
        from diffiface_jax.sparsity import pattern_by_asdex

        native = getattr(f, "native", False)
        with _precision(xs, contexts) if native else jax.enable_x64(True):
            return pattern_by_asdex(operator, f, xs, tuple(map(_native_constant, contexts)) if native else contexts)

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        if not self.jit:
            return None
        # (to results of another shape than x's its memory is of no use)
        donates = self.donate and any(part in _LIKE_X for part in result_parts(operator))
        compiled = CompiledOperator(operator, f, self.chunk_size, donates)
        native = getattr(f, "native", False)

        def run(xs: Leaves, contexts: Leaves, seeds: Cotangents = ()) -> tuple[Any, ...]:
            in_jax = any(map(_is_jax, xs))
            if in_jax:
                # JAX computes its results after this call has returned, from memory that must not change then.
                xs, contexts = tuple(map(_own, xs)), tuple(map(_own, contexts))
            try:
                with self._on_device(), _precision(xs, contexts) if native else jax.enable_x64(True):
                    values, aux = compiled(xs, seeds, contexts)
                return _finished(operator, values, aux, xs if in_jax else None)
            except REPORTS as error:
                raise_cause(error, compiled.failures)

        if (
            operator == "gradient"
            and not native
            and self.device is None
            and all(map(_is_numeric_array, (*xs, *contexts)))
        ):
            return _GradientOfArrays(compiled, run, xs, contexts)
        if operator in SEEDED:
            return lambda xs, seeds, contexts: run(xs, contexts, seeds)
        return run

    def _on_device(self) -> contextlib.AbstractContextManager[Any]:
        """Make the chosen device that of all arrays which are on none yet, in this thread."""
        return contextlib.nullcontext() if self.device is None else jax.default_device(device_named(self.device))

    def _run(self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves, seeds: Any = None) -> tuple[Any, ...]:
        native, outer = getattr(f, "native", False), current_trace()
        nested = outer.engine == "jax"
        # Values of an outer trace of JAX's are computed when the outer program runs.
        failures = outer.failures if nested else no_failures()
        try:
            with self._on_device(), _precision(xs, contexts) if native else jax.enable_x64(True):
                # JAX may alias a NumPy array it was given; what outlives this call must not change with it.
                arrays = tuple(x if isinstance(x, jax.Array) else np.array(x) for x in xs)
                constants = tuple(map(_native_constant, contexts)) if native else contexts
                flat = flat_call(f, outer, constants, failures)
                *values, in_aux = OPERATORS[operator](
                    flat, arrays, *([] if seeds is None else [seeds]), self.chunk_size
                )
            aux = rebuild_aux(flat.rest, in_aux)
            return (*values, aux) if nested else _finished(operator, values, aux, xs if any(map(_is_jax, xs)) else None)
        except REPORTS as error:
            if nested:
                raise
            raise_cause(error, failures)


class _GradientOfArrays:
    """What the general way does, written out for NumPy arrays: an optimiser calls nothing as often as this."""

    def __init__(
        self, compiled: CompiledOperator, general: Callable[..., tuple[Any, ...]], xs: Leaves, contexts: Leaves
    ):
        self._general, self._compiled = general, compiled
        self._prepared_for = xs, contexts

    def __call__(self, xs: Leaves, contexts: Leaves) -> tuple[Any, ...]:
        if not all(type(value) is np.ndarray for value in (*xs, *contexts)):
            return self._general(xs, contexts)
        jitted, _ = self._compiled.jitted_for(xs, contexts)
        try:
            with jax.enable_x64(True):
                y, gradients, arrays = jitted.function(*xs, *contexts)
                aux = None if jitted.rest is None else rebuild_aux(jitted.rest, arrays)
                return _finished("gradient", [y, gradients], aux, None)
        except REPORTS as error:
            raise_cause(error, self._compiled.failures)

    def only(self, indices: tuple[int, ...]) -> Callable[..., tuple[Any, ...]]:
        """Return the run for one x without aux, whose arguments the front end has compared with the prepared ones."""
        # Each microsecond of Python here is a tenth of what a small jitted function takes: hence the local names.
        function, enable_x64, array = self._function(), jax.enable_x64, np.array
        traced = jax.errors.TracerArrayConversionError
        revision, failures = self._compiled.revision, self._compiled.failures
        is_current = revision.is_current

        def run(xs: Leaves, contexts: Leaves) -> tuple[Any, ...]:
            nonlocal function, is_current
            if not is_current():
                function = self._function()
                is_current = revision.is_current
            try:
                with enable_x64(True):
                    y, (gradient,), _ = function(*xs, *contexts)
                    try:
                        return array(y)[()], (array(gradient),), None
                    except traced:  # the user's own jit or vmap runs around this call
                        return y, (gradient,), None
            except REPORTS as error:
                raise_cause(error, failures)

        return run

    def _function(self) -> Callable[..., Any]:
        """Return the jitted function, of all that f refers to as it is now."""
        return self._compiled.jitted_for(*self._prepared_for)[0].function


def _is_numeric_array(value: Any) -> bool:
    return type(value) is np.ndarray and value.dtype.kind in "fciub"


def _native_constant(context: Any) -> Any:
    """A NumPy constant as a function written in jax.numpy expects it."""
    is_numeric = isinstance(context, np.ndarray) and context.dtype.kind in "fciub"
    return jnp.asarray(np.array(context)) if is_numeric else context


def _own(value: Any) -> Any:
    """A numeric NumPy array as a copy that nobody else writes into; everything else as it is."""
    return np.array(value) if isinstance(value, np.ndarray) and value.dtype.kind in "fciub" else value


def _precision(xs: Leaves, contexts: Leaves) -> contextlib.AbstractContextManager[Any]:
    """Allow 64-bit numbers in this thread, unless everything a function written in JAX is given is narrower."""
    for value in (*xs, *contexts):
        if _is_wide(value):
            return jax.enable_x64(True)
    return contextlib.nullcontext()


def _is_wide(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic, jax.Array)) and value.dtype in _WIDE


def _finished(operator: str, values: list[Any], aux: Any, jax_xs: Leaves | None) -> tuple[Any, ...]:
    """Hand results back in x's family: NumPy copies, or JAX arrays if x has any (then it is `jax_xs`)."""
    if jax_xs is None:
        return *map(_to_numpy, values), aux
    narrow = jax.dtypes.canonicalize_dtype(np.float64) == np.float32 and not any(map(_is_wide, jax_xs))
    parts = result_parts(operator)
    return *(_by_leaf(value, part, jax_xs, narrow) for value, part in zip(values, parts, strict=True)), aux


def _to_numpy(value: Any) -> Any:
    """Copy an array, a tuple of arrays or a list of rows of them to NumPy."""
    if type(value) is list:
        return tuple(map(_to_numpy, value))
    try:
        return tuple(map(np.array, value)) if type(value) is tuple else np.array(value)
    except jax.errors.TracerArrayConversionError:  # the user's own jit or vmap runs around this call
        return tuple(map(_to_numpy, value)) if type(value) is tuple else value


def _is_jax(value: Any) -> bool:
    return type(value) is not np.ndarray and isinstance(value, jax.Array)


def _by_leaf(value: Any, part: str, xs: Leaves, narrow: bool) -> Any:
    """Convert results that belong to NumPy leaves of an x that has JAX leaves too, and keep the others."""
    if part.endswith(" by x"):
        return [_by_leaf(row, "x", xs, narrow) for row in value]
    if part in _LIKE_X:
        return tuple(
            _narrowed(v, narrow) if isinstance(x, jax.Array) else _to_numpy(v) for v, x in zip(value, xs, strict=True)
        )
    return tuple(_narrowed(v, narrow) for v in value) if isinstance(value, tuple) else _narrowed(value, narrow)


def _narrowed(value: jax.Array, narrow: bool) -> jax.Array:
    return value.astype(_HALF[value.dtype]) if narrow and value.dtype in _HALF else value
