"""Functions with derivative rules of their own, in JAX: under jit, vmap and derivatives of every order.

A call is a `jax.custom_jvp`, so JAX asks for a tangent as soon as one is wanted. That tangent comes from a linear
operation of ours, whose value is the forward rule and whose transpose is the reverse rule: JAX's own custom functions
have one or the other, and a call on the host cannot be transposed at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.custom_derivatives import SymbolicZero
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from diffiface.adapter import CustomCall, Primitives, errors
from diffiface_jax.failures import left_with
from diffiface_jax.promotion import dtype_of
from diffiface_jax.words import from_words, packed, to_words, unpacked, words_of


def custom_call(p: Primitives, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Return the values of a call, to be differentiated by its rules."""
    positions = [i for i, o in enumerate(operands) if isinstance(o, jax.Array)]
    # JAX reads constants later than f may write into them.
    constants = [np.array(o) if isinstance(o, np.ndarray) else o for o in operands]
    if not positions:
        return tuple(jnp.asarray(y) for y in call.on_host(constants))

    def completed(values: Sequence[Any]) -> list[Any]:
        complete = [*constants]
        for i, value in zip(positions, values, strict=True):
            complete[i] = _array(value)  # (JAX hands constants on as NumPy arrays)
        return complete

    def value(*values: Any) -> tuple[Any, ...]:
        return tuple(_array(y) for y in call.value(p, completed(values)))

    function = jax.custom_jvp(value)

    def tangent(primals: Any, tangents: Any) -> tuple[Any, Any]:
        ys = function(*primals)
        moved = [
            i for i, t in enumerate(tangents) if not isinstance(t, SymbolicZero) and dtype_of(primals[i]).kind in "fc"
        ]
        inexact = [i for i, y in enumerate(ys) if y.dtype.kind in "fc"]
        n = len(primals)

        # Both directions get the primals and y as arguments, so that neither closes over a value of a transformation.
        def push(*values: Any) -> tuple[Any, ...]:
            residuals, moving = values[: n + len(ys)], values[n + len(ys) :]
            every: list[Any] = [None] * len(operands)
            for i, t in zip(moved, moving, strict=True):
                every[positions[i]] = t
            tys = call.push(p, completed(residuals[:n]), residuals[n:], every)
            return tuple(jnp.asarray(tys[i], residuals[n + i].dtype) for i in inexact)

        def pull(*values: Any) -> tuple[Any, ...]:
            residuals, given = values[: n + len(ys)], values[n + len(ys) :]
            of_place = dict(zip(inexact, given, strict=True))
            # (cotangents inside JAX are those of the plain transpose, without the conjugation)
            cotangents = [
                jnp.conjugate(of_place[i]) if i in of_place else jnp.zeros(y.shape) for i, y in enumerate(residuals[n:])
            ]
            pulled = call.pull(p, completed(residuals[:n]), residuals[n:], [positions[i] for i in moved], cotangents)
            return tuple(jnp.conjugate(jnp.asarray(ct, primals[i].dtype)) for i, ct in zip(moved, pulled, strict=True))

        tys: list[Any] = [np.zeros(y.shape, jax.dtypes.float0) for y in ys]
        if not moved:
            for i in inexact:
                tys[i] = jnp.zeros(ys[i].shape, ys[i].dtype)
            return ys, tuple(tys)
        outputs = tuple(jax.ShapeDtypeStruct(ys[i].shape, ys[i].dtype) for i in inexact)
        results = _linear.bind(
            *primals, *ys, *(tangents[i] for i in moved), push=push, pull=pull, residuals=n + len(ys), outputs=outputs
        )
        for i, ty in zip(inexact, results, strict=True):
            tys[i] = ty
        return ys, tuple(tys)

    function.defjvp(tangent, symbolic_zeros=True)
    return tuple(function(*(operands[i] for i in positions)))


def call_out(p: Primitives, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
    """Return the values of a Python function, called with NumPy arrays whenever the program runs."""
    positions = [i for i, o in enumerate(operands) if isinstance(o, jax.Array)]
    constants = [np.array(o) if isinstance(o, np.ndarray) else o for o in operands]
    described = [(o.shape, dtype_of(o)) if isinstance(o, jax.Array) else o for o in constants]
    outputs = [
        jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(dtype)) for shape, dtype in call.outputs(described)
    ]
    dtypes = [dtype_of(operands[i]) for i in positions]

    def run(*words: Any) -> tuple[np.ndarray, ...]:
        complete = [*constants]
        for i, w, dtype in zip(positions, words, dtypes, strict=True):
            complete[i] = from_words(np.asarray(w), dtype)
        with left_with(p):
            ys = call.on_host(complete)
        for y, o in zip(ys, outputs, strict=True):
            if np.shape(y) != o.shape:
                raise errors.RuleError(
                    f"{call.name} returned an array of shape {np.shape(y)}, where {o.shape} was found beforehand",
                    engine="jax",
                    fix="under jit the shape must not depend on values; output= says what it is",
                )
        return tuple(to_words(np.asarray(y).astype(o.dtype, copy=False)) for y, o in zip(ys, outputs, strict=True))

    words = tuple(jax.ShapeDtypeStruct(*words_of(o.shape, np.dtype(o.dtype))) for o in outputs)
    results = jax.pure_callback(run, words, *(packed(operands[i]) for i in positions), vmap_method="sequential")
    return tuple(unpacked(y, np.dtype(o.dtype)) for y, o in zip(results, outputs, strict=True))


