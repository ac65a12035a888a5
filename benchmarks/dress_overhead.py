"""What the dress costs per NumPy operation: `python benchmarks/dress_overhead.py [engine ...]`.

Each operation on three numbers, inside one run of an engine: as a program for the engine's own library writes it, its
constants being that library's arrays (the engine alone); by the primitive that the engine's adapter supplies, where
constants are NumPy arrays that f may change, so that torch copies them into tensors (its adapter); and by NumPy on a
dressed value (dress). Asked of the dress: at most 3 us for elementwise operations, 6 us for reductions.
Then a jitted JAX function from NumPy code against the same in jnp: asked is no difference.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from interleaved import interleave, print_ratios
from workloads import WORKLOADS

import diffiface as di


@dataclass(frozen=True)
class Operation:
    """One operation, three ways."""

    asked: float
    """Most microseconds that may come on top."""
    native: Callable[[Any, Constants, Any], Any]
    """As a program for the engine's own library writes it: `(library, constants of that library, its value)`."""
    primitive: Callable[[Any, Any], Any]
    """By the primitive that the engine's adapter supplies: `(primitives, raw value)`."""
    numpy: Callable[[Any], Any]
    """By NumPy, on a dressed value."""


@dataclass(frozen=True)
class Constants:
    """Arrays that meet what is differentiated."""

    three: Any
    mask: Any
    square: Any


THREE, MASK, SQUARE = np.array([0.3, 0.7, 1.1]), np.array([True, False, True]), np.arange(9.0).reshape(3, 3)

OPERATIONS = {
    "exp": Operation(3.0, lambda lib, c, x: lib.exp(x), lambda p, x: p.exp(x), lambda x: np.exp(x)),
    "x + x": Operation(3.0, lambda lib, c, x: x + x, lambda p, x: p.add(x, x), lambda x: x + x),
    "ndarray * x": Operation(
        3.0, lambda lib, c, x: c.three * x, lambda p, x: p.multiply(THREE, x), lambda x: THREE * x
    ),
    "where": Operation(
        3.0,
        lambda lib, c, x: lib.where(c.mask, x, 0.0),
        lambda p, x: p.where(MASK, x, 0.0),
        lambda x: np.where(MASK, x, 0.0),
    ),
    "x[0]": Operation(3.0, lambda lib, c, x: x[0], lambda p, x: p.getitem(x, index=0), lambda x: x[0]),
    "sum": Operation(
        6.0,
        lambda lib, c, x: lib.sum(x),
        lambda p, x: p.sum(x, axis=(0,), keepdims=False),
        lambda x: np.sum(x),
    ),
    "mean": Operation(6.0, lambda lib, c, x: lib.mean(x), lambda p, x: own_mean(p, x), lambda x: np.mean(x)),
    "max": Operation(
        6.0,
        lambda lib, c, x: lib.max(x),
        lambda p, x: p.max(x, axis=(0,), keepdims=False),
        lambda x: np.max(x),
    ),
    "ndarray @ x": Operation(
        6.0, lambda lib, c, x: c.square @ x, lambda p, x: p.matmul(SQUARE, x), lambda x: SQUARE @ x
    ),
}


def own_mean(p: Any, x: Any) -> Any:
    """The engine's own mean, if it has one."""
    own = p.composites.get("numpy.mean")
    return p.divide(p.sum(x, axis=(0,), keepdims=False), 3) if own is None else own(p, x)


def library_of(engine: str) -> tuple[Any, Constants] | None:
    """The library behind an engine and the constants as its arrays (None where the primitives are the engine)."""
    if engine == "torch":
        import torch

        return torch, Constants(*map(torch.from_numpy, (THREE, MASK, SQUARE)))
    if engine == "autograd":
        import autograd.numpy as anp

        return anp, Constants(THREE, MASK, SQUARE)
    if engine == "jax":
        import jax
        import jax.numpy as jnp

        with jax.enable_x64(True):
            return jnp, Constants(*map(jnp.asarray, (THREE, MASK, SQUARE)))
    return None


def measure(engine: str) -> None:
    """Time every operation inside a run of this engine, where its traced values are to be had."""
    found = library_of(engine)
    rows: list[tuple[str, float, float, float, float]] = []

    def f(x: Any) -> Any:
        p, raw = x._p, x._read()
        for name, operation in OPERATIONS.items():
            contenders = {
                "primitive": lambda by=operation.primitive: by(p, raw),
                "dressed": lambda by=operation.numpy: by(x),
            }
            if found is not None:
                contenders["native"] = lambda by=operation.native: by(*found, raw)
            times = interleave(contenders, rounds=60 if engine == "jax" else 400, batch_seconds=0.0005)
            if hasattr(p, "tape"):
                del p.tape[1:]
            least = {contender: timing.minimum * 1e6 for contender, timing in times.items()}
            native = least.get("native", least["primitive"])
            dress = least["dressed"] - least["primitive"]
            rows.append((name, native, least["primitive"] - native, dress, operation.asked))
        return x.sum()

    # (f holds an engine's library, by which it would count as written for it.)
    options = {"jit": False} if engine == "jax" else {}
    if found is not None:
        options["style"] = "numpy"
    di.gradient(f, di.backend(engine, **options), THREE)
    print(f"\n{engine}, eager: microseconds (minima)")
    for name, native, adapter, dress, asked in rows:
        verdict = "" if dress <= asked else "   SHORT"
        print(
            f"  {name:12s} engine alone {native:7.2f}   its adapter {adapter:+6.2f}   dress {dress:+6.2f}"
            f"   asked {asked:.0f}{verdict}"
        )


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
        measure(engine)
    if not sys.argv[1:]:
        jitted_jax()
