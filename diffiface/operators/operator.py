"""An operator as data: what it asks of an engine, what the engine returns, and which of it each variant hands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["y", "x", "batch of y", "batch of x", "y by x", "x by x"]
"""The structure of one result: like y, like x, a batch of either, or a Jacobian's nesting."""


@dataclass(frozen=True)
class Operator:
    """One of the eight operators."""

    name: str
    parts: tuple[Part, ...]
    """The engine's results, in order (the auxiliary output comes after them)."""
    variants: dict[str, tuple[int, ...]]
    """Public name → which parts it returns."""
    seeds: Literal["tangents", "cotangents"] | None = None
    output: Literal["any", "scalar"] = "any"
    """Whether y must be a scalar."""
    scalar_x: bool = False
    fills_output: bool = True
    """Whether `y=` may be given, for functions that fill their output."""
