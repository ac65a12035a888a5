"""Backends that stand in for another engine: they hand its calls to other processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.adapter import Backend, Capabilities, FlatFunction, Leaves
from diffiface.arrays import family_of
from diffiface.contexts import Cache
from diffiface.errors import UnsupportedOperationError
from diffiface.function import Function, definition_of


@dataclass(frozen=True, repr=False)
class StandIn(Backend):
    """A backend with the name and nature of another, the inner one."""

    inner: Backend

    def __post_init__(self) -> None:
        object.__setattr__(self, "style", self.inner.style)
        object.__setattr__(self, "chunk_size", self.inner.chunk_size)

    def __repr__(self) -> str:
        return repr(self.inner)

    name = property(lambda self: self.inner.name)  # pyright: ignore[reportAssignmentType]
    mode = property(lambda self: self.inner.mode)  # pyright: ignore[reportAssignmentType]
    exact = property(lambda self: self.inner.exact)  # pyright: ignore[reportAssignmentType]
    traces = property(lambda self: self.inner.traces)  # pyright: ignore[reportAssignmentType]
    family = property(lambda self: self.inner.family)  # pyright: ignore[reportAssignmentType]
    nests = property(lambda self: self.inner.nests)  # pyright: ignore[reportAssignmentType]
    complex_inputs = property(lambda self: self.inner.complex_inputs)  # pyright: ignore[reportAssignmentType]
    joins_leaves = property(lambda self: self.inner.joins_leaves)  # pyright: ignore[reportAssignmentType]

    def capabilities(self) -> Capabilities:
        """Return what the inner engine can do."""
        return self.inner.capabilities()


def checked(f: FlatFunction, engine: str) -> Function:
    """Return f, the function of the user's call, which must return its value and nothing else."""
    assert isinstance(f, Function)
    for given, what in ((f.has_aux, "has_aux=True"), (f.y_buffer is not None, "y=")):
        if given:
            raise UnsupportedOperationError(
                f"{what} is not for what other processes compute",
                engine=engine,
                where=definition_of(f.f),
                fix="return the value alone",
            )
    return f


def user_arguments(f: Function, xs: Leaves, contexts: Leaves) -> tuple[Any, ...]:
    """Put leaves back into the arguments that the user gave, scratch memory marked as such."""
    x = trees.unflatten(f.x_structure, xs)
    leaves = [Cache(leaf) if i in f.cache_positions else leaf for i, leaf in enumerate(contexts)]
    constants = iter(leaves)
    if f.context_structures is not None:
        remaining = iter(leaves)
        constants = iter(
            [
                trees.unflatten(structure, [next(remaining) for _ in range(count)])
                for structure, count in f.context_structures
            ]
        )
    positions = f.argnums if isinstance(f.argnums, tuple) else (f.argnums,)
    active = dict(zip(positions, x if isinstance(f.argnums, tuple) else (x,), strict=True))
    total = len(active) + len(leaves if f.context_structures is None else f.context_structures)
    return tuple(active[i] if i in active else next(constants) for i in range(total))


def like(part: Any, x: Any) -> Any:
    """Give results that came as NumPy arrays the family of x."""
    family = family_of(x)
    if family is None or part is None:
        return part
    if isinstance(part, (tuple, list)):
        return type(part)(like(member, x) for member in part)
    return family.from_numpy(np.asarray(part), x)
