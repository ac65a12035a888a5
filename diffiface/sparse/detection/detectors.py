"""The ways to find a pattern, as values: what `Sparse(detector=...)` takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from diffiface.adapter import Backend, FlatFunction, Leaves
from diffiface.errors import InputError, TracedValueError, UnsupportedOperationError
from diffiface.sparse.detection.dense import dense_hessian_pattern, dense_jacobian_pattern
from diffiface.sparse.detection.traced import can_be_traced, trace_hessian, trace_jacobian
from diffiface.sparse.pattern import SparsityPattern

Matrix = Literal["jacobian", "hessian"]
NAMES = ("auto", "global", "local", "dense", "engine")


class Detector:
    """Finds the pattern of a Jacobian or Hessian. A detector of your own derives from this; it must be hashable."""

    def detect(
        self, matrix: Matrix, backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> SparsityPattern:
        """Return the pattern: entries of y (or x) by entries of x, all leaves one after the other in C order."""
        raise NotImplementedError


@dataclass(frozen=True)
class Traced(Detector):
    """One run of f on values that carry index sets.

    Args:
        local: whether only this x counts: `np.where` follows its condition, zeros are not moved by what they multiply.
    """

    local: bool = False

    def detect(
        self, matrix: Matrix, backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> SparsityPattern:
        if not can_be_traced(f):
            raise UnsupportedOperationError(
                f"the function is written for {getattr(f, 'native_to', 'another library')}, so its pattern cannot be "
                "traced",
                engine=backend.name,
                fix="detector='auto', 'engine', 'dense', or the pattern itself",
            )
        trace = trace_jacobian if matrix == "jacobian" else trace_hessian
        try:
            return trace(f, xs, contexts, self.local)
        except (UnsupportedOperationError, TracedValueError) as error:
            error.fix += "; or find the pattern in another way: detector='dense', or the pattern itself"
            raise


@dataclass(frozen=True)
class Dense(Detector):
    """The derivative at x, computed densely (in batches of columns) and compared with a threshold.

    Args: tolerance: entries of at most this size count as zero.
    """

    tolerance: float = 0.0

    def detect(
        self, matrix: Matrix, backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> SparsityPattern:
        detect = dense_jacobian_pattern if matrix == "jacobian" else dense_hessian_pattern
        return detect(backend, f, xs, contexts, self.tolerance)


@dataclass(frozen=True)
class FromEngine(Detector):
    """What the engine itself can tell of a function (JAX can where the package asdex is installed)."""

    def detect(
        self, matrix: Matrix, backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> SparsityPattern:
        pattern = _engine_pattern(matrix, backend, f, xs, contexts)
        if pattern is None:
            raise UnsupportedOperationError(
                "this engine cannot tell the pattern of a function",
                engine=backend.name,
                fix="detector='global' (functions written in NumPy), 'dense' (all), 'jax' with asdex installed, or the "
                "pattern itself",
            )
        return pattern


@dataclass(frozen=True)
class Automatic(Detector):
    """Traced for a function written in NumPy; for one written for an engine what that engine tells, else dense."""

    def detect(
        self, matrix: Matrix, backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> SparsityPattern:
        if can_be_traced(f):
            return Traced().detect(matrix, backend, f, xs, contexts)
        found = _engine_pattern(matrix, backend, f, xs, contexts)
        return Dense().detect(matrix, backend, f, xs, contexts) if found is None else found


def _engine_pattern(
    matrix: Matrix, backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves
) -> SparsityPattern | None:
    found = backend.sparsity(matrix, f, xs, contexts)
    if found is None:
        return None
    shape, entries = found
    pattern = _pattern_of_entries(entries, shape, "engine")
    return pattern.symmetric() if matrix == "hessian" else pattern


@dataclass(frozen=True, repr=False)
class Known(Detector):
    """A pattern that you know. Its stored entries (of a sparse matrix) or nonzero entries (of an array) count.

    >>> import numpy as np, diffiface as di
    >>> di.sparse.Known(np.eye(2))
    Known([[0, 0], [1, 1]], shape=(2, 2))
    """

    entries: Any = field(compare=False)
    shape: tuple[int, int] | None = None
    _digest: str = field(init=False, default="")

    def __post_init__(self) -> None:
        if self.shape is None:
            pattern = SparsityPattern.of(self.entries, "known")
        else:  # a list of (row, column)
            pattern = _pattern_of_entries(self.entries, self.shape)
        object.__setattr__(self, "entries", pattern)
        object.__setattr__(self, "shape", pattern.shape)
        content = pattern.indptr.astype(np.int64).tobytes() + pattern.indices.astype(np.int64).tobytes()
        object.__setattr__(self, "_digest", hashlib.sha256(content).hexdigest())

    def __repr__(self) -> str:
        pattern: SparsityPattern = self.entries
        if pattern.nnz > 100:
            return f"Known({pattern!r})"
        return f"Known({np.stack([pattern.rows, pattern.indices], axis=1).tolist()}, shape={pattern.shape})"

    def detect(
        self, matrix: Matrix, backend: Backend, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> SparsityPattern:
        return self.entries


def _pattern_of_entries(entries: Any, shape: tuple[int, int], origin: str = "known") -> SparsityPattern:
    from scipy.sparse import coo_array

    places = np.array(entries, np.int64).reshape(-1, 2)
    if (places < 0).any() or (places >= np.array(shape)).any():
        raise InputError(f"the pattern has entries outside of its shape {shape}", fix="count rows and columns from 0")
    return SparsityPattern.of(
        coo_array((np.ones(len(places), bool), (places[:, 0], places[:, 1])), shape=shape), origin
    )


def detector_of(given: Any) -> Detector:
    """Return the detector that `detector=` names: itself, a name, or a matrix with the pattern."""
    if isinstance(given, Detector):
        return given
    if isinstance(given, str):
        named = {
            "auto": Automatic(),
            "global": Traced(),
            "local": Traced(True),
            "dense": Dense(),
            "engine": FromEngine(),
        }
        if given not in named:
            raise InputError(f"detector={given!r} is not known", fix=f"one of {', '.join(NAMES)}, or a pattern")
        return named[given]
    if isinstance(given, SparsityPattern):
        given = given.matrix()
    return Known(given)
