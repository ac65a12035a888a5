"""The results are right: called directly, prepared at other values, again, and again after another point."""

from __future__ import annotations

import numpy as np

from diffiface.testing.case import DIRTY, RUN, Case, Violation, arrays_in


def unprepared(case: Case) -> None:
    """Every variant, called directly, gives the exact results."""
    for variant in case.variants:
        case.judge(variant, RUN, case.call(variant, RUN))


def prepared(case: Case) -> None:
    """Prepared at other values, every variant gives the exact results, also a second time."""
    for time in ("first", "second"):
        for variant in case.variants:
            try:
                case.judge(variant, RUN, case.call(variant, RUN, prep=case.prep))
            except Violation as violation:
                raise Violation(f"prepared elsewhere, {time} run: {violation}") from None


def dirtied(case: Case) -> None:
    """A run at another point is right too, leaves no trace in later runs, and does not reach into earlier results."""
    variant = next(iter(case.variants))
    first = case.call(variant, RUN, prep=case.prep)
    kept = [array.copy() for array in arrays_in([first])]
    try:
        case.judge(variant, DIRTY, case.call(variant, DIRTY, prep=case.prep))
    except Violation as violation:
        raise Violation(f"run at another point: {violation}") from None
    for before, after in zip(kept, arrays_in([first]), strict=True):
        if not np.array_equal(before, after, equal_nan=True):
            raise Violation("a later run overwrote the result of an earlier one")
    try:
        case.judge(variant, RUN, case.call(variant, RUN, prep=case.prep))
    except Violation as violation:
        raise Violation(f"run again after another point: {violation}") from None


def bound(case: Case) -> None:
    """The bound calls of a preparation give the exact results."""
    for variant in case.variants:
        try:
            case.judge(variant, RUN, case.call(variant, RUN, prep=case.prep, bound=True))
        except Violation as violation:
            raise Violation(f"bound call: {violation}") from None
