"""Preparing once, calling often: what a preparation remembers, checks, and hands out as bound calls."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from diffiface import trees
from diffiface.adapter import ENGINE_METHODS, NUMPY, Backend, FlatFunction, Leaves
from diffiface.arrays import NUMPY_FAMILY, TRACED, LeafSpec
from diffiface.errors import InputError, PreparationMismatchError, TracingMismatchError
from diffiface.function import definition_of
from diffiface.operators.call import Call, Signature
from diffiface.operators.cascade import DERIVATIONS
from diffiface.operators.operator import Operator
from diffiface.registry import resolve

Strict = Literal[True, False, "reprepare"]


class _PreparedEngine:
    """An engine whose methods are prepared at first use and kept: what derivations of a preparation run on.

    A derivation (hessian from hvp, derivative from pushforward, ...) asks for the engine's methods by name;
    here it gets the prepared ones, so that a derived operator profits from jit as a native one does.
    """

    def __init__(self, backend: Backend):
        self._backend = backend
        self._runs: dict[tuple[str, FlatFunction], Callable[..., tuple[Any, ...]]] = {}
        for operator, method in ENGINE_METHODS.items():
            if backend.supplies(operator):
                setattr(self, method, partial(self._call, operator))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def _call(self, operator: str, f: FlatFunction, xs: Leaves, *rest: Any) -> tuple[Any, ...]:
        key = (operator, f)
        run = self._runs.get(key)
        if run is None:
            run = self._backend.prepare(operator, f, xs, rest[-1])
            if run is None:
                run = partial(getattr(self._backend, ENGINE_METHODS[operator]), f)
            self._runs[key] = run
        return run(xs, *rest)


def _engine_run(operator: Operator, call: Call) -> Callable[..., tuple[Any, ...]]:
    """Let the engine prepare the operator, or the methods it is derived from."""
    backend, function = call.backend, call.function
    if backend.supplies(operator.name):
        run = backend.prepare(operator.name, function, call.xs, call.contexts)
        return run if run is not None else partial(getattr(backend, ENGINE_METHODS[operator.name]), function)
    return partial(DERIVATIONS[operator.name], _PreparedEngine(backend), function)


def _guard(signature: Signature) -> Callable[..., bool] | None:
    """Compile the test that arguments are the plain kind prepared for; None when they are structures.

    The test runs at every bound call and must cost well under a microsecond, so it is written out as one
    expression: type, dtype and shape of each argument in turn. Whatever fails it takes the thorough way.
    """
    specs: list[Any] = []
    arguments = [signature.x] if signature.seeds is None else [signature.x, signature.seeds[1:]]
    if signature.seeds is not None and signature.seeds[0] is not None:
        return None
    for structure, leaves in arguments:
        if structure is not trees.LEAF or leaves[0].scalar or leaves[0].family != NUMPY_FAMILY:
            return None
        specs.append(leaves[0])
    if signature.seeds is not None and specs[0].dtype != specs[1].dtype:
        return None
    for context in signature.contexts:
        if context.structure is not trees.LEAF or context.cache:
            return None
        specs.append(context.leaves[0])
    names: dict[str, Any] = {"ndarray": np.ndarray}
    tests = []
    for i, spec in enumerate(specs):
        if isinstance(spec, LeafSpec) and spec.family == NUMPY_FAMILY and not spec.scalar:
            names |= {f"d{i}": spec.dtype, f"s{i}": spec.shape}
            tests.append(f"type(a{i}) is ndarray and a{i}.dtype is d{i} and a{i}.shape == s{i}")
        elif spec in ("float", "int", "bool", "str"):
            tests.append(f"type(a{i}) is {spec}")
        else:
            return None
    arity = len(specs)
    parameters = "".join(f"a{i}, " for i in range(arity))
    exec(
        f"def guard(*args):\n if len(args) != {arity}: return False\n {parameters}= args\n return {' and '.join(tests)}",
        names,
    )
    return names["guard"]


class Prep:
    """A prepared operator: made by `prepare_*`, used by `prep=` or by its bound calls.

    A bound call carries the operator's name and takes the operator's arguments after f and backend:
    `prep.gradient(x, *contexts)`, `prep.value_and_gradient(...)`, `prep.hvp(x, t, *contexts)`, each with
    `out=` (and `y=` where f fills its output). Values may differ from call to call; f, the backend, and the
    family, dtype, shape and structure of every argument may not (`PreparationMismatchError`, or what
    `strict` says). A prep may be used by several threads at once, and copied.
    """

    operator: str
    f: Callable[..., Any]
    backend: Backend
    strict: Strict

    def __init__(
        self,
        operator: Operator,
        f: Callable[..., Any],
        backend: str | Backend,
        arguments: Sequence[Any],
        seeds: Any,
        *,
        argnums: int | tuple[int, ...],
        has_aux: bool,
        strict: Strict,
        y: np.ndarray | None = None,
    ):
        if strict not in (True, False, "reprepare"):
            raise InputError(f"strict={strict!r} is not known", fix="strict is True, 'reprepare' or False")
        self._descriptor = operator
        self.operator, self.f, self.backend, self.strict = operator.name, f, resolve(backend), strict
        self._options: dict[str, Any] = {"argnums": argnums, "has_aux": has_aux}
        self._lock = threading.Lock()
        self._prepare(Call(operator, f, self.backend, arguments, seeds, y=y, **self._options))

    def _prepare(self, call: Call) -> None:
        if call.nested:
            raise InputError(
                "an operator cannot be prepared inside a function that is being differentiated",
                engine=self.backend.name,
                fix="prepare outside, or call the operator without preparing",
            )
        self._function = call.function
        if call.function.native_to is None:
            _check_same_value(call)
        self._signature = call.signature
        self._matches = _guard(call.signature) if call.y_buffer is None and not call.has_aux else None
        if call.argnums != 0:
            self._matches = None
        self._run = _engine_run(self._descriptor, call)
        for variant in self._descriptor.variants:
            setattr(self, variant, self._bind(variant))

    # ---- bound calls

    def _bind(self, variant: str) -> Callable[..., Any]:
        """Make the bound call of one variant, with a short way for plain arrays."""
        descriptor, matches, run, slow = self._descriptor, self._matches, self._run, self._thorough
        kinds = [descriptor.parts[i] for i in descriptor.variants[variant]]
        if matches is None or any(kind not in ("x", "y") for kind in kinds) or descriptor.seeds is not None:
            return partial(slow, variant)
        # Without a structure around x, an engine's NumPy results are already what the user gets.
        if kinds == ["x"]:
            (index,) = descriptor.variants[variant]

            def call_for_x(*args: Any, out: Any = None) -> Any:
                if out is None and matches(*args):
                    return run(args[:1], args[1:])[index][0]
                return slow(variant, *args, out=out)

            return call_for_x
        if kinds == ["y", "x"] and descriptor.output == "scalar":

            def call_for_y_and_x(*args: Any, out: Any = None) -> Any:
                if out is None and matches(*args):
                    result = run(args[:1], args[1:])
                    return result[0][()], result[1][0]
                return slow(variant, *args, out=out)

            return call_for_y_and_x
        return partial(slow, variant)

    def _thorough(self, variant: str, *args: Any, out: Any = None, y: Any = None) -> Any:
        """Flatten and compare every argument, then run: the way for structures, scalars, seeds, `out=`, mismatches."""
        minimum = 1 if self._descriptor.seeds is None else 2
        if len(args) < minimum:
            raise InputError(
                f"{variant} takes x{' and t' if minimum == 2 else ''} and the contexts, got {len(args)} arguments",
                engine=self.backend.name,
            )
        seeds = args[1] if minimum == 2 else None
        arguments = (args[0], *args[minimum:])
        call = Call(self._descriptor, self.f, self.backend, arguments, seeds, y=y, **self._options)
        if call.nested:  # the preparation is for plain numbers; inside another derivative run directly
            return call.assemble(call.run(), variant, out, call.function.y_structure)
        if self.strict and call.signature != self._signature:
            if self.strict != "reprepare":
                raise self._mismatch(call.signature)
            with self._lock:
                self._prepare(call)
        results = call.run(self._run)
        return call.assemble(results, variant, out, self._function.y_structure)

    def _mismatch(self, given: Signature) -> PreparationMismatchError:
        return mismatch_error(
            self.backend.name,
            [("f", _name(self.f), _name(self.f)), ("backend", repr(self.backend), repr(self.backend))],
            self._signature,
            given,
        )

    def check_owner(self, operator: Operator, f: Callable[..., Any], backend: str | Backend) -> None:
        """Raise `PreparationMismatchError` unless this was prepared for that operator, function and backend."""
        backend = resolve(backend)
        if operator.name == self.operator and (
            not self.strict or (_same_function(f, self.f) and backend == self.backend)
        ):
            return
        rows = [
            ("operator", self.operator, operator.name),
            ("f", _name(self.f), _name(f) + ("" if _same_function(f, self.f) else " (another object)")),
            ("backend", repr(self.backend), repr(backend)),
        ]
        raise mismatch_error(backend.name, rows, None, None)

    def copy(self) -> Prep:
        """Return an independent preparation for the same arguments."""
        return copy.copy(self)

    def __copy__(self) -> Prep:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._lock = threading.Lock()
        for variant in self._descriptor.variants:
            setattr(twin, variant, twin._bind(variant))
        return twin

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}: {spec}" for name, spec in self._signature.rows())
        return f"<prepared {self.operator} of {_name(self.f)} by {self.backend!r} for {arguments}>"


def _same_function(f: Callable[..., Any], g: Callable[..., Any]) -> bool:
    # A bound method is a new object at every access; its function and instance are not.
    return f is g or (
        getattr(f, "__func__", f) is getattr(g, "__func__", g)
        and hasattr(f, "__self__")
        and f.__self__ is getattr(g, "__self__", None)
    )


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__qualname__", None) or repr(f)


def mismatch_error(
    engine: str, rows: list[tuple[str, str, str]], prepared: Signature | None, given: Signature | None
) -> PreparationMismatchError:
    """Build the error that shows every argument, as prepared and as given, with a mark."""
    if prepared is not None and given is not None:
        old, new = dict(prepared.rows()), dict(given.rows())
        rows = rows + [(name, old.get(name, "(none)"), new.get(name, "(none)")) for name in {**old, **new}]
    table = [("", "argument", "prepared for", "given")]
    table += [("✓" if old == new else "✗", name, old, new) for name, old, new in rows]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return PreparationMismatchError(
        "the preparation was made for other arguments:\n  " + "\n  ".join(lines),
        engine=engine,
        fix='prepare again for these arguments, or prepare with strict="reprepare" (or strict=False: no check)',
    )


def _check_same_value(call: Call) -> None:
    """Run f once in plain NumPy and once dressed, and compare: one call each catches wrong branches and slips.

    It also tells the structure of y before any engine runs, and raises what f or its output do wrong.
    """
    if any(spec.family == TRACED for spec in call.x_specs):
        return
    function = call.function
    copies = tuple(np.array(x) for x in call.xs) if all(isinstance(x, np.ndarray) for x in call.xs) else None
    if copies is None or not all(isinstance(c, (np.ndarray, float, int, str, type(None))) for c in call.contexts):
        return
    plain = copy.copy(function)
    plain.traces = False
    expected, _ = plain(NUMPY, copies, call.contexts)
    function.y_structure = plain.y_structure
    if not function.traces:
        return
    found, _ = function(NUMPY, call.xs, call.contexts)
    for want, got in zip(expected, found, strict=True):
        if np.shape(want) != np.shape(got) or not _close(np.asarray(want), np.asarray(got)):
            raise TracingMismatchError(
                f"the function gave {_short(got)} when traced, but {_short(want)} in plain NumPy",
                engine=call.backend.name,
                where=definition_of(call.f),
                fix="look for `type(x) is np.ndarray`, random numbers, or state that changes from call to call",
            )


def _close(want: np.ndarray, got: np.ndarray) -> bool:
    single = np.result_type(want, got).itemsize <= 4 or "f4" in (want.dtype.str[1:], got.dtype.str[1:])
    scale = np.max(np.abs(want[np.isfinite(want)]), initial=0.0)
    tolerance = (1e-3 if single else 1e-8) * (scale + 1e-300)
    return bool(np.allclose(want, got, rtol=0, atol=tolerance, equal_nan=True))


def _short(value: Any) -> str:
    return np.array2string(np.asarray(value), threshold=6, precision=6)


# ---- what the public functions call


def prepare(
    operator: Operator,
    f: Callable[..., Any],
    backend: str | Backend,
    arguments: Sequence[Any],
    seeds: Any = None,
    **options: Any,
) -> Prep:
    """Make the preparation of an operator."""
    return Prep(operator, f, backend, arguments, seeds, **options)


def evaluate(
    operator: Operator,
    variant: str,
    f: Callable[..., Any],
    backend: str | Backend,
    arguments: Sequence[Any],
    seeds: Any = None,
    *,
    prep: Prep | None,
    out: Any,
    argnums: int | tuple[int, ...],
    has_aux: bool,
    y: np.ndarray | None = None,
) -> Any:
    """Compute one variant of an operator, by a preparation if there is one, else directly."""
    if prep is None:
        call = Call(operator, f, backend, arguments, seeds, argnums=argnums, has_aux=has_aux, y=y)
        return call.assemble(call.run(), variant, out, call.function.y_structure)
    prep.check_owner(operator, f, backend)
    keywords = {} if y is None else {"y": y}
    head = (arguments[0],) if operator.seeds is None else (arguments[0], seeds)
    return getattr(prep, variant)(*head, *arguments[1:], out=out, **keywords)
