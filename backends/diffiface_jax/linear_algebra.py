"""Linear algebra in JAX. What is not here is supplied by diffiface: JAX lacks it, or its derivative."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np
from jax.lax.linalg import eig, lu_pivots_to_permutation, triangular_solve
from jax.lax.linalg import lu as lu_with_pivots

from diffiface.adapter import Primitives
from diffiface_jax.promotion import kept, promoted


def _adjoint(a: Any) -> Any:
    return jnp.conjugate(jnp.swapaxes(a, -1, -2))


def _symmetric(a: Any) -> Any:
    """The matrix that the lower triangle stands for, with the derivative of the symmetrised argument."""
    symmetrised = (a + _adjoint(a)) / 2
    from_lower = jnp.tril(a) + _adjoint(jnp.tril(a, -1))
    return symmetrised + jax.lax.stop_gradient(from_lower - symmetrised)


def _product(a: Any, b: Any) -> Any:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def _completed(first: Any, full: Any) -> Any:
    """Return orthonormal columns, completed to a square matrix: JAX has the derivative of the first ones only.

    The columns added are those of `full`, made orthonormal to the others again (by projection and Cholesky), which
    changes nothing but lets them turn with the others.
    """
    added = jax.lax.stop_gradient(full)[..., first.shape[-1] :]
    added = added - _product(first, _product(_adjoint(first), added))
    factor = jnp.linalg.cholesky(_product(_adjoint(added), added))
    added = _adjoint(triangular_solve(factor, _adjoint(added), left_side=True, lower=True))
    return jnp.concatenate([first, added], axis=-1)


class LinearAlgebra(Primitives):
    """The primitives of linear algebra."""

    def solve(self, a: Any, b: Any) -> Any:
        return jnp.linalg.solve(*promoted((a, b)))

    def triangular_solve(self, a: Any, b: Any, *, lower: bool, unit_diagonal: bool) -> Any:
        a, b = promoted((a, b))
        outer = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = (jnp.broadcast_to(x, (*outer, *x.shape[-2:])) for x in (a, b))
        return triangular_solve(a, b, left_side=True, lower=lower, unit_diagonal=unit_diagonal)

    def inv(self, a: Any) -> Any:
        return jnp.linalg.inv(kept(a))

    def pinv(self, a: Any, *, rtol: Any, hermitian: bool) -> Any:
        return jnp.linalg.pinv(kept(a), rtol=rtol, hermitian=hermitian)

    def det(self, a: Any) -> Any:
        return jnp.linalg.det(kept(a))

    def slogdet(self, a: Any) -> tuple[Any, Any]:
        sign, logabsdet = jnp.linalg.slogdet(kept(a))
        return sign, logabsdet

    def cholesky(self, a: Any) -> Any:
        return jnp.linalg.cholesky(_symmetric(kept(a)), symmetrize_input=False)

    def lu(self, a: Any) -> tuple[Any, Any, Any]:
        packed, _, order = lu_with_pivots(kept(a))
        m, n = packed.shape[-2:]
        k = min(m, n)
        lower = jnp.tril(packed[..., :k], -1) + jnp.eye(m, k, dtype=packed.dtype)
        permutation = jnp.swapaxes(jax.nn.one_hot(order, m, dtype=packed.real.dtype), -1, -2)
        return permutation, lower, jnp.triu(packed[..., :k, :])

    def lu_pivots(self, a: Any) -> Any:
        return lu_with_pivots(jax.lax.stop_gradient(kept(a)))[1]

    def pivots_to_permutation(self, pivots: Any) -> Any:
        pivots = jnp.asarray(kept(pivots))
        return lu_pivots_to_permutation(jnp.asarray(pivots, np.int32), pivots.shape[-1]).astype(np.intp)

    def qr(self, a: Any, *, complete: bool) -> tuple[Any, Any]:
        a = kept(a)
        m, n = a.shape[-2:]
        q, r = jnp.linalg.qr(a, mode="reduced")
        if complete and m > n:
            q = _completed(q, jnp.linalg.qr(jax.lax.stop_gradient(a), mode="complete")[0])
            r = jnp.concatenate([r, jnp.zeros((*r.shape[:-2], m - n, n), r.dtype)], axis=-2)
        return q, r

    def svd(self, a: Any, *, full_matrices: bool) -> tuple[Any, Any, Any]:
        a = kept(a)
        m, n = a.shape[-2:]
        u, s, vh = jnp.linalg.svd(a, full_matrices=False)
        if full_matrices and m != n:
            full_u, _, full_vh = jnp.linalg.svd(jax.lax.stop_gradient(a), full_matrices=True)
            u = _completed(u, full_u) if m > n else u
            vh = _adjoint(_completed(_adjoint(vh), _adjoint(full_vh))) if n > m else vh
        return u, s, vh

    def svdvals(self, a: Any) -> Any:
        return jnp.linalg.svd(kept(a), compute_uv=False)

    def eigh(self, a: Any, *, upper: bool = False) -> tuple[Any, Any]:
        # (LAPACK told of the triangle that NumPy tells it of gives the eigenvectors the signs they have in NumPy.)
        values, vectors = jnp.linalg.eigh(_symmetric(kept(a)), UPLO="U" if upper else "L", symmetrize_input=False)
        return values, vectors

    def eig(self, a: Any) -> tuple[Any, Any]:
        values, vectors = eig(kept(a), compute_left_eigenvectors=False, enable_eigvec_derivs=True)
        # The vectors have length one; JAX's derivative does not say that they keep it.
        return values, vectors / jnp.sqrt(jnp.sum(jnp.real(vectors * jnp.conj(vectors)), axis=-2, keepdims=True))

    def expm(self, a: Any) -> Any:
        return jax.scipy.linalg.expm(kept(a))
