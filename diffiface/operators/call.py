"""One operator call: its arguments checked and flattened, and the engine run on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface import registry, trees
from diffiface.adapter import NUMPY, Backend, current_trace
from diffiface.arrays import NUMPY_FAMILY, TRACED, LeafSpec, family_of, normalise
from diffiface.contexts import Cache, Constant
from diffiface.errors import DiffifaceError, InputError, UnsupportedOperationError
from diffiface.function import Function, definition_of
from diffiface.numpy_api import Array, Scalar
from diffiface.operators.cascade import engine_method
from diffiface.operators.delegating import Delegating
from diffiface.operators.operator import Operator
from diffiface.operators.signature import ContextSpec, Signature, context_leaf_spec
from diffiface.style import is_native
from diffiface.tracing import running

_SINGLE_LEAVES = (np.ndarray, float, int, bool, str, type(None), np.float64, Array, Scalar)


class Call:
    """The arguments of one operator call, checked and flattened. Making one runs no engine."""

    def __init__(
        self,
        operator: Operator,
        f: Callable[..., Any],
        backend: str | Backend,
        arguments: Sequence[Any],
        seeds: Any = None,
        *,
        argnums: int | tuple[int, ...] = 0,
        has_aux: bool = False,
        y: np.ndarray | None = None,
        function: Function | None = None,
    ):
        self.operator = operator
        backend = registry.resolve(backend)
        if isinstance(f, Delegating) and not running.traces:
            backend = f.differentiated_by(backend)
        self.backend = backend
        engine = backend.name
        if backend.capabilities().operators[operator.name] == "unsupported":
            raise UnsupportedOperationError(f"this engine has no way to compute a {operator.name}", engine=engine)
        if not callable(f):
            raise InputError(
                f"f is {f!r:.60}, which cannot be called",
                engine=engine,
                fix=f"the order is {operator.name}(f, backend, x, ...)",
            )
        x, contexts, self.argnums = _split(arguments, argnums, engine)
        self.f, self.has_aux = f, has_aux
        self._flatten_x(x)
        self._flatten_contexts(contexts)
        self.y_buffer = self._checked_buffer(y)
        self.batch, self.seed_specs, self.seed_structure = None, (), trees.LEAF
        self.seeds = None if operator.seeds is None else self._stack_seeds(seeds)
        self.nested = current_trace() is not NUMPY or any(spec.family == TRACED for spec in self.x_specs)
        if self.nested:
            self._check_nesting()
        self.function = self.make_function() if function is None else function

    def make_function(self) -> Function:
        """Bind f to this way of calling it (a preparation does so once)."""
        backend, operator = self.backend, self.operator
        native_to = is_native(self.f, backend.name, backend.traces, backend.style, backend.family)
        if native_to is not None and (self.y_buffer is not None or self.cache_positions):
            self._check_writable(native_to)
        return Function(
            self.f,
            backend.name,
            backend.traces,
            native_to,
            self.x_structure,
            tuple(spec.shape == () for spec in self.x_specs),
            self.context_structures,
            self.cache_positions,
            self.argnums,
            self.has_aux,
            operator.output,
            self.y_buffer,
            (self.seed_structure, tuple(spec.shape for spec in self.seed_specs))
            if operator.seeds == "cotangents"
            else None,
        )

    # ---- arguments

    def _flatten_x(self, x: Any) -> None:
        engine, family = self.backend.name, self.backend.family
        leaves, self.x_structure = ([x], trees.LEAF) if type(x) is np.ndarray else trees.flatten(x)
        names = trees.paths(self.x_structure)
        normalised = [normalise(leaf, f"x{name}", engine, family) for leaf, name in zip(leaves, names, strict=True)]
        if not normalised:
            raise InputError(f"x is {x!r:.60}: there is nothing to differentiate by", engine=engine)
        self.xs = tuple(leaf for leaf, _, _ in normalised)
        self.x_specs = tuple(spec for _, spec, _ in normalised)
        self.originals = tuple(original for _, _, original in normalised)
        if self.operator.scalar_x and (self.x_structure is not trees.LEAF or self.x_specs[0].shape != ()):
            given = f"has shape {self.x_specs[0].shape}" if self.x_structure is trees.LEAF else "is a structure"
            raise InputError(
                f"{self.operator.name} is for a scalar x, but x {given}",
                engine=engine,
                fix="use gradient for a scalar y, jacobian for an array y",
            )
        if any(spec.dtype.kind == "c" for spec in self.x_specs):
            if not self.backend.complex_inputs:
                raise UnsupportedOperationError(
                    "this engine does not take complex x",
                    engine=engine,
                    fix="write the function of x's real and imaginary parts, or use 'reverse'",
                )
            if self.operator.name in ("hvp", "hessian", "second_derivative"):
                raise UnsupportedOperationError(
                    f"{self.operator.name} is not defined here for complex x",
                    engine=engine,
                    fix="write f as a function of the real and imaginary parts: x = {'re': ..., 'im': ...}",
                )

    def _flatten_contexts(self, contexts: Sequence[Any]) -> None:
        leaves: list[Any] = []
        structures: list[tuple[Any, int]] = []
        specs: list[ContextSpec] = []
        caches: list[int] = []
        bare = True
        for context in contexts:
            is_cache = isinstance(context, Cache)
            value = context.value if is_cache or isinstance(context, Constant) else context
            if type(value) in _SINGLE_LEAVES:
                own, structure = [value], trees.LEAF
            else:
                own, structure = trees.flatten(value)
                bare = bare and structure is trees.LEAF
            if is_cache:
                caches.append(len(leaves))
            specs.append(ContextSpec(tuple(map(context_leaf_spec, own)), structure, is_cache))
            structures.append((structure, len(own)))
            leaves += own
        self.contexts = tuple(leaves)
        self.context_specs = tuple(specs)
        self.context_structures = None if bare else tuple(structures)
        self.cache_positions = frozenset(caches)

    def _checked_buffer(self, y: Any) -> np.ndarray | None:
        if y is None:
            return None
        if not self.operator.fills_output:
            raise InputError(
                f"y= is for functions that fill an array; {self.operator.name} needs a scalar y",
                engine=self.backend.name,
                fix="y= goes with pushforward, pullback, derivative and jacobian",
            )
        if not isinstance(y, np.ndarray) or y.dtype.kind not in "fc" or y.ndim == 0:
            raise InputError(
                f"y= must be a NumPy array of floats that f(y, x, ...) fills, not {type(y).__name__}",
                engine=self.backend.name,
                fix="y=np.empty(shape)",
            )
        return y

    def _stack_seeds(self, seeds: Any) -> tuple[Any, ...]:
        """Check tangents against x and give each leaf a leading batch axis (cotangents meet y later, in Function)."""
        word = "tangent" if self.operator.seeds == "tangents" else "cotangent"
        engine = self.backend.name
        leaves, structure = ([seeds], trees.LEAF) if type(seeds) is np.ndarray else trees.flatten(seeds)
        like_x = self.operator.seeds == "tangents"
        members = [seeds]
        if (
            isinstance(seeds, tuple)
            and not hasattr(seeds, "_fields")
            and not (like_x and structure == self.x_structure)
        ):
            if not seeds:
                raise InputError(f"an empty tuple of {word}s", engine=engine)
            members, self.batch = list(seeds), len(seeds)
        columns: list[list[Any]] = []
        for member in members:
            leaves, structure = ([member], trees.LEAF) if type(member) is np.ndarray else trees.flatten(member)
            if like_x and structure != self.x_structure:
                raise InputError(
                    f"the {word} has structure {trees.describe(structure)}, but x has {trees.describe(self.x_structure)}",
                    engine=engine,
                    fix=f"a {word} is like x; a batch of them is a tuple",
                )
            normalised = [normalise(leaf, f"the {word}", engine, self.backend.family) for leaf in leaves]
            specs = tuple(spec for _, spec, _ in normalised)
            if self.seed_specs and (structure != self.seed_structure or _shapes(specs) != _shapes(self.seed_specs)):
                raise InputError(f"the {word}s of one batch must all have the same structure and shapes", engine=engine)
            self.seed_specs, self.seed_structure = specs, structure
            columns.append([leaf for leaf, _, _ in normalised])
        if like_x:
            for spec, x_spec, name in zip(self.seed_specs, self.x_specs, trees.paths(self.x_structure), strict=True):
                if spec.shape != x_spec.shape:
                    raise InputError(
                        f"the {word}{name} has shape {spec.shape}, but x{name} has shape {x_spec.shape}",
                        engine=engine,
                        fix=f"a {word} is like x; a batch of them is a tuple",
                    )
                if spec.dtype.kind == "c" and x_spec.dtype.kind == "f":
                    raise InputError(f"the {word}{name} is complex, but x{name} is real", engine=engine)
        dtypes = [spec.dtype for spec in (self.x_specs if like_x else self.seed_specs)]
        return tuple(
            _stack(list(members), dtype) for members, dtype in zip(zip(*columns, strict=True), dtypes, strict=True)
        )

    def _check_nesting(self) -> None:
        outer, backend = current_trace(), self.backend
        if not running.traces:
            raise InputError(
                "x is a traced value that outlived the function it was made in",
                engine=backend.name,
                fix="return values from the differentiated function (has_aux=True) instead of storing them",
            )
        # (Under NUMPY itself f only runs dressed, to compare its value: nothing is differentiated outside.)
        if backend.nests == "in any engine" or outer.engine == backend.name or outer is NUMPY:
            return
        if any(spec.family == TRACED for spec in self.x_specs):
            raise UnsupportedOperationError(
                f"x is being differentiated by {outer.engine!r}, inside which this engine cannot run",
                engine=backend.name,
                fix=f"inside, use 'forward' or 'reverse' (they nest in any engine) or {outer.engine!r} itself",
            )

    def _check_writable(self, native_to: str) -> None:
        family = registry.family_of_module(self.backend.family if native_to == self.backend.name else native_to)
        if family is not None and not family.mutable:
            what = "fills its output" if self.y_buffer is not None else "writes into a cache"
            raise UnsupportedOperationError(
                f"the function {what} and is written for {native_to}, whose arrays cannot be written",
                engine=self.backend.name,
                fix="return the result instead, or write the function in plain NumPy",
            )

    # ---- running

    @property
    def signature(self) -> Signature:
        """What a preparation made from this call fixes."""
        y = self.y_buffer
        return Signature(
            (self.x_structure, self.x_specs),
            None if self.seeds is None else (self.batch, self.seed_structure, self.seed_specs),
            self.context_specs,
            None if y is None else LeafSpec(NUMPY_FAMILY, y.dtype, y.shape),
        )

    def run(self, engine_run: Callable[..., tuple[Any, ...]] | None = None) -> tuple[Any, ...]:
        """Run the engine: its prepared callable, or its own or derived method directly."""
        seeds = () if self.seeds is None else (self.seeds,)
        try:
            if engine_run is not None:
                return engine_run(self.xs, *seeds, self.contexts)
            return engine_method(self.backend, self.operator.name)(self.function, self.xs, *seeds, self.contexts)
        except DiffifaceError as error:
            if error.engine == NUMPY.engine:  # from a rule in a backward pass: f was over, and the base is NumPy
                error.engine, error.where = self.backend.name, definition_of(self.f)
            raise


def _shapes(specs: Sequence[LeafSpec]) -> list[tuple[int, ...]]:
    return [spec.shape for spec in specs]


def _stack(members: list[Any], dtype: np.dtype) -> Any:
    """Give one leaf of the seeds its batch axis, in an array of its own."""
    if all(isinstance(member, (np.ndarray, np.generic)) for member in members):
        return np.stack([np.asarray(member, dtype) for member in members])
    trace = current_trace()
    if trace is not NUMPY:
        return trace.stack(members, axis=0)
    family = family_of(members[0])
    assert family is not None
    return family.stack(members)


def _split(
    arguments: Sequence[Any], argnums: int | tuple[int, ...], engine: str
) -> tuple[Any, list[Any], int | tuple[int, ...]]:
    """Separate the active arguments from the constants."""
    if argnums == 0 and not isinstance(argnums, bool):
        return arguments[0], list(arguments[1:]), 0
    positions = argnums if isinstance(argnums, tuple) else (argnums,)
    settled = []
    for position in positions:
        if (
            not isinstance(position, int)
            or isinstance(position, bool)
            or not -len(arguments) <= position < len(arguments)
        ):
            raise InputError(
                f"argnums={argnums!r} does not name positions among the {len(arguments)} arguments of f", engine=engine
            )
        settled.append(position % len(arguments))
    if len(set(settled)) != len(settled) or not settled:
        raise InputError(f"argnums={argnums!r} must name each position once", engine=engine)
    constants = [argument for i, argument in enumerate(arguments) if i not in settled]
    if isinstance(argnums, tuple):
        return tuple(arguments[i] for i in settled), constants, tuple(settled)
    return arguments[settled[0]], constants, settled[0]
