"""f as a program for Enzyme: traced once by JAX, looked through for what Enzyme gets wrong, and handed over."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from enzyme_ad.jax import JaXPipeline, ffi_call  # pyright: ignore[reportMissingImports]
from enzyme_ad.jax.primitives import LANG_MHLO  # pyright: ignore[reportMissingImports]
from jax.core import ShapedArray, Tracer, eval_jaxpr

from diffiface.adapter import FlatCall, FlatFunction, Leaves, Primitives, UnsupportedOperationError
from diffiface_enzyme.primitives import EnzymePrimitives

_JAX_FOLDER = str(Path(jax.__file__).parent)

_NO_ADJOINT = "Enzyme has no derivative of it"
_ON_HOST = "it leaves the compiled program, where Enzyme cannot follow"
_WRONG = "Enzyme 0.0.16 differentiates it wrongly"
_LAPACK = "lu cholesky qr geqrf geqp3 householder_product svd eigh eig schur tridiagonal triangular_solve".split()
_GAMMA = "lgamma digamma polygamma zeta igamma igammac igamma_grad_a random_gamma_grad".split()
_OTHER = "bessel_i0e bessel_i1e regularized_incomplete_beta erf_inv".split()
_REFUSED = dict.fromkeys(_GAMMA, "Enzyme 0.0.16 gives NaN or 0 for the derivatives of gamma functions")
_REFUSED |= dict.fromkeys(_OTHER, "Enzyme's derivative of it has not been checked")
_REFUSED |= dict.fromkeys(_LAPACK, "it is a call of LAPACK, of which Enzyme has no derivative") | {
    "acosh": _WRONG,
    "atanh": _WRONG,
    "tan": _NO_ADJOINT,
    "pure_callback": _ON_HOST,
    "io_callback": _ON_HOST,
    "debug_callback": _ON_HOST,
    "stop_gradient": "Enzyme would differentiate what it holds fixed",
}
"""Operations of JAX that Enzyme is not given, with the reason."""


def flat_call(f: FlatFunction, outer: Primitives, contexts: Leaves) -> FlatCall:
    """Return one run of f as a JAX function: `flat(*xs) -> (ys, arrays in aux)`."""
    return FlatCall(f, lambda: EnzymePrimitives(outer), contexts, lambda y: jnp.asarray(np.array(y)))


class Program:
    """A function `flat(*xs) -> (ys, aux)`, written down once by JAX: its value by JAX, its derivatives by Enzyme.

    A derivative is a JAX function again, so it can be written down as a `Program` and differentiated by Enzyme too.
    """

    def __init__(self, flat: Callable[..., Any], xs: Leaves):
        closed, shapes = jax.make_jaxpr(flat, return_shape=True)(*xs)
        self.pushes = True
        """Whether Enzyme's forward mode is right for this program."""
        for equation, results in _equations(closed.jaxpr):
            _refuse(equation, results)
            self.pushes = self.pushes and not _is_wrong_forward(equation)
        self._closed, self._structure = closed, jax.tree.structure(shapes)
        self._shapes = [ShapedArray(y.shape, y.dtype) for y in shapes[0]]
        # Values of an outer trace that f met in its closure must be arguments: Enzyme lowers the program by itself.
        self._met = [c for c in closed.consts if isinstance(c, Tracer)]

    def __call__(self, *xs: Any) -> tuple[tuple[Any, ...], list[Any]]:
        outputs = eval_jaxpr(self._closed.jaxpr, self._closed.consts, *xs)
        return jax.tree.unflatten(self._structure, outputs)

    def push(self, xs: Leaves, tangents: Leaves) -> tuple[Any, ...]:
        """Push one tangent forward."""
        met, count = self._met, len(self._shapes)
        arguments, places = list(met), list(range(len(met)))
        for i, (x, t) in enumerate(zip(xs, tangents, strict=True)):
            arguments += [x, t]
            places += [len(met) + i] * 2
        passes = _passes("ForwardMode", _CONSTANT * len(met) + _MOVES * len(xs), _MOVES * count)
        outputs = self._by_enzyme(
            passes, arguments, places, [y for y in self._shapes for _ in range(2)], [-1] * 2 * count
        )
        return tuple(outputs[1::2])

    def pull(self, xs: Leaves, cotangents: Leaves) -> tuple[Any, ...]:
        """Pull one cotangent back."""
        met = self._met
        places = list(range(len(met) + len(xs)))
        passes = _passes("ReverseModeCombined", _CONSTANT * len(met) + _ACTIVE * len(xs), _ACTIVE * len(self._shapes))
        shapes = [ShapedArray(x.shape, x.dtype) for x in xs]
        return tuple(self._by_enzyme(passes, [*met, *xs, *cotangents], places, shapes, places[len(met) :]))

    def _by_enzyme(
        self, passes: str, arguments: list[Any], places: list[int], outputs: list[Any], of_arguments: list[int]
    ) -> Any:
        """Let Enzyme transform the program: `places` say which of its inputs each argument belongs to, and
        `of_arguments` of which input an output is the derivative (-1: of none), for inputs that are not used."""
        structure = jax.tree.structure(((*self._met, *range(len(self._closed.jaxpr.invars))), {}))
        source = (structure, tuple(enumerate(places)), tuple(enumerate(of_arguments)), self._values, ())
        return ffi_call(
            *arguments,
            source=source,
            fn="",
            out_shapes=tuple(outputs),
            lang=LANG_MHLO,
            pipeline_options=JaXPipeline(passes),  # type: ignore[arg-type]
        )

    def _values(self, *arguments: Any) -> list[Any]:
        """The program that Enzyme is given: what f met in its closure, then x; y alone."""
        remaining = iter(arguments)
        constants = [next(remaining) if isinstance(c, Tracer) else c for c in self._closed.consts]
        return eval_jaxpr(self._closed.jaxpr, constants, *remaining)[: len(self._shapes)]


