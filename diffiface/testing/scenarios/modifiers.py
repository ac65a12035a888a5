"""Variants of scenarios: each modifier takes one and returns one, with the exact results carried over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.adapter import Family
from diffiface.contexts import Cache, unwrap
from diffiface.testing.scenario import Point, Scenario

_FACTORS = (2.0, -3.0, 0.5)
"""The constant of the run, of the preparation, and of the run in between."""


def _bare(p: Point, **changes: Any) -> Point:
    return replace(p, **changes)


def batched(scenario: Scenario) -> Scenario:
    """Ask for two tangents or cotangents at once."""

    def both(p: Point) -> Point:
        return _bare(p, t=(p.t, -2 * p.t))

    def exact(p: Point) -> tuple[Any, ...]:
        each = [scenario.exact(_bare(p, t=t)) for t in p.t]
        return (*each[0][:-1], tuple(results[-1] for results in each))

    return scenario.derived("two at once", "batched", exact=exact, **scenario.with_points(both))


def filling(scenario: Scenario) -> Scenario:
    """Have f fill an array that it is given, instead of returning one."""
    inner = scenario.f

    def f(y, x, *contexts):
        y[...] = inner(x, *contexts)

    y = np.full_like(scenario.exact(scenario.at)[0], np.nan)
    return scenario.derived("f fills y", "fills", f=f, y=y)


def _scaled(scenario: Scenario, factor: Callable[[Point], Any], inner: Callable[[Point], Point]) -> Any:
    """Multiply every exact result by a factor; valid because all operators are linear in f."""

    def exact(p: Point) -> tuple[Any, ...]:
        return trees.map_leaves(lambda leaf: factor(p) * leaf, scenario.exact(inner(p)))

    return exact


def with_constant(scenario: Scenario) -> Scenario:
    """Multiply f by a constant argument, another one when preparing."""
    inner = scenario.f

    def f(x, factor, *contexts):
        return factor * inner(x, *contexts)

    exact = _scaled(scenario, lambda p: p.contexts[0], lambda p: _bare(p, contexts=p.contexts[1:]))
    points = {
        name: _bare(p, contexts=(factor, *p.contexts))
        for (name, p), factor in zip(scenario.with_points(lambda p: p).items(), _FACTORS, strict=True)
    }
    return scenario.derived("constant", "contexts", f=f, exact=exact, **points)


def with_array_constant(scenario: Scenario) -> Scenario:
    """Multiply f by an entry of an array, another one when preparing."""
    inner = scenario.f

    def f(x, data, *contexts):
        return data[1] * inner(x, *contexts)

    exact = _scaled(scenario, lambda p: p.contexts[0][1], lambda p: _bare(p, contexts=p.contexts[1:]))
    points = {
        name: _bare(p, contexts=(np.array([7.0, factor]), *p.contexts))
        for (name, p), factor in zip(scenario.with_points(lambda p: p).items(), _FACTORS, strict=True)
    }
    return scenario.derived("array constant", "contexts", f=f, exact=exact, **points)


def with_cache(scenario: Scenario) -> Scenario:
    """Have f keep an intermediate result in scratch memory."""
    inner = scenario.f

    def f(x, scratch, *contexts):
        scratch[...] = x
        return inner(scratch[...] if scratch.ndim else scratch[()], *contexts)

    def exact(p: Point) -> tuple[Any, ...]:
        return scenario.exact(_bare(p, contexts=p.contexts[1:]))

    def add(p: Point) -> Point:
        return _bare(p, contexts=(Cache(np.full_like(np.asarray(p.x), np.nan)), *p.contexts))

    return scenario.derived("cache", "contexts", "cache", f=f, exact=exact, **scenario.with_points(add))


def with_state(scenario: Scenario) -> Scenario:
    """Multiply f by a number in its closure that changes between preparing and the runs."""
    inner, state = scenario.f, {"factor": 1.0}

    def f(x, *contexts):
        return state["factor"] * inner(x, *contexts)

    def set_state(number: int) -> None:
        state["factor"] = (1.0, 2.5, -0.5)[number]

    exact = _scaled(scenario, lambda p: state["factor"], lambda p: p)
    return scenario.derived("changing closure", "state", f=f, exact=exact, set_state=set_state)


def with_aux(scenario: Scenario) -> Scenario:
    """Have f return something beside y."""
    inner = scenario.f

    def f(x, *contexts):
        return inner(x, *contexts), {"twice": 2 * x, "word": "beside"}

    return scenario.derived("aux", "aux", f=f, options={**scenario.options, "has_aux": True})


def in_tree(scenario: Scenario) -> Scenario:
    """Put a vector x into a dict of a vector and a tuple."""
    inner = scenario.f

    def f(tree, *contexts):
        return inner(np.concatenate([tree["head"], tree["tail"][0]]), *contexts)

    def split(vector: Any, axis: int = -1) -> Any:
        head, tail = np.split(np.asarray(vector), [1], axis=axis)
        return {"head": head, "tail": (tail,)}

    def join(tree: Any) -> Any:
        return np.concatenate([tree["head"], tree["tail"][0]])

    def whole(p: Point) -> Point:
        return _bare(p, x=join(p.x), t=_map_tangents(scenario, join, p.t))

    def in_trees(p: Point) -> Point:
        return _bare(p, x=split(p.x), t=_map_tangents(scenario, split, p.t))

    exact = _in_pieces(scenario, split, whole)
    return scenario.derived("x in a tree", "tree", f=f, exact=exact, **scenario.with_points(in_trees))


def _map_tangents(scenario: Scenario, change: Callable[[Any], Any], t: Any) -> Any:
    """Change the tangent, or each of a batch; cotangents are not like x and stay."""
    if scenario.descriptor.seeds != "tangents":
        return t
    return tuple(map(change, t)) if "batched" in scenario.tags else change(t)


def _in_pieces(scenario: Scenario, split: Callable[..., Any], whole: Callable[[Point], Point]) -> Any:
    """Return the exact results at a point whose x is in pieces, cut up as x is."""

    def split_part(part: str, result: Any) -> Any:
        if part in ("x", "y by x"):
            return split(result)
        if part == "batch of x":
            return tuple(map(split, result)) if isinstance(result, tuple) else split(result)
        if part == "x by x":
            return trees.map_leaves(split, split(result, axis=0))
        return result

    def exact(p: Point) -> tuple[Any, ...]:
        results = scenario.exact(whole(p))
        return tuple(split_part(part, r) for part, r in zip(scenario.descriptor.parts, results, strict=True))

    return exact


def by_second_argument(scenario: Scenario) -> Scenario:
    """Put a constant before x, another one when preparing, and ask for the derivative by the second argument."""
    inner = scenario.f

    def f(factor, x, *contexts):
        return factor * inner(x, *contexts)

    exact = _scaled(scenario, lambda p: p.x, lambda p: _bare(p, x=p.contexts[0], contexts=p.contexts[1:]))
    points = {
        name: _bare(p, x=factor, contexts=(p.x, *p.contexts))
        for (name, p), factor in zip(scenario.with_points(lambda p: p).items(), _FACTORS, strict=True)
    }
    options = {**scenario.options, "argnums": 1}
    return scenario.derived("by the second argument", "argnums", f=f, exact=exact, options=options, **points)


def by_two_arguments(scenario: Scenario) -> Scenario:
    """Cut a vector x into two arguments with a constant between, named in the order that is not theirs."""
    inner = scenario.f

    def f(tail, factor, head, *contexts):
        return factor * inner(np.concatenate([head, tail]), *contexts)

    def split(vector: Any, axis: int = -1) -> Any:
        return tuple(np.split(np.asarray(vector), [1], axis=axis))

    def spread(p: Point, factor: float) -> Point:
        head, tail = split(p.x)
        return _bare(p, x=tail, t=_map_tangents(scenario, split, p.t), contexts=(factor, head, *p.contexts))

    def whole(p: Point) -> Point:
        _, head, *contexts = p.contexts
        t = _map_tangents(scenario, np.concatenate, p.t)
        return _bare(p, x=np.concatenate([head, p.x]), t=t, contexts=tuple(contexts))

    pieces = _in_pieces(scenario, split, whole)

    def exact(p: Point) -> tuple[Any, ...]:
        return trees.map_leaves(lambda leaf: p.contexts[0] * leaf, pieces(p))

    points = {
        name: spread(p, factor)
        for (name, p), factor in zip(scenario.with_points(lambda p: p).items(), _FACTORS, strict=True)
    }
    options = {**scenario.options, "argnums": (2, 0)}
    return scenario.derived("by two arguments", "argnums", f=f, exact=exact, options=options, **points)


def tree_out(scenario: Scenario) -> Scenario:
    """Return y and its double in a dict (for operators that allow any y, without a batch)."""
    inner = scenario.f

    def f(x, *contexts):
        y = inner(x, *contexts)
        return {"once": y, "twice": 2 * y}

    def exact(p: Point) -> tuple[Any, ...]:
        if scenario.descriptor.seeds == "cotangents":
            value, pulled = scenario.exact(_bare(p, t=p.t["once"] + 2 * p.t["twice"]))
            return {"once": value, "twice": 2 * value}, pulled
        return tuple({"once": result, "twice": 2 * result} for result in scenario.exact(p))

    def with_tree(p: Point) -> Point:
        return _bare(p, t={"once": p.t, "twice": -0.5 * p.t + 1.0}) if scenario.descriptor.seeds == "cotangents" else p

    return scenario.derived("y in a tree", "tree", f=f, exact=exact, **scenario.with_points(with_tree))


def single_precision(scenario: Scenario) -> Scenario:
    """Give x, tangents and cotangents in float32."""

    def narrowed(p: Point) -> Point:
        def narrow(leaf: Any) -> Any:
            return leaf.astype(np.float32) if isinstance(leaf, np.ndarray) else leaf

        return _bare(p, x=trees.map_leaves(narrow, p.x), t=None if p.t is None else trees.map_leaves(narrow, p.t))

    def exact(p: Point) -> tuple[Any, ...]:
        def wide(leaf: Any) -> Any:
            return leaf.astype(np.float64) if isinstance(leaf, np.ndarray) else leaf

        t = None if p.t is None else trees.map_leaves(wide, p.t)
        return scenario.exact(Point(trees.map_leaves(wide, p.x), t, p.contexts))

    return scenario.derived("float32", "float32", exact=exact, **scenario.with_points(narrowed))


def in_another_order(scenario: Scenario) -> Scenario:
    """Give x as a view with strides that are not C's (values and results are the same)."""

    def strided(p: Point) -> Point:
        def view(x: np.ndarray) -> np.ndarray:
            wide = np.full(tuple(2 * n for n in x.shape), np.nan, x.dtype)
            window = wide[tuple(slice(None, None, 2) for _ in x.shape)]
            window[...] = x
            return window

        return _bare(p, x=view(p.x))

    return scenario.derived("strided x", "strided", **scenario.with_points(strided))


