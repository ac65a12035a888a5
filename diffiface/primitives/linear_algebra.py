"""Linear algebra on stacks of matrices (the last two axes), real or complex, as in numpy.linalg.

Factorisations are known up to a gauge: signs or phases of vectors, rotations among the vectors of equal values.
The values here are LAPACK's; the derivative is that of the gauge in which the vectors turn least, so a function that
does not depend on the gauge has its true derivative wherever eigenvalues (or singular values) differ.

SciPy is loaded when a function is first called whose meaning only SciPy has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.primitives.definitions import Sample, define


def _sample(*arrays: Any, **parameters: Any) -> Sample:
    return Sample(arrays, parameters)


def _map_stack(function: Callable[..., Any], *stacks: Any) -> Any:
    """Apply a function of single matrices to each matrix of (equally long) stacks."""
    arrays = [np.asarray(stack) for stack in stacks]
    outer = np.broadcast_shapes(*(a.shape[:-2] for a in arrays))
    if not outer:
        return function(*arrays)
    arrays = [np.broadcast_to(a, (*outer, *a.shape[-2:])) for a in arrays]
    if 0 in outer:  # the function says what shape and dtype there is none of
        single = function(*(np.eye(*a.shape[-2:], dtype=a.dtype) for a in arrays))
        return np.empty((*outer, *single.shape), single.dtype)
    results = [function(*(a[place] for a in arrays)) for place in np.ndindex(outer)]
    return np.stack(results).reshape((*outer, *results[0].shape))


# ---- equations


def solve(a: Any, b: Any) -> Any:
    """`b` is a matrix or a stack of matrices, never a vector."""
    return np.linalg.solve(a, b)


def triangular_solve(a: Any, b: Any, *, lower: bool, unit_diagonal: bool) -> Any:
    """Solve `a x = b`, reading one triangle of `a` only (and ones for its diagonal, where that is said)."""
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim == 2 and b.ndim > 2:  # one matrix, many right-hand sides: their columns side by side
        columns = np.moveaxis(b, -2, 0)
        solution = triangular_solve(a, columns.reshape(b.shape[-2], -1), lower=lower, unit_diagonal=unit_diagonal)
        return np.moveaxis(solution.reshape(columns.shape), 0, -2)
    try:
        import scipy.linalg
    except ImportError:
        triangle = np.tril(a, -1 if unit_diagonal else 0) if lower else np.triu(a, 1 if unit_diagonal else 0)
        return np.linalg.solve(triangle + np.eye(a.shape[-1], dtype=a.dtype) if unit_diagonal else triangle, b)

    def solve_one(a: np.ndarray, b: np.ndarray) -> Any:
        return scipy.linalg.solve_triangular(a, b, lower=lower, unit_diagonal=unit_diagonal, check_finite=False)

    return _map_stack(solve_one, a, b)


def sylvester(a: Any, b: Any, q: Any) -> Any:
    """Solve `a x + x b = q`."""
    import scipy.linalg

    return _map_stack(scipy.linalg.solve_sylvester, a, b, q)


def inv(a: Any) -> Any:
    return np.linalg.inv(a)


def pinv(a: Any, *, rtol: Any, hermitian: bool) -> Any:
    """Singular values up to `rtol` times the largest one count as zero."""
    return np.linalg.pinv(a, rcond=rtol, hermitian=hermitian)


# ---- determinants


def det(a: Any) -> Any:
    return np.linalg.det(a)


def cofactors(a: Any) -> Any:
    """Return the derivative of `det` by each entry: `det(a)` times the transposed inverse, and defined without one."""
    a = np.asarray(a)
    determinants = np.asarray(np.linalg.det(a))
    if np.all(determinants != 0):
        return determinants[..., None, None] * np.swapaxes(np.linalg.inv(a), -2, -1)
    u, s, vh = np.linalg.svd(a)
    others = np.stack([np.prod(np.delete(s, i, axis=-1), axis=-1) for i in range(s.shape[-1])], axis=-1)
    phase = np.asarray(np.linalg.det(u) * np.linalg.det(vh))
    return phase[..., None, None] * ((u.conj() * others[..., None, :]) @ vh.conj())


def slogdet(a: Any) -> tuple[Any, Any]:
    sign, logabsdet = np.linalg.slogdet(a)
    return sign, logabsdet


# ---- factorisations


def cholesky(a: Any) -> Any:
    """Reads the lower triangle; its derivative is that of the symmetrised argument."""
    return np.linalg.cholesky(a)


def lu(a: Any) -> tuple[Any, Any, Any]:
    """Return the permutation matrix, the lower and the upper factor: `a = p @ l @ u`."""
    import scipy.linalg

    a = np.asarray(a)
    permutation, lower, upper = scipy.linalg.lu(a)  # pyright: ignore[reportAssignmentType]
    return permutation.astype(a.real.dtype, copy=False), lower, upper


def lu_pivots(a: Any) -> Any:
    """Return the row that each row of `a` was exchanged with, as scipy.linalg.lu_factor does."""
    import scipy.linalg

    return scipy.linalg.lu_factor(a, check_finite=False)[1]


def pivots_to_permutation(pivots: Any) -> Any:
    """Return the order into which the exchanges of `lu_pivots` bring the rows."""
    pivots = np.asarray(pivots)
    order = np.empty(pivots.shape, np.intp)
    for place in np.ndindex(pivots.shape[:-1]):
        rows = np.arange(pivots.shape[-1])
        for i, j in enumerate(pivots[place]):
            rows[[i, j]] = rows[[j, i]]
        order[place] = rows
    return order


def qr(a: Any, *, complete: bool) -> tuple[Any, Any]:
    """`a` has at least as many rows as columns. `complete` adds columns that make q square."""
    q, r = np.linalg.qr(a, mode="complete" if complete else "reduced")
    return q, r


def svd(a: Any, *, full_matrices: bool) -> tuple[Any, Any, Any]:
    u, s, vh = np.linalg.svd(a, full_matrices=full_matrices)
    return u, s, vh


def svdvals(a: Any) -> Any:
    """Singular values alone have a derivative where they coincide, too."""
    return np.linalg.svd(a, compute_uv=False)


def eigh(a: Any, *, upper: bool = False) -> tuple[Any, Any]:
    """Of a symmetric (Hermitian) matrix; its derivative is that of the symmetrised argument.

    `upper` says which triangle LAPACK reads, on which the signs (phases) of NumPy's vectors depend.
    """
    values, vectors = np.linalg.eigh(a, "U" if upper else "L")
    return values, vectors


def eig(a: Any) -> tuple[Any, Any]:
    """Both results are complex, also where all eigenvalues are real."""
    values, vectors = np.linalg.eig(a)
    dtype = np.result_type(values.dtype, np.complex64)
    return values.astype(dtype), vectors.astype(dtype)


# ---- functions of matrices


def _matrix_function(name: str) -> Callable[..., Any]:
    def definition(a: Any) -> Any:
        import scipy.linalg

        a = np.asarray(a)
        result = _map_stack(getattr(scipy.linalg, name), a)
        single = a.dtype.char in "fF"
        return result.astype(np.result_type(result, np.float32) if not single else _single(result), copy=False)

    definition.__name__ = name
    return definition


def _single(array: np.ndarray) -> type:
    return np.complex64 if np.iscomplexobj(array) else np.float32


# ---- the table

_square = np.array([[2.0, 0.3, -0.4], [0.1, 1.5, 0.2], [-0.3, 0.6, 1.8]])
_spd = np.array([[2.0, 0.3, -0.4], [0.3, 1.5, 0.2], [-0.4, 0.2, 1.8]])
_wide = np.array([[0.31, 0.72, 0.55], [0.18, -0.93, 0.44]])
_imaginary = np.array([[0.2, -0.5, 0.3], [0.4, 0.1, -0.2], [0.6, 0.35, -0.15]])
_z = _square + 1j * _imaginary
_hermitian = _spd + 1j * (_imaginary - _imaginary.T)
_tall = _wide.T.copy()
_tall_z = _z[:, :2].copy()
_stack = np.stack([_square, _spd])
_right = np.linspace(0.1, 1.3, 12).reshape(2, 3, 2) ** 1.5
_kind = "linear algebra"

define("solve", solve, _kind, _sample(_square, _tall), _sample(_stack, _right), _sample(_z, _tall_z))
define(
    "triangular_solve",
    triangular_solve,
    _kind,
    _sample(_square, _tall, lower=True, unit_diagonal=False),
    _sample(_stack, _tall, lower=False, unit_diagonal=True),
    _sample(_square, _right, lower=False, unit_diagonal=False),
    _sample(_z, _tall_z, lower=True, unit_diagonal=False),
)
define(
    "sylvester",
    sylvester,
    _kind,
    _sample(_square, _spd[:2, :2].copy(), _tall),
    _sample(_stack, _square, _stack),
    _sample(_z, _z, _z),
)
define("inv", inv, _kind, _sample(_square), _sample(_stack), _sample(_z))
define(
    "pinv",
    pinv,
    _kind,
    _sample(_wide, rtol=1e-15, hermitian=False),
    _sample(_right, rtol=1e-15, hermitian=False),
    _sample(_tall_z, rtol=1e-15, hermitian=False),
)
define("det", det, _kind, _sample(_square), _sample(_stack), _sample(_z))
define("cofactors", cofactors, _kind, _sample(_square), _sample(_stack), _sample(_z))
define("slogdet", slogdet, _kind, _sample(_square), _sample(_stack), _sample(_z))
define("cholesky", cholesky, _kind, _sample(_spd), _sample(np.stack([_spd, 2 * _spd])), _sample(_hermitian))
define("lu", lu, _kind, _sample(_square[::-1].copy()), _sample(_tall), _sample(_wide), _sample(_z), _sample(_stack))
define("lu_pivots", lu_pivots, _kind, _sample(_square[::-1].copy()), derivative="none")
define("pivots_to_permutation", pivots_to_permutation, _kind, _sample(np.array([2, 2, 2])), derivative="none")
define(
    "qr",
    qr,
    _kind,
    _sample(_tall, complete=False),
    _sample(_right, complete=True),
    _sample(_stack, complete=False),
    _sample(_tall_z, complete=False),
    _sample(_tall_z, complete=True),
)
define(
    "svd",
    svd,
    _kind,
    _sample(_wide, full_matrices=False),
    _sample(_right, full_matrices=True),
    _sample(_wide, full_matrices=True),
    _sample(_stack, full_matrices=False),
    _sample(_tall_z, full_matrices=False),
    _sample(_tall_z.T.copy(), full_matrices=True),
)
define("svdvals", svdvals, _kind, _sample(_wide), _sample(_stack), _sample(_tall_z))
define("eigh", eigh, _kind, _sample(_spd), _sample(np.stack([_spd, _square + _square.T])), _sample(_hermitian))
define("eig", eig, _kind, _sample(_square), _sample(_square - 2 * _square.T), _sample(_stack), _sample(_z))
for _name in ("expm", "logm", "sqrtm"):
    define(_name, _matrix_function(_name), _kind, _sample(_square), _sample(_stack), _sample(_z))
