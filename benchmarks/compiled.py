"""Our compiled engines against the others and against C by hand: `python benchmarks/compiled.py [PART OF A NAME ...]`.

All contenders of one workload take turns in one run, in short batches; the ratios are of the medians (minima in brackets).
Before it is timed, each contender's result is compared with ours. "asked" are the figures of issue 4.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import hand_written
import observations as o
import workloads as w
from interleaved import Timing, interleave
from rivals import RIVALS, Arguments

import diffiface as di


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    name: str
    make: Callable[[Any], Any]
    operator: str
    arguments: Callable[[], Arguments]
    by_hand: Callable[..., hand_written.Bound] | None
    peers_asked: float
    """How many times slower than us the best peer should be."""
    c_asked: float | None = 1.25
    """How many times the time of C by hand ours may take."""
    engines: tuple[str, ...] = ("reverse",)


def _with_seed(arguments: Arguments) -> Arguments:
    return (*arguments, np.random.default_rng(1).standard_normal(arguments[0].shape))


CASES = [
    Case("logit n=500 k=3", w.logit, "value_and_gradient", w.logit_inputs, hand_written.logit, 2.5,
         engines=("reverse", "forward")),
    Case("logit n=500 k=3, gradient only", w.logit, "gradient", w.logit_inputs, hand_written.logit_gradient, 2.5,
         engines=("reverse", "forward")),
    *(
        Case(f"logit n={n} k={k}", w.logit, "value_and_gradient", lambda n=n, k=k: w.logit_inputs(n, k), hand_written.logit, 2.0)
        for n in (5000, 50_000) for k in (3, 30)
    ),
    *(
        Case(f"Rosenbrock n={n}", w.rosenbrock, operator, lambda n=n: w.rosenbrock_inputs(n), hand_written.rosenbrock, asked)
        for n, asked, operator in [(2, 1.0, "value_and_gradient"), (100, 3.0, "value_and_gradient"),
                                   (10_000, 5.0, "value_and_gradient"), (1_000_000, 2.0, "gradient")]
    ),
    Case("MLP 256x64-64-1", w.mlp, "value_and_gradient", w.mlp_inputs, hand_written.mlp, 2.0),
    Case("GMM n=1000 d=10 k=25", w.gmm, "value_and_gradient", w.gmm_inputs, hand_written.gmm, 2.5),
    Case("Brusselator vjp 32", w.brusselator, "pullback", w.brusselator_inputs, hand_written.brusselator, 7.0),
    Case("Brusselator vjp 256", w.brusselator, "pullback", lambda: w.brusselator_inputs(256), hand_written.brusselator, 4.0),
    Case("Brusselator vjp 1024", w.brusselator, "pullback", lambda: w.brusselator_inputs(1024), hand_written.brusselator, 2.0),
    Case("Euler 1000 steps", w.euler, "value_and_gradient", w.euler_inputs, hand_written.euler, 5.0),
    Case("hvp Rosenbrock n=100", w.rosenbrock, "hvp", lambda: _with_seed(w.rosenbrock_inputs()), hand_written.rosenbrock_hvp,
         25.0, 1.0, engines=("reverse", "forward")),
    *(
        Case(f"Jacobian n={n}", w.ring, "jacobian", lambda n=n: w.ring_inputs(n), None, 15.0, None, engines=("forward", "reverse"))
        for n in (4, 12)
    ),
    *(
        Case(name, make, "value_and_gradient", inputs, None, 1.0, None)
        for name, make, inputs in [
            ("least squares n=1000 k=20", o.least_squares, o.least_squares_inputs),
            ("softmax regression n=1000 d=20 k=10", o.softmax_regression, o.softmax_regression_inputs),
            ("k-means n=1000 d=10 k=25", o.k_means, o.k_means_inputs),
            ("LSTM 10 steps, batch 64, 16 units", o.lstm, o.lstm_inputs),
            ("hand tracking 544 vertices, 22 bones", o.hand_tracking, o.hand_tracking_inputs),
        ]
    ),
]  # fmt: skip


def our_calls(case: Case, arguments: Arguments) -> dict[str, tuple[Callable[[], Any], str]]:
    """Return, by label, the bound call of each of our engines and how it runs."""
    calls = {}
    for engine in case.engines:
        start = time.perf_counter()
        prep: Any = getattr(di, f"prepare_{case.operator.removeprefix('value_and_')}")(
            case.make(np), engine, *arguments
        )
        bound = getattr(prep, case.operator)
        bound(*arguments)
        seconds = time.perf_counter() - start
        lines = prep.explain().splitlines()
        calls[f"ours, {engine}"] = (
            lambda bound=bound: bound(*arguments),
            f"{lines[-1].strip()}; prepared in {seconds:.2f} s",
        )
    return calls


def check(label: str, result: Any, wanted: Any) -> None:
    """Compare a contender's derivative with ours."""
    parts = [np.asarray(part[-1] if isinstance(part, (tuple, list)) else part) for part in (result, wanted)]
    scale = float(np.abs(parts[1]).max())
    np.testing.assert_allclose(parts[0].reshape(parts[1].shape), parts[1], rtol=1e-7, atol=1e-9 * scale, err_msg=label)


