"""Linear algebra on arrays of Python objects: what has a formula without choices of pivots, on stacks of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.errors import UnsupportedOperationError
from diffiface.primitives.numpy_arrays import NUMPY
from diffiface.primitives.object_arrays import ObjectArray, object_array
from diffiface.primitives.object_fourier import ObjectFourier


class ObjectLinearAlgebra(ObjectFourier):
    """Primitives of linear algebra; an engine adds `solve_matrix`, and may replace the others."""

    def solve_matrix(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Solve `a x = b` for two object matrices."""
        raise UnsupportedOperationError("systems of equations are not supported", engine=self.engine)

    def det_matrix(self, a: np.ndarray) -> Any:
        """Return the determinant of an object matrix without a division (Bird 2011), so that no pivot can be zero."""
        functions, n = self.entry_functions, len(a)
        zero = functions.constant(0)
        if n == 0:
            return functions.constant(1)
        current = a
        for _ in range(n - 1):
            upper = object_array([current[i, j] if j > i else zero for i, j in np.ndindex(n, n)], (n, n))
            for i in range(n):
                upper[i, i] = -functions.total([current[k, k] for k in range(i + 1, n)])
            current = self._product(upper, a)
        return current[0, 0] if n % 2 else -current[0, 0]

    def _product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        total = self.entry_functions.total
        rows = [total(list(a[i] * b[:, j])) for i, j in np.ndindex(a.shape[0], b.shape[1])]
        self.count(a.size * b.shape[1])
        return object_array(rows, (a.shape[0], b.shape[1]))

    def of_matrices(
        self, name: str, operands: Sequence[Any], function: Callable[..., Any], parameters: dict[str, Any] | None = None
    ) -> Any:
        """Apply a function of single object matrices to each matrix of stacks; of plain arrays, NumPy's."""
        if not any(isinstance(operand, ObjectArray) for operand in operands):
            return getattr(NUMPY, name)(*operands, **(parameters or {}))
        self.only_real(name, operands)
        arrays = [self._numbers(operand) for operand in operands]
        stack = np.broadcast_shapes(*(array.shape[:-2] for array in arrays))
        arrays = [np.broadcast_to(array, stack + array.shape[-2:]) for array in arrays]
        results = [function(*(array[place] for array in arrays)) for place in np.ndindex(stack)]
        if not results:
            raise UnsupportedOperationError(
                f"{name} of an empty stack of matrices is not supported", engine=self.engine
            )
        dtype = np.result_type(*(self.dtype(operand) for operand in operands), np.float32)
        if not isinstance(results[0], np.ndarray):
            return ObjectArray(object_array(results, stack), dtype)
        return ObjectArray(np.stack(results).reshape(stack + results[0].shape), dtype)

    def det(self, a: Any) -> Any:
        return self.of_matrices("det", (a,), self.det_matrix)

    def slogdet(self, a: Any) -> tuple[Any, Any]:
        if not isinstance(a, ObjectArray):
            return NUMPY.slogdet(a)
        determinant = self.det(a)
        return self.sign(determinant), self.log(self.absolute(determinant))

    def solve(self, a: Any, b: Any) -> Any:
        return self.of_matrices("solve", (a, b), self.solve_matrix)

    def inv(self, a: Any) -> Any:
        return self.of_matrices("inv", (a,), lambda matrix: self.solve_matrix(matrix, self._identity(len(matrix))))

    def _identity(self, n: int) -> np.ndarray:
        return self.raw(np.eye(n)).entries

    def cholesky(self, a: Any) -> Any:
        """Factorise the symmetrised argument, of which the derivative is."""
        half = self.entry_functions.constant(0.5)
        return self.of_matrices("cholesky", (a,), lambda matrix: self._cholesky_matrix(half * (matrix + matrix.T)))

    def _cholesky_matrix(self, a: np.ndarray) -> np.ndarray:
        functions, n = self.entry_functions, len(a)
        factor = object_array([functions.constant(0)] * (n * n), (n, n))
        self.count(n**3)
        for i in range(n):
            for j in range(i + 1):
                rest = a[i, j] - functions.total(list(factor[i, :j] * factor[j, :j]))
                factor[i, j] = functions.sqrt(rest) if i == j else rest / factor[j, j]
        return factor

    def triangular_solve(self, a: Any, b: Any, *, lower: bool, unit_diagonal: bool) -> Any:
        parameters = {"lower": lower, "unit_diagonal": unit_diagonal}

        def substituted(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            n, x = len(a), b.copy()
            self.count(n * b.size)
            for i in range(n) if lower else reversed(range(n)):
                others = slice(0, i) if lower else slice(i + 1, n)
                for column in range(b.shape[1]):
                    rest = b[i, column] - self.entry_functions.total(list(a[i, others] * x[others, column]))
                    x[i, column] = rest if unit_diagonal else rest / a[i, i]
            return x

        return self.of_matrices("triangular_solve", (a, b), substituted, parameters)