def read_only(scenario: Scenario) -> Scenario:
    """Give x and array constants without permission to write."""

    def locked(p: Point) -> Point:
        def lock(leaf: Any) -> Any:
            if not isinstance(leaf, np.ndarray):
                return leaf
            copy = leaf.copy()
            copy.flags.writeable = False
            return copy

        contexts = tuple(c if isinstance(c, Cache) else trees.map_leaves(lock, unwrap(c)) for c in p.contexts)
        return _bare(p, x=trees.map_leaves(lock, p.x), contexts=contexts)

    return scenario.derived("read-only x", "read-only", **scenario.with_points(locked))


def in_family(scenario: Scenario, family: Family) -> Scenario:
    """Give x, tangents and cotangents in another library's arrays; results must then be that library's too."""

    def converted(leaf: Any) -> Any:
        return family.from_numpy(np.asarray(leaf), None)

    def back(leaf: Any) -> Any:
        return family.to_numpy(leaf)[()]

    def changed(p: Point, change: Callable[[Any], Any]) -> Point:
        return _bare(p, x=trees.map_leaves(change, p.x), t=None if p.t is None else trees.map_leaves(change, p.t))

    def exact(p: Point) -> tuple[Any, ...]:
        return scenario.exact(changed(p, back))

    points = scenario.with_points(lambda p: changed(p, converted))
    return scenario.derived(f"{family.name} arrays", family.name, exact=exact, family=family.name, **points)
