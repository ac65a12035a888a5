"""One engine on one scenario: calls made with fresh arguments, and what comes back compared with the exact results."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.adapter import Backend
from diffiface.arrays import NUMPY_FAMILY, family_of
from diffiface.comparison.problem import arrays_of, copied, same_bytes
from diffiface.operators.operator import Part
from diffiface.operators.preparation import Prep
from diffiface.testing.scenario import Between, Point, Scenario

RUN, PREPARE, DIRTY = "at", "prepare_at", "dirty_at"
_STATES = {PREPARE: 0, RUN: 1, DIRTY: 2}


class Violation(AssertionError):
    """A property of an engine that does not hold."""


class Case:
    """One engine on one scenario."""

    def __init__(self, backend: Backend, scenario: Scenario, rtol: float | None = None):
        self.backend, self.scenario = backend, scenario
        self.rtol = scenario.rtol if rtol is None else rtol
        self._prep: Prep | None = None
        self._lock = threading.Lock()

    # ---- calls

    def enter(self, where: str) -> Point:
        """Put f's closure into the state that belongs to a point, and copy its arguments."""
        if self.scenario.set_state is not None:
            self.scenario.set_state(_STATES[where])
        point: Point = getattr(self.scenario, where)
        t = None if point.t is None else _copy(point.t)
        return Point(_copy(point.x), t, tuple(map(_copy, point.contexts)))

    def exact(self, where: str) -> tuple[Any, ...]:
        """Return the exact results at a point, in the state of f that belongs to it."""
        return self.scenario.exact(self.enter(where))

    @property
    def variants(self) -> dict[str, tuple[int, ...]]:
        """Public name → which parts it returns."""
        return self.scenario.descriptor.variants

    def prepare(self, f: Callable[..., Any] | None = None, backend: Backend | None = None) -> Prep:
        """Prepare at the scenario's point for it."""
        import diffiface

        make = getattr(diffiface, f"prepare_{self.scenario.operator}")
        point = self.enter(PREPARE)
        with unchanged(point, "preparing"):
            return make(f or self.scenario.f, backend or self.backend, *point.arguments, **self._keywords())

    @property
    def prep(self) -> Prep:
        """One preparation, which the properties share (so that each finds it dirtied by those before)."""
        if self._prep is None:
            self._prep = self.prepare()
        return self._prep

    def _keywords(self) -> dict[str, Any]:
        y = self.scenario.y
        return {**self.scenario.options, **({} if y is None else {"y": np.full_like(y, np.nan)})}

    def call(
        self,
        variant: str,
        where: str,
        *,
        prep: Prep | None = None,
        f: Callable[..., Any] | None = None,
        backend: Backend | None = None,
        bound: bool = False,
        **keywords: Any,
    ) -> Any:
        """Call a variant at a point; its arguments must come out as they went in."""
        import diffiface

        point, keywords = self.enter(where), self._keywords() | keywords
        with unchanged(point, variant):
            if bound:
                for option in self.scenario.options:
                    keywords.pop(option)
                return getattr(prep, variant)(*point.arguments, **keywords)
            operator = getattr(diffiface, variant)
            given = {} if prep is None else {"prep": prep}
            return operator(f or self.scenario.f, backend or self.backend, *point.arguments, **given, **keywords)

    # ---- results

    def parts(self, variant: str, result: Any, where: str = RUN) -> list[Any]:
        """Take what a variant returned apart: one result for each of its parts, `aux` left out."""
        indices = self.variants[variant]
        if self.scenario.options.get("has_aux"):
            result = self._without_aux(result, where, has_value=indices[0] == 0, count=len(indices))
        if len(indices) == 1:
            return [result]
        if not isinstance(result, tuple) or len(result) != len(indices):
            raise Violation(f"{variant} returned {type(result).__name__}, not a tuple of {len(indices)} results")
        return list(result)

    def _without_aux(self, result: Any, where: str, has_value: bool, count: int) -> Any:
        try:
            if has_value:
                (value, aux), *rest = result
                stripped = (value, *rest)
            else:
                *rest, aux = result
                stripped = rest[0] if count == 1 else tuple(rest)
        except (TypeError, ValueError):
            raise Violation("the auxiliary result is not where it belongs") from None
        if not isinstance(aux, dict) or aux.keys() != {"twice", "word"} or aux["word"] != "beside":
            raise Violation(f"the auxiliary result came back as {aux!r:.60}")
        x = getattr(self.scenario, where).x
        if not np.allclose(np.asarray(aux["twice"]), 2 * np.asarray(x), rtol=1e-6):
            raise Violation(f"the auxiliary result is {aux['twice']!r:.60}, not twice x")
        return stripped

    def judge(self, variant: str, where: str, result: Any) -> None:
        """Compare what a variant returned at a point with the exact results; raise `Violation` at the worst entry."""
        expected = self.exact(where)
        indices = self.variants[variant]
        for index, found in zip(indices, self.parts(variant, result, where), strict=True):
            part = self.scenario.descriptor.parts[index]
            self._judge_part(f"{variant}'s {_NAMES[part]}", part, found, expected[index], is_result=index > 0)

    def _judge_part(self, name: str, part: Part, found: Any, expected: Any, is_result: bool) -> None:
        if isinstance(expected, Between):
            self._judge_leaf(name, part, found, expected, is_result)
            return
        leaves, structure = trees.flatten(found)
        right, expected_structure = trees.flatten(expected)
        if structure != expected_structure:
            raise Violation(
                f"{name} has the structure {trees.describe(structure)} instead of {trees.describe(expected_structure)}"
            )
        for path, leaf, exact in zip(trees.paths(structure), leaves, right, strict=True):
            self._judge_leaf(name + path, part, leaf, exact, is_result)

    def _judge_leaf(self, name: str, part: Part, found: Any, expected: Any, is_result: bool) -> None:
        low, high = (expected.low, expected.high) if isinstance(expected, Between) else (expected, expected)
        low, high = np.asarray(low), np.asarray(high)
        if is_sparse(found):
            found = self._dense(name, found, low)
        array = self._as_numpy(name, found)
        if array.shape != low.shape:
            raise Violation(f"{name} has the shape {array.shape} instead of {low.shape}")
        x_dtype = self.x_dtype
        self._judge_dtype(name, part, array.dtype, low.dtype.kind, x_dtype)
        allowed = self._allowed(x_dtype, np.maximum(np.abs(low), np.abs(high)), is_result)
        with np.errstate(all="ignore"):
            apart = np.where(
                (array >= low) & (array <= high), 0.0, np.minimum(np.abs(array - low), np.abs(array - high))
            )
            bad = ~(apart <= allowed)
        if bad.any():
            worst = np.unravel_index(np.argmax(np.where(np.isnan(apart), np.inf, apart / allowed)), array.shape)
            entry = str([int(i) for i in worst]) if worst else ""
            should = f"{low[worst]:.10g}" if low[worst] == high[worst] else f"{low[worst]:.10g} to {high[worst]:.10g}"
            count = f" ({bad.sum()} of {bad.size} entries wrong)" if bad.size > 1 else ""
            raise Violation(f"{name}{entry} is {array[worst]:.10g}, should be {should}{count}")

    def _as_numpy(self, name: str, found: Any) -> np.ndarray:
        """Check that a result is in the arrays of x's library, and look at it as NumPy."""
        wanted = self.scenario.family
        family = None if isinstance(found, (np.ndarray, np.generic, float, complex)) else family_of(found)
        if wanted == NUMPY_FAMILY:
            if family is not None or not isinstance(found, (np.ndarray, np.generic, float, complex)):
                raise Violation(f"{name} is of type {type(found).__name__}, not of NumPy's")
            return np.asarray(found)
        if family is None or family.name != wanted:
            raise Violation(f"{name} is of type {type(found).__name__}, not an array of {wanted}, as x is")
        if family.is_traced(found):
            raise Violation(f"{name} is still part of the engine's own trace or graph")
        return np.asarray(family.to_numpy(found))

    def _dense(self, name: str, found: Any, exact: np.ndarray) -> np.ndarray:
        """Look at what a sparse result stores, and fill in its zeros."""
        if found.format != "csr":
            raise Violation(f"{name} is sparse in the format {found.format!r} instead of 'csr'")
        if found.shape != exact.shape:
            raise Violation(f"{name} has the shape {found.shape} instead of {exact.shape}")
        if "sparse" in self.scenario.tags and found.nnz != np.count_nonzero(exact):
            raise Violation(f"{name} stores {found.nnz} entries instead of {np.count_nonzero(exact)}")
        return np.asarray(found.toarray())

    @property
    def x_dtype(self) -> np.dtype:
        """The dtype of x's leaves together; numbers and integers become float64."""
        leaves = trees.flatten(self.scenario.differentiated)[0]
        dtype = np.result_type(*map(_dtype_of, leaves))
        return dtype if dtype.kind in "fc" else np.dtype(np.float64)

    def _judge_dtype(self, name: str, part: Part, dtype: np.dtype, kind: str, x_dtype: np.dtype) -> None:
        if part in ("x", "batch of x"):
            right = dtype == x_dtype
            expected: Any = x_dtype
        else:
            expected = np.result_type(x_dtype, np.complex64) if kind == "c" else x_dtype.type(0).real.dtype
            # (y itself may be of a wider type than x, through constants of f.)
            right = dtype.kind == expected.kind and dtype.itemsize >= expected.itemsize
        if not right:
            raise Violation(f"{name} has the dtype {dtype} instead of {expected}")

    def _allowed(self, x_dtype: np.dtype, size: np.ndarray, is_result: bool) -> np.ndarray:
        """How far entries may be off: in double precision 1e-9 of themselves, and a tenth of that of the largest."""
        rtol = self.rtol
        if rtol is None:
            second = self.scenario.operator in ("hvp", "hessian", "second_derivative")
            single = np.finfo(x_dtype).eps > 1e-10
            if self.backend.exact or not is_result:
                rtol = 1e-4 if single else 1e-9
            else:
                rtol = 5e-4 if single or second else 1e-5
        return rtol * (size + 0.1 * np.max(size, initial=0.0) + 1e-3)

    # ---- places to write results into

    def out_for(self, variant: str) -> Any:
        """Make what `out=` takes, filled with nan; None where a result is a number, which cannot be written into."""
        chosen = [i for i in self.variants[variant] if i > 0]
        if self.gives_sparse(variant):
            return self._sparse_out(variant)
        parts = [self.exact(RUN)[i] for i in chosen]
        parts = [part.low if isinstance(part, Between) else part for part in parts]
        if any(np.ndim(leaf) == 0 for part in parts for leaf in trees.flatten(part)[0]):
            return None
        if not self.can_be_written:
            return None
        made = [trees.map_leaves(self._blank, part) for part in parts]
        return made[0] if len(made) == 1 else tuple(made)

    def gives_sparse(self, variant: str) -> bool:
        """Whether the engine answers with sparse arrays."""
        if "sparse" not in self.scenario.tags or self.scenario.operator not in ("jacobian", "hessian"):
            return False
        return is_sparse(self.parts(variant, self.call(variant, RUN))[-1])

    def _sparse_out(self, variant: str) -> Any:
        """Take a result of the right structure and put nan into it."""
        results = [copied(r) if not is_sparse(r) else r.copy() for r in self.parts(variant, self.call(variant, RUN))]
        made = [result for i, result in zip(self.variants[variant], results, strict=True) if i > 0]
        for result in made:
            (result.data if is_sparse(result) else result)[...] = np.nan
        return made[0] if len(made) == 1 else tuple(made)

    def _blank(self, leaf: np.ndarray) -> np.ndarray:
        dtype = np.result_type(self.x_dtype, leaf.dtype if leaf.dtype.kind == "c" else self.x_dtype)
        blank = np.full(leaf.shape, np.nan, dtype)
        return blank if self.scenario.family == NUMPY_FAMILY else self._family().from_numpy(blank, None)

    @property
    def can_be_written(self) -> bool:
        """Whether arrays of x's library can be written at all (NumPy's can, JAX's cannot)."""
        return self.scenario.family == NUMPY_FAMILY or self._family().mutable

    def _family(self) -> Any:
        """The family of x, which is not NumPy's."""
        return family_of(trees.flatten(self.scenario.differentiated)[0][0])


