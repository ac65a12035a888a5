"""How long preparing takes: `python benchmarks/compile_times.py [PART OF A NAME ...] [--repeat 5]`.

Each line is measured in processes of its own, which have prepared another function before: cold, and with the machine
code on disk (`DIFFIFACE_CACHE`). Times are CPU times in milliseconds, the least of the repetitions, so that a busy machine
counts little; "asked" are the figures of issue 4.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import workloads as w

import diffiface as di

CASES: dict[str, tuple[Callable[[Any], Any], str, str, Callable[[], tuple[Any, ...]], float]] = {
    "logit n=500 k=3": (w.logit, "gradient", "reverse", w.logit_inputs, 50),
    "logit n=500 k=30": (w.logit, "gradient", "reverse", lambda: w.logit_inputs(500, 30), 50),
    "Rosenbrock n=2": (w.rosenbrock, "gradient", "reverse", lambda: w.rosenbrock_inputs(2), 50),
    "Rosenbrock n=100": (w.rosenbrock, "gradient", "reverse", w.rosenbrock_inputs, 50),
    "Rosenbrock n=100, Hessian": (w.rosenbrock, "hessian", "reverse", w.rosenbrock_inputs, 50),
    "MLP 256x64-64-1": (w.mlp, "gradient", "reverse", w.mlp_inputs, 300),
    "GMM n=1000 d=10 k=25": (w.gmm, "gradient", "reverse", w.gmm_inputs, 300),
    "Brusselator vjp 32": (w.brusselator, "pullback", "reverse", w.brusselator_inputs, 300),
    "Euler 1000 steps": (w.euler, "gradient", "reverse", w.euler_inputs, 300),
    "Jacobian n=12": (w.ring, "jacobian", "forward", lambda: w.ring_inputs(12), 300),
}
"""Name → factory, operator, engine, arguments, and what was asked for cold."""
FROM_DISK = 5
"""What was asked for with the machine code on disk."""


def measured(name: str) -> tuple[float, float]:
    """Prepare one case in this process and call it once; return the milliseconds it took, and those spent in LLVM."""
    from diffiface_native.compiled import machine, object_cache

    make, operator, engine, arguments, _ = CASES[name]
    f, values = make(np), arguments()
    warm_up: Any = di.prepare_gradient(lambda x: np.sum(np.exp(x) * x), "reverse", np.ones(3))
    warm_up.gradient(np.ones(3))

    in_llvm = 0.0
    cached = object_cache.cached

    def timed(*given: Any) -> tuple[bytes, str | None]:
        nonlocal in_llvm
        start = time.process_time()
        code_and_name = cached(*given)
        in_llvm += time.process_time() - start
        return code_and_name

    machine.object_cache.cached = timed
    start = time.process_time()
    prep: Any = getattr(di, f"prepare_{operator}")(f, engine, *values)
    getattr(prep, operator)(*values)  # (some operators are recorded when they are called first)
    whole = time.process_time() - start
    return 1e3 * whole, 1e3 * in_llvm


def in_processes(name: str, repeat: int) -> tuple[float, float, float]:
    """Return milliseconds: the whole cold, what of it LLVM takes, and the whole with the code on disk."""
    program = f"import compile_times, json; print(json.dumps(compile_times.measured({name!r})))"

    def run(**variables: str) -> tuple[float, float]:
        paths = os.pathsep.join([str(Path(__file__).resolve().parent), *sys.path])
        environment = {**os.environ, "PYTHONPATH": paths, "DIFFIFACE_CACHE": "", **variables}
        output = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True
        )
        whole, in_llvm = json.loads(output.stdout.splitlines()[-1])
        return whole, in_llvm

    cold = min(run() for _ in range(repeat))
    with tempfile.TemporaryDirectory() as directory:
        run(DIFFIFACE_CACHE=directory)
        from_disk = min(run(DIFFIFACE_CACHE=directory)[0] for _ in range(repeat))
    return *cold, from_disk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only cases with one of these in their name")
    parser.add_argument("--repeat", type=int, default=5, help="processes per figure (default 5)")
    options = parser.parse_args()
    print(f"{'':28} {'cold':>7} {'asked':>7} {'in LLVM':>8} {'from disk':>10} {'asked':>7}   (ms of CPU)")
    for name, (*_, asked) in CASES.items():
        if options.names and not any(part.lower() in name.lower() for part in options.names):
            continue
        cold, in_llvm, from_disk = in_processes(name, options.repeat)
        print(f"{name:28} {cold:7.1f} {asked:7.0f} {in_llvm:8.1f} {from_disk:10.1f} {FROM_DISK:7.0f}", flush=True)


if __name__ == "__main__":
    main()
