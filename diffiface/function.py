"""The user's function as an engine sees it: raw arrays in, raw arrays out, with every check on the way."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from diffiface import registry, trees
from diffiface.arrays import family_of, is_array_like
from diffiface.errors import DiffifaceError, InputError, OutputError, TracedValueError, user_line_of
from diffiface.numpy_api import Array, Scalar, argument, dress, undress
from diffiface.primitives import Primitives
from diffiface.real_vectors import CONTINUED
from diffiface.rebinding import PLAIN, Rebinding, rebound, users_own
from diffiface.tracing import tracing

_CONFUSIONS = (
    # (part of the foreign message, what it means)
    (
        "setting an array element with a sequence",
        "a plain NumPy array was assigned a value that is being differentiated",
    ),
    ("__array__() was called on traced array", "a NumPy function that cannot be redirected met a traced value"),
    (
        "Can't call numpy() on Tensor that requires grad",
        "a NumPy function that cannot be redirected met a traced value",
    ),
    ("object arrays are not supported", "a SciPy function that cannot be redirected met a traced value"),
    ("not supported for the input types", "a function that cannot be redirected met a traced value"),
    ("has no callable", "a function that cannot be redirected met an array of traced values"),
    ("Cannot cast ufunc", "an array of traced values met a function that needs plain numbers"),
    ("Boolean conversion of traced array", "an `if` or `while` asked a traced value for its truth under jit"),
    ("boolean indices must be concrete", "an array was indexed by a mask that depends on a traced value under jit"),
)
_CURE = (
    "use np.* functions on arrays; write into arrays made inside f (np.zeros(n), np.array(a) for a copy, "
    "np.zeros_like(x)); "
    "write np.where for a branch on values, or choose an engine that runs eagerly ('reverse', 'forward', 'autograd')"
)


def definition_of(f: Callable[..., Any]) -> str | None:
    """Say where a function is defined, for messages about what it returned."""
    f = inspect.unwrap(f)
    code = getattr(f, "__code__", None)
    name = getattr(f, "__name__", type(f).__name__)
    return f"{code.co_filename}:{code.co_firstlineno}, in {name}" if code is not None else name


@dataclass(eq=False)
class Function:
    """`f` bound to one way of calling it.

    Calling it, `function(p, xs, contexts)`, runs f under the trace `p` and returns `(ys, aux)`.
    Everything that engines would complain about differently is checked here, in the one place that
    every engine passes, right after f has returned and before any derivative is propagated.
    """

    f: Callable[..., Any]
    engine: str
    traces: bool
    """Whether f meets dressed values (or plain NumPy ones)."""
    native_to: str | None
    """The engine whose raw arrays f takes (None for a NumPy function)."""
    x_structure: Any
    x_scalars: tuple[bool, ...]
    """Which leaves of x are 0-d."""
    context_structures: tuple[tuple[Any, int], ...] | None
    """Per context its structure and number of leaves; None when every context is one leaf."""
    cache_positions: frozenset[int] = frozenset()
    """Which context leaves are scratch memory."""
    argnums: int | tuple[int, ...] = 0
    has_aux: bool = False
    output: Literal["any", "scalar"] = "any"
    y_buffer: np.ndarray | None = None
    """An array of y's shape and dtype when f fills its output, `f(y, x, ...)`."""
    expected_cotangents: tuple[Any, tuple[tuple[int, ...], ...]] | None = None
    """Structure and shapes that y must have for the cotangents that were given."""
    y_structure: Any = field(default=trees.LEAF, init=False)
    """The structure of y, known once f has run (the same at every run)."""

    native: bool = field(init=False)
    """Whether f takes this engine's raw arrays."""
    _guest_family: Any = field(init=False)
    """The family whose arrays f takes when a numeric engine calls a function written for another engine."""
    _rebinding: Rebinding | None = field(init=False, repr=False)
    """What makes f's code reach replacements for what NumPy does not dispatch, where f meets traced values."""
    _bare: bool = field(init=False, repr=False)
    """Whether f takes an engine's x and contexts as they are, and returns y alone: the short way in and out."""

    def __post_init__(self) -> None:
        self.native = self.native_to == self.engine
        guest = self.native_to is not None and not self.native
        self._guest_family = registry.family_of_module(self.native_to) if guest else None
        self._rebinding = Rebinding(self.f) if self.traces and self.native_to is None else None
        self._bare = (
            self.native
            and self.x_structure is trees.LEAF
            and self.context_structures is None
            and not self.cache_positions
            and self.argnums == 0
            and not self.has_aux
            and self.y_buffer is None
            and self.expected_cotangents is None
        )

    @property
    def traces_numpy(self) -> bool:
        """Whether f is a NumPy function that meets dressed values."""
        return self.traces and self.native_to is None

    # ---- calling

    def __call__(self, p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        if self._bare:
            return self._run_bare(p, xs[0], contexts)
        family = self._guest_family
        if family is not None:
            with family.computing():
                return self._run(p, [family.from_numpy(np.asarray(x), None) for x in xs], contexts)
        return self._run(p, xs, contexts)

    def _run_bare(self, p: Primitives, x: Any, contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        """Run f where there is nothing to do for it: the same as `_run`, without the questions."""
        try:
            with tracing(p):
                result = self.f(x, *contexts)
        except Exception as error:
            explained = self._explained(error, 1 + len(contexts))
            if explained is error:
                raise
            raise explained from error
        if type(result) is p.traced_type and (
            self.output == "any" or (p.shape(result) == () and p.dtype(result).kind != "c")
        ):
            self.y_structure = trees.LEAF
            return (result,), None
        return self._outputs(result, p), None

    def _run(self, p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        arguments = self._arguments(p, xs, contexts)
        buffer = self._new_buffer(p) if self.y_buffer is not None else None
        # (A copy of a Function made to run f in plain NumPy has `traces` switched off.)
        rebinding = self._rebinding if self.traces else None
        f = self.f if rebinding is None else rebinding.start()
        try:
            with tracing(p):
                result = f(*arguments) if buffer is None else f(buffer, *arguments)
        except Exception as error:
            explained = self._explained(error, len(arguments) + (buffer is not None))
            if explained is error:
                raise
            raise explained from error
        finally:
            if rebinding is not None:
                rebinding.end()
        aux = None
        if self.has_aux:
            result, aux = self._split_aux(result, p)
        if buffer is not None:
            result = buffer
        return self._outputs(result, p), aux

    def _arguments(self, p: Primitives, xs: Sequence[Any], contexts: Sequence[Any]) -> list[Any]:
        if self.native_to is not None:
            family = self._guest_family
            if family is not None:
                contexts = [family.from_numpy(c, None) if isinstance(c, np.ndarray) else c for c in contexts]
            x_leaves = list(xs)
        elif self.traces:
            x_leaves = [
                Scalar(x, p) if is_scalar else argument(x, p) for x, is_scalar in zip(xs, self.x_scalars, strict=True)
            ]
        else:
            x_leaves = [x[()] if is_scalar else x for x, is_scalar in zip(xs, self.x_scalars, strict=True)]
        x: Any = x_leaves[0] if self.x_structure is trees.LEAF else trees.unflatten(self.x_structure, x_leaves)

        constants = list(contexts)
        if self.traces and self.native_to is None:
            constants = [c if type(c) is np.ndarray else self._constant(c, p) for c in contexts]
        for position in self.cache_positions:
            given = contexts[position]
            constants[position] = self._writable(np.zeros(p.shape(given), p.dtype(given)), p)
        if self.context_structures is not None:
            leaves, constants = iter(constants), []
            for structure, count in self.context_structures:
                constants.append(trees.unflatten(structure, [next(leaves) for _ in range(count)]))

        if self.argnums == 0:
            return [x, *constants]
        positions = self.argnums if isinstance(self.argnums, tuple) else (self.argnums,)
        active = dict(zip(positions, x if isinstance(self.argnums, tuple) else (x,), strict=True))
        rest = iter(constants)
        return [active[i] if i in active else next(rest) for i in range(len(active) + len(constants))]

    def _constant(self, context: Any, p: Primitives) -> Any:
        """A context as f meets it: values of this trace or one outside it dressed, functions and objects rebound."""
        traced = (p.traced_type, *[q.traced_type for q in p.accepts])
        if isinstance(context, traced) and not isinstance(context, np.ndarray):
            context = dress(context, p)
        return context if self._rebinding is None or type(context) in PLAIN else rebound(context)

    def _writable(self, array: np.ndarray, p: Primitives) -> Any:
        """Scratch memory of the kind f can write traced values into."""
        if self.native_to is not None:
            family = registry.family_of_module(self.native_to)
            return array if family is None else family.from_numpy(array, None)
        if p is CONTINUED:
            return array.astype(np.result_type(array, np.complex64))
        return Array(array, p) if self.traces and array.ndim else array

    def _new_buffer(self, p: Primitives) -> Any:
        assert self.y_buffer is not None
        return self._writable(np.zeros(self.y_buffer.shape, self.y_buffer.dtype), p)

    # ---- what came back

    def _split_aux(self, result: Any, p: Primitives) -> tuple[Any, Any]:
        if not (isinstance(result, tuple) and len(result) == 2):
            raise self._refuse("has_aux=True, but the function did not return a pair (y, aux)", "return y, aux")
        y, aux = result[0], users_own(result[1])

        def plain(leaf: Any) -> Any:
            if not isinstance(leaf, (Array, Scalar)):
                return leaf
            return p.lower(undress(leaf))

        return y, trees.map_leaves(plain, aux)

    def _outputs(self, result: Any, p: Primitives) -> tuple[Any, ...]:
        kind = type(result)
        if kind is Scalar and p.traced_inexact and type(result._value) is p.traced_type:
            # The common case: one number, of a kind that there is nothing to ask about.
            ys, structure = [result._value], trees.LEAF
            if self.output == "scalar" and p.dtype(ys[0]).kind == "c":
                self._check_scalar(ys, structure, p)
            if self.expected_cotangents is not None:
                self._check_cotangents(ys, structure, p)
            self.y_structure = structure
            return tuple(ys)
        if kind is Scalar or kind is Array or kind is np.float64 or kind is float or kind is p.traced_type:
            leaves, structure = [result], trees.LEAF
            if (kind is Scalar or kind is Array) and result.dtype == bool:  # (of an engine that computes with symbols)
                raise self._boolean()
        else:
            leaves, structure = trees.flatten(users_own(result))
            self._check_kinds(result, leaves)
        ys = []
        for leaf in leaves:
            raw = undress(leaf)
            if type(raw) is not p.traced_type:
                raw = self._from_plain(raw, p)
            ys.append(raw)
        if self.output == "scalar":
            self._check_scalar(ys, structure, p)
        if self.expected_cotangents is not None:
            self._check_cotangents(ys, structure, p)
        self.y_structure = structure
        return tuple(ys)

    def _from_plain(self, raw: Any, p: Primitives) -> Any:
        """Constants and integers become floats; arrays of another family become NumPy for numeric engines."""
        if not self.traces and not isinstance(raw, (np.ndarray, np.generic, float, int, complex)):
            family = family_of(raw)
            if family is not None:
                raw = np.asarray(family.to_numpy(raw))
        if isinstance(raw, (float, int, complex, np.ndarray, np.generic)):
            raw = np.asarray(raw)
            return raw.astype(np.float64) if raw.dtype.kind in "iu" else raw
        return p.astype(raw, dtype=np.dtype(np.float64)) if p.dtype(raw).kind in "iu" else raw

    # ---- checks, the same on every engine

    def _refuse(self, problem: str, fix: str) -> OutputError:
        return OutputError(problem, engine=self.engine, where=definition_of(self.f), fix=fix)

    def _boolean(self) -> OutputError:
        return self._refuse(
            "the function returned a boolean, which has no derivative", "return a number, such as np.where(c, a, b)"
        )

    def _check_kinds(self, result: Any, leaves: list[Any]) -> None:
        if result is None or (not leaves):
            raise self._refuse("the function returned None", "return the value (is a `return` missing?)")
        for leaf in leaves:
            if not is_array_like(leaf):
                raise self._refuse(
                    f"the function returned {type(leaf).__name__} {leaf!r:.60}, which is not a number or an array",
                    "return a number or an array (beside it, other results with has_aux=True)",
                )
            if isinstance(leaf, (bool, np.bool_)) or (isinstance(leaf, np.ndarray) and leaf.dtype == bool):
                raise self._boolean()
        if isinstance(result, list) and all(np.ndim(leaf) == 0 for leaf in leaves):
            raise self._refuse(
                f"the function returned a list of {len(leaves)} numbers",
                "return one array: np.stack([...]) or np.array([...])",
            )

    def _check_scalar(self, ys: list[Any], structure: Any, p: Primitives) -> None:
        shape = tuple(p.shape(ys[0])) if structure is trees.LEAF else None
        if shape != ():
            what = f"an array of shape {shape}" if shape is not None else f"a structure, {trees.describe(structure)}"
            raise self._refuse(
                f"the function returned {what}, but this operator needs a scalar y (shape ())",
                "use jacobian for its derivative, or return a scalar (y[0], np.sum(y))",
            )
        if p.dtype(ys[0]).kind == "c" and p is not CONTINUED:
            raise self._refuse(
                "the function returned a complex number, but this operator needs a real scalar y",
                "return its real part or np.abs(y)**2, or use jacobian for a holomorphic function",
            )

    def _check_cotangents(self, ys: list[Any], structure: Any, p: Primitives) -> None:
        assert self.expected_cotangents is not None
        expected_structure, shapes = self.expected_cotangents
        found = tuple(tuple(p.shape(y)) for y in ys)
        if structure != expected_structure or found != shapes:
            given = shapes[0] if expected_structure is trees.LEAF else trees.describe(expected_structure)
            returned = found[0] if structure is trees.LEAF else trees.describe(structure)
            raise InputError(
                f"the cotangent has shape {given}, but the function returned {returned}",
                engine=self.engine,
                where=definition_of(self.f),
                fix="a cotangent is like y; a batch of them is a tuple",
            )

    def _explained(self, error: Exception, n_arguments: int) -> Exception:
        """Return our own error for a failure that comes from tracing, with its place; else the same, the place noted."""
        if isinstance(error, DiffifaceError):
            error.engine = error.engine or self.engine
            error.where = error.where or user_line_of(error.__traceback__)
            return error
        where = user_line_of(error.__traceback__)
        if isinstance(error.__cause__, DiffifaceError):  # NumPy wraps what float() of a traced value raised
            error.__cause__.where = error.__cause__.where or where
            return error.__cause__
        text = str(error)
        if self.traces and self.native_to is None:
            for part, meaning in _CONFUSIONS:
                if part in text:
                    return TracedValueError(meaning, engine=self.engine, where=where, fix=_CURE)
        if (
            isinstance(error, TypeError)
            and self.x_structure is not trees.LEAF
            and isinstance(trees.unflatten(self.x_structure, self.x_scalars), list)
        ):
            return InputError(
                f"x is a list of {len(self.x_scalars)} numbers (a pytree), and the function failed on it: {text}",
                engine=self.engine,
                where=where,
                fix="pass an array: np.array(x)",
            )
        if where is None and isinstance(error, TypeError) and not self._can_be_called_with(n_arguments):
            return InputError(
                f"f cannot be called with {n_arguments} argument{'s' * (n_arguments > 1)}: {text}",
                engine=self.engine,
                where=definition_of(self.f),
                fix="give an argument for every parameter of f: what is not differentiated comes after x, in order",
            )
        place = f", at {where}" if where else ""
        error.add_note(f"diffiface: raised in the differentiated function under {self.engine!r}{place}")
        return error

    def _can_be_called_with(self, n_arguments: int) -> bool:
        try:
            inspect.signature(self.f).bind(*range(n_arguments))
        except TypeError:
            return False
        except ValueError:  # code in C that has no signature
            return True
        return True
