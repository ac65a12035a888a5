"""Products, numpy.linalg, scipy.linalg, FFT, polynomials, convolution."""

from __future__ import annotations

from .inputs import expressions

CASES = expressions("""
    np.dot(M(v), v[:3])
    np.dot(B.T, v)
    B.T @ v
    v @ B
    np.inner(v, c) * np.outer(v, c) * np.vdot(v, v)
    np.tensordot(M(v), m23, axes=([0], [0]))
    np.tensordot(M(v), m23)
    np.einsum('ij,kj->ik', M(v), m23)
    np.einsum('i,ij,j->', v, B, v[:3], optimize=True)
    np.cross(v[:3], v[3:])
    np.linalg.inv(S(v))
    np.linalg.det(S(v))
    np.linalg.slogdet(S(v))[1]
    np.linalg.slogdet(S(v)).logabsdet
    np.linalg.solve(S(v), v[:3])
    np.linalg.solve(A4, v[:4])
    np.linalg.solve(S(v), np.ones(3))
    np.linalg.cholesky(P(v))
    np.linalg.eigvalsh(P(v))
    np.abs(np.linalg.eigh(P(v))[1]) @ np.linalg.eigh(P(v)).eigenvalues
    np.linalg.svd(M(v), full_matrices=False)[1]
    np.linalg.svd(M(v), compute_uv=False)
    np.linalg.qr(S(v))[1]**2
    np.linalg.pinv(M(v).T)
    np.linalg.lstsq(B, v, rcond=None)[0]
    np.linalg.norm(v)
    np.linalg.norm(M(v), 'fro') + np.linalg.norm(M(v), axis=1)
    np.linalg.norm(v, 1) + np.linalg.norm(v, np.inf)
    np.linalg.matrix_power(S(v), 3) + np.linalg.multi_dot([S(v), S(v), S(v)])
    np.sum(np.real(np.linalg.eigvals(S(v)))**2)
    np.linalg.cond(P(v))
    np.linalg.cross(v[:3], v[3:]) * np.linalg.vector_norm(v)
    np.cov(M(v)) + np.corrcoef(M(v))
    np.polyval([1., 2., 3.], v)
    np.polyval(v, .5)
    np.convolve(v, [1., 2., 1.], mode='same') + np.correlate(v, np.array([1., 2., 1.]), mode='same')
    np.abs(np.fft.fft(v))**2
    np.abs(np.fft.rfft(v))**2
    sla.solve_triangular(np.tril(S(v)), v[:3], lower=True)
    sla.expm(S(v) / 5)
    sla.cho_solve(sla.cho_factor(P(v)), v[:3])
    sla.solve(S(v), v[:3])
    sla.block_diag(M(v), M(v))
""")
