"""A sparse Jacobian or Hessian, planned once and evaluated often."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from diffiface.adapter import Backend, FlatFunction, Leaves, Mode
from diffiface.errors import InputError
from diffiface.operators.prepared_engine import engine_run
from diffiface.sparse.coloring.colored import ColoredPattern
from diffiface.sparse.decompression import Decompression, Read, decompression_of
from diffiface.sparse.detection.detectors import Known, Matrix
from diffiface.sparse.entries import Entries
from diffiface.sparse.pattern import SparsityPattern
from diffiface.sparse.products import Layout, Product, Products, as_numpy, layout_of, output_layout
from diffiface.sparse.verification import dense_product, missing_error, random_vector, wrong_lines

if TYPE_CHECKING:
    from diffiface.sparse.backend import Sparse

Partition = Literal["columns", "rows", "fewer", "both", "symmetric"]
"""What is colored: columns (pushforwards), rows (pullbacks), whichever needs fewer, both, or a Hessian's variables."""


_MOST_SWEEPS = 16
"""The largest batch for an engine that sweeps one cotangent after the other: more gains nothing, and lengthens what it
records."""

_NO_LINES = np.zeros(0, np.intp)


@dataclass(frozen=True)
class Plan:
    """How a matrix is computed: one pattern, colored, and the products its entries are read from."""

    colored: ColoredPattern
    decompress: Decompression
    by_columns: Products | None
    by_rows: Products | None
    imaginary_by_rows: Products | None
    """Products with i times the seeds: to a real x a pullback brings back the real part only."""
    product: Product
    """What the check is a product by, and the first one that is run."""
    check: np.ndarray | None
    """A random vector that rides along in every evaluation, to see whether the pattern still holds."""

    @cached_property
    def columns_alone(self) -> Products:
        """Products with columns, without f's value where the engine can leave it out."""
        assert self.by_columns is not None
        return self.by_columns.alone()

    @cached_property
    def rows_alone(self) -> Products:
        """Products with rows, without f's value where the engine can leave it out."""
        assert self.by_rows is not None
        return self.by_rows.alone()


