"""Timing rivals fairly on a shared machine: in turn, in short batches, medians and minima over many rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds per call of one contender."""

    minimum: float
    median: float


def interleave(
    contenders: Mapping[str, Callable[[], object]], rounds: int = 201, batch_seconds: float = 0.0008
) -> dict[str, Timing]:
    """Time each contender in every round, `batch_seconds` at a time, and return its seconds per call.

    Batches are shorter than the slices in which a busy machine gives out its cores, and every other round goes
    backwards, so that a disturbance seldom meets the same contender.
    """
    repeats = {}
    for name, call in contenders.items():
        call()  # warm up: compile, fill caches
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < 0.004:  # longer than a batch: a first look must not be off
            call()
            count += 1
        repeats[name] = max(1, round(count * batch_seconds / (time.perf_counter() - start)))
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders.items())
    for _ in range(rounds):
        order.reverse()
        for name, call in order:
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            samples[name].append((time.perf_counter() - start) / repeats[name])
    return {name: Timing(min(s), statistics.median(s)) for name, s in samples.items()}


def print_ratios(title: str, timings: Mapping[str, Timing], base: str) -> None:
    """Print each contender's time, and its ratio to `base` by minima and by medians."""
    print(f"\n{title}")
    print(f"  {'':38s} {'min':>10s} {'median':>10s}   ratio to {base!r} (min / median)")
    for name, timing in timings.items():
        low, mid = timing.minimum / timings[base].minimum, timing.median / timings[base].median
        print(f"  {name:38s} {timing.minimum * 1e6:8.2f}us {timing.median * 1e6:8.2f}us   {low:6.2f} / {mid:.2f}")