_NAMES: dict[Part, str] = {
    "y": "value",
    "x": "gradient",
    "batch of y": "derivative",
    "batch of x": "product",
    "y by x": "Jacobian",
    "x by x": "Hessian",
}


def _copy(argument: Any) -> Any:
    """Copy an argument, its strides and its permission to write included."""
    copy = copied(argument)
    for old, new in zip(arrays_of([argument]), arrays_of([copy]), strict=True):
        if isinstance(new, np.ndarray) and not old.flags.writeable:
            new.flags.writeable = False
    if isinstance(argument, np.ndarray) and not argument.flags.c_contiguous and argument.size:
        # `copy` closes the gaps of a strided view: make a view of the same strides again.
        wide = np.full(tuple(2 * n for n in argument.shape), np.nan, argument.dtype)
        copy = wide[tuple(slice(None, None, 2) for _ in argument.shape)]
        copy[...] = argument
    return copy


class unchanged:
    """Raise `Violation` if the arguments at a point are changed inside."""

    def __init__(self, point: Point, what: str):
        self._arguments, self._what = point.arguments, what

    def __enter__(self) -> None:
        self._before = [np.array(array) for array in arrays_of(self._arguments)]

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None and not same_bytes(self._before, arrays_of(self._arguments)):
            raise Violation(f"{self._what} changed its arguments")


def _dtype_of(leaf: Any) -> np.dtype:
    family = family_of(leaf)
    return np.asarray(leaf).dtype if family is None else family.dtype(leaf)


def is_sparse(value: Any) -> bool:
    """Whether a value is one of SciPy's sparse arrays (without importing SciPy)."""
    return hasattr(value, "toarray") and hasattr(value, "nnz")


def leaves_in(results: Sequence[Any]) -> Iterator[Any]:
    """Yield all leaves of results."""
    for result in results:
        yield from trees.flatten(result)[0]


def arrays_in(results: Sequence[Any]) -> Iterator[np.ndarray]:
    """Yield all arrays in results; of sparse ones what they store."""
    for leaf in leaves_in(results):
        if isinstance(leaf, np.ndarray):
            yield leaf
        elif is_sparse(leaf):
            yield leaf.data
        elif family_of(leaf) is not None:
            yield np.asarray(leaf)
