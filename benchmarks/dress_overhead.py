"""What the dress costs per NumPy operation: `python benchmarks/dress_overhead.py`.

Each operation is run on an engine's own primitives (the engine alone) and through NumPy's function on a dressed array,
on three numbers. Asked: at most 3 us more for elementwise operations, 6 us for reductions. Then a jitted JAX function
from NumPy code against the same in jnp: asked is no difference.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from interleaved import interleave, print_ratios
from workloads import WORKLOADS

import diffiface as di
from diffiface.numpy_api import Array

OPERATIONS: dict[str, tuple[float, Callable[[Any, Any], Any], Callable[[Any], Any]]] = {
    "exp": (3.0, lambda p, x: p.exp(x), np.exp),
    "x + x": (3.0, lambda p, x: p.add(x, x), lambda x: x + x),
    "ndarray * x": (3.0, lambda p, x: p.multiply(THREE, x), lambda x: THREE * x),
    "where": (3.0, lambda p, x: p.where(MASK, x, 0.0), lambda x: np.where(MASK, x, 0.0)),
    "x[0]": (3.0, lambda p, x: p.getitem(x, index=0), lambda x: x[0]),
    "sum": (6.0, lambda p, x: p.sum(x, axis=(0,), keepdims=False), np.sum),
    "mean": (6.0, lambda p, x: own_mean(p, x), np.mean),
    "max": (6.0, lambda p, x: p.max(x, axis=(0,), keepdims=False), np.max),
    "ndarray @ x": (6.0, lambda p, x: p.matmul(SQUARE, x), lambda x: SQUARE @ x),
}
THREE, MASK, SQUARE = np.array([0.3, 0.7, 1.1]), np.array([True, False, True]), np.arange(9.0).reshape(3, 3)


def own_mean(p: Any, x: Any) -> Any:
    """The engine's own mean, if it has one."""
    own = p.composites.get("numpy.mean")
    return p.divide(p.sum(x, axis=(0,), keepdims=False), 3) if own is None else own(p, x)


def measure(engine: Any) -> None:
    """Time every operation inside a run of this engine, where its traced values are to be had."""
    rows: list[tuple[str, float, float, float]] = []

    def f(x: Any) -> Any:
        p, raw = x._p, x._read()
        for name, (most, alone, dressed) in OPERATIONS.items():
            tape = getattr(p, "tape", None)
            times = interleave(
                {
                    "alone": lambda alone=alone: alone(p, raw),
                    "dressed": lambda dressed=dressed: dressed(Array(raw, p)),
                    "making": lambda: Array(raw, p),
                },
                rounds=150,
                batch_seconds=0.0005,
            )
            if tape is not None:
                del tape[1:]
            extra = times["dressed"].minimum - times["making"].minimum - times["alone"].minimum
            rows.append((name, times["alone"].minimum, extra, most))
        return x.sum()

    di.gradient(f, engine, THREE)
    print(f"\n{engine}: microseconds (minima)")
    for name, alone, extra, most in rows:
        verdict = "" if extra * 1e6 <= most else "   SHORT"
        print(f"  {name:14s} engine alone {alone * 1e6:6.2f}   dress {extra * 1e6:+6.2f}   asked {most:.0f}{verdict}")


def jitted_jax() -> None:
    import jax
    import jax.numpy as jnp

    for name, (make, inputs) in WORKLOADS.items():
        args = inputs()
        with jax.enable_x64(True):
            native = di.prepare_gradient(make(jnp), di.backend("jax", style="native"), *args)
            numpy = di.prepare_gradient(make(np), "jax", *args)
        timings = interleave(
            {
                "jnp": lambda args=args, prep=native: prep.gradient(*args),
                "NumPy": lambda args=args, prep=numpy: prep.gradient(*args),
            }
        )
        print_ratios(f"jitted JAX, {name}: the same function written in jnp and in NumPy", timings, "jnp")


if __name__ == "__main__":
    for engine in sys.argv[1:] or ("reverse", "forward", "torch", "autograd", "jax"):
        measure(di.backend("jax", jit=False) if engine == "jax" else di.backend(engine))
    if not sys.argv[1:]:
        jitted_jax()
