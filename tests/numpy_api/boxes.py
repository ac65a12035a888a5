"""A trace that tracks nothing but itself: each raw value is a number in a box, so that a lost trace is seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api import Array
from diffiface.primitives import NUMPY, PRIMITIVES, Primitives


class Box:
    """A traced value."""

    __slots__ = ("trace", "value")
    __array_ufunc__ = None

    def __init__(self, value: Any, trace: BoxTrace):
        self.value = value
        self.trace = trace

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def dtype(self) -> np.dtype:
        return self.value.dtype


class BoxTrace(Primitives):
    """The primitives on boxes. `live=False` knows no values, as a function under jit."""

    traced_type = Box

    def __init__(self, base: Primitives = NUMPY, live: bool = True):
        self.engine = "boxes" if live else "compiled boxes"
        self.base = base
        self.accepts = (base, *base.accepts)
        self.live = live

    def holds(self, value: Any) -> bool:
        return type(value) is Box and value.trace is self

    def open(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(self.open(item) for item in value)
        return value.value if self.holds(value) else value

    def concrete(self, value: Any) -> Any:
        return None if self.holds(value) else self.base.concrete(value)

    def primal(self, value: Any) -> Any:
        return self.base.primal(self.open(value)) if self.live or not self.holds(value) else None

    def laid_out(self, value: Any) -> np.ndarray | None:
        return self.base.laid_out(self.open(value)) if self.live else super().laid_out(value)

    def array(self, value: Any) -> Array:
        """Return a traced array of this trace."""
        return Array(Box(value, self), self)


def _contains_box(p: BoxTrace, values: Any) -> bool:
    return any(_contains_box(p, v) if isinstance(v, (list, tuple)) else p.holds(v) for v in values)


def _primitive(name: str, derivative: str):
    def method(self: BoxTrace, *arrays: Any, **parameters: Any) -> Any:
        parameters = {key: self.open(value) for key, value in parameters.items()}
        result = getattr(self.base, name)(*[self.open(a) for a in arrays], **parameters)
        if not _contains_box(self, arrays) or (derivative == "none" and self.live):
            return result
        return tuple(Box(r, self) for r in result) if isinstance(result, tuple) else Box(result, self)

    return method


for _name, _definition in PRIMITIVES.items():
    setattr(BoxTrace, _name, _primitive(_name, _definition.derivative))
