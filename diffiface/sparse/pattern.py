"""A sparsity pattern: which entries of a matrix may differ from zero, and for which x that is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from diffiface.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Scope = Literal["global", "local"]


@dataclass(frozen=True, eq=False)
class SparsityPattern:
    """The structure of a sparse matrix, in compressed rows.

    Args:
        shape: rows and columns.
        indptr: row i holds the entries `indptr[i]` to `indptr[i + 1]`.
        indices: their columns, ascending within a row.
        origin: who found it ("traced", "dense", "known", "engine").
        scope: "global" if it holds for every x, "local" if only for those that take the same way through f.
        reasons: why it is local: the user's lines that asked a value for a branch, a size or an index.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_jacobian(lambda x: x[1:] * x[:-1], di.Sparse("forward"), np.ones(3))
    >>> prep.pattern
    <SparsityPattern 2x3, 4 nonzeros, global, traced>
    >>> prep.pattern.matrix().toarray()
    array([[ True,  True, False],
           [False,  True,  True]])
    """

    shape: tuple[int, int]
    indptr: np.ndarray
    indices: np.ndarray
    origin: str
    scope: Scope = "global"
    reasons: tuple[str, ...] = ()

    @classmethod
    def of(cls, matrix: Any, origin: str, scope: Scope = "global", reasons: tuple[str, ...] = ()) -> SparsityPattern:
        """Read the pattern off a SciPy sparse matrix (its stored entries) or an array (its nonzero entries).

        >>> import numpy as np, diffiface as di
        >>> di.sparse.SparsityPattern.of(np.eye(3), "known")
        <SparsityPattern 3x3, 3 nonzeros, global, known>
        """
        from scipy.sparse import csr_array, issparse

        if not issparse(matrix):
            matrix = np.asarray(matrix)
            if matrix.ndim != 2 or matrix.dtype.kind not in "biufc":
                raise InputError(
                    f"a sparsity pattern is a matrix, but this is {matrix.dtype} of shape {matrix.shape}",
                    fix="give a SciPy sparse matrix or a 2-d array",
                )
        rows: Any = csr_array(matrix, copy=True)
        rows.data = np.ones(len(rows.data), bool)  # stored zeros are entries, and duplicates must not cancel
        rows.sum_duplicates()
        height, width = map(int, rows.shape)
        structure = compact(rows.indptr, rows.indices, max(height, width))
        return cls((height, width), *structure, origin, scope, reasons)

    @property
    def nnz(self) -> int:
        """How many entries may differ from zero."""
        return len(self.indices)

    @property
    def rows(self) -> np.ndarray:
        """The row of each entry."""
        return np.repeat(np.arange(self.shape[0], dtype=self.indices.dtype), np.diff(self.indptr))

    def matrix(self, values: np.ndarray | None = None) -> csr_array:
        """Return a new CSR array with this structure (of True, or of the values given in its order)."""
        template = self._template
        matrix: Any = object.__new__(type(template))  # what copy.copy does, in a third of its time
        matrix.__dict__.update(template.__dict__)
        matrix.data = np.ones(self.nnz, bool) if values is None else values
        # A structure of its own: SciPy's eliminate_zeros and the like change it in place.
        matrix.indices, matrix.indptr = self.indices.copy(), self.indptr.copy()
        return matrix

    @cached_property
    def _template(self) -> csr_array:
        """A matrix with this structure, to be copied: SciPy's constructor checks anew what is known here."""
        from scipy.sparse import csr_array

        return csr_array((np.ones(self.nnz, bool), self.indices, self.indptr), shape=self.shape)

    def transposed(self) -> SparsityPattern:
        """Return the pattern of the transpose."""
        return SparsityPattern.of(self.matrix().T, self.origin, self.scope, self.reasons)

    def symmetric(self) -> SparsityPattern:
        """Return the pattern united with that of the transpose."""
        matrix = self.matrix().astype(np.int8)
        return SparsityPattern.of(matrix + matrix.T, self.origin, self.scope, self.reasons)

    def with_diagonal(self) -> SparsityPattern:
        """Return the pattern of a square matrix united with its diagonal."""
        if np.count_nonzero(self.rows == self.indices) == self.shape[0]:
            return self
        every = np.arange(self.shape[0] + 1, dtype=self.indptr.dtype)
        return self.united(SparsityPattern(self.shape, every, every[:-1], self.origin, self.scope, self.reasons))

    def united(self, other: SparsityPattern) -> SparsityPattern:
        """Return the pattern of all entries of both."""
        both = self.matrix().astype(np.int8) + other.matrix().astype(np.int8)
        return SparsityPattern.of(both, other.origin, other.scope, other.reasons)

    def same_structure(self, matrix: Any) -> bool:
        """Say whether a CSR array has exactly these entries, in this order."""
        return (
            tuple(matrix.shape) == self.shape
            and np.array_equal(matrix.indptr, self.indptr)
            and np.array_equal(matrix.indices, self.indices)
        )

    def __repr__(self) -> str:
        rows, columns = self.shape
        return f"<SparsityPattern {rows}x{columns}, {self.nnz} nonzeros, {self.scope}, {self.origin}>"


def compact(indptr: np.ndarray, indices: np.ndarray, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both in 32 bits where that is enough: half the memory, and what SciPy itself would choose."""
    dtype = np.int32 if max(largest, len(indices)) < 2**31 else np.int64
    return indptr.astype(dtype, copy=False), indices.astype(dtype, copy=False)
