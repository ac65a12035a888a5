"""scipy.sparse: products of a sparse matrix with values that are being differentiated.

SciPy's matrices take any operand that calls itself an ndarray straight into C code, so there is no protocol to answer.
A sparse matrix that the function uses is therefore replaced by a `SparseMatrix`, which computes products by the
primitives (gather, multiply, scatter with addition) and leaves all else to SciPy's own object.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from scipy import sparse
from scipy.sparse import linalg as sparse_linalg

from diffiface.numpy_api.array import dress
from diffiface.numpy_api.conversion import array_in, raw_in, trace_of
from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.functions.raw import result_type
from diffiface.primitives import NUMPY, Primitives
from diffiface.rebinding.substitutes import substitute, substitute_instances

_CLASSES = tuple(
    getattr(sparse, f"{kind}_{family}")
    for family in ("array", "matrix")
    for kind in ("csr", "csc", "coo", "dia", "bsr", "dok", "lil")
)


class SparseMatrix:
    """A constant sparse matrix in a function that is being differentiated."""

    # NumPy and dressed arrays leave `x @ S` to S.
    __array_ufunc__ = None
    __array_priority__ = 2e6

    def __init__(self, original: Any):
        self._original = original
        self._entries: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    # isinstance(S, scipy.sparse.sparray) and scipy.sparse.issparse(S) keep their answers.
    @property
    def __class__(self) -> type:
        return type(self._original)

    def __repr__(self) -> str:
        return repr(self._original)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self._original, name)
        if not callable(value):
            return _wrapped(value)

        def method(*args: Any, **keywords: Any) -> Any:
            self._refuse_traced(f".{name}()", (args, keywords))
            return _wrapped(value(*_unwrapped(args), **_unwrapped(keywords)))

        return method

    def __len__(self) -> int:
        return len(self._original)  # SciPy's own TypeError: the length is ambiguous

    def _refuse_traced(self, what: str, operands: Any) -> None:
        p = trace_of(operands)
        if p is not None and p is not NUMPY:
            self._refuse(p, what)

    def _refuse(self, p: Primitives, what: str) -> NoReturn:
        unsupported(
            p,
            f"{type(self._original).__name__}{what} with a value that is being differentiated is not translated",
            "use S @ x, or S.toarray() where it is small enough",
        )

    # ---- products

    def _coordinates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if self._entries is None:
            entries = self._original.tocoo()
            self._entries = (entries.row, entries.col, entries.data)
        return self._entries

    def _times(self, x: Any, p: Primitives, transposed: bool) -> Any:
        """Return the product with a vector or matrix, from the left (or of the transpose)."""
        rows, columns, data = self._coordinates()
        length, expected = self._original.shape
        if transposed:
            rows, columns, length, expected = columns, rows, expected, length
        raw = array_in(x, p)
        shape: Any = tuple(p.shape(raw))
        if not shape or len(shape) > 2 or shape[0] != expected:
            raise ValueError(f"matmul: dimension mismatch with signature (n,k={expected}),({shape}->m)")
        factors = data if len(shape) == 1 else data[:, None]
        products = p.multiply(p.getitem(raw, index=columns), factors)
        start = np.zeros((length, *shape[1:]), result_type(p, raw, data))
        return dress(p.add_at(start, products, index=rows), p)

    def dot(self, other: Any) -> Any:
        """Return the product with a vector, a dense matrix, or a sparse one."""
        return self @ other

    def __matmul__(self, other: Any) -> Any:
        p = trace_of(other)
        if p is None:
            return _wrapped(self._original @ _unwrapped(other))
        return self._times(other, p, transposed=False)

    def __rmatmul__(self, other: Any) -> Any:
        p = trace_of(other)
        if p is None:
            return _wrapped(_unwrapped(other) @ self._original)
        product = self._times(np.transpose(other), p, transposed=True)
        return np.transpose(product)

    def _is_matrix(self) -> bool:
        return isinstance(self._original, sparse.spmatrix)

    def __mul__(self, other: Any) -> Any:
        p = trace_of(other)
        if p is None:
            return _wrapped(self._original * _unwrapped(other))
        if self._is_matrix() and np.ndim(other):  # of the older classes * is the matrix product
            return self @ other
        self._refuse(p, " * x (elementwise)")

    def __rmul__(self, other: Any) -> Any:
        p = trace_of(other)
        if p is None:
            return _wrapped(_unwrapped(other) * self._original)
        if self._is_matrix() and np.ndim(other):
            return other @ self
        self._refuse(p, " * x (elementwise)")

    # ---- sums with dense arrays are dense

    def _sum(self, other: Any, sign: float, reflected: bool) -> Any:
        p = trace_of(other)
        if p is None:
            a, b = (_unwrapped(other), self._original) if reflected else (self._original, _unwrapped(other))
            return _wrapped(a + b if sign > 0 else a - b)
        if not np.ndim(other):
            self._refuse(p, " + x (a number)")
        dense = self._original.toarray()
        if sign > 0:
            return other + dense
        return other - dense if reflected else dense - other

    def __add__(self, other: Any) -> Any:
        return self._sum(other, 1.0, False)

    def __radd__(self, other: Any) -> Any:
        return self._sum(other, 1.0, True)

    def __sub__(self, other: Any) -> Any:
        return self._sum(other, -1.0, False)

    def __rsub__(self, other: Any) -> Any:
        return self._sum(other, -1.0, True)

    # ---- all else is SciPy's

    def __neg__(self) -> Any:
        return _wrapped(-self._original)

    def __abs__(self) -> Any:
        return _wrapped(abs(self._original))

    def __truediv__(self, other: Any) -> Any:
        self._refuse_traced(" / x", other)
        return _wrapped(self._original / _unwrapped(other))

    def __pow__(self, other: Any) -> Any:
        self._refuse_traced("**x", other)
        return _wrapped(self._original**other)

    def __getitem__(self, index: Any) -> Any:
        return _wrapped(self._original[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._refuse_traced("[...] = x", value)
        self._original[index] = value
        self._entries = None

    def __iter__(self) -> Any:
        return (_wrapped(row) for row in self._original)


def _wrapped(value: Any) -> Any:
    return SparseMatrix(value) if sparse.issparse(value) and type(value) is not SparseMatrix else value


def _unwrapped(value: Any) -> Any:
    if type(value) is SparseMatrix:
        return value._original
    if isinstance(value, (list, tuple)):
        return type(value)(_unwrapped(item) for item in value)
    if isinstance(value, dict):
        return {key: _unwrapped(item) for key, item in value.items()}
    return raw_in(value, NUMPY) if trace_of(value) is NUMPY else value


@substitute_instances(*_CLASSES)
def _instance(matrix: Any) -> Any:
    return SparseMatrix(matrix)


# ---- matrices made inside the function


class _SubstitutedClass(type):
    """So that `isinstance(S, csr_array)` means what it means outside."""

    original: Any

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.original)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.original)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.original, name)

    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        p = trace_of((args, keywords))
        if p is not None and p is not NUMPY:
            unsupported(
                p,
                f"scipy.sparse.{cls.original.__name__} of values that are being differentiated is not translated",
                "make the sparse matrix of constants and scale vectors around it (S @ (d * x)), or use a dense array",
            )
        return SparseMatrix(cls.original(*_unwrapped(args), **_unwrapped(keywords)))


def _enter(original: Any) -> None:
    substitute(original, _SubstitutedClass(original.__name__, (), {"original": original, "__doc__": original.__doc__}))


for _class in _CLASSES:
    _enter(_class)

_MAKERS = (
    "eye eye_array identity diags diags_array spdiags kron kronsum block_array block_diag bmat hstack vstack tril triu "
    "random random_array rand"
).split()


def _enter_maker(name: str) -> None:
    original = getattr(sparse, name)

    def make(*args: Any, **keywords: Any) -> Any:
        p = trace_of((args, keywords))
        if p is not None and p is not NUMPY:
            unsupported(
                p,
                f"scipy.sparse.{name} of values that are being differentiated is not translated",
                "scale vectors instead of making a sparse matrix (d * x for diags(d) @ x), or use a dense array",
            )
        return _wrapped(original(*_unwrapped(args), **_unwrapped(keywords)))

    make.__name__, make.__doc__ = name, original.__doc__
    substitute(original, make)


for _name in _MAKERS:
    if hasattr(sparse, _name):
        _enter_maker(_name)


# ---- linear systems


@substitute(sparse_linalg.spsolve)
def spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Any:
    """Solve A x = b. With a differentiated b the matrix is made dense."""
    p = trace_of((A, b))
    if p is None or p is NUMPY:
        return _wrapped(sparse_linalg.spsolve(_unwrapped(A), _unwrapped(b), permc_spec, use_umfpack))
    matrix = _unwrapped(A)
    return np.linalg.solve(matrix.toarray() if sparse.issparse(matrix) else matrix, b)