def _array(y: Any) -> Any:
    return y if isinstance(y, jax.Array) else jnp.asarray(np.array(y))


# ---- a linear operation whose transpose is given: `push(*residuals, *tangents)`, `pull(*residuals, *cotangents)`

_linear = Primitive("diffiface_linear")
_linear.multiple_results = True


def _run(*values: Any, push: Callable[..., Any], pull: Any, residuals: int, outputs: Any) -> list[Any]:
    return list(push(*values))


def _abstract(*_: Any, push: Any, pull: Any, residuals: int, outputs: Sequence[Any]) -> list[Any]:
    return [ShapedArray(o.shape, o.dtype) for o in outputs]


def _jvp(primals: Sequence[Any], tangents: Sequence[Any], **parameters: Any) -> tuple[Any, Any]:
    n, push = parameters["residuals"], parameters["push"]
    ys = _linear.bind(*primals, **parameters)
    terms = []
    if any(type(t) is not ad.Zero for t in tangents[n:]):
        moving = [_instantiated(x, t) for x, t in zip(primals[n:], tangents[n:], strict=True)]
        terms.append(_linear.bind(*primals[:n], *moving, **parameters))
    moved = [i for i, t in enumerate(tangents[:n]) if type(t) is not ad.Zero and t.dtype != jax.dtypes.float0]
    if moved:  # the forward rule itself is differentiated: its operations, or what else it brings

        def along(*values: Any) -> tuple[Any, ...]:
            every = [*primals]
            for i, value in zip(moved, values, strict=True):
                every[i] = value
            return push(*every)

        terms.append(jax.jvp(along, [primals[i] for i in moved], [tangents[i] for i in moved])[1])
    if not terms:
        return ys, [jnp.zeros(y.shape, y.dtype) for y in ys]
    return ys, list(terms[0]) if len(terms) == 1 else [jnp.add(a, b) for a, b in zip(*terms, strict=True)]


def _instantiated(x: Any, tangent: Any) -> Any:
    return jnp.zeros(x.shape, x.dtype) if type(tangent) is ad.Zero else tangent


def _transpose(cotangents: Sequence[Any], *values: Any, **parameters: Any) -> list[Any]:
    n, pull, outputs = parameters["residuals"], parameters["pull"], parameters["outputs"]
    given = [
        jnp.zeros(o.shape, o.dtype) if type(ct) is ad.Zero else ct for ct, o in zip(cotangents, outputs, strict=True)
    ]
    domain = tuple(jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in values[n:])
    # The transpose is such an operation too: transposed again, it is the forward rule.
    pulled = _linear.bind(*values[:n], *given, push=pull, pull=parameters["push"], residuals=n, outputs=domain)
    return [None] * n + list(pulled)


def _batched(values: Sequence[Any], dims: Sequence[Any], **parameters: Any) -> tuple[Any, Any]:
    n, outputs = parameters["residuals"], parameters["outputs"]
    (size,) = {v.shape[d] for v, d in zip(values, dims, strict=True) if d is not None}
    moved = [v if d is None else jnp.moveaxis(v, d, 0) for v, d in zip(values, dims, strict=True)]
    # What is linear is batched in any case, so that the transpose need not sum over the batch.
    moved[n:] = [
        jnp.broadcast_to(v, (size, *v.shape)) if d is None else v for v, d in zip(moved[n:], dims[n:], strict=True)
    ]
    axes = [None if d is None else 0 for d in dims[:n]]

    def over_batch(function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*batch: Any) -> Any:
            return jax.vmap(function, in_axes=(*axes, *(0,) * (len(batch) - n)), axis_size=size)(*batch)

        return run

    wide = tuple(jax.ShapeDtypeStruct((size, *o.shape), o.dtype) for o in outputs)
    ys = _linear.bind(
        *moved,
        push=over_batch(parameters["push"]),
        pull=over_batch(parameters["pull"]),
        residuals=n,
        outputs=wide,
    )
    return ys, [0] * len(ys)


_linear.def_impl(_run)
_linear.def_abstract_eval(_abstract)
ad.primitive_jvps[_linear] = _jvp
ad.primitive_transposes[_linear] = _transpose
batching.primitive_batchers[_linear] = _batched
mlir.register_lowering(_linear, mlir.lower_fun(_run, multiple_results=True))
