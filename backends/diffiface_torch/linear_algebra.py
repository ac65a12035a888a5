"""Linear algebra in PyTorch. What is not here is supplied by diffiface: PyTorch lacks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from diffiface.adapter import Primitives
from diffiface_torch.arrays import is_wrapped


def _completed(first: torch.Tensor, full: torch.Tensor) -> torch.Tensor:
    """Return orthonormal columns, completed to a square matrix: PyTorch has the derivative of the first ones only.

    The columns added are those of `full`, made orthonormal to the others again (by projection and Cholesky), which
    changes nothing but lets them turn with the others.
    """
    added = full[..., first.shape[-1] :]
    added = added - first @ (first.mH @ added)
    factor = torch.linalg.cholesky(added.mH @ added)
    added = torch.linalg.solve_triangular(factor, added.mH, upper=False).mH
    return torch.cat([first, added], dim=-1).resolve_conj()


class LinearAlgebra(Primitives):
    """The primitives of linear algebra."""

    _tensor: Callable[[Any], torch.Tensor]
    _promoted: Callable[[Any], list[torch.Tensor]]

    def solve(self, a: Any, b: Any) -> Any:
        a, b = self._promoted((a, b))
        # With its stack spelled out PyTorch cannot take a matrix for a stack of vectors.
        stack = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return torch.linalg.solve(a.expand(*stack, *a.shape[-2:]), b.expand(*stack, *b.shape[-2:]))

    def triangular_solve(self, a: Any, b: Any, *, lower: bool, unit_diagonal: bool) -> Any:
        a, b = self._promoted((a, b))
        return torch.linalg.solve_triangular(a, b, upper=not lower, unitriangular=unit_diagonal)

    def inv(self, a: Any) -> Any:
        return torch.linalg.inv(self._tensor(a))

    def pinv(self, a: Any, *, rtol: Any, hermitian: bool) -> Any:
        a = self._tensor(a)
        rtol = torch.as_tensor(np.asarray(rtol), device=a.device).to(a.real.dtype)
        return torch.linalg.pinv(a, rtol=rtol, hermitian=hermitian)

    def det(self, a: Any) -> Any:
        a = self._tensor(a)
        result = torch.linalg.det(a)
        # PyTorch's gradient at a singular matrix is wrong (zero for [[1, 2], [2, 4]]).
        if not is_wrapped(a) and bool((result == 0).any()):
            return self.host_call("det", a)  # type: ignore[misc]
        return result

    def slogdet(self, a: Any) -> tuple[Any, Any]:
        sign, logabsdet = torch.linalg.slogdet(self._tensor(a))
        return sign, logabsdet

    def cholesky(self, a: Any) -> Any:
        a = self._tensor(a)
        if a.is_complex():  # PyTorch's derivative is that of the symmetrised argument for real matrices only
            from_lower = (a.tril() + a.tril(-1).mH).detach()
            symmetrised = (a + a.mH) / 2
            a = symmetrised + (from_lower - symmetrised.detach())
        return torch.linalg.cholesky(a)

    def lu(self, a: Any) -> tuple[Any, Any, Any]:
        permutation, lower, upper = torch.linalg.lu(self._tensor(a))
        return permutation.real, lower, upper

    def lu_pivots(self, a: Any) -> Any:
        return torch.linalg.lu_factor(self._tensor(a).detach())[1] - 1  # PyTorch counts from one

    def pivots_to_permutation(self, pivots: Any) -> Any:
        pivots = self._tensor(pivots)
        order = torch.arange(pivots.shape[-1], device=pivots.device).expand(pivots.shape).clone()
        for i in range(pivots.shape[-1]):
            j = pivots[..., i : i + 1].to(torch.int64)
            here, there = order[..., i : i + 1].clone(), torch.gather(order, -1, j)
            order = order.scatter(-1, j, here)
            order[..., i : i + 1] = there
        return order

    def qr(self, a: Any, *, complete: bool) -> tuple[Any, Any]:
        a = self._tensor(a)
        m, n = a.shape[-2:]
        q, r = torch.linalg.qr(a, mode="reduced")
        if complete and m > n:
            q = _completed(q, torch.linalg.qr(a.detach(), mode="complete")[0])
            r = torch.cat([r, r.new_zeros(*r.shape[:-2], m - n, n)], dim=-2)
        return q, r

    def svd(self, a: Any, *, full_matrices: bool) -> tuple[Any, Any, Any]:
        a = self._tensor(a)
        m, n = a.shape[-2:]
        u, s, vh = torch.linalg.svd(a, full_matrices=False)
        if full_matrices and m != n:
            full_u, _, full_vh = torch.linalg.svd(a.detach(), full_matrices=True)
            u = _completed(u, full_u) if m > n else u
            vh = _completed(vh.mH, full_vh.mH).mH.resolve_conj() if n > m else vh
        return u, s, vh

    def svdvals(self, a: Any) -> Any:
        return torch.linalg.svdvals(self._tensor(a))

    def eigh(self, a: Any, *, upper: bool = False) -> tuple[Any, Any]:
        values, vectors = torch.linalg.eigh(self._tensor(a), UPLO="U" if upper else "L")
        return values, vectors

    def eig(self, a: Any) -> tuple[Any, Any]:
        values, vectors = torch.linalg.eig(self._tensor(a))
        return values, vectors

    def expm(self, a: Any) -> Any:
        return torch.linalg.matrix_exp(self._tensor(a))
