"""DifferentiateWith: a function with the engine that differentiates it, whatever engine drives the program."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface import registry, trees
from diffiface.adapter import Backend
from diffiface.arrays import family_of
from diffiface.bridges.bridged_call import BridgedCall
from diffiface.bridges.inlined import inlined
from diffiface.numpy_api import Dressed, dress, trace_of, undress
from diffiface.primitives import NUMPY, Primitives
from diffiface.rebinding import plain_constants
from diffiface.rebinding.arrays import writable
from diffiface.rules.arguments import Arguments, bound, raw_operands, trace_of_call
from diffiface.rules.results import Output
from diffiface.rules.user_code import Code
from diffiface.style import is_native
from diffiface.tracing import running


class DifferentiateWith:
    """A function that is differentiated by one engine, whatever engine differentiates the program it is called in.

    It is called as f is: with NumPy arrays, inside a NumPy function that diffiface differentiates, or inside a program
    written for JAX, PyTorch or autograd (under `jit`, `vmap` and `grad`), with that library's arrays. It runs as a call
    on the host; where both engines are the same, f is simply part of the program. Several arguments and pytrees are
    differentiated; what is no number or array is passed on.

    Args:
        f: the function, written in NumPy or for the engine itself (a JAX function, a PyTorch module); a black box for
            an engine that only calls it (`"finite_differences"`).
        backend: the engine that differentiates f: a name or an object.
        output: under JAX's jit the shapes that f returns must be known beforehand; they are found by calling f once on
            ones (or zeros). Where that cannot be done: an example, `np.empty(shape)` or a structure of such arrays.
    Raises:
        UnknownBackendError, MissingBackendError: no such engine. InputError: f is written for another engine.
        UnsupportedOperationError (when a derivative is taken): the engine cannot differentiate its own derivative to
            the order that is asked for.

    >>> import jax, jax.numpy as jnp, numpy as np, diffiface as di
    >>> def area(sides):  # plain NumPy, differentiated by our reverse engine
    ...     s = sides.sum() / 2
    ...     return np.sqrt(s * np.prod(s - sides))
    >>> heron = di.DifferentiateWith(area, "reverse")
    >>> print(jax.jit(jax.grad(lambda x: 2 * heron(x)))(jnp.array([3.0, 4.0, 5.0])))
    [4. 3. 0.]
    """

    def __init__(self, f: Callable[..., Any], backend: str | Backend, *, output: Any = None):
        # (not the module: it would make code that mentions the bridge look written for f's library)
        functools.update_wrapper(self, f, assigned=("__name__", "__qualname__", "__doc__"), updated=())
        self.f = f
        self.backend = registry.resolve(backend)
        self.output = None if output is None else [np.asarray(leaf) for leaf in trees.flatten(output)[0]]
        self._output_example = output
        self._native_to = is_native(f, self.backend.name, self.backend.traces, self.backend.style, self.backend.family)
        self._code = Code(f)
        self._inner = registry.backend(self.backend, style=_inner_style(self._native_to, self.backend))
        try:
            self._signature: inspect.Signature | None = inspect.signature(f)
        except (TypeError, ValueError):
            self._signature = None

    def __repr__(self) -> str:
        name = getattr(self.f, "__name__", type(self.f).__name__)
        return f"DifferentiateWith({name}, {self.backend!r})"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def captured_parts(self) -> list[Any]:
        """Return the user's function, for an engine that watches what a recorded program refers to."""
        return [self.f] if isinstance(self.f, types.FunctionType) and self._native_to is None else []

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        args, keywords = bound(self._signature, args, keywords)
        arguments = Arguments(args, frozenset())
        p = trace_of_call(arguments, keywords, repr(self))
        if p is None or p is NUMPY:
            copies = trees.map_leaves(_own_copy, plain_constants(args)) if p is NUMPY else plain_constants(args)
            result = self._plain(copies, plain_constants(keywords))
            return writable(result) if running.traces else result
        if p.engine == self.backend.name:
            return self._same_engine(p, args, arguments, keywords)
        return self._bridged(p, arguments, keywords)

    # ---- with NumPy arrays

    def _plain(self, args: Sequence[Any], keywords: dict[str, Any]) -> Any:
        """Call f with NumPy arrays, in the arrays it is written for, and return NumPy arrays."""
        own = self._native_to == self.backend.name
        library = self.backend.family if own else self._native_to
        family = None if library is None else registry.family_of_module(library)
        if family is None:
            return self.f(*args, **keywords)

        def into(leaf: Any) -> Any:
            return family.from_numpy(np.asarray(leaf), None) if isinstance(leaf, np.ndarray | np.generic) else leaf

        def back(leaf: Any) -> Any:
            return np.asarray(family.to_numpy(leaf)) if family.owns(leaf) else leaf

        with family.computing():
            result = self.f(*trees.map_leaves(into, tuple(args)), **keywords)
        return trees.map_leaves(back, result)

    # ---- inside a program

    def _same_engine(self, p: Primitives, args: Sequence[Any], arguments: Arguments, keywords: dict[str, Any]) -> Any:
        if self._native_to is None:
            return inlined(p, self._code, arguments, keywords)
        raw = arguments.rebuild(raw_operands(arguments.operands()))
        result = self.f(*raw, **keywords)
        if any(isinstance(o, Dressed) for o in arguments.operands()):
            return trees.map_leaves(lambda leaf: dress(leaf, p), result)
        return result

    def _bridged(self, p: Primitives, arguments: Arguments, keywords: dict[str, Any]) -> Any:
        name = getattr(self.f, "__name__", type(self.f).__name__)
        output = Output(name)

        def flat(leaves: Sequence[Any]) -> list[Any]:
            args = arguments.rebuild(leaves)
            q = trace_of(list(leaves))
            if q is not None and q is not NUMPY:  # f in NumPy, traced by the inner engine
                y = self._code.traced(q, args, keywords)
            elif any(family_of(leaf) is not None for leaf in leaves if not isinstance(leaf, np.ndarray | np.generic)):
                y = self.f(*self._into_family(args), **keywords)
            else:
                y = self._plain(args, keywords)
            return output.read(y, name, self.f)

        if self._output_example is not None:
            output.read(self._output_example, f"output= of {name}", self.f)

        def retrace(p: Primitives, raws: Sequence[Any]) -> list[Any]:
            y = self._code.traced(p, arguments.rebuild([dress(raw, p) for raw in raws]), keywords)
            return [undress(leaf) for leaf in output.read(y, name, self.f)]

        is_numpy = self._native_to is None
        call = BridgedCall(name, flat, self._inner, self.f, self.output, retrace=retrace if is_numpy else None)
        operands = arguments.operands()
        ys = p.custom_call(call, raw_operands(operands))
        if any(isinstance(o, Dressed) for o in operands):
            ys = [dress(y, p) for y in ys]
        return output.rebuild(ys)

    def _into_family(self, args: Sequence[Any]) -> Any:
        """Return arguments of a native function with its NumPy constants in its own arrays."""
        family = registry.family_of_module(self._native_to) if self._native_to else None

        def into(leaf: Any) -> Any:
            return family.from_numpy(leaf, None) if family is not None and isinstance(leaf, np.ndarray) else leaf

        return trees.map_leaves(into, tuple(args))


def _inner_style(native_to: str | None, backend: Backend) -> str:
    """Say how the engine must call f by way of our own functions around it, which hide what f mentions."""
    return "native" if native_to == backend.name else "numpy"


def _own_copy(leaf: Any) -> Any:
    return np.array(leaf) if type(leaf) is np.ndarray else leaf
