"""The calls that a preparation hands out: the shortest way there is from the user's arguments to the engine and back.

Three ways, each of which leaves what it does not know to the next: the engine's own bound call (`direct`), a call written
out for bare arrays like the prepared ones, and the thorough way, for structures, scalars, `out=` and mismatches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.arrays import NUMPY_FAMILY, family_of
from diffiface.operators.call import Call
from diffiface.operators.operator import Part
from diffiface.tracing import running

_MISSING = object()

_BARE_RESULTS: dict[Part, str] = {
    "y": "one_y(results[{i}])",
    "x": "results[{i}][0]",
    "batch of y": "one_y(own(results[{i}][0]))",
    "batch of x": "own(results[{i}][0])",
    "y by x": "one_y(results[{i}][0][0])",
    "x by x": "one_y(results[{i}][0][0])",
}
"""Where in an engine's `results` the parts are when x, y and t are single NumPy arrays (`results.assemble` in short)."""

_BARE_PLACES: dict[Part, tuple[tuple[int, ...], bool]] = {
    "y": ((), False),
    "x": ((0,), False),
    "batch of y": ((0,), True),
    "batch of x": ((0,), True),
    "y by x": ((0, 0), False),
    "x by x": ((0, 0), False),
}
"""The same for an engine that hands out bound calls of its own: the path, and whether it leads to a batch of one."""


def bound_call(
    variant: str, call: Call, engine_run: Callable[..., Any], thorough: Callable[..., Any]
) -> Callable[..., Any]:
    """Make the bound call of one variant.

    Args:
        variant: The public name of what it returns.
        call: The call that was prepared for.
        engine_run: What the engine prepared.
        thorough: The way of all calls for which there is no shorter one.
    """
    if not _is_plain(call):
        return thorough
    operator, is_numpy = call.operator, call.x_specs[0].family == NUMPY_FAMILY
    indices = operator.variants[variant]
    only = getattr(engine_run, "only", None)  # an engine may leave out what this variant does not return
    run = engine_run if only is None else only(indices)
    if operator.name == "gradient":
        # Without a structure around x, what an engine returns in x's family is already what the user gets.
        # (To index a scalar would cost as much as half the tests.)
        y = "(y if type(y := results[0]) is float64 else y[()])" if is_numpy else "results[0]"
        result = {"gradient": "results[1][0]", "value_and_gradient": f"({y}, results[1][0])"}[variant]
        short = _short_way((call.xs[0], *call.contexts), result, run, thorough)
        return _direct_way(variant, call, run, short) or thorough
    seed, seeded = _bare_seed(call), operator.seeds is not None
    if not is_numpy or call.x_specs[0].shape == () or (seeded and seed is None):
        return thorough
    if call.function.y_structure is not trees.LEAF:  # known by now, unless f is an engine's own
        return thorough
    parts = [_BARE_RESULTS[operator.parts[i]].format(i=i) for i in indices]
    result = parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
    arguments = (call.xs[0], *call.contexts) if seed is None else (call.xs[0], seed[0], *call.contexts)
    short = _short_way(arguments, result, run, thorough, seeded=seeded, function=call.function)
    return _direct_way(variant, call, run, short) or thorough


def bound_entries(call: Call, engine_run: Any, thorough: Callable[..., Any]) -> Callable[..., Any]:
    """Make the call that gives the entries of a sparse matrix alone."""
    entries = getattr(engine_run, "entries", lambda: None)()
    if entries is None or not _is_plain(call):
        return thorough
    short = _short_way((call.xs[0], *call.contexts), "results", entries, thorough)
    return thorough if short is None else entries.bound(short) or short


