"""The run: every case on every engine, each engine in its own process, in turns so that only one works at a time."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.benchmarking.case import Case
from diffiface.benchmarking.lane import Lane
from diffiface.benchmarking.outcome import Outcome
from diffiface.benchmarking.progress import Progress
from diffiface.benchmarking.settings import Settings

_SAME = {"float64": 1e-6, "complex128": 1e-6}
"""How far an exact engine may be from the others, as a share of the result, by dtype of x; coarser dtypes: 1e-2."""


def run_cases(
    cases: Iterable[Case | None], specs: Sequence[str | Backend], settings: Settings, progress: Progress
) -> list[dict[str, Any]]:
    """Measure each case on each engine; whatever an engine does, its row says so and the run goes on."""
    lanes = [Lane(spec, settings) for spec in specs]
    rows: list[dict[str, Any]] = []
    start = time.monotonic()
    try:
        for case in cases:
            if case is not None and settings.budget is not None and time.monotonic() - start > settings.budget:
                for lane in lanes:
                    lane.skip(case, f"the {settings.budget:.3g} s for all cases were used up")
                rows += [lane.row for lane in lanes]
            elif case is not None:
                rows += _run_case(case, lanes, settings, progress)
            progress.advance()
    finally:
        for lane in lanes:
            lane.close()
    return rows


def _run_case(case: Case, lanes: Sequence[Lane], settings: Settings, progress: Progress) -> list[dict[str, Any]]:
    for lane in lanes:
        progress.say(case, lane.label, "prepares")
        lane.begin(case)
    shuffled = random.Random(0)
    for turn in range(settings.rounds):
        active = [lane for lane in lanes if lane.measuring]
        shuffled.shuffle(active)  # nobody always follows the same neighbour
        for lane in active:
            progress.say(case, lane.label, f"turn {turn + 1} of {settings.rounds}")
            lane.measure(turn, case)
    for lane in lanes:
        progress.say(case, lane.label, "sums up")
        lane.end(case)
    _judge(case, lanes)
    rows = [lane.row for lane in lanes]
    _compare_times(rows)
    return rows


def _judge(case: Case, lanes: Sequence[Lane]) -> None:
    """Measure how far each result is from the right one: the one given, or else the median of the exact engines."""
    results = {id(lane): lane.values for lane in lanes if lane.values is not None}
    exact = [lane.values for lane in lanes if lane.values is not None and lane.row["exact"]]
    reference = case.reference
    if reference is None and len({id(values) for values in exact}) >= 2:
        reference = _median(exact)
    if reference is None:
        return
    scale = float(np.max(np.abs(reference), initial=0.0))
    for lane in lanes:
        values = results.get(id(lane))
        if values is None:
            continue
        if values.shape != reference.shape:
            distance = float("inf")
        else:
            with np.errstate(all="ignore"):
                apart = np.where(np.isnan(values) & np.isnan(reference), 0.0, np.abs(values - reference))
            distance = float(np.max(np.where(np.isnan(apart), np.inf, apart), initial=0.0))
        error = distance / scale if scale > 0 else distance
        lane.row["error"] = error
        if lane.row["exact"] and error > _SAME.get(case.dtype, 1e-2) and lane.row["outcome"] is Outcome.MEASURED:
            lane.row["outcome"] = Outcome.DISAGREES
            judge = (
                "the known one"
                if case.reference is not None
                else "the exact engines' median (di.compare says who is right)"
            )
            lane.row["detail"] = f"its result is off by {error:.1g} (relative) from {judge}"


def _median(results: Sequence[np.ndarray]) -> np.ndarray | None:
    if len({values.shape for values in results}) != 1:
        return None
    stacked = np.stack(results)
    if stacked.dtype.kind == "c":
        return np.median(np.real(stacked), axis=0) + 1j * np.median(np.imag(stacked), axis=0)
    return np.median(stacked, axis=0)


def _compare_times(rows: Sequence[dict[str, Any]]) -> None:
    timed = [row["median_seconds"] for row in rows if row["outcome"] is Outcome.MEASURED and row["median_seconds"]]
    for row in rows:
        if timed and row["median_seconds"]:
            row["ratio_to_fastest"] = row["median_seconds"] / min(timed)
