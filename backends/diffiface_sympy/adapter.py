"""SymPy behind the front end's engine contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import sympy

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
from diffiface_sympy.algebra import SymPyAlgebra
from diffiface_sympy.functions import piecewise


class _Formula(PreparedProgram):
    """A prepared operator that can show itself."""

    def expression(self, form: str) -> Any:
        """Return the derivative as text, as LaTeX, or as SymPy's own objects (one for each entry of the result)."""
        if form not in ("text", "latex", "sympy"):
            raise InputError(f"form={form!r} is not known", engine="sympy", fix="'text', 'latex' or 'sympy'")
        program = self.program
        calls, entries = program.spelt_out(program.results[-1])
        names: dict[Any, Any] = {symbol: sympy.Symbol(symbol.name) for symbol in program.inputs}
        for called in calls:  # what runs in Python is shown as a function of its arguments
            name, given = called.name, [entry.xreplace(names) for entry in program.spelt_out(called.inputs)[1]]
            for number, symbol in enumerate(called.symbols):
                indexed = name if len(called.symbols) == 1 else f"{name}_{number}"
                names[symbol] = sympy.Function(indexed)(*given)
        formulas = [piecewise(entry.xreplace(names)) for entry in entries]
        if form == "sympy":
            return formulas
        write = sympy.latex if form == "latex" else str
        return write(formulas[0]) if len(formulas) == 1 else write(formulas)


@dataclass(frozen=True, repr=False)
class SymPy(MethodsByName, Backend):
    """SymPy: f is run on symbols, its derivative is a formula, evaluated by NumPy.

    Python loops are unrolled; `if` on a value of x is refused (write `np.where`).
    """

    name: ClassVar[str] = "sympy"
    mode: ClassVar[Mode] = Mode.BOTH
    complex_inputs: ClassVar[bool] = False

    max_operations: int | None = field(default=2_000, kw_only=True)
    """How many operations on single numbers f may take before it is refused; None: any number."""
    cse: bool = field(default=True, kw_only=True)
    """Whether common subexpressions are computed once."""

    def __post_init__(self) -> None:
        super().__post_init__()
        limit = self.max_operations
        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
            raise InputError(
                f"max_operations={limit!r} is not a positive integer", engine=self.name, fix="give 1 or more, or None"
            )

    def _run(self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves, seeds: Any = None) -> Any:
        _refuse_native(f)
        return run_once(SymPyAlgebra(self.max_operations, self.cse), operator, f, xs, contexts, seeds)

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        _refuse_native(f)
        return _Formula(SymPyAlgebra(self.max_operations, self.cse), operator, f, xs, contexts)

    def sparsity(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[tuple[int, int], np.ndarray] | None:
        program = PreparedProgram(SymPyAlgebra(self.max_operations, self.cse), operator, f, xs, contexts).program
        columns = len(program.xs)
        places = [divmod(k, columns) for k, entry in enumerate(program.results[-1]) if entry != 0]
        return (len(program.results[-1]) // max(columns, 1), columns), np.array(places, np.intp).reshape(-1, 2)


def _refuse_native(f: FlatFunction) -> None:
    if getattr(f, "native", False):
        raise UnsupportedOperationError(
            "functions written for SymPy are not supported", engine="sympy", fix="write the function in NumPy"
        )