def _direct_way(variant: str, call: Call, run: Any, short: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """Return the engine's own bound call, which leaves to the short way what it does not know, or else the short way."""
    direct = getattr(run, "direct", None)
    if direct is None or short is None or call.x_specs[0].family != NUMPY_FAMILY or call.x_specs[0].shape == ():
        return short
    if call.function.y_structure is not trees.LEAF:
        return short
    places = []
    for index in call.operator.variants[variant]:
        path, alone = _BARE_PLACES[call.operator.parts[index]]
        if call.operator.parts[index] == "y" and call.operator.output != "scalar":
            path = (0,)
        places.append(((index, *path), alone))
    return direct(places, short) or short


_LARGE = 1 << 16
"""From how many bytes on an array takes longer to copy than to make a view of."""


def _copied(batch: Any) -> np.ndarray:
    """Return the only member of a batch, as an array of its own."""
    return np.array(batch[0])


def _taken(batch: Any) -> np.ndarray:
    """Return the only member of a batch that nobody else has: of a large one, a view that is the only way to it."""
    return batch[0] if batch.nbytes >= _LARGE else np.array(batch[0])


def _short_way(
    arguments: Sequence[Any],
    result: str,
    run: Callable[..., Any],
    thorough: Callable[..., Any],
    *,
    seeded: bool = False,
    function: Any = None,
) -> Callable[..., Any] | None:
    """Compile a bound call that compares plain arguments in one expression and goes straight to the engine.

    A bound call may cost no more than a microsecond beside the engine, so the test is written out for these
    very arguments: type, dtype and shape of each in turn. Whatever fails it takes the thorough way, as does
    a call inside another derivative.
    `result` says what of the engine's `results` the caller gets; `seeded`, that the second argument is a tangent or
    cotangent. With `function`, the run must have left y a single array. None if an argument is a structure.
    """
    is_private = getattr(run, "is_private", False)
    names: dict[str, Any] = {
        "run": run,
        "thorough": thorough,
        "missing": _MISSING,
        "running": running,
        "float64": np.float64,
        "array": np.array,
        "own": _taken if is_private else _copied,
        "one_y": _one_y,
        "function": function,
        "leaf": trees.LEAF,
    }
    parameters = [f"a{i}" for i in range(len(arguments))]
    tests = [_test(name, value, names) for name, value in zip(parameters, arguments, strict=True)]
    if None in tests:
        return None
    x, *contexts = parameters
    seeds = ""
    if seeded:  # an engine gets the seed in an array of its own, unless it says that it only reads it
        seed = contexts.pop(0)
        seeds = f"({seed}[None],), " if is_private else f"(array({seed})[None],), "
    condition = "" if function is None else "if function.y_structure is leaf: "
    source = f"""
def call({", ".join(f"{name}=missing" for name in parameters)}, *more, out=None):
    if out is None and not more and not running.traces and {" and ".join(test for test in tests if test)}:
        results = run(({x},), {seeds}({"".join(f"{name}, " for name in contexts)}))
        {condition}return {result}
    given = [a for a in ({"".join(f"{name}, " for name in parameters)}) if a is not missing]
    return thorough(*given, *more, out=out)
"""
    exec(source, names)
    return names["call"]


def _test(name: str, value: Any, names: dict[str, Any]) -> str | None:
    """Write the test that an argument is of the kind of `value`; None for what only the thorough way can compare."""
    kind = type(value)
    if kind in (float, int, bool, str):
        return f"type({name}) is {kind.__name__}"
    if kind is np.ndarray or family_of(value) is not None:
        names |= {f"type_{name}": kind, f"dtype_{name}": value.dtype, f"shape_{name}": value.shape}
        # NumPy's dtypes are singletons; comparing by identity saves a third of the test.
        return f"type({name}) is type_{name} and {name}.dtype is dtype_{name} and {name}.shape == shape_{name}"
    return None


def _one_y(result: Any) -> Any:
    """Return an engine's only output as the user gets it: what is 0-d is a scalar."""
    leaf = result[0] if isinstance(result, (tuple, list)) else result
    return leaf[()] if isinstance(leaf, np.ndarray) and leaf.ndim == 0 else leaf


def _bare_seed(call: Call) -> np.ndarray | None:
    """Return the seed with its batch axis if there is one NumPy array of them, else None."""
    if call.batch is not None or call.seed_structure is not trees.LEAF or len(call.seed_specs) != 1:
        return None
    spec, seeds = call.seed_specs[0], call.seeds
    if spec.family != NUMPY_FAMILY or spec.shape == () or not seeds or type(seeds[0]) is not np.ndarray:
        return None
    return seeds[0]


def _is_plain(call: Call) -> bool:
    """Say whether what an engine takes and returns is what the user gives and gets, but for a tuple around it."""
    return (
        call.x_structure is trees.LEAF
        and not call.x_specs[0].scalar
        and call.originals[0] is None
        and call.argnums == 0
        and not call.has_aux
        and call.y_buffer is None
        and not call.cache_positions
        and call.context_structures is None
    )
