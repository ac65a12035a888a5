"""Gradients of functions that look arrays of indices up, as ratios in one run: `python benchmarks/indexed.py`.

Ours compiled, replayed with NumPy and eager; JAX, jitted, through our adapter and by hand with JAX's arrays (with the
index arrays as constants on its device, its best way).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from interleaved import interleave, print_ratios

import diffiface as di


def random_effects(xp: Any) -> Any:
    """Minus the log-likelihood of a logit with an effect for each group."""

    def loss(theta, y, X, group):
        eta = X @ theta[:3] + theta[3:][group]
        return xp.sum(xp.log1p(xp.exp(xp.where(y, -eta, eta)))) + 0.5 * xp.sum(theta[3:] ** 2)

    return loss


def added_at(xp: Any, size: int, index: Any, values: Any) -> Any:
    if xp is np:
        total = np.zeros(size)
        np.add.at(total, index, values)
        return total
    return xp.zeros(size).at[index].add(values)


def histogram(xp: Any) -> Any:
    def loss(w, bins):
        return xp.sum(added_at(xp, 64, bins, xp.exp(w)) ** 2)

    return loss


def sparse_product(xp: Any) -> Any:
    """The squares of a sparse matrix (its entries, rows and columns) times a vector."""

    def loss(entries, rows, columns, x):
        return xp.sum(added_at(xp, 1000, rows, entries * x[columns]) ** 2)

    return loss


def inputs() -> dict[str, tuple[Any, tuple[Any, ...]]]:
    rng = np.random.default_rng(0)
    n = 5000
    groups = (0.1 * rng.standard_normal(53), rng.random(n) < 0.5, rng.standard_normal((n, 3)), rng.integers(0, 50, n))
    matrix = (rng.standard_normal(n), *rng.integers(0, 1000, (2, n)), rng.standard_normal(1000))
    return {
        "logit with random effects, n=5000": (random_effects, groups),
        "histogram, n=5000": (histogram, (rng.standard_normal(n), rng.integers(0, 64, n))),
        "sparse matrix times vector, 5000 entries": (sparse_product, matrix),
    }


def main() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    for name, (factory, arguments) in inputs().items():
        f = factory(np)
        backends = {
            "ours": di.backend("reverse"),
            "ours, replayed": di.backend("reverse", compile="replay"),
            "ours, eager": di.backend("reverse", compile=False),
            "jax, through diffiface": "jax",
        }
        preps: dict[str, Any] = {key: di.prepare_gradient(f, backend, *arguments) for key, backend in backends.items()}
        wanted = preps["ours, eager"].gradient(*arguments)
        for prep in preps.values():
            np.testing.assert_allclose(prep.gradient(*arguments), wanted, rtol=1e-10, atol=1e-10)
        on_device, jitted = [*map(jax.numpy.asarray, arguments)], jax.jit(jax.grad(factory(jax.numpy)))
        np.testing.assert_allclose(jitted(*on_device), wanted, rtol=1e-10, atol=1e-10)
        contenders: dict[str, Any] = {
            key: lambda prep=prep, given=arguments: prep.gradient(*given) for key, prep in preps.items()
        }
        contenders["jax.jit, JAX's arrays"] = lambda run=jitted, given=on_device: run(*given).block_until_ready()
        print_ratios(name, interleave(contenders, rounds=41), "ours")
        print(f"  {preps['ours'].explain().splitlines()[1].strip()}")


if __name__ == "__main__":
    main()
