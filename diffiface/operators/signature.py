"""What a preparation fixes: the kind, dtype, shape and structure of every argument, not its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.arrays import NUMPY_FAMILY, TRACED, LeafSpec, family_of
from diffiface.numpy_api import Dressed


@dataclass(frozen=True)
class ContextSpec:
    """What a preparation remembers of a constant: its kind, dtype and shape, or its type."""

    leaves: tuple[Any, ...]
    structure: Any
    cache: bool = False

    def __str__(self) -> str:
        inside = ", ".join(map(str, self.leaves))
        text = inside if self.structure is trees.LEAF else f"{trees.describe(self.structure)} of {inside}"
        return f"Cache {text}" if self.cache else text


@dataclass(frozen=True)
class Signature:
    """Everything about a call that preparing fixes."""

    x: tuple[Any, tuple[LeafSpec, ...]]
    seeds: tuple[int | None, Any, tuple[LeafSpec, ...]] | None
    contexts: tuple[ContextSpec, ...]
    y: LeafSpec | None

    def rows(self) -> list[tuple[str, str]]:
        """Name and describe each argument."""

        def show(structure: Any, specs: Sequence[LeafSpec]) -> str:
            inside = ", ".join(map(str, specs))
            return inside if structure is trees.LEAF else f"{trees.describe(structure)} of {inside}"

        rows = [("x", show(*self.x))]
        if self.y is not None:
            rows.insert(0, ("y", str(self.y)))
        if self.seeds is not None:
            batch, structure, specs = self.seeds
            text = show(structure, specs)
            rows.append(("t", text if batch is None else f"{batch} of {text}"))
        rows += [(f"context {i}", str(spec)) for i, spec in enumerate(self.contexts)]
        return rows


def context_leaf_spec(leaf: Any) -> Any:
    """Describe one constant as far as a preparation may depend on it."""
    if isinstance(leaf, Dressed):  # first: dressed values pass for NumPy's own
        return LeafSpec(TRACED, leaf.dtype, leaf.shape)
    if isinstance(leaf, np.ndarray):
        return LeafSpec(NUMPY_FAMILY, leaf.dtype, leaf.shape)
    if isinstance(leaf, (bool, int, float, complex, str)):
        return type(leaf).__name__ if not isinstance(leaf, np.generic) else LeafSpec(NUMPY_FAMILY, leaf.dtype, (), True)
    family = family_of(leaf)
    if family is not None:
        return LeafSpec(family.name, family.dtype(leaf), family.shape(leaf))
    return type(leaf).__name__