def contenders(case: Case, names: list[str]) -> tuple[dict[str, Callable[[], Any]], dict[str, str]]:
    """Return the calls by label, each checked, and what is to be said about some of them."""
    arguments = case.arguments()
    ours = our_calls(case, arguments)
    calls, notes = (
        {label: call for label, (call, _) in ours.items()},
        {label: note for label, (_, note) in ours.items()},
    )
    wanted = next(iter(calls.values()))()
    for name in names:
        try:
            calls.update(RIVALS[name](case.make, case.operator, arguments))
        except ImportError as error:
            notes[name] = f"skipped: {error}"
    for label, call in calls.items():
        check(label, call(), wanted)
    if case.by_hand is not None and "C" not in SKIPPED:
        try:
            call, result = case.by_hand(*arguments)
            call()
            check("C by hand", result, wanted)
            calls["C by hand"] = call
        except hand_written.NoCompiler as error:
            notes["C by hand"] = f"skipped: {error}"
    return calls, notes


SKIPPED: set[str] = set()


def rounds_for(calls: dict[str, Callable[[], Any]], batch: float, seconds: float) -> int:
    """Choose the number of rounds so that a workload takes about this long."""
    total = 0.0
    for call in calls.values():
        start = time.perf_counter()
        call()
        total += max(batch, time.perf_counter() - start)
    return max(5, min(41, int(seconds / total)))


def verdict(label: str, asked: float, median: float, minimum: float, at_least: bool) -> str:
    kept = median >= asked if at_least else median <= asked
    sign = "≥" if at_least else "≤"
    return f"{label}: {median:.2f} ({minimum:.2f}), asked {sign} {asked:g}{'' if kept else '  MISSED'}"


def report(case: Case, timings: dict[str, Timing], notes: dict[str, str]) -> str:
    """Print one workload's table and return its line of the summary."""
    ours = min((label for label in timings if label.startswith("ours")), key=lambda label: timings[label].median)
    base = timings[ours]
    print(f"\n{case.name}: {case.operator}")
    for label, timing in sorted(timings.items(), key=lambda item: item[1].median):
        ratio = f"{timing.median / base.median:8.2f} ({timing.minimum / base.minimum:.2f})"
        print(f"  {label:30s} {timing.minimum * 1e6:11.2f} {timing.median * 1e6:11.2f} µs {ratio}")
    for label, note in notes.items():
        print(f"  {label}: {note}")
    parts = [f"{case.name:32s} {base.median * 1e6:10.2f} µs"]
    peers = {label: t for label, t in timings.items() if not label.startswith(("ours", "C by"))}
    if peers:
        best = min(peers, key=lambda label: peers[label].median)
        by_median, by_minimum = (
            getattr(peers[best], part) / getattr(base, part) for part in ("median", "minimum")
        )  # fmt: skip
        parts.append(verdict(best, case.peers_asked, by_median, by_minimum, at_least=True))
    if "C by hand" in timings and case.c_asked is not None:
        c = timings["C by hand"]
        parts.append(verdict("of C", case.c_asked, base.median / c.median, base.minimum / c.minimum, at_least=False))
    sys.stdout.flush()
    return "   ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART OF A NAME", help="only workloads with one of these in their name"
    )
    parser.add_argument("--without", nargs="*", default=[], choices=[*RIVALS, "C"], help="rivals to leave out")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long to time one workload, about")
    parser.add_argument("--batch", type=float, default=0.004, help="seconds per turn of one contender")
    parser.add_argument(
        "--cores", type=int, help="how many processors all contenders may use, ours too (else JAX uses all, ours one)"
    )
    parser.add_argument("--list", action="store_true", help="print the names of the workloads")
    options = parser.parse_args()
    chosen = [c for c in CASES if not options.parts or any(part.lower() in c.name.lower() for part in options.parts)]
    if options.list or not chosen:
        print(*(case.name for case in (chosen or CASES)), sep="\n")
        return
    SKIPPED.update(options.without)
    if options.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
        os.environ["OMP_NUM_THREADS"] = str(options.cores)  # (what our engines' default number of threads follows)
    print("time per call: minimum and median; ratio to the better of our engines by medians (by minima)")
    summary = []
    for case in chosen:
        calls, notes = contenders(case, [name for name in RIVALS if name not in options.without])
        rounds = rounds_for(calls, options.batch, options.seconds)
        summary.append(report(case, interleave(calls, rounds, options.batch), notes))
    print("\nour time; the best peer's over ours; ours over C's: by medians (by minima)")
    print(*summary, sep="\n")


if __name__ == "__main__":
    main()