class SparseRun:
    """Evaluates one matrix, `run(xs, contexts)` as an engine's method does; its block is one CSR array.

    The plan may be replaced when a pattern that holds only locally does not hold at another x.
    """

    def __init__(self, matrix: Matrix, sparse: Sparse, f: FlatFunction, xs: Leaves, contexts: Leaves):
        self._matrix: Matrix = matrix
        self._sparse, self._f = sparse, f
        self._engine: Backend = sparse.engine
        self._x_layout, self._like = layout_of(xs), xs[0]
        needs_rows = matrix == "jacobian"
        self._y_layout: Layout = output_layout(self._engine, f, xs, contexts) if needs_rows else []
        pattern = self._checked(sparse.detection.detect(matrix, self._engine, f, xs, contexts))
        products = ("hvp",) if matrix == "hessian" else sparse.products()
        self._runs = {product: engine_run(self._engine, product, f, xs, contexts) for product in products}
        self._plan = self._planned(pattern)
        if sparse.verify:
            self._verify(xs, contexts)

    @property
    def colored(self) -> ColoredPattern:
        """The colored pattern that is used now."""
        return self._plan.colored

    def plot(self, axes: Any = None) -> Any:
        """Draw the colored pattern."""
        from diffiface.sparse.plot import plot_pattern

        return plot_pattern(self.colored, axes)

    def explain(self) -> str:
        """Say how the matrix is computed."""
        plan, pattern = self._plan, self.colored.pattern
        ways = {"columns": plan.by_columns, "rows": plan.by_rows}
        what = " and ".join(name for name, products in ways.items() if products is not None)
        lines = [f"{pattern!r}: {self.colored.n_colors} colors of {what}"]
        lines += [f"  local because of {reason}" for reason in pattern.reasons]
        lines += [f"  {product}: {run.explain()}" for product, run in self._runs.items() if hasattr(run, "explain")]
        return "\n".join(lines)

    def __call__(self, xs: Leaves, contexts: Leaves) -> tuple[Any, ...]:
        return self._computed(xs, contexts)

    def only(self, wanted: tuple[int, ...]) -> Callable[..., tuple[Any, ...]]:
        """Return the run for a caller who looks at these of its results only: without f's value others may be None."""
        if 0 in wanted or not self._engine.exact:
            return self
        return self._shortest() or partial(self._computed, alone=True)

    def _shortest(self) -> Callable[..., tuple[Any, ...]] | None:
        """Return the run written out for the usual case, where a small function takes less time than the way to it."""
        entries = self.entries()
        if entries is None:
            return None
        before = (None,) * (1 if self._matrix == "jacobian" else 2)
        matrix = self._plan.colored.pattern.matrix
        bound = entries.bound(lambda x, *contexts: entries((x,), contexts))
        if bound is not None:
            return lambda xs, contexts: (*before, [[matrix(bound(xs[0], *contexts))]], None)
        return lambda xs, contexts: (*before, [[matrix(entries(xs, contexts))]], None)

    def entries(self) -> Entries | None:
        """Return the way to the entries alone in the usual case, in which the plan is never replaced; else None."""
        plan, leaves = self._plan, (*self._x_layout, *self._y_layout)
        single = len(self._x_layout) == 1 and len(self._y_layout) <= 1 and isinstance(self._like, np.ndarray)
        real = all(dtype.kind == "f" for _, dtype in leaves)
        if not (single and real) or plan.check is not None or not isinstance(plan.decompress, Read):
            return None
        if not self._engine.exact:
            return None
        products = plan.by_rows if plan.by_columns is None else plan.by_columns
        assert products is not None
        return products.alone().entries(plan.decompress.places)

    def _computed(self, xs: Leaves, contexts: Leaves, alone: bool = False) -> tuple[Any, ...]:
        plan = self._plan
        head, values, lines, aux = self._evaluated(plan, xs, contexts, alone)
        if lines.size:
            plan, head, values, aux = self._replanned(plan, xs, contexts, lines)
        return *head, [[plan.colored.pattern.matrix(values)]], aux

    # ---- planning

    def _checked(self, pattern: SparsityPattern) -> SparsityPattern:
        """Check a pattern's shape against x and y."""
        width = _size(self._x_layout)
        expected = (width if self._matrix == "hessian" else _size(self._y_layout), width)
        if pattern.shape != expected:
            sides = "x by x" if self._matrix == "hessian" else "y by x"
            raise InputError(
                f"the sparsity pattern has shape {pattern.shape}, but the {self._matrix} ({sides}) has {expected}",
                engine=self._engine.name,
                fix="rows and columns count the entries of all leaves together, in C order",
            )
        return pattern.symmetric() if self._matrix == "hessian" else pattern

    def _planned(self, pattern: SparsityPattern) -> Plan:
        coloring = self._sparse.grouping
        colored = {
            "symmetric": coloring.symmetric,
            "columns": coloring.columns,
            "rows": coloring.rows,
            "both": coloring.both,
            "fewer": self._fewer,
        }[self._sparse.partition(self._matrix)](pattern)
        guarded = self._sparse.verify == "always" or (self._sparse.verify is True and self._is_local(pattern))
        product: Product = (
            "hvp" if self._matrix == "hessian" else "pullback" if colored.columns is None else "pushforward"
        )
        layout = self._y_layout if product == "pullback" else self._x_layout
        check = random_vector(_size(layout)) if guarded else None
        by_columns = by_rows = imaginary = None
        if colored.columns is not None:
            by_columns = self._products("hvp" if product == "hvp" else "pushforward", colored, check)
        if colored.rows is not None:
            own_check = check if product == "pullback" else None
            by_rows = self._products("pullback", colored, own_check)
            complex_y = any(dtype.kind == "c" for _, dtype in self._y_layout)
            if complex_y and any(dtype.kind != "c" for _, dtype in self._x_layout):
                imaginary = self._products("pullback", colored, own_check, 1j)
        decompress = decompression_of(colored, coloring.decompression == "substitution")
        return Plan(colored, decompress, by_columns, by_rows, imaginary, product, check)

    def _fewer(self, pattern: SparsityPattern) -> ColoredPattern:
        coloring = self._sparse.grouping
        rows = coloring.rows(pattern)
        if any(dtype.kind == "c" for _, dtype in self._x_layout):
            return rows  # right also where f is not holomorphic
        columns = coloring.columns(pattern)
        return rows if rows.n_colors < columns.n_colors else columns

    def _is_local(self, pattern: SparsityPattern) -> bool:
        return pattern.scope == "local" and not isinstance(self._sparse.detection, Known)

    def _products(
        self, product: Product, colored: ColoredPattern, check: np.ndarray | None, factor: complex = 1
    ) -> Products:
        layout = self._y_layout if product == "pullback" else self._x_layout
        dtype = np.result_type(np.float32, *(dtype for _, dtype in layout))
        seeds = colored.row_seeds(dtype) if product == "pullback" else colored.column_seeds(dtype)
        if check is not None:
            seeds = np.concatenate([seeds, check[None].astype(dtype)])
        # (A complex factor concerns complex leaves of y; `Products` gives the real ones its real part, which is 0.)
        seeds = seeds * factor if factor != 1 else seeds
        chunk_size = self._engine.chunk_size
        if chunk_size is None and product == "pullback" and self._engine.mode is Mode.REVERSE:
            chunk_size = _MOST_SWEEPS
        return Products(product, self._runs[product], seeds, layout, self._like, chunk_size)

    # ---- evaluating

    def _evaluated(
        self, plan: Plan, xs: Leaves, contexts: Leaves, alone: bool = False
    ) -> tuple[tuple[Any, ...], np.ndarray, np.ndarray, Any]:
        """Return f's value (and gradient), the entries, the lines in which the check found them wrong, and aux."""
        head, aux, by_columns, by_rows = (), None, None, None
        if plan.by_columns is not None:
            head, by_columns, aux = (plan.columns_alone if alone else plan.by_columns)(xs, contexts)
        if plan.by_rows is not None:
            head, by_rows, aux = (plan.rows_alone if alone else plan.by_rows)(xs, contexts)
            by_rows = np.conj(by_rows) if by_rows.dtype.kind == "c" else by_rows
            if plan.imaginary_by_rows is not None:
                real = np.concatenate([np.full(math.prod(s), d.kind != "c") for s, d in self._x_layout])
                by_rows = by_rows + 1j * (plan.imaginary_by_rows(xs, contexts)[1] * real)
        checked = None
        if plan.check is not None:
            if plan.product == "pullback":
                assert by_rows is not None
                by_rows, checked = by_rows[:-1], by_rows[-1]
            else:
                assert by_columns is not None
                by_columns, checked = by_columns[:-1], by_columns[-1]
        values = plan.decompress(by_columns, by_rows)
        lines = _NO_LINES
        if checked is not None:
            assert plan.check is not None
            lines = self._wrong_lines(plan, values, plan.check, checked, head)
        return head, values, lines, aux

    def _wrong_lines(
        self, plan: Plan, values: np.ndarray, vector: np.ndarray, expected: np.ndarray, head: tuple[Any, ...]
    ) -> np.ndarray:
        noise = None
        if not self._engine.exact:  # differences of numbers as large as f's value and gradient
            leaves = [as_numpy(leaf) for part in head for leaf in (part if isinstance(part, (tuple, list)) else [part])]
            noise = 1e-5 * max((float(np.abs(leaf).max(initial=0.0)) for leaf in leaves), default=0.0)
        return wrong_lines(plan.colored.pattern, values, vector, expected, plan.product == "pullback", noise)

    def _replanned(
        self, plan: Plan, xs: Leaves, contexts: Leaves, lines: np.ndarray
    ) -> tuple[Plan, tuple[Any, ...], np.ndarray, Any]:
        """Find the pattern anew at this x, where the old one does not hold, and evaluate with both together."""
        if not self._is_local(plan.colored.pattern):
            raise self._error(plan, xs, contexts, lines)
        found = self._checked(self._sparse.detection.detect(self._matrix, self._engine, self._f, xs, contexts))
        plan = self._planned(plan.colored.pattern.united(found))
        head, values, lines, aux = self._evaluated(plan, xs, contexts)
        if lines.size:
            raise self._error(plan, xs, contexts, lines)
        self._plan = plan
        return plan, head, values, aux

    # ---- verifying

    def _verify(self, xs: Leaves, contexts: Leaves) -> None:
        """Compare with the dense derivative along a random vector, at x and, for a given pattern, close by."""
        self._verify_at(xs, contexts)
        if isinstance(self._sparse.detection, Known) and all(isinstance(x, np.ndarray) for x in xs):
            # Preparations are often made at zeros, where a derivative may vanish by chance.
            random = np.random.default_rng(7)
            nearby = [(x * 1.001 + 0.001 * random.uniform(0.5, 1.5, x.shape)).astype(x.dtype) for x in xs]
            try:
                with np.errstate(all="ignore"):
                    self._f_runs(nearby, contexts)
            except Exception:
                return  # f may refuse a point that nobody asked for
            with np.errstate(all="ignore"):
                self._verify_at(nearby, contexts)

    def _f_runs(self, xs: Leaves, contexts: Leaves) -> None:
        output_layout(self._engine, self._f, xs, contexts)

    def _verify_at(self, xs: Leaves, contexts: Leaves) -> None:
        plan = self._plan
        head, values, lines, _ = self._evaluated(plan, xs, contexts)
        if not lines.size:
            layout = self._y_layout if plan.product == "pullback" else self._x_layout
            vector = random_vector(_size(layout))
            expected = dense_product(self._engine, plan.product, self._f, xs, contexts, vector[None], layout)[0]
            if plan.imaginary_by_rows is not None:
                values = np.real(values)  # all that a pullback of real vectors brings back to a real x
            lines = self._wrong_lines(plan, values, vector, expected, head)
        if lines.size:
            raise self._error(plan, xs, contexts, lines)

    def _error(self, plan: Plan, xs: Leaves, contexts: Leaves, lines: np.ndarray) -> Exception:
        return missing_error(
            self._engine, plan.product, self._f, xs, contexts, plan.colored.pattern, lines, self._y_layout
        )


def _size(layout: Layout) -> int:
    return sum(math.prod(shape) for shape, _ in layout)
