"""Whose memory results are in: the caller's where `out=` or `y=` says so, else new and free to be written."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface import trees
from diffiface.arrays import family_of
from diffiface.comparison.problem import arrays_of
from diffiface.testing.case import RUN, Case, Violation, arrays_in, leaves_in, unchanged

_PREPARED_RUNS = 4
"""So many that memory which is used again in turns shows."""


def out_is_filled(case: Case) -> None:
    """With `out=`, the objects returned are those given, and hold the exact results; also when prepared."""
    for prep in (None, case.prep):
        for variant in case.variants:
            out = case.out_for(variant)
            if out is None:
                continue
            result = case.call(variant, RUN, prep=prep, out=out)
            case.judge(variant, RUN, result)
            given = out if isinstance(out, tuple) else (out,)
            written = case.parts(variant, result)[-_count(case, variant) :]
            for mine, returned in zip(leaves_in(given), leaves_in(written), strict=True):
                if mine is not returned:
                    same = type(mine) is type(returned) is np.ndarray and np.array_equal(mine, returned)
                    how = "a copy of what" if same else "another array than"
                    raise Violation(f"{variant} returned {how} it was given as out=")


def _count(case: Case, variant: str) -> int:
    return len([index for index in case.variants[variant] if index > 0])


def y_is_filled(case: Case) -> None:
    """With `y=`, the value returned is the array given."""
    if case.scenario.y is None:
        return
    for variant, indices in case.variants.items():
        if indices[0] != 0:
            continue
        y = np.full_like(case.scenario.y, np.nan)
        value = case.parts(variant, case.call(variant, RUN, y=y))[0]
        if value is not y:
            raise Violation(f"{variant} did not return the array it was given as y=")


def results_are_new(case: Case) -> None:
    """Results are writable, contiguous, and share no memory with arguments, with each other or with earlier ones."""
    import diffiface

    variant = next(iter(case.variants))
    operator = getattr(diffiface, variant)
    point = case.enter(RUN)
    keywords = case._keywords()
    with unchanged(point, variant):
        results = [operator(case.scenario.f, case.backend, *point.arguments, **keywords)]
        for _ in range(_PREPARED_RUNS):
            results.append(operator(case.scenario.f, case.backend, *point.arguments, **keywords, prep=case.prep))
    # (Auxiliary results and a y that the caller gave are the caller's business.)
    groups = [case.parts(variant, result)[-1:] for result in results]
    arrays: list[np.ndarray] = [array for group in groups for array in arrays_in(group)]
    for array in arrays:
        if not array.flags.writeable and case.can_be_written:
            raise Violation(f"{variant} returned an array that cannot be written")
        if not array.flags.c_contiguous:
            raise Violation(f"{variant} returned an array that is not contiguous in C's order")
    inputs = [a for a in arrays_of(point.arguments) if isinstance(a, np.ndarray)]
    for i, array in enumerate(arrays):
        for other in (*inputs, *arrays[:i]):
            if np.shares_memory(array, other):
                whose = "an argument" if any(other is a for a in inputs) else "another result"
                raise Violation(f"{variant} returned an array that shares its memory with {whose}")


def results_may_be_written(case: Case) -> None:
    """Writing into a result spoils no later run."""
    if not case.can_be_written:
        return
    variant = next(iter(case.variants))

    def spoil(leaf: Any) -> Any:
        is_array = leaf.flags.writeable if isinstance(leaf, np.ndarray) else family_of(leaf) is not None
        if is_array:
            leaf[...] = 7.0
        return leaf

    trees.map_leaves(spoil, case.call(variant, RUN, prep=case.prep))
    try:
        case.judge(variant, RUN, case.call(variant, RUN, prep=case.prep))
    except Violation as violation:
        raise Violation(f"after the caller wrote into an earlier result: {violation}") from None
