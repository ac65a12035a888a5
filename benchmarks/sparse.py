"""Sparse Jacobians and Hessians: detection, coloring and evaluation beside asdex, JAX and casadi.

Run with one BLAS thread, on a quiet machine:  OMP_NUM_THREADS=1 python benchmarks/sparse.py [case ...]
Cases: brusselator, band, rosenbrock, million, bundle, counts. Rivals are timed in turn in the same process
(`interleaved.py`); each title says which figure is asked for.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from bundle_adjustment import problem, residuals
from interleaved import interleave, print_ratios
from scipy import sparse

import diffiface as di
from diffiface.operators.call import Call
from diffiface.operators.hessian import HESSIAN
from diffiface.operators.jacobian import JACOBIAN
from diffiface.sparse import Coloring, SparsityPattern
from diffiface.sparse.detection.traced import trace_hessian, trace_jacobian

RIVAL = "asdex, jit, NumPy in and out"


def best(call: Callable[[], Any], rounds: int = 7) -> tuple[float, Any]:
    """Return the least time of some calls, and the result."""
    least, result = float("inf"), None
    for _ in range(rounds):
        start = time.perf_counter()
        result = call()
        least = min(least, time.perf_counter() - start)
    return least, result


def one_by_one(title: str, ours: float, theirs: float, wanted: str) -> None:
    print(
        f"  {title:24s} {ours * 1e3:9.2f} ms, asdex {theirs * 1e3:9.2f} ms: {ours / theirs:6.3f} of its time ({wanted})"
    )


def jax_in_double() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", False)  # (faster for small work)
    return jax


# ---- the Jacobian of the Brusselator


def brusselator(np: Any) -> Callable[[Any], Any]:
    """The right-hand side on a periodic grid: u and v, coupled at each point, and diffusing."""

    def f(w: Any) -> Any:
        u, v = w[0], w[1]

        def laplacian(a: Any) -> Any:
            return np.roll(a, 1, 0) + np.roll(a, -1, 0) + np.roll(a, 1, 1) + np.roll(a, -1, 1) - 4 * a

        return np.stack([1.0 + u * u * v - 4.4 * u + 10 * laplacian(u), 3.4 * u - u * u * v + 10 * laplacian(v)])

    return f


def case_brusselator() -> None:
    import asdex

    jax = jax_in_double()
    n = 32
    x = np.random.default_rng(0).random((2, n, n))
    f, f_jax = brusselator(np), brusselator(jax.numpy)
    print(f"\nBrusselator's Jacobian, N = {n}, {x.size} variables (12 colors or fewer)")
    call = Call(JACOBIAN, f, "forward", (x,))
    found, pattern = best(lambda: trace_jacobian(call.function, call.xs, call.contexts, False))
    their_found, their_pattern = best(lambda: asdex.jacobian_sparsity(f_jax, x))
    one_by_one("detection", found, their_found, "at most 1/5")
    colored, ours = best(lambda: Coloring().columns(pattern), 15)
    plainly, natural = best(lambda: Coloring("natural").columns(pattern), 15)
    their_colored, theirs = best(lambda: asdex.jacobian_coloring_from_sparsity(their_pattern, mode="fwd"), 15)
    one_by_one(
        f"coloring, {ours.n_colors} colors", colored, their_colored, f"at most its time; it: {theirs.num_colors} colors"
    )
    one_by_one(f"natural order, {natural.n_colors} colors", plainly, their_colored, "at most its time")
    jitted = jax.jit(asdex.jacobian_from_coloring(f_jax, theirs))
    dense = jax.jit(jax.jacfwd(f_jax))
    calls: dict[str, Callable[[], Any]] = {RIVAL: lambda: np.asarray(jitted(x).data)}
    for engine in ("forward", "reverse", "jax"):
        prep = di.prepare_jacobian(f, di.Sparse(engine), x)
        assert np.allclose(prep.jacobian(x).toarray(), np.asarray(dense(x)).reshape(x.size, x.size))
        calls[f"diffiface, {engine}"] = lambda prep=prep: prep.jacobian(x)
    print_ratios("evaluation (at least 2x faster than asdex)", interleave(calls, rounds=21), RIVAL)
    few = {"diffiface, forward": calls["diffiface, forward"], "dense, jitted JAX": lambda: np.asarray(dense(x))}
    print_ratios("beside dense JAX (at least 100x faster)", interleave(few, rounds=5), "diffiface, forward")


# ---- Hessians


def banded(np: Any, half_bandwidth: int = 5) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        total = np.sum(x**4)
        for k in range(1, half_bandwidth + 1):
            total = total + np.sum(np.sin(x[k:] * x[: x.shape[0] - k]))
        return total

    return f


def rosenbrock(np: Any) -> Callable[[Any], Any]:
    return lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def hessian_beside_asdex(make: Callable[[Any], Any], n: int, wanted: str, more: dict[str, Callable[[], Any]]) -> None:
    import asdex

    jax = jax_in_double()
    x = np.linspace(0.5, 1.5, n)
    f, f_jax = make(np), make(jax.numpy)
    call = Call(HESSIAN, f, "reverse", (x,))
    found, pattern = best(lambda: trace_hessian(call.function, call.xs, call.contexts, False))
    their_found, their_pattern = best(lambda: asdex.hessian_sparsity(f_jax, x), 3)
    one_by_one("detection", found, their_found, "at most 1/5")
    for decompression in ("direct", "substitution"):
        coloring = Coloring(decompression=decompression)
        colored, ours = best(lambda coloring=coloring: coloring.symmetric(pattern))
        their_colored, theirs = best(lambda: asdex.hessian_coloring_from_sparsity(their_pattern))
        title = f"{decompression}, {ours.n_colors} colors"
        one_by_one(title, colored, their_colored, f"it: {theirs.num_colors} colors")
    jitted = jax.jit(asdex.hessian_from_coloring(f_jax, theirs))
    seeds, gradient = Coloring().symmetric(pattern).column_seeds(x.dtype), jax.grad(f_jax)
    by_hand = jax.jit(lambda x: jax.vmap(lambda t: jax.jvp(gradient, (x,), (t,))[1])(seeds))
    calls: dict[str, Callable[[], Any]] = {
        RIVAL: lambda: np.asarray(jitted(x).data),
        "colored by hand, jitted JAX": lambda: np.asarray(by_hand(x)),
    }
    reference = None
    for decompression in ("direct", "substitution"):
        backend = di.Sparse("reverse", coloring=Coloring(decompression=decompression))
        prep = di.prepare_hessian(f, backend, x)
        values = prep.hessian(x).data
        reference = values if reference is None else reference
        assert np.allclose(values, reference, rtol=1e-8, atol=1e-8 * np.abs(reference).max())
        calls[f"diffiface, reverse, {decompression}"] = lambda prep=prep: prep.hessian(x)
    assert np.isclose(np.abs(np.asarray(jitted(x).data)).sum(), np.abs(reference).sum())
    timings = interleave(calls | more, rounds=21)
    print_ratios(f"evaluation ({wanted})", timings, RIVAL)


def case_band() -> None:
    print("\nHessian of a banded function, 10 000 variables, half-bandwidth 5 (11 colors, 6 by substitution)")
    hessian_beside_asdex(banded, 10_000, "at least 2x faster than asdex", {})


def case_rosenbrock() -> None:
    import casadi

    n = 100
    x = np.linspace(0.5, 1.5, n)
    symbols = casadi.SX.sym("x", n)
    y = casadi.sumsqr(10.0 * (symbols[1:] - symbols[:-1] ** 2)) + casadi.sumsqr(1.0 - symbols[:-1])
    function = casadi.Function("h", [symbols], [casadi.hessian(y, symbols)[0]])
    buffer, call = function.buffer()
    values = np.empty(function.nnz_out(0))
    buffer.set_arg(0, memoryview(x))
    buffer.set_res(0, memoryview(values))
    prep = di.prepare_hessian(rosenbrock(np), di.Sparse("reverse"), x)
    more = {
        "casadi, sparse, values into a buffer": lambda _keep=(function, buffer, x, values): call(),
        "diffiface, reverse, values": lambda: prep.hessian_values(x),
    }
    assert np.allclose(np.sort(prep.hessian_values(x)), np.sort(prep.hessian(x).data))
    print("\nHessian of Rosenbrock, n = 100 (values: at least 3.5x faster than casadi, 20x than JAX colored by hand)")
    hessian_beside_asdex(rosenbrock, n, "see above", more)


def case_million() -> None:
    print("\nTridiagonal Hessian (within 4 GiB, time linear in n)")
    f = rosenbrock(np)
    for n in (10_000, 100_000, 1_000_000):
        x = np.linspace(0.5, 1.5, n)
        call = Call(HESSIAN, f, "reverse", (x,))
        found, pattern = best(lambda call=call: trace_hessian(call.function, call.xs, call.contexts, False), 2)
        colored, coloring = best(lambda pattern=pattern: Coloring().symmetric(pattern), 2)
        prepared, prep = best(lambda x=x: di.prepare_hessian(f, di.Sparse("reverse"), x), 1)
        prep.hessian(x)
        evaluated, H = best(lambda prep=prep, x=x: prep.hessian(x))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"  n = {n:8d}: detection {found:7.4f} s, coloring {colored:7.4f} s ({coloring.n_colors} colors), "
            f"all of the preparation {prepared:7.3f} s, evaluation {evaluated * 1e3:8.3f} ms, {H.nnz} entries, "
            f"{memory:5.2f} GiB at most so far"
        )


def case_bundle() -> None:
    print("\nBundle adjustment: 21 cameras, 11 315 points, 36 455 observations (the size of ADBench's BA2)")
    x, *constants = problem(21, 11_315, 36_455)
    for engine in ("forward", "jax", "torch"):
        prepared, prep = best(lambda engine=engine: di.prepare_jacobian(residuals, di.Sparse(engine), x, *constants), 1)
        prep.jacobian(x, *constants)
        evaluated, J = best(lambda prep=prep: prep.jacobian(x, *constants), 3)
        print(
            f"  {engine:8s} {J.shape}, {J.nnz} entries, {prep.n_colors} colors: prepared in {prepared:6.2f} s, "
            f"evaluated in {evaluated * 1e3:8.1f} ms"
        )


def case_counts() -> None:
    """Count colors of patterns with known answers."""

    def band(n: int, b: int) -> SparsityPattern:
        offsets = list(range(-b, b + 1))
        diagonals = sparse.diags_array([np.ones(n)] * len(offsets), offsets=offsets, shape=(n, n))
        return SparsityPattern.of(diagonals, "known")

    def grid(n: int, m: int) -> SparsityPattern:
        a, b = band(n, 1).matrix().astype(int), band(m, 1).matrix().astype(int)
        return SparsityPattern.of(sparse.kron(a, np.eye(m)) + sparse.kron(np.eye(n), b), "known")

    arrow = np.eye(1000)
    arrow[0] = arrow[:, 0] = 1
    bidiagonal = arrow + np.diag(np.ones(999), 1)
    patterns = {
        "tridiagonal": band(1000, 1),
        "band, half-bandwidth 5": band(1000, 5),
        "five-point grid 50x60": grid(50, 60),
        "arrowhead": SparsityPattern.of(arrow, "known"),
        "bidiagonal, dense row and column": SparsityPattern.of(bidiagonal, "known"),
    }
    print("\nNumbers of colors: columns, rows and columns, star, acyclic")
    for name, pattern in patterns.items():
        symmetric = pattern.symmetric()
        counts = [
            Coloring().columns(pattern).n_colors,
            Coloring().both(pattern).n_colors,
            Coloring().symmetric(symmetric).n_colors,
            Coloring(decompression="substitution").symmetric(symmetric).n_colors,
        ]
        print(f"  {name:34s}", *(f"{count:5d}" for count in counts))


CASES = {name.removeprefix("case_"): function for name, function in globals().items() if name.startswith("case_")}

if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        CASES[name]()
