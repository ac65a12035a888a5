"""Stencils in kernels: one loop nest walks the interior and reads every neighbour once, the edges are nests of their own."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import pytest

import diffiface as di
from tests.backends.test_native_compiled_random import compare

pytest.importorskip("llvmlite")

from diffiface_native.compiled.fusion import Kernel, Plan
from diffiface_native.compiled.nest import Nest

RNG = np.random.default_rng(11)


def reaction_and_diffusion(uv: Any) -> Any:
    """Two fields on a torus, coupled (the Brusselator)."""

    def laplacian(u: Any) -> Any:
        return np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4.0 * u

    u, v = uv[0], uv[1]
    return np.stack([laplacian(u) + 1.0 + u * u * v - 4.4 * u, laplacian(v) + 3.4 * u - u * u * v])


def walled(u: Any) -> Any:
    """Nonlinear diffusion in a box with cold walls, by slices."""
    rate = np.zeros_like(u)
    inside = u[1:-1, 1:-1]
    rate[1:-1, 1:-1] = inside * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4.0 * inside)
    return rate


def in_three_dimensions(u: Any) -> Any:
    total = -6.0 * u
    for axis in range(3):
        total = total + np.roll(u, 1, axis) + np.roll(u, -1, axis)
    return total * u


def transport(u: Any) -> Any:
    """Burgers' equation on a ring."""
    return -u * (np.roll(u, -1) - np.roll(u, 1)) + 0.1 * (np.roll(u, -1) - 2 * u + np.roll(u, 1))


# f, a shape, how thick the edges of its pullback are, and how many numbers (of x and of the cotangent) are read inside
STENCILS: dict[str, tuple[Callable[..., Any], tuple[int, ...], int, int]] = {
    "reaction and diffusion": (reaction_and_diffusion, (2, 20, 23), 1, 2 + 5 + 5),
    "walled": (walled, (21, 18), 2, 5 + 5),
    "in three dimensions": (in_three_dimensions, (9, 10, 11), 1, 7 + 7),
    "transport": (transport, (150,), 1, 2 + 3),
}


def pullback_nests(f: Callable[..., Any], shape: tuple[int, ...]) -> list[Nest]:
    """Return the nests of the pullback alone, without y."""
    x, t = RNG.standard_normal(shape), RNG.standard_normal(shape)
    prep: Any = di.prepare_pullback(f, "reverse", x, t)
    prep.pullback(x, t)
    steps = Plan(prep._run.recordings[0].only(frozenset({1})).graph).steps
    assert all(isinstance(step, Kernel) for step in steps) and len(steps) == 1, "all of it should be one kernel"
    return [nest for wave in steps[0].waves for nest in wave]


@pytest.mark.parametrize(("f", "shape", "edge", "reads"), STENCILS.values(), ids=STENCILS.keys())
def test_the_interior_is_one_nest_that_reads_each_neighbour_once(
    f: Callable[..., Any], shape: tuple[int, ...], edge: int, reads: int
):
    nests = pullback_nests(f, shape)
    fields = prod(shape) // prod(shape[-max(len(nest.extents) for nest in nests) :])
    interior = max(nests, key=lambda nest: prod(nest.extents))
    assert interior.extents == tuple(n - 2 * edge for n in shape[len(shape) - len(interior.extents) :])
    assert sum(nest is not interior and nest.extents == interior.extents for nest in nests) == 0
    assert len(interior.stores) == fields
    assert sum(expression.operation == "load" for expression in interior.expressions) == reads


@pytest.mark.parametrize(("f", "shape", "edge", "reads"), STENCILS.values(), ids=STENCILS.keys())
def test_every_entry_is_stored_once(f: Callable[..., Any], shape: tuple[int, ...], edge: int, reads: int):
    stored = sum(prod(nest.extents) * len(nest.stores) for nest in pullback_nests(f, shape))
    assert stored == prod(shape)


@pytest.mark.parametrize(("f", "shape", "edge", "reads"), STENCILS.values(), ids=STENCILS.keys())
@pytest.mark.parametrize("operator", ["pullback", "value_and_pullback"])
def test_numbers_and_no_array_in_between(
    f: Callable[..., Any], shape: tuple[int, ...], edge: int, reads: int, operator: str
):
    points = [(RNG.standard_normal(shape), RNG.standard_normal(shape)) for _ in range(2)]
    compare(operator, f, "reverse", points)
    prep: Any = di.prepare_pullback(f, "reverse", *points[0])
    prep.pullback(*points[0])
    assert " 0.0 KiB of buffers" in prep.explain()


@pytest.mark.parametrize("shape", [(2, 3, 3), (2, 2, 5), (2, 1, 4), (2, 4, 3)])
def test_grids_that_are_hardly_more_than_edges(shape: tuple[int, ...]):
    compare("value_and_pullback", reaction_and_diffusion, "reverse", [(np.ones(shape), RNG.standard_normal(shape))])


def test_edges_along_different_axes_of_a_square_are_different_nests():
    nests = pullback_nests(reaction_and_diffusion, (2, 20, 20))
    edges = [nest for nest in nests if nest.extents == (18,)]
    assert len(edges) == 2
    for nest in edges:
        (axis,) = {
            axis for target in nest.stores for axis, place in enumerate(target.map) if place[0] == 0
        }  # all lie along one
        assert axis in (2, 3)  # (behind the batch axis of the cotangents, and the fields)
        assert len(nest.stores) == 4  # two edges of two fields
    assert sum(prod(nest.extents) * len(nest.stores) for nest in nests) == 2 * 20 * 20
    points = [(RNG.standard_normal((2, 20, 20)), RNG.standard_normal((2, 20, 20)))]
    compare("value_and_pullback", reaction_and_diffusion, "reverse", points)


def test_lanes_are_for_what_lies_together_or_takes_long(monkeypatch: pytest.MonkeyPatch):
    from diffiface_native.compiled import nest_text

    widths: list[int] = []
    original = nest_text.NestText.write

    def seen(self: Any) -> None:
        widths.append(self._width)
        original(self)

    monkeypatch.setattr(nest_text.NestText, "write", seen)

    def column(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def f(x: Any) -> Any:
            y = np.zeros_like(x)
            y[:, 0] = function(x[:, 1])
            return y

        return f

    def row(x: Any) -> Any:
        y = np.zeros_like(x)
        y[0] = 2.0 * x[1]
        return y

    x = RNG.standard_normal((40, 30))
    for f, wanted in ((column(lambda c: 2.0 * c), 1), (column(np.exp), 8), (row, 8)):
        widths.clear()
        compare("value_and_pushforward", f, "forward", [(x, x)])
        assert widths and (1 in widths) == (wanted == 1), (wanted, widths)
