"""One operator of one function, written down: inputs are symbols, outputs expressions.

What expressions are, how they are differentiated and how they become a function of numbers is the engine's `Algebra`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from diffiface import trees
from diffiface.primitives import Primitives
from diffiface.primitives.object_arrays import ObjectArray, object_array
from diffiface.real_vectors import RealLayout, jacobian_leaves
from diffiface.symbolic.algebra import Algebra, Entries
from diffiface.symbolic.calls import Called, SymbolicPrimitives, entries_of
from diffiface.symbolic.chain import Chain
from diffiface.symbolic.evaluation import evaluated, spelt_out
from diffiface.tracing import current_trace

if TYPE_CHECKING:
    from diffiface.adapter import Cotangents, FlatFunction, Leaves

_SEEDED = frozenset({"pushforward", "pullback", "hvp"})


class Program:
    """One operator of one function, written down for x and constants of one kind."""

    def __init__(
        self, algebra: Algebra, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves, keep_constants: bool
    ):
        """Run f on symbols for xs, and for the float constants unless these are kept as the numbers they are."""
        self._algebra, self.operator = algebra, operator
        self._p = p = algebra.trace(current_trace())
        self._x_layout = RealLayout(tuple(tuple(p.shape(x)) for x in xs), tuple(np.dtype(p.dtype(x)) for x in xs))
        self.xs, x_leaves = self._new_symbols("x", xs, p)
        self._varying = [] if keep_constants else [i for i, c in enumerate(contexts) if is_varying(c)]
        self.constants, c_leaves = self._new_symbols("c", [contexts[i] for i in self._varying], p)
        flat_contexts = list(contexts)
        for i, leaf in zip(self._varying, c_leaves, strict=True):
            flat_contexts[i] = leaf
        ys, aux = f(p, tuple(x_leaves), tuple(flat_contexts))
        y_leaves = [p.raw(y) for y in ys]
        aux_leaves = [leaf for leaf in trees.flatten(aux)[0] if isinstance(leaf, ObjectArray)]
        p.only_real("a result", [*y_leaves, *aux_leaves])
        self._y_layout = RealLayout(tuple(y.shape for y in y_leaves), tuple(y.dtype for y in y_leaves))
        self.ys: Entries = [entry for y in y_leaves for entry in y.flat()]
        self._aux_leaves, self._aux_structure = trees.flatten(aux)
        self._traced_aux = [i for i, leaf in enumerate(self._aux_leaves) if isinstance(leaf, ObjectArray)]
        self.seeds: Entries = []
        if operator in _SEEDED:
            seeded, name = (self.ys, "c_y") if operator == "pullback" else (self.xs, "t")
            self.seeds = algebra.symbols(name, len(seeded))
        self.results: list[Entries] = self._derived()

    def _new_symbols(self, name: str, leaves: Leaves, p: Primitives) -> tuple[Entries, list[ObjectArray]]:
        arrays, entries = [], []
        shapes = [tuple(p.shape(leaf)) for leaf in leaves]
        new = self._algebra.symbols(name, sum(map(math.prod, shapes)))
        for leaf, shape in zip(leaves, shapes, strict=True):
            part = new[len(entries) : len(entries) + math.prod(shape)]
            dtype = p.dtype(leaf) if not isinstance(leaf, float) else np.dtype(np.float64)
            arrays.append(ObjectArray(object_array(part, shape), dtype))
            entries += part
        return entries, arrays

    def _derived(self) -> list[Entries]:
        """Return what the operator asks for beside y."""
        algebra, operator, xs, ys = Chain(self._algebra, self._p), self.operator, self.xs, self.ys
        one = [self._p.entry_functions.constant(1.0)]
        if operator == "pushforward":
            return [algebra.push(ys, xs, self.seeds)]
        if operator == "pullback":
            return [algebra.pull(ys, xs, self.seeds)]
        if operator == "derivative":
            return [algebra.push(ys, xs, one)]
        if operator == "gradient":
            return [algebra.pull(ys, xs, one)]
        if operator == "jacobian":
            return [algebra.jacobian(ys, xs)]
        if operator == "second_derivative":
            slopes = algebra.push(ys, xs, one)
            return [slopes, algebra.push(slopes, xs, one)]
        if operator == "hvp":
            gradient = algebra.pull(ys, xs, one)
            return [gradient, algebra.push(gradient, xs, self.seeds)]
        assert operator == "hessian"
        return list(algebra.hessian(ys[0], xs))

    # ---- numbers in, numbers out

    @property
    def inputs(self) -> Entries:
        """All symbols that numbers are given for: x, float constants, tangents or cotangents."""
        return [*self.xs, *self.constants, *self.seeds]

    @property
    def calls(self) -> list[Called]:
        """The calls that were met, in f and in its derivatives."""
        return self._p.calls

    @property
    def trace_type(self) -> type[SymbolicPrimitives]:
        """The class of the trace that f ran on."""
        return type(self._p)

    def spelt_out(self, entries: Entries) -> tuple[list[Called], Entries]:
        """Return expressions with all in them that can be written as one, and the calls whose results remain in them."""
        calls, replaced = spelt_out(self._algebra, self.calls, entries)
        return calls, replaced(entries)

    def outputs(self) -> list[Entries]:
        """Return all that is computed: y, what is derived, and the traced parts of aux."""
        aux = [entry for i in self._traced_aux for entry in self._aux_leaves[i].flat()]
        return [self.ys, *self.results, aux]

    def compiled(self) -> Callable[..., tuple[Any, ...]]:
        """Return the engine method of the operator for this program: `run(xs, [seeds,] contexts)`."""
        parts = self.outputs()
        ends = np.cumsum([len(part) for part in parts])[:-1]
        evaluate = evaluated(self._algebra, self.calls, self.inputs, [entry for part in parts for entry in part])

        def at(xs: Leaves, contexts: Leaves, seeds: Leaves = ()) -> list[np.ndarray]:
            given = [*xs, *(contexts[i] for i in self._varying), *seeds]
            vector = np.concatenate([np.asarray(v, np.float64).reshape(-1) for v in given]) if given else np.zeros(0)
            return np.split(evaluate(vector), ends)

        if self.operator not in _SEEDED:
            return lambda xs, contexts: self._assembled(*at(xs, contexts))

        def run(xs: Leaves, seeds: Cotangents, contexts: Leaves) -> tuple[Any, ...]:
            seeds = self._made(seeds)
            batch = len(seeds[0])
            rows = [at(xs, contexts, [np.real(seed[b]) for seed in seeds]) for b in range(batch)]
            if not rows:  # y all the same
                first = at(xs, contexts, [np.zeros(seed.shape[1:]) for seed in seeds])
                return self._assembled(*first[:-2], np.zeros((0, len(first[-2]))), first[-1])
            return self._assembled(*rows[0][:-2], np.stack([row[-2] for row in rows]), rows[0][-1])

        return run

    def _made(self, seeds: Cotangents) -> Leaves:
        layout = self._y_layout
        return seeds(list(zip(layout.shapes, layout.dtypes, strict=True))) if callable(seeds) else seeds

    def _assembled(self, y: np.ndarray, *parts: np.ndarray) -> tuple[Any, ...]:
        *derived, aux = parts
        operator, x_layout, y_layout = self.operator, self._x_layout, self._y_layout
        ys: Any = y_layout.split_as_given(y)
        if operator in ("gradient", "hvp", "hessian"):
            (ys,) = ys
        if operator in ("pushforward", "derivative", "second_derivative"):
            results = [y_layout.split_as_given(part) for part in derived]
        elif operator in ("pullback", "gradient", "hvp"):
            results = [x_layout.split_as_given(part) for part in derived]
        elif operator == "jacobian":
            results = [jacobian_leaves(derived[0].reshape(y_layout.size, x_layout.size), y_layout, x_layout)]
        else:
            blocks = jacobian_leaves(derived[1].reshape(x_layout.size, x_layout.size), x_layout, x_layout)
            results = [x_layout.split_as_given(derived[0]), blocks]
        return ys, *results, self._filled(aux)

    def _filled(self, numbers: np.ndarray) -> Any:
        """Return aux with numbers in the place of expressions."""
        leaves, start = list(self._aux_leaves), 0
        for i in self._traced_aux:
            leaf = leaves[i]
            stop = start + math.prod(leaf.shape)
            leaves[i] = numbers[start:stop].reshape(leaf.shape).astype(leaf.dtype)
            start = stop
        return trees.unflatten(self._aux_structure, leaves)

    # ---- expressions in, expressions out (nesting)

    def applied(self, p: SymbolicPrimitives, xs: Leaves, seeds: Cotangents | None) -> tuple[Any, ...]:
        """Return the engine method's results as values of an outer trace of the same engine."""
        values = [entry for x in xs for entry in p.raw(x).flat()]
        made = [] if seeds is None else self._made(seeds)
        batch = p.shape(made[0])[0] if made else 1
        rows = []
        for b in range(max(batch, 1)):
            row = (
                [entry for seed in made for entry in p.raw(seed).entries[b : b + 1].reshape(-1)]
                if batch
                else self.seeds
            )
            exchange = self._made_again(p, [*self.xs, *self.seeds], [*values, *row])
            rows.append([self._algebra.substitute(part, *exchange) for part in self.outputs()])
        y, *derived, aux = rows[0]
        x_layout, y_layout = self._x_layout, self._y_layout

        def leaves(entries: Entries, layout: RealLayout) -> list[ObjectArray]:
            return [
                ObjectArray(object_array(entries[s], shape), dtype)
                for s, shape, dtype in zip(layout.slices, layout.shapes, layout.dtypes, strict=True)
            ]

        def batches(parts: Sequence[Entries], layout: RealLayout) -> list[Any]:
            if not batch:
                pairs = zip(layout.shapes, layout.dtypes, strict=True)
                return [np.zeros((0, *shape), dtype) for shape, dtype in pairs]
            columns = zip(*(leaves(part, layout) for part in parts), strict=True)
            return [p.stack(list(column), axis=0) for column in columns]

        def blocks(entries: Entries, rows_layout: RealLayout) -> list[list[ObjectArray]]:
            matrix = object_array(entries, (rows_layout.size, x_layout.size))
            return [
                [
                    ObjectArray(matrix[rows, columns].reshape((*y_shape, *x_shape)), dtype)
                    for columns, x_shape, dtype in zip(x_layout.slices, x_layout.shapes, x_layout.dtypes, strict=True)
                ]
                for rows, y_shape in zip(rows_layout.slices, rows_layout.shapes, strict=True)
            ]

        ys: Any = leaves(y, y_layout)
        operator = self.operator
        if operator in ("gradient", "hvp", "hessian"):
            (ys,) = ys
        if operator == "pushforward":
            results: list[Any] = [batches([row[-2] for row in rows], y_layout)]
        elif operator == "pullback":
            results = [batches([row[-2] for row in rows], x_layout)]
        elif operator in ("derivative", "second_derivative"):
            results = [leaves(part, y_layout) for part in derived]
        elif operator == "jacobian":
            results = [blocks(derived[0], y_layout)]
        elif operator == "gradient":
            results = [leaves(derived[0], x_layout)]
        elif operator == "hvp":
            results = [leaves(derived[0], x_layout), batches([row[-2] for row in rows], x_layout)]
        else:
            results = [leaves(derived[0], x_layout), blocks(derived[1], x_layout)]
        return ys, *results, self._filled_with(aux)

    def _made_again(self, p: SymbolicPrimitives, symbols: Entries, values: Entries) -> tuple[Entries, Entries]:
        """Make the calls of this program in an outer trace; return all symbols and what takes their places."""
        for called in self.calls:
            operands = list(called.operands)
            for i in called.traced:
                entries = self._algebra.substitute(operands[i].flat(), symbols, values)
                operands[i] = ObjectArray(object_array(entries, operands[i].shape), operands[i].dtype)
            results = p.custom_call(called.call, operands)
            symbols, values = symbols + called.symbols, values + entries_of(map(p.raw, results))
        return symbols, values

    def _filled_with(self, entries: Entries) -> Any:
        leaves, start = list(self._aux_leaves), 0
        for i in self._traced_aux:
            leaf = leaves[i]
            stop = start + math.prod(leaf.shape)
            leaves[i] = ObjectArray(object_array(entries[start:stop], leaf.shape), leaf.dtype)
            start = stop
        return trees.unflatten(self._aux_structure, leaves)


def is_varying(context: Any) -> bool:
    """Whether a constant is an input of a prepared program, so that its value may change."""
    if isinstance(context, (np.ndarray, np.floating)):
        return context.dtype.kind == "f"
    return isinstance(context, float)
