"""benchmark: one function's derivatives timed on every engine, at one point or over sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from diffiface import registry
from diffiface.adapter import Backend
from diffiface.benchmarking.case import ByHand, Case, make_case
from diffiface.benchmarking.environment import describe
from diffiface.benchmarking.progress import Progress
from diffiface.benchmarking.results import Results
from diffiface.benchmarking.runner import run_cases
from diffiface.benchmarking.settings import Settings
from diffiface.comparison.problem import OPERATORS
from diffiface.errors import InputError


def benchmark(
    f: Callable[..., Any] | str,
    x: Any,
    *contexts: Any,
    operators: str | Sequence[str] = "gradient",
    t: Any = None,
    backends: Sequence[str | Backend] | None = None,
    by_hand: ByHand | None = None,
    reference: Any = None,
    argnums: int | tuple[int, ...] = 0,
    name: str | None = None,
    seconds: float = 1.0,
    rounds: int = 20,
    timeout: float = 60.0,
    threads: int | None = 1,
    memory_limit: int | None = None,
    progress: bool | None = None,
) -> Results:
    """Time a function's derivatives on every engine, each in a process of its own.

    The engines take turns, in an order drawn anew each time, so that only one works at a time and a busy machine slows
    all of them. An engine that crashes, hangs or runs out of memory becomes a row that says so.

    Args:
        f: `f(x, *contexts) -> y`: a function, or `"module:name"`. Functions of `__main__`, lambdas and closures need
            cloudpickle to get into the engines' processes.
        x: where to differentiate.
        contexts: further arguments of f: constants, or `di.Cache` scratch arrays.
        operators: one of the eight, or several, by name.
        t: the tangent or cotangent, for the operators that take one.
        backends: names or backend objects; all engines that are installed if left out.
        by_hand: engine's name → `make(x, [t,] *contexts)`, which returns a call `call(x, [t,] *contexts)` that computes the
            same by the engine alone: what diffiface itself costs is then measured too.
        reference: the right result (with one operator), to judge results by; else the exact engines' median.
        argnums: which argument(s) of f to differentiate.
        name: what to call the problem (default: f's name).
        seconds: measuring time for each engine and operator.
        rounds: the number of turns it is spent in.
        timeout: the most seconds one step of an engine (preparing, a batch of runs) may take; importing it may take 60.
        threads: the CPUs an engine may use; None for as many as it likes.
        memory_limit: bytes that an engine's process may hold (Linux; default: nine tenths of what is free).
        progress: whether to show a progress bar; by default where standard error is a terminal.
    Returns:
        `Results`: print it, or use `rows`, `plot()`, `to_json(path)`, `to_csv(path)`, `to_html(path)`, `to_dataframe()`.
    Raises:
        InputError, OutputError: an argument, or what f returned, cannot be used by any engine, or cannot be sent.
        UnknownBackendError: no engine has that name. Whatever happens in an engine becomes its row.

    >>> import numpy as np, diffiface as di
    >>> results = di.benchmark("numpy:cos", 1.0, operators="derivative", backends=["forward"], seconds=0.01, rounds=2)
    >>> [row["engine"] for row in results.rows]
    ['forward']
    """
    settings = Settings(seconds, rounds, timeout, threads, memory_limit)
    names = [operators] if isinstance(operators, str) else list(operators)
    if reference is not None and len(names) != 1:
        raise InputError("reference= belongs to one operator", fix="benchmark one operator at a time")
    cases = [
        make_case(
            f,
            (x, *contexts),
            operator,
            t=t if _takes_seed(operator) or len(names) == 1 else None,
            argnums=argnums,
            by_hand=by_hand,
            reference=reference,
            name=name,
        )
        for operator in names
    ]
    return run(cases, backends, settings, progress, total=len(cases))


def benchmark_sizes(
    make: Callable[[int], Sequence[Any]],
    sizes: Sequence[int],
    *,
    operators: str | Sequence[str] = "gradient",
    backends: Sequence[str | Backend] | None = None,
    by_hand: ByHand | None = None,
    name: str | None = None,
    seconds: float = 0.5,
    rounds: int = 10,
    timeout: float = 60.0,
    threads: int | None = 1,
    memory_limit: int | None = None,
    progress: bool | None = None,
) -> Results:
    """Time a function's derivatives on every engine over the size of the problem, and fit how the time grows.

    An engine that is too slow or too large at one size is not tried at larger ones.

    Args:
        make: `make(n) -> (f, x, *contexts)`, the problem of size n. The operators may not take a tangent.
        sizes: the sizes, at least two.
        operators, backends, by_hand, name: as for `benchmark`.
        seconds, rounds, timeout, threads, memory_limit, progress: as for `benchmark`, for each size.
    Returns:
        `Results`, with `growth()`.
    Raises:
        InputError, OutputError, UnknownBackendError: as `benchmark`.

    >>> import numpy as np
    >>> from diffiface.benchmarking import benchmark_sizes
    >>> results = benchmark_sizes(lambda n: ("numpy:sum", np.ones(n)), [2, 4], backends=["reverse"], seconds=0.01, rounds=2)
    >>> [row["n"] for row in results.rows]
    [2, 4]
    """
    settings = Settings(seconds, rounds, timeout, threads, memory_limit)
    names = [operators] if isinstance(operators, str) else list(operators)
    ordered = sorted(set(sizes))
    if len(ordered) < 2 or ordered[0] < 1:
        raise InputError(f"sizes={list(sizes)!r} are not at least two positive sizes")
    cases = []
    for operator in names:
        for n in ordered:
            f, *arguments = make(n)
            cases.append(make_case(f, arguments, operator, by_hand=by_hand, name=name, n=n))
    return run(cases, backends, settings, progress, total=len(cases))


def run(
    cases: Iterable[Case | None],
    backends: Sequence[str | Backend] | None,
    settings: Settings,
    progress: bool | None,
    total: int,
) -> Results:
    """Run cases, made while they are run or before, on all installed engines if none are named."""
    specs: list[str | Backend] = list(registry.default_backends() if backends is None else backends)
    if not specs:
        raise InputError("backends= names no engine", fix="leave it out for all installed ones")
    environment = describe(specs, settings)
    with Progress(total, progress) as shown:
        rows = run_cases(cases, specs, settings, shown)
    return Results(rows, environment)


def _takes_seed(operator: str) -> bool:
    return operator in OPERATORS and OPERATORS[operator].seeds is not None
