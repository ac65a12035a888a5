"""What the Jacobian and the Hessian as SciPy linear operators share: vectors cut into leaves, and the preparation."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.arrays import family_of
from diffiface.errors import InputError, OutputError, PreparationMismatchError
from diffiface.operators.call import Call
from diffiface.operators.mismatch import mismatch_error
from diffiface.operators.operator import Operator
from diffiface.operators.preparation import Strict
from diffiface.operators.same_value import check_same_value
from diffiface.operators.signature import Signature
from diffiface.optional_packages import need
from diffiface.registry import resolve

Product = Callable[[np.ndarray], np.ndarray]
"""A product with the rows of a matrix: `(batch, n)` to `(batch, m)`."""

_MOST_AT_ONCE = 64
"""The widest batch of vectors that goes through an engine at once."""

_BATCH_BYTES = 64 * 2**20
"""The memory that one batch of vectors may take."""


@dataclass(frozen=True)
class VectorLayout:
    """Where each leaf lies in one vector: leaves in the order of the pytree, each in C order."""

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype, ...]

    @functools.cached_property
    def size(self) -> int:
        """The length of the vector."""
        return sum(map(math.prod, self.shapes))

    @property
    def dtype(self) -> np.dtype:
        """The dtype of a vector that holds every leaf."""
        return np.result_type(*self.dtypes)

    @property
    def any_real(self) -> bool:
        """Whether some leaf is real."""
        return any(dtype.kind != "c" for dtype in self.dtypes)

    @property
    def any_complex(self) -> bool:
        """Whether some leaf is complex."""
        return any(dtype.kind == "c" for dtype in self.dtypes)

    @property
    def real_entries(self) -> np.ndarray:
        """Which entries of the vector belong to real leaves."""
        return np.repeat([dtype.kind != "c" for dtype in self.dtypes], [math.prod(shape) for shape in self.shapes])

    @classmethod
    def of(cls, leaves: Sequence[Any]) -> VectorLayout:
        """Read the layout off arrays of any family."""
        families = [None if isinstance(leaf, (np.ndarray, np.generic)) else family_of(leaf) for leaf in leaves]
        dtypes = [
            leaf.dtype if family is None else family.dtype(leaf) for leaf, family in zip(leaves, families, strict=True)
        ]
        return cls(tuple(tuple(leaf.shape) for leaf in leaves), tuple(map(np.dtype, dtypes)))

    def split(self, vectors: np.ndarray) -> list[np.ndarray]:
        """Cut vectors, shape `(batch, size)`, into leaves; of what belongs to a real leaf the real part is taken."""
        batches, start = [], 0
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            stop = start + math.prod(shape)
            part = vectors[:, start:stop]
            part = np.real(part) if dtype.kind != "c" else part
            batches.append(part.astype(dtype, order="C").reshape(len(vectors), *shape))
            start = stop
        return batches

    def join(self, batches: Sequence[Any]) -> np.ndarray:
        """Lay leaves end to end: shape `(batch, size)`."""
        arrays = [_as_numpy(batch) for batch in batches]
        for array, shape in zip(arrays, self.shapes, strict=True):
            if array.shape[1:] != shape:
                raise OutputError(
                    f"the function's output has shape {array.shape[1:]}, but had {shape} when the operator was made",
                    fix="the shape of y must not depend on the values of x",
                )
        return np.concatenate([array.reshape(len(array), math.prod(array.shape[1:])) for array in arrays], axis=1)


def _as_numpy(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    family = family_of(value)
    return np.asarray(value if family is None else family.to_numpy(value))


def pieces(count: int, width: int) -> Iterator[slice]:
    """Cut a batch of vectors of a length into powers of two.

    Engines prepare themselves for each width anew, so there must be few of them: 100 vectors go as 64, 32 and 4.
    """
    most = min(_MOST_AT_ONCE, max(1, _BATCH_BYTES // max(1, 8 * width)))
    start = 0
    while start < count:
        size = 1 << (min(most, count - start).bit_length() - 1)
        yield slice(start, start + size)
        start += size


def apply_in_pieces(product: Product, columns: np.ndarray, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """Apply a product of rows, `(batch, n)` to `(batch, m)`, to the columns of a matrix of shape `(n, batch)`."""
    rows = np.asarray(columns).T
    results = [product(rows[part]) for part in pieces(len(rows), max(shape))]
    if not results:
        return np.zeros((shape[0], 0), dtype)
    return np.ascontiguousarray(np.concatenate(results).T)


class LinearOperatorPrep:
    """What a Jacobian or Hessian operator needs once, for any x like the one prepared for.

    `make(call)` returns the function that gives the operator at a call's x. The bound call carries the operator's name
    and takes x and the contexts: `prep.jacobian_operator(x, *contexts)`.
    """

    def __init__(
        self,
        name: str,
        operator: Operator,
        make: Callable[[Call], Callable[[Call], Any]],
        f: Callable[..., Any],
        backend: str | Backend,
        arguments: Sequence[Any],
        *,
        strict: Strict = True,
        check_value: bool = True,
        **options: Any,
    ):
        if strict not in (True, False, "reprepare"):
            raise InputError(f"strict={strict!r} is not known", fix="strict is True, 'reprepare' or False")
        self.operator, self.f, self.backend, self.strict = name, f, resolve(backend), strict
        self._descriptor, self._make, self._options = operator, make, options
        self._lock = threading.Lock()
        self._prepare(self._call(arguments), check_value)
        setattr(self, name, self.at)

    def _call(self, arguments: Sequence[Any], function: Any = None) -> Call:
        call = Call(self._descriptor, self.f, self.backend, arguments, function=function, **self._options)
        if call.nested:
            raise InputError(
                f"{self.operator} is for plain numbers, but x is being differentiated",
                engine=self.backend.name,
                fix="inside a function being differentiated use pushforward, pullback or hvp",
            )
        # The operator is used after this call has returned, when the caller may have changed x.
        call.xs = tuple(x.copy() if isinstance(x, np.ndarray) else x for x in call.xs)
        return call

    def _prepare(self, call: Call, check_value: bool) -> None:
        if check_value and call.function.native_to is None and call.backend.checks_value:
            check_same_value(call)
        self._function, self._signature = call.function, call.signature
        self._at = self._make(call)

    def at(self, *arguments: Any) -> Any:
        """Return the operator at x, given x and the contexts (the bound call, by its general name)."""
        if not arguments:
            raise InputError(f"{self.operator} takes x and the contexts", engine=self.backend.name)
        call = self._call(arguments, self._function)
        if self.strict and call.signature != self._signature:
            if self.strict != "reprepare":
                raise self._mismatch(call.signature)
            with self._lock:
                self._prepare(self._call(arguments), check_value=True)
        return self._at(call)

    def _mismatch(self, given: Signature) -> PreparationMismatchError:
        rows = [("f", repr(self.f), repr(self.f)), ("backend", repr(self.backend), repr(self.backend))]
        return mismatch_error(self.backend.name, rows, self._signature, given)

    def check_owner(self, name: str, f: Callable[..., Any], backend: str | Backend) -> None:
        """Raise `PreparationMismatchError` unless this was prepared for that operator, function and backend."""
        backend = resolve(backend)
        if name == self.operator and (not self.strict or (f == self.f and backend == self.backend)):
            return
        another = "" if f == self.f else " (another object)"
        rows = [
            ("operator", self.operator, name),
            ("f", repr(self.f), repr(f) + another),
            ("backend", repr(self.backend), repr(backend)),
        ]
        raise mismatch_error(backend.name, rows, None, None)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}: {spec}" for name, spec in self._signature.rows())
        return f"<prepared {self.operator} of {self.f!r} by {self.backend!r} for {arguments}>"


def linear_operator(shape: tuple[int, int], dtype: np.dtype, forward: Product, adjoint: Product) -> Any:
    """Return the SciPy operator of two products of rows: `(batch, n)` to `(batch, m)`, and the other way."""
    return _operator_class()(shape, dtype, forward, adjoint)


@functools.cache
def _operator_class() -> Any:
    """Define the class of the operators, once SciPy is wanted."""
    need("a linear operator", "scipy", install="scipy")
    from scipy.sparse.linalg import LinearOperator

    class DerivativeOperator(LinearOperator):
        """A Jacobian or Hessian that is known by its products."""

        def __init__(self, shape: tuple[int, int], dtype: np.dtype, forward: Product, adjoint: Product):
            super().__init__(dtype, shape)
            self._products, self._empty_dtype = (forward, adjoint), dtype

        def _matmat(self, X: np.ndarray) -> np.ndarray:
            rows, columns = self.shape
            return apply_in_pieces(self._products[0], X, (rows, columns), self._empty_dtype)

        def _rmatmat(self, X: np.ndarray) -> np.ndarray:
            rows, columns = self.shape
            return apply_in_pieces(self._products[1], X, (columns, rows), self._empty_dtype)

        def _matvec(self, x: np.ndarray) -> np.ndarray:
            return self._matmat(np.reshape(x, (self.shape[1], 1)))[:, 0]

        def _rmatvec(self, x: np.ndarray) -> np.ndarray:
            return self._rmatmat(np.reshape(x, (self.shape[0], 1)))[:, 0]

        def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
            # scipy.optimize multiplies what `hess=` returns by np.dot, which takes other operators for numbers.
            if function is np.dot and args[0] is self and not kwargs:
                return self.dot(args[1])
            return NotImplemented

    return DerivativeOperator
