"""Parameters as the vector that optimisers and samplers know: pytrees laid end to end, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.errors import InputError


class Vector:
    """How x, an array or a pytree of real arrays and numbers, lies in one float64 vector.

    Leaves follow each other in the order of the pytree, each in C order.
    """

    def __init__(self, x: Any):
        leaves, self._structure = trees.flatten(x)
        arrays = [np.asarray(leaf) for leaf in leaves]
        for array, name in zip(arrays, trees.paths(self._structure), strict=True):
            if array.dtype.kind not in "fiub":
                raise InputError(
                    f"x{name} has dtype {array.dtype}, but optimisers and samplers move real numbers",
                    fix="write f as a function of real numbers: real and imaginary parts as two entries",
                )
        if not arrays:
            raise InputError(f"x is {x!r:.60}: there is nothing to move")
        self.shapes = tuple(array.shape for array in arrays)
        self._sizes = tuple(map(math.prod, self.shapes))
        self._bare = self._structure is trees.LEAF and arrays[0].ndim == 1
        self.size = sum(self._sizes)
        self.x0 = self._joined(arrays)
        """The vector of the x given."""

    @staticmethod
    def _joined(arrays: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([np.asarray(array, np.float64).reshape(-1) for array in arrays])

    def vector(self, tree: Any) -> np.ndarray:
        """Return the new float64 vector of something that is like x."""
        if self._bare:
            return np.array(tree, np.float64)
        leaves, _ = trees.flatten(tree)
        return self._joined(leaves)

    def tree(self, vector: Any) -> Any:
        """Return the structure of x with the entries of a vector, in new arrays."""
        vector = np.array(vector, np.float64)
        if vector.shape != (self.size,):
            raise InputError(
                f"x has shape {vector.shape}, but was given with {self.size} entries in all: shape ({self.size},)"
            )
        if self._bare:
            return vector
        leaves, start = [], 0
        for shape, size in zip(self.shapes, self._sizes, strict=True):
            leaf = vector[start : start + size].reshape(shape)
            leaves.append(leaf if shape else leaf[()])
            start += size
        return trees.unflatten(self._structure, leaves)

    def jacobian(self, tree: Any) -> Any:
        """Return the matrix, y by x, of a Jacobian: dense float64, or CSR if it came so."""
        if is_sparse(tree):
            return tree.tocsr().astype(np.float64)
        leaves, _ = trees.flatten(tree)
        return np.concatenate(
            [np.asarray(leaf, np.float64).reshape(-1, size) for leaf, size in zip(leaves, self._sizes, strict=True)],
            axis=1,
        )

    def columns(self, matrix: np.ndarray) -> Any:
        """Return the structure of x with the columns of a matrix `(m, n)`: each leaf of shape `(m, *shape)`."""
        leaves, start = [], 0
        for shape, size in zip(self.shapes, self._sizes, strict=True):
            leaves.append(matrix[:, start : start + size].reshape(-1, *shape))
            start += size
        return trees.unflatten(self._structure, leaves)

    def hessian(self, tree: Any) -> Any:
        """Return the matrix, x by x, of a Hessian: dense float64, or CSR if it came so."""
        if is_sparse(tree):
            return tree.tocsr().astype(np.float64)
        leaves, _ = trees.flatten(tree)
        blocks = iter(leaves)
        return np.block(
            [
                [np.asarray(next(blocks), np.float64).reshape(rows, columns) for columns in self._sizes]
                for rows in self._sizes
            ]
        )


def is_sparse(matrix: Any) -> bool:
    """Whether a matrix is one of SciPy's sparse ones (without loading SciPy to see)."""
    return hasattr(matrix, "tocsr")
