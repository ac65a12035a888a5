"""Linear algebra of small matrices of expressions: formulas that divide by nothing but the determinant."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from diffiface.adapter import SymbolicPrimitives, object_array


def _matrix(entries: np.ndarray) -> Any:
    return sympy.Matrix(*entries.shape, list(entries.reshape(-1)))


class LinearAlgebra(SymbolicPrimitives):
    """The primitives of linear algebra that have a formula."""

    def det_matrix(self, a: np.ndarray) -> Any:
        self.count(len(a) ** 4)
        return _matrix(a).det(method="berkowitz")

    def solve_matrix(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        self.count(len(a) ** 5 + len(a) * b.size)
        matrix = _matrix(a)
        solution = matrix.adjugate(method="berkowitz") * _matrix(b) / matrix.det(method="berkowitz")
        return object_array(list(solution), b.shape)
