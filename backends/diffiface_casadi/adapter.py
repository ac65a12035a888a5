"""CasADi behind the front end's engine contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import casadi as ca
import numpy as np

from diffiface.adapter import (
    Backend,
    FlatFunction,
    InputError,
    Leaves,
    MethodsByName,
    Mode,
    PreparedProgram,
    UnsupportedOperationError,
    run_once,
)
from diffiface_casadi.algebra import CasADiAlgebra, column


class _Graph(PreparedProgram):
    """A prepared operator that can be printed, and written down in C."""

    def expression(self, form: str) -> Any:
        """Return the derivative as text, or as CasADi's own column of expressions."""
        if form not in ("text", "casadi"):
            raise InputError(f"form={form!r} is not known", engine="casadi", fix="'text' or 'casadi'")
        graph = column(self.program.spelt_out(self.program.results[-1])[1])
        return graph if form == "casadi" else str(graph)

    def code(self) -> str:
        """Return C code from one vector (x, float constants, seeds) to another (y, derivatives)."""
        program, algebra = self.program, CasADiAlgebra(None, jit=False)
        calls, outputs = program.spelt_out([entry for part in program.outputs() for entry in part])
        if calls:
            raise UnsupportedOperationError(
                f"C code cannot call {calls[0].call.name}, which runs in Python",
                engine="casadi",
                fix="write the function with NumPy functions that CasADi has, or keep the Python call: prep.gradient(x)",
            )
        generator = ca.CodeGenerator(self.operator)
        generator.add(algebra.function(program.inputs, outputs, self.operator))
        return generator.dump()


@dataclass(frozen=True, repr=False)
class CasADi(MethodsByName, Backend):
    """CasADi: f is run on scalar expressions (SX), differentiated in CasADi's forward and reverse modes.

    Python loops are unrolled; `if` on a value of x is refused (write `np.where`).
    """

    name: ClassVar[str] = "casadi"
    mode: ClassVar[Mode] = Mode.BOTH
    complex_inputs: ClassVar[bool] = False

    max_operations: int | None = field(default=500_000, kw_only=True)
    """How many operations on single numbers f may take before it is refused; None: any number."""
    jit: bool = field(default=False, kw_only=True)
    """Whether functions are written in C and compiled, by the compiler that CasADi finds on the path."""

    def __post_init__(self) -> None:
        super().__post_init__()
        limit = self.max_operations
        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
            raise InputError(
                f"max_operations={limit!r} is not a positive integer", engine=self.name, fix="give 1 or more, or None"
            )

    def _run(self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves, seeds: Any = None) -> Any:
        _refuse_native(f)
        # (Compiling C for a single evaluation never pays.)
        return run_once(CasADiAlgebra(self.max_operations, jit=False), operator, f, xs, contexts, seeds)

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        _refuse_native(f)
        return _Graph(CasADiAlgebra(self.max_operations, self.jit), operator, f, xs, contexts)

    def sparsity(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[tuple[int, int], np.ndarray] | None:
        _refuse_native(f)
        algebra = CasADiAlgebra(self.max_operations, jit=False)
        program = PreparedProgram(algebra, "gradient" if operator == "hessian" else operator, f, xs, contexts).program
        columns, ys = column(program.xs), column(program.ys)
        if program.calls:  # their rules say what depends on what
            rows = PreparedProgram(algebra, operator, f, xs, contexts).program
            entries = ca.reshape(column(rows.results[-1]), len(rows.xs), -1).T
            pattern = ca.sparsify(entries).sparsity()
        elif operator == "hessian":
            pattern = ca.hessian(ys, columns)[0].sparsity()
        else:
            pattern = ca.jacobian_sparsity(ys, columns)
        places = np.array(pattern.get_triplet(), np.intp).T.reshape(-1, 2)
        return pattern.shape, places[np.lexsort((places[:, 1], places[:, 0]))]


def _refuse_native(f: FlatFunction) -> None:
    if getattr(f, "native", False):
        raise UnsupportedOperationError(
            "functions written for CasADi are not supported", engine="casadi", fix="write the function in NumPy"
        )
