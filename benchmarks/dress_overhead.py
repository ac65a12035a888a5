"""What the dress costs per NumPy operation: `python benchmarks/dress_overhead.py [engine ...]`.

Each operation on three numbers, inside one run of an engine: as a program for the engine's own library writes it, its
constants being that library's arrays (the engine alone); by the primitive that the engine's adapter supplies, where
constants are NumPy arrays that f may change, so that torch copies them into tensors (its adapter); and by NumPy on a
dressed value (dress), also by itself: with primitives that do nothing, in a loop where all of it stays in the
processor's caches, so that it is less than what it adds beside an engine. Asked of the dress: at most 3 us for elementwise operations, 6 us for reductions.
Then a jitted JAX function from NumPy code against the same in jnp: asked is no difference.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from interleaved import interleave, print_ratios
from workloads import WORKLOADS

import diffiface as di
from diffiface.adapter import PRIMITIVES
from diffiface.numpy_api import Array


@dataclass(frozen=True)
class Operation:
    """One operation, three ways."""

    asked: float
    """Most microseconds that may come on top."""
    native: Callable[[Any, Constants, Any], Any]
    """As a program for the engine's own library writes it: `(library, constants of that library, its value)`."""
    primitive: Callable[[Any, Constants, Any], Any]
    """By the primitive that the engine's adapter supplies: `(primitives, NumPy's arrays, raw value)`."""
    numpy: Callable[[Constants, Any], Any]
    """By NumPy, on a dressed value. (Constants are handed in, as a model's data are: a global of f costs a look-up.)"""


@dataclass(frozen=True)
class Constants:
    """Arrays that meet what is differentiated."""

    three: Any
    mask: Any
    square: Any


PLAIN = Constants(np.array([0.3, 0.7, 1.1]), np.array([True, False, True]), np.arange(9.0).reshape(3, 3))

OPERATIONS = {
    "exp": Operation(3.0, lambda lib, c, x: lib.exp(x), lambda p, c, x: p.exp(x), lambda c, x: np.exp(x)),
    "x + x": Operation(3.0, lambda lib, c, x: x + x, lambda p, c, x: p.add(x, x), lambda c, x: x + x),
    "ndarray * x": Operation(
        3.0, lambda lib, c, x: c.three * x, lambda p, c, x: p.multiply(c.three, x), lambda c, x: c.three * x
    ),
    "where": Operation(
        3.0,
        lambda lib, c, x: lib.where(c.mask, x, 0.0),
        lambda p, c, x: p.where(c.mask, x, 0.0),
        lambda c, x: np.where(c.mask, x, 0.0),
    ),
    "x[0]": Operation(3.0, lambda lib, c, x: x[0], lambda p, c, x: p.getitem(x, index=0), lambda c, x: x[0]),
    "sum": Operation(
        6.0,
        lambda lib, c, x: lib.sum(x),
        lambda p, c, x: p.sum(x, axis=(0,), keepdims=False),
        lambda c, x: np.sum(x),
    ),
    "mean": Operation(6.0, lambda lib, c, x: lib.mean(x), lambda p, c, x: own_mean(p, x), lambda c, x: np.mean(x)),
    "max": Operation(
        6.0,
        lambda lib, c, x: lib.max(x),
        lambda p, c, x: p.max(x, axis=(0,), keepdims=False),
        lambda c, x: np.max(x),
    ),
    "ndarray @ x": Operation(
        6.0, lambda lib, c, x: c.square @ x, lambda p, c, x: p.matmul(c.square, x), lambda c, x: c.square @ x
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

        return torch, Constants(*map(torch.from_numpy, astuple(PLAIN)))
    if engine == "autograd":
        import autograd.numpy as anp

        return anp, PLAIN
    if engine == "jax":
        import jax
        import jax.numpy as jnp

        with jax.enable_x64(True):
            return jnp, Constants(*map(jnp.asarray, astuple(PLAIN)))
    return None


def doing_nothing(p: Any, result: Any) -> Any:
    """Return primitives like p's whose every operation is over at once, with this result: what remains is the dress."""

    def nothing(self: Any, *operands: Any, **parameters: Any) -> Any:
        return result

    idle = object.__new__(type("DoingNothing", (type(p),), {**dict.fromkeys(PRIMITIVES, nothing), "composites": {}}))
    idle.__dict__.update(p.__dict__)
    return idle


_rivals: ContextVar[Callable[[str, Any, Any], tuple[dict[str, Callable[[], Any]], Any]]] = ContextVar("rivals")
"""What f asks for its rivals: so they are as they stand here, while f and what it refers to is rebound."""


def rivals(
    found: tuple[Any, Constants] | None, name: str, p: Any, raw: Any
) -> tuple[dict[str, Callable[[], Any]], Any]:
    """Return the ways of an operation that do without the dress, and primitives that leave the operation out."""
    operation = OPERATIONS[name]
    contenders: dict[str, Callable[[], Any]] = {"primitive": partial(operation.primitive, p, PLAIN, raw)}
    if found is not None:
        contenders["native"] = partial(operation.native, *found, raw)
    return contenders, doing_nothing(p, operation.primitive(p, PLAIN, raw))


def measure(engine: str) -> None:
    """Time every operation inside a run of this engine, where its traced values are to be had."""
    _rivals.set(partial(rivals, library_of(engine)))
    rows: list[tuple[str, float, float, float, float, float]] = []

    def f(x: Any, constants: Any) -> Any:
        p, raw = x._p, x._read()
        for name, operation in OPERATIONS.items():
            contenders, idle = _rivals.get()(name, p, raw)
            contenders["dressed"] = partial(operation.numpy, constants, x)
            contenders["dress"] = partial(operation.numpy, constants, Array(raw, idle))
            times = interleave(contenders, rounds=60 if engine == "jax" else 400, batch_seconds=0.0005)
            if hasattr(p, "tape"):
                del p.tape[1:]
            least = {contender: timing.minimum * 1e6 for contender, timing in times.items()}
            native = least.get("native", least["primitive"])
            dress = least["dressed"] - least["primitive"]
            rows.append((name, native, least["primitive"] - native, dress, least["dress"], operation.asked))
        return x.sum()

    di.gradient(f, di.backend(engine, **({"jit": False} if engine == "jax" else {})), PLAIN.three, PLAIN)
    print(f"\n{engine}, eager: microseconds (minima)")
    for name, native, adapter, dress, alone, asked in rows:
        # Differences of times a hundred times as long tell nothing: there the dress by itself is judged.
        verdict = "" if (alone if engine == "jax" else dress) <= asked else "   SHORT"
        print(
            f"  {name:12s} engine alone {native:7.2f}   its adapter {adapter:+6.2f}   dress {dress:+6.2f}"
            f" (by itself {alone:4.2f})   asked {asked:.0f}{verdict}"
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
