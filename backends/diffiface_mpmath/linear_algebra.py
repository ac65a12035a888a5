"""Linear algebra in many digits. Signs and pivots are those that LAPACK chooses for the rounded matrix.

What is unique up to a sign only, as eigenvectors are, has to be the same at neighbouring points for their difference
to mean something, and has to be NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffiface.adapter import NUMPY, ObjectArray, ObjectLinearAlgebra, UnsupportedOperationError, object_array

Matrices = tuple[np.ndarray, ...]


class LinearAlgebra(ObjectLinearAlgebra):
    """The primitives of linear algebra, by mpmath's functions of a matrix."""

    @property
    def _context(self) -> Any:
        return self.entry_functions.context  # type: ignore[attr-defined]

    def _matrix(self, entries: np.ndarray) -> Any:
        self.count(entries.size * max(entries.shape))
        return self._context.matrix(entries.tolist())

    def _several(
        self, name: str, a: Any, function: Callable[[np.ndarray], Matrices], parameters: dict[str, Any]
    ) -> Any:
        """Apply a function with several results to each matrix of a stack; of plain arrays, NumPy's."""
        if not isinstance(a, ObjectArray):
            return getattr(NUMPY, name)(a, **parameters)
        stack, matrices = a.shape[:-2], a.entries.reshape(-1, *a.shape[-2:])
        columns = zip(*(function(matrix) for matrix in matrices), strict=True)
        return tuple(ObjectArray(_stacked(column, stack), a.dtype) for column in columns)

    # ---- systems of equations

    def solve_matrix(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        matrix, context = self._matrix(a), self._context
        columns = [list(context.lu_solve(matrix, context.matrix(list(b[:, j])))) for j in range(b.shape[1])]
        return object_array([column[i] for i in range(b.shape[0]) for column in columns], b.shape)

    def det_matrix(self, a: np.ndarray) -> Any:
        return self._context.det(self._matrix(a)) if len(a) else self._context.one

    def cofactors(self, a: Any) -> Any:
        def of(matrix: np.ndarray) -> np.ndarray:
            places = np.ndindex(matrix.shape)
            minors = [
                (-1) ** (i + j) * self.det_matrix(np.delete(np.delete(matrix, i, axis=0), j, axis=1)) for i, j in places
            ]
            return object_array(minors, matrix.shape)

        return self.of_matrices("cofactors", (a,), of)

    def sylvester(self, a: Any, b: Any, q: Any) -> Any:
        """Solve `a x + x b = q` as one system for the entries of x, column by column."""

        def of(a: np.ndarray, b: np.ndarray, q: np.ndarray) -> np.ndarray:
            n, m = len(a), len(b)
            system = np.kron(np.eye(m, dtype=int), a) + np.kron(b.T, np.eye(n, dtype=int))
            return self.solve_matrix(system, q.T.reshape(-1, 1)).reshape(m, n).T

        return self.of_matrices("sylvester", (a, b, q), of)

    def pinv(self, a: Any, *, rtol: Any, hermitian: bool) -> Any:
        def of(matrix: np.ndarray) -> np.ndarray:
            if np.linalg.matrix_rank(_rounded(matrix), rtol=float(np.max(rtol))) < min(matrix.shape):
                raise UnsupportedOperationError(
                    "the pseudoinverse of a matrix without full rank is not supported",
                    engine=self.engine,
                    fix="use 'reverse'",
                )
            tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
            inverse = self.solve_matrix(self._product(tall.T, tall), tall.T)
            return inverse if tall is matrix else inverse.T

        return self.of_matrices("pinv", (a,), of, {"rtol": rtol, "hermitian": hermitian})

    # ---- factorisations

    def eigh(self, a: Any, *, upper: bool = False) -> Any:
        def of(matrix: np.ndarray) -> Matrices:
            symmetric = (matrix + matrix.T) / 2
            values, vectors = self._context.eigsy(self._matrix(symmetric))
            vectors = _entries(vectors)
            _, known = np.linalg.eigh(_rounded(symmetric), "U" if upper else "L")
            return np.array(list(values), object), vectors * _signs(vectors, known)

        return self._several("eigh", a, of, {"upper": upper})

    def qr(self, a: Any, *, complete: bool) -> Any:
        self._refuse_completion(complete, a, "a complete QR factorisation")

        def of(matrix: np.ndarray) -> Matrices:
            q, r = map(_entries, self._context.qr(self._matrix(matrix), mode="skinny"))
            signs = _signs(q, np.linalg.qr(_rounded(matrix))[0])
            return q * signs, signs[:, None] * r

        return self._several("qr", a, of, {"complete": complete})

    def svd(self, a: Any, *, full_matrices: bool) -> Any:
        self._refuse_completion(full_matrices, a, "a singular value decomposition with full matrices")

        def of(matrix: np.ndarray) -> Matrices:
            u, s, vh = self._context.svd_r(self._matrix(matrix), full_matrices=False)
            u, vh = _entries(u), _entries(vh)
            signs = _signs(u, np.linalg.svd(_rounded(matrix), full_matrices=False)[0])
            return u * signs, np.array(list(s), object), signs[:, None] * vh

        return self._several("svd", a, of, {"full_matrices": full_matrices})

    def svdvals(self, a: Any) -> Any:
        def of(matrix: np.ndarray) -> np.ndarray:
            return np.array(list(self._context.svd_r(self._matrix(matrix), compute_uv=False)), object)

        return self.of_matrices("svdvals", (a,), of)

    def lu(self, a: Any) -> Any:
        """Eliminate in the order of LAPACK's pivots for the rounded matrix."""

        def of(matrix: np.ndarray) -> Matrices:
            permutation = NUMPY.lu(_rounded(matrix))[0]
            upper, (n, m) = permutation.T.astype(int) @ matrix, matrix.shape
            lower = self.raw(np.eye(n, min(n, m))).entries
            self.count(n * m * min(n, m))
            for k in range(min(n, m)):
                for i in range(k + 1, n):
                    lower[i, k] = upper[i, k] / upper[k, k]
                    upper[i, :] = upper[i, :] - lower[i, k] * upper[k, :]
                    upper[i, k] = self._context.zero
            return self.raw(permutation).entries, lower, upper[: min(n, m)]

        return self._several("lu", a, of, {})

    def lu_pivots(self, a: Any) -> Any:
        return NUMPY.lu_pivots(self.primal(a))

    def pivots_to_permutation(self, pivots: Any) -> Any:
        return NUMPY.pivots_to_permutation(self.primal(pivots))

    def _refuse_completion(self, complete: bool, a: Any, what: str) -> None:
        if complete and isinstance(a, ObjectArray) and a.shape[-2] != a.shape[-1]:
            raise UnsupportedOperationError(
                f"{what} is not supported: the vectors that complete a basis are not unique",
                engine=self.engine,
                fix="use the reduced form, or 'reverse'",
            )

    # ---- functions of matrices

    def expm(self, a: Any) -> Any:
        return self._matrix_function("expm", a)

    def logm(self, a: Any) -> Any:
        return self._matrix_function("logm", a)

    def sqrtm(self, a: Any) -> Any:
        return self._matrix_function("sqrtm", a)

    def _matrix_function(self, name: str, a: Any) -> Any:
        def of(matrix: np.ndarray) -> np.ndarray:
            context = self._context
            found = _entries(getattr(context, name)(self._matrix(matrix)))
            if max(abs(context.im(entry)) for entry in found.flat) > context.sqrt(context.eps):
                raise UnsupportedOperationError(
                    f"{name} of this matrix is complex, which is not supported",
                    engine=self.engine,
                    fix="use 'reverse'",
                )
            return object_array([context.re(entry) for entry in found.flat], matrix.shape)

        return self.of_matrices(name, (a,), of)


def _entries(matrix: Any) -> np.ndarray:
    return object_array(list(matrix), (matrix.rows, matrix.cols))


def _rounded(matrix: np.ndarray) -> np.ndarray:
    return matrix.astype(np.float64)


def _signs(vectors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return for each column the sign that turns it into the known one."""
    return np.where(np.sum(_rounded(vectors) * known, axis=0) < 0, -1, 1)


def _stacked(matrices: Sequence[np.ndarray], stack: tuple[int, ...]) -> np.ndarray:
    return np.stack(matrices).reshape(stack + matrices[0].shape)