# What is known of an input or output: that no derivative is wanted, or that one goes in (out) beside it.
_CONSTANT, _MOVES, _ACTIVE = ["enzyme_const"], ["enzyme_dup"], ["enzyme_active"]


def _passes(mode: str, inputs: list[str], outputs: list[str]) -> str:
    """Return Enzyme's passes for one mode.

    Those of `enzyme_ad.jax.enzyme_jax_ir` optimise before they differentiate, and make of `x[0] * x[1] * x[2]` and of
    loops a reduction whose derivative Enzyme 0.0.16 does not have (forward), or has as 0/0 where an entry is 0
    (reverse). XLA optimises the result in any case.
    """
    return ",".join(
        [
            "inline{default-pipeline=canonicalize max-iterations=4},canonicalize,cse",
            f"enzyme-wrap{{infn=main outfn= retTys={','.join(outputs)} argTys={','.join(inputs)} mode={mode}}}",
            "arith-raise{stablehlo=true},enzyme-batch-to-stablehlo,canonicalize,cse",
            "remove-unnecessary-enzyme-ops,enzyme-simplify-math,canonicalize,cse",
        ]
    )


def _equations(jaxpr: Any) -> Iterator[tuple[Any, list[Any]]]:
    """Go through the operations of a program and of those inside it, each with those of its results that are used."""
    used = {id(v) for equation in jaxpr.eqns for v in equation.invars} | set(map(id, jaxpr.outvars))
    for equation in jaxpr.eqns:
        for value in equation.params.values():
            for part in value if isinstance(value, (tuple, list)) else (value,):
                inner = getattr(part, "jaxpr", part)
                if hasattr(inner, "eqns"):
                    yield from _equations(inner)
        yield equation, [v for v in equation.outvars if id(v) in used]


def _refuse(equation: Any, results: list[Any]) -> None:
    """Refuse an operation that Enzyme cannot differentiate, before Enzyme fails on it or goes wrong."""
    name = equation.primitive.name
    if equation.outvars and not results:  # what nobody uses has no derivative
        return
    reason = _REFUSED.get(name)
    if name.startswith("custom_") and _is_users(equation):
        reason = "Enzyme would pass over the derivative rule that it brings"
    if name == "sort" and any(_has_kind(v, np.floating) for v in results):
        reason = (
            "Enzyme 0.0.16 crashes on it (jnp.argsort and an index work, and so does np.sort in a function for NumPy)"
        )
    if name == "scatter" and _may_write_twice(equation):
        reason = "Enzyme 0.0.16 is wrong where two values are written to one place (if none are: unique_indices=True)"
    if name.startswith("scatter") and name not in ("scatter", "scatter-add", "scatter_add"):
        reason = _NO_ADJOINT
    if any(_has_kind(v, np.complexfloating) for v in results):
        reason = "Enzyme cannot compute with complex numbers"
    if reason is not None:
        raise UnsupportedOperationError(
            f"JAX's operation {name!r} cannot be differentiated: {reason}",
            engine="enzyme",
            fix="use 'jax', which runs the same program, or 'reverse'",
        )


def _is_wrong_forward(equation: Any) -> bool:
    """Whether forward mode may go wrong: Enzyme 0.0.16 takes the tangent of what is written *to* for that of what is
    written, if the former is constant. The adjoint of an index is such a write, too."""
    name, pipeline = equation.primitive.name, equation.params.get("pipeline_options")
    return name.startswith("scatter") or (pipeline is not None and "ReverseMode" in pipeline.pass_pipeline())


def _may_write_twice(equation: Any) -> bool:
    places = math.prod(equation.invars[1].aval.shape[:-1])
    return places > 1 and not equation.params["unique_indices"]


def _has_kind(variable: Any, kind: type) -> bool:
    dtype = getattr(variable.aval, "dtype", None)  # (JAX has dtypes of its own, such as those of random keys)
    return isinstance(dtype, np.dtype) and np.issubdtype(dtype, kind)


def _is_users(equation: Any) -> bool:
    """Whether a function with a derivative rule is the user's (JAX's own rules say what the code says)."""
    called = equation.params.get("call_jaxpr") or equation.params.get("jaxpr")
    info = getattr(getattr(called, "jaxpr", called), "debug_info", None)
    return _JAX_FOLDER not in str(getattr(info, "func_src_info", ""))
