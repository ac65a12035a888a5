"""The primitives on NumPy arrays themselves: the ground on which our own engines stand."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.primitives.definitions import PRIMITIVES
from diffiface.primitives.interface import Primitives


class NumPyPrimitives(Primitives):
    """Each primitive by its definition; used as the base of our engines and to run the dress on plain numbers."""

    engine = "numpy"
    traced_type = np.ndarray

    def primal(self, value: Any) -> Any:
        return value


for _name, _primitive in PRIMITIVES.items():
    setattr(NumPyPrimitives, _name, staticmethod(_primitive.definition))

NUMPY = NumPyPrimitives()
