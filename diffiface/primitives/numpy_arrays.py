"""The primitives on NumPy arrays themselves: the ground on which our own engines stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.primitives.custom_call import CustomCall
from diffiface.primitives.definitions import PRIMITIVES
from diffiface.primitives.interface import Primitives


class NumPyPrimitives(Primitives):
    """Each primitive by its definition; used as the base of our engines and to run the dress on plain numbers."""

    engine = "numpy"
    traced_type = np.ndarray

    def custom_call(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        return call.on_host(operands)

    @staticmethod
    def call_out(*operands: Any, function: Callable[..., tuple[Any, ...]]) -> tuple[Any, ...]:  # type: ignore[override]
        """What a recorder writes down as an operation: the function called with the operands."""
        return function(operands)

    def primal(self, value: Any) -> Any:
        return value


for _name, _primitive in PRIMITIVES.items():
    setattr(NumPyPrimitives, _name, staticmethod(_primitive.definition))

NUMPY = NumPyPrimitives()
