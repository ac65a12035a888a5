"""Preparing once, calling often: what a preparation remembers, checks, and hands out as bound calls."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from diffiface.adapter import Backend
from diffiface.errors import InputError, PreparationMismatchError, UnsupportedOperationError
from diffiface.operators.bound_call import bound_call, bound_entries
from diffiface.operators.call import Call
from diffiface.operators.mismatch import mismatch_error, name_of, same_function
from diffiface.operators.operator import Operator
from diffiface.operators.out import fill
from diffiface.operators.prepared_engine import engine_run
from diffiface.operators.results import assemble
from diffiface.operators.same_value import check_same_value
from diffiface.operators.signature import Signature
from diffiface.rebinding import plain_constants
from diffiface.registry import resolve
from diffiface.tracing import running

if TYPE_CHECKING:
    from diffiface.sparse.pattern import SparsityPattern

Strict = Literal[True, False, "reprepare"]


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
        self._options: dict[str, Any] = {"argnums": argnums, "has_aux": has_aux}
        self._asked_for = resolve(backend)
        engine = self._asked_for.engine_for(operator, f, arguments, seeds, prepared=True, y=y, **self._options)
        self.operator, self.f, self.backend, self.strict = operator.name, f, engine, strict
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
        if call.function.native_to is None and call.backend.checks_value:
            check_same_value(call)
        self._signature = call.signature
        self._run = engine_run(call.backend, self._descriptor.name, call.function, call.xs, call.contexts)
        for variant in self._descriptor.variants:
            setattr(self, variant, bound_call(variant, call, self._run, partial(self._thorough, variant)))
        if hasattr(self._run, "colored"):
            self._entries = bound_entries(call, self._run, self._entries_of_matrix)
            setattr(self, f"{self.operator}_values", self._entries)  # in the place of a method that looks it up

    # ---- bound calls

    def _entries_of_matrix(self, *args: Any, out: np.ndarray | None = None) -> Any:
        matrix = self._thorough(self.operator, *args)
        aux = ()
        if self._options["has_aux"]:
            matrix, *aux = matrix
        (values,) = (matrix.data,) if out is None else fill(out, [matrix.data], self.backend.name)
        return (values, *aux) if aux else values

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
        call = Call(
            self._descriptor, self.f, self.backend, arguments, seeds, y=y, function=self._function, **self._options
        )
        if call.nested:  # the preparation is for plain numbers; inside another derivative run directly
            call.function = call.make_function()
            return assemble(call, call.run(), variant, out, call.function.y_structure)
        if self.strict and call.signature != self._signature:
            if self.strict != "reprepare":
                raise self._mismatch(call.signature)
            call.function = call.make_function()
            with self._lock:
                self._prepare(call)
        results = call.run(self._run)
        return assemble(call, results, variant, out, self._function.y_structure)

    def explain(self) -> str:
        """Say how calls are computed: replayed from a recording, compiled, or directly, and why.

        >>> import numpy as np, diffiface as di
        >>> prep = di.prepare_gradient(lambda x: np.sum(x**2), "forward", np.ones(3))
        >>> prep.explain().startswith("runs 1 recording")
        True
        """
        explain = getattr(self._run, "explain", None)
        return "runs the engine directly" if explain is None else explain()

    def expression(self, form: str = "text") -> Any:
        """Return the derivative as a formula, where the engine computes with symbols.

        Args:
            form: "text", "latex" (engines that write it), or the engine's name for its own objects ("sympy", "casadi").
        Returns:
            The formula of the operator's result (of all its entries, in C order).
        Raises:
            UnsupportedOperationError: the engine computes with numbers. InputError: it does not know that form.

        >>> import numpy as np, diffiface as di
        >>> di.prepare_derivative(lambda x: np.sin(x) * x, "sympy", 1.0).expression()
        'x_0*cos(x_0) + sin(x_0)'
        """
        return self._asked_of_engine("expression", "formula")(form)

    def code(self) -> str:
        """Return C code of the operator, where the engine writes some: from one vector of inputs to one of outputs.

        Raises:
            UnsupportedOperationError: the engine writes no C.

        >>> import numpy as np, diffiface as di
        >>> "derivative" in di.prepare_derivative(np.sin, "casadi", 1.0).code()
        True
        """
        return self._asked_of_engine("code", "C code")()

    def _asked_of_engine(self, name: str, what: str) -> Callable[..., Any]:
        answer = getattr(self._run, name, None)
        if answer is None:
            raise UnsupportedOperationError(
                f"this engine has no {what} to show",
                engine=self.backend.name,
                fix="prepare with an engine that computes with symbols: 'sympy' (formulas) or 'casadi' (formulas, C code)",
            )
        return answer

    def graph(self) -> str:
        """Return the recorded graph as text, a line for each operation ("" where nothing is recorded).

        >>> import numpy as np, diffiface as di
        >>> print(di.prepare_gradient(lambda x: np.sum(x**2), "reverse", np.ones(3)).graph())
        %0: float64[3] = input()
        %1: float64[3] = square(%0)
        %2: float64[] = sum(%1, axis=(0), keepdims=False)
        %3: float64[3] = multiply(2.0, %0)
        return %2, %3
        """
        graph = getattr(self._run, "graph", None)
        return "" if graph is None else graph()

    # ---- what a preparation by `Sparse` knows of the matrix

    @property
    def pattern(self) -> SparsityPattern:
        """The sparsity pattern (of a preparation by `Sparse`)."""
        return self._of_sparse("colored").pattern

    @property
    def colors(self) -> Any:
        """The color of each column or row, or `(columns, rows)` (of a preparation by `Sparse`)."""
        return self._of_sparse("colored").colors

    @property
    def n_colors(self) -> int:
        """How many products make up the matrix (of a preparation by `Sparse`)."""
        return self._of_sparse("colored").n_colors

    def jacobian_values(self, *arguments: Any, out: np.ndarray | None = None) -> Any:
        """Return the entries of the sparse Jacobian alone (of a preparation by `Sparse`).

        For solvers that were given the structure once, `prep.pattern.indices` and `prep.pattern.indptr`: no matrix is made.

        Args:
            arguments: x and the contexts, as for `jacobian`.
            out: an array of shape `(nnz,)` to write them into.
        Returns:
            An array of shape `(nnz,)`, in the order of `prep.pattern`: what `prep.jacobian(x).data` holds. With
            `has_aux`, aux beside it.
        Raises:
            InputError: this was prepared densely, or for another operator; and what `jacobian` raises.

        >>> import numpy as np, diffiface as di
        >>> prep = di.prepare_jacobian(lambda x: np.diff(x**2), di.Sparse("forward"), np.zeros(3))
        >>> prep.jacobian_values(np.array([1.0, 2.0, 3.0]))
        array([-2.,  4., -4.,  6.])
        >>> prep.pattern.indptr, prep.pattern.indices
        (array([0, 2, 4], dtype=int32), array([0, 1, 1, 2], dtype=int32))
        """
        return self._values_of("jacobian")(*arguments, out=out)

    def hessian_values(self, *arguments: Any, out: np.ndarray | None = None) -> Any:
        """Return the entries of the sparse Hessian alone (of a preparation by `Sparse`).

        Args:
            arguments: x and the contexts, as for `hessian`.
            out: an array of shape `(nnz,)` to write them into.
        Returns:
            An array of shape `(nnz,)`, in the order of `prep.pattern`: what `prep.hessian(x).data` holds, both triangles.
            With `has_aux`, aux beside it.
        Raises:
            InputError: this was prepared densely, or for another operator; and what `hessian` raises.

        >>> import numpy as np, diffiface as di
        >>> prep = di.prepare_hessian(lambda x: np.sum(x[1:] * x[:-1] ** 2), di.Sparse("reverse"), np.zeros(3))
        >>> prep.hessian_values(np.array([1.0, 2.0, 3.0]))
        array([4., 2., 2., 6., 4., 4.])
        """
        return self._values_of("hessian")(*arguments, out=out)

    def _values_of(self, operator: str) -> Callable[..., Any]:
        self._of_sparse("colored")
        if self.operator != operator:
            raise InputError(
                f"this is a preparation of {self.operator}, which has no {operator}_values",
                engine=self.backend.name,
                fix=f"prepare {operator}",
            )
        return self._entries

    def plot_pattern(self, axes: Any = None) -> Any:
        """Draw the pattern, each entry in the color it is read from (of a preparation by `Sparse`).

        Args: axes: Matplotlib axes to draw on (default: new ones).
        Returns: the axes.
        """
        return self._of_sparse("plot")(axes)

    def _of_sparse(self, name: str) -> Any:
        try:
            return getattr(self._run, name)
        except AttributeError:
            raise InputError(
                f"this {self.operator} was prepared densely: it has no sparsity pattern",
                engine=self.backend.name,
                fix="prepare jacobian or hessian with di.Sparse(backend)",
            ) from None

    def _mismatch(self, given: Signature) -> PreparationMismatchError:
        return mismatch_error(
            self.backend.name,
            [("f", name_of(self.f), name_of(self.f)), ("backend", repr(self.backend), repr(self.backend))],
            self._signature,
            given,
        )

    def check_owner(self, operator: Operator, f: Callable[..., Any], backend: str | Backend) -> None:
        """Raise `PreparationMismatchError` unless this was prepared for that operator, function and backend."""
        backend = resolve(backend)
        if operator.name == self.operator and (
            not self.strict or (same_function(f, self.f) and backend in (self.backend, self._asked_for))
        ):
            return
        rows = [
            ("operator", self.operator, operator.name),
            ("f", name_of(self.f), name_of(f) + ("" if same_function(f, self.f) else " (another object)")),
            ("backend", repr(self.backend), repr(backend)),
        ]
        raise mismatch_error(backend.name, rows, None, None)

    def copy(self) -> Prep:
        """Return another preparation for the same arguments, on the same plan (which only "reprepare" replaces)."""
        return copy.copy(self)

    def __copy__(self) -> Prep:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._lock = threading.Lock()
        return twin

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}: {spec}" for name, spec in self._signature.rows())
        return f"<prepared {self.operator} of {name_of(self.f)} by {self.backend!r} for {arguments}>"


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
    if running.traces:  # arrays that a function being differentiated has made are constants here
        arguments, seeds = plain_constants(tuple(arguments)), plain_constants(seeds)
    if prep is None:
        backend = resolve(backend).engine_for(
            operator, f, arguments, seeds, prepared=False, argnums=argnums, has_aux=has_aux, y=y
        )
        call = Call(operator, f, backend, arguments, seeds, argnums=argnums, has_aux=has_aux, y=y)
        return assemble(call, call.run(), variant, out, call.function.y_structure)
    prep.check_owner(operator, f, backend)
    keywords = {} if y is None else {"y": y}
    head = (arguments[0],) if operator.seeds is None else (arguments[0], seeds)
    return getattr(prep, variant)(*head, *arguments[1:], out=out, **keywords)
