"""The expressions that are compared with NumPy, by kind.

In each: v has 6 elements in (0, 1), M is v as (2, 3), T is (2, 3, 1), S is (3, 3) and well conditioned, P is (3, 3) and
positive definite, s is v[0], w is v with a NaN, z is complex; c, m23, mask and B are plain arrays.
"""

EXPRESSIONS = {
    "elementwise": """
        np.negative(v); np.positive(v); np.absolute(v - .5); np.fabs(v - .5); np.sign(v - .5); np.square(v);
        np.sqrt(v); np.cbrt(v); np.reciprocal(v); np.exp(v); np.exp2(v); np.expm1(v); np.log(v); np.log2(v);
        np.log10(v); np.log1p(v); np.sin(v); np.cos(v); np.tan(v); np.arcsin(v); np.arccos(v); np.arctan(v);
        np.sinh(v); np.cosh(v); np.tanh(v); np.arcsinh(v); np.arccosh(1 + v); np.arctanh(v); np.degrees(v);
        np.radians(v); np.deg2rad(v); np.rad2deg(v); np.floor(3 * v); np.ceil(3 * v); np.trunc(3 * v);
        np.rint(3 * v); np.isnan(w); np.isinf(v); np.isfinite(w); np.signbit(v - .5); np.logical_not(v > .5);
        np.invert(v > .5); np.conjugate(v); np.modf(3 * v - 1); np.add(v, c); np.subtract(c, v); np.multiply(v, 2);
        np.divide(1, v); np.true_divide(v, c); np.power(v, 2.5); np.power(2.0, v); np.float_power(v, 2);
        np.maximum(v, .5); np.minimum(c, v); np.fmax(w, .4); np.fmin(w, .4); np.arctan2(v, c); np.hypot(v, 2.);
        np.logaddexp(v, c); np.logaddexp2(v, c); np.copysign(v, c); np.heaviside(v - .5, .5); np.remainder(v, .3);
        np.mod(c, v); np.fmod(c, v); np.floor_divide(v, .3); np.divmod(v, .3); np.greater(v, .5);
        np.less_equal(v, c); np.equal(v, v); np.not_equal(v, .5); np.logical_and(v > .2, c > 0); np.matmul(M, m23.T);
        np.vecdot(M, m23); np.clip(v, .3, .7); np.clip(v, None, .7); np.clip(v, a_min=.3, a_max=None);
        np.round(v, 1); np.around(v, -1); np.round(v); np.fix(3 * v - 1); np.nan_to_num(w); np.nan_to_num(w, nan=2.);
        np.angle(v); np.sinc(v - .3); np.isclose(v, c); np.allclose(v, v); np.array_equal(v, v);
        np.array_equal(v, M); np.real(v); np.imag(v); np.real(z); np.imag(z); np.absolute(z); np.conj(z);
        np.angle(z); np.exp(z); np.abs(z) ** 2
    """,
    "out=, where=, dtype= and the methods of ufuncs": """
        np.multiply(v, 2., where=mask, out=np.zeros_like(v)); np.add(v, v, dtype=np.float64);
        np.exp(v, casting="same_kind"); np.add.reduce(M, axis=1); np.add.reduce(M); np.add.reduce(M, axis=None);
        np.multiply.reduce(M, axis=1, keepdims=True); np.maximum.reduce(M); np.minimum.reduce(M, axis=1);
        np.logaddexp.reduce(v); np.logaddexp.reduce(M, axis=1); np.add.accumulate(v);
        np.multiply.accumulate(M, axis=1); np.maximum.accumulate(v); np.minimum.accumulate(M, axis=1);
        np.logaddexp.accumulate(v); np.multiply.outer(v, c[:2]); np.subtract.outer(c, M); np.add.outer(1., v);
        np.logical_and.reduce(v > .1); np.logical_or.reduce(v > .5); np.add.reduce(v, where=mask, initial=1.)
    """,
    "reductions": """
        np.sum(M); np.sum(M, axis=0); np.sum(M, -1, keepdims=True); np.sum(T, axis=(0, 2)); np.sum(v, where=mask);
        np.sum(v, initial=2.); np.sum(v, dtype=np.float64); np.sum(M, 0, None, np.zeros_like(M[0]));
        np.sum(M, axis=()); np.prod(v); np.prod(M, axis=1); np.prod(T, axis=(0, 1));
        np.prod(T, axis=(0, 2), keepdims=True); np.prod(v, where=mask); np.max(v); np.min(M, axis=0);
        np.amax(M, axis=(0, 1), keepdims=True); np.max(v, initial=.1); np.amin(v); np.max(v, where=mask, initial=0.);
        np.ptp(M, axis=1); np.all(v > .1); np.any(M > .5, axis=0); np.all(v > .5, where=mask);
        np.count_nonzero(v > .5); np.count_nonzero(M > .5, axis=1); np.mean(M); np.mean(M, axis=1, keepdims=True);
        np.mean(v, where=mask); np.mean(T, axis=(0, 1)); np.var(v); np.var(M, axis=0, ddof=1);
        np.var(v, correction=1); np.var(v, where=mask); np.var(z); np.std(M, axis=1, keepdims=True);
        np.std(v, ddof=1); np.std(v, mean=np.mean(v, keepdims=True)); np.nansum(w); np.nanmean(w); np.nanmax(w);
        np.nanmin(w); np.nanvar(w); np.nanstd(w, ddof=1); np.nanprod(w); np.nancumsum(w); np.nanargmax(w);
        np.nanargmin(w); np.cumsum(v); np.cumsum(M); np.cumsum(M, axis=1); np.cumprod(M, axis=0);
        np.cumulative_sum(v); np.cumulative_sum(v, include_initial=True); np.cumulative_prod(M, axis=1)
    """,
    "order statistics and covariances": """
        np.median(v); np.median(v[:5]); np.median(M, axis=1); np.median(M, axis=(0, 1), keepdims=True); np.median(w);
        np.quantile(v, .3); np.quantile(M, [.2, .7], axis=1); np.quantile(M, .4, axis=0, keepdims=True);
        np.percentile(v, [20, 70]); np.percentile(v, 100); np.quantile(w, .5); np.average(v);
        np.average(v, weights=c + 3); np.average(M, axis=1, weights=[1., 2., 3.]); np.average(c + 3, weights=v);
        np.average(v, returned=True); np.cov(M); np.cov(v); np.cov(v, c); np.cov(M, rowvar=False); np.corrcoef(S);
        np.trapezoid(v, dx=.1); np.trapezoid(M, axis=0); np.trapezoid(v, c); np.trapezoid(M, [0., 1., 3.])
    """,
    "sorting and searching": """
        np.argmax(v); np.argmin(M, axis=1); np.argmax(M, axis=0, keepdims=True); np.argsort(v);
        np.argsort(M, axis=0, kind="stable"); np.sort(v); np.sort(M, axis=0); np.sort(M, axis=None); np.unique(v);
        np.unique(v, return_inverse=True); np.isin(v, v[:2]); np.searchsorted(np.sort(v), [.3, .6]);
        np.searchsorted([.3, .6], v, side="right"); np.digitize(v, [.3, .6]); np.digitize(v, [.6, .3], right=True);
        np.interp(v, [0., .5, 1.], [1., 2., 4.]); np.interp([.1, .55, 9.], c.cumsum() ** 0 * np.arange(6), v);
        np.interp([-1., .5, 9.], [0., 1.], v[:2], left=5., right=v[2]); np.bincount([0, 1, 1, 3, 0, 1], weights=v)
    """,
    "views": """
        np.reshape(v, (3, 2)); np.reshape(M, -1); np.reshape(M, -1, order="F"); np.reshape(M, (3, 2), order="F");
        np.ravel(M); np.ravel(M, order="F"); np.transpose(M); np.transpose(T, (2, 0, 1)); np.swapaxes(T, 0, 1);
        np.moveaxis(T, 2, 0); np.rollaxis(T, 2); np.rollaxis(T, 0, 3); np.moveaxis(T, (0, 1), (-1, 0));
        np.expand_dims(v, 0); np.expand_dims(M, (0, -1)); np.squeeze(T); np.squeeze(T, 2); np.squeeze(v[:1]);
        np.matrix_transpose(T); np.linalg.matrix_transpose(M); np.broadcast_to(v, (2, 6)); np.broadcast_to(s, (2,));
        np.broadcast_arrays(v, np.ones((2, 1)))
    """,
    "joining": """
        np.concatenate([v, c]); np.concatenate([M, m23], axis=1); np.concatenate((M, M), axis=None);
        np.concat([v, [1., 2.]]); np.stack([v, c]); np.stack([s, v[1], 1.0]); np.stack([M, m23], axis=-1);
        np.vstack([v, c]); np.hstack([s, 1.0, v]); np.hstack([M, m23]); np.dstack([v, c]); np.dstack([M, m23]);
        np.column_stack([v, c]); np.append(v, s); np.append(M, m23, axis=0);
        np.block([[M, np.zeros((2, 2))], [np.ones((1, 5))]]); np.block([s, v]); np.split(v, 3); np.split(v, [2, 4]);
        np.array_split(v, 4); np.array_split(v, [2, -1]); np.hsplit(M, 3); np.vsplit(M, 2)
    """,
    "repeating, shifting, padding": """
        np.tile(v, 2); np.tile(M, (2, 1, 2)); np.repeat(v, 2); np.repeat(M, [1, 2, 0], axis=1); np.roll(v, 2);
        np.roll(M, -1); np.roll(M, (1, 2), axis=(0, 1)); np.flip(v); np.flip(M); np.flip(M, 1); np.flipud(M);
        np.fliplr(M); np.rot90(M); np.rot90(M, 2); np.rot90(T, -1, (1, 2)); np.pad(v, 2);
        np.pad(M, ((1, 0), (0, 2))); np.pad(v, (1, 2), mode="edge"); np.pad(M, 1, mode="reflect");
        np.pad(v, 3, "wrap"); np.pad(v, 2, mode="symmetric"); np.pad(M, 1, constant_values=3.);
        np.pad(v, 1, constant_values=(1., 2.))
    """,
    "grids and diagonals": """
        np.meshgrid(v[:2], c[:3]); np.meshgrid(v, c, indexing="ij", sparse=True); np.atleast_1d(s); np.atleast_2d(v);
        np.atleast_3d(v); np.atleast_1d(s, v); np.diag(v); np.diag(v, -1); np.diag(S); np.diag(S, 1);
        np.diagflat(M, 1); np.diagonal(S); np.diagonal(T, 0, 0, 1); np.linalg.diagonal(S, offset=1); np.tril(S);
        np.triu(S, 1); np.tril(v); np.trace(S); np.trace(T, 0, 1, 2); np.linalg.trace(S, offset=1)
    """,
    "taking out and putting in": """
        np.delete(v, 1); np.delete(M, [0, 2], axis=1); np.insert(v, 2, 7.); np.insert(v, [1, 3], s);
        np.insert(v, 0, v[:2]); np.vander(v, 3); np.vander(v[:3], increasing=True)
    """,
    "differences": """
        np.diff(v); np.diff(M, n=2, axis=1); np.diff(v, prepend=0., append=s); np.ediff1d(v);
        np.ediff1d(v, to_begin=0., to_end=[1., 2.]); np.gradient(v); np.gradient(v, .5); np.gradient(M, axis=1);
        np.gradient(S, 2., 3.)
    """,
    "selection": """
        np.where(v > .5, v, 0.); np.where(mask, v, c); np.where(v > .5); np.where([[True], [False]], v, 1);
        np.select([v < .3, v < .6], [v, v ** 2], default=1.); np.select([mask, ~mask], [v, 0.]);
        np.piecewise(v, [v < .4, v >= .4], [lambda q: q ** 2, 3.]);
        np.piecewise(v, [v < .4], [lambda q: q ** 2, lambda q: -q]); np.choose([0, 1], [v[:2], v[2:4]]);
        np.choose([0, 3], [v[:2], 1.], mode="clip"); np.nonzero(v > .5); np.flatnonzero(v > .5); np.argwhere(M > .5);
        np.take(v, [0, 2, -1]); np.take(M, 1, axis=1); np.take(M, [[0, 1]], axis=-1);
        np.take(v, [7, -8], mode="wrap"); np.take(v, [7, -8], mode="clip");
        np.take_along_axis(M, np.argsort(M, axis=1), axis=1); np.compress(mask, v);
        np.compress([True, False, True], M, axis=1); np.extract(v > .5, v);
        np.apply_along_axis(lambda r: r.sum() ** 2, 1, M); np.apply_along_axis(lambda r: r * r[0], 0, M);
        np.apply_over_axes(np.sum, T, (0, 1)); M[np.ix_([0, 1], [0, 2])]; np.unstack(M)
    """,
    "contraction": """
        np.dot(M, v[:3]); np.dot(v, c); np.dot(v, 2.); np.dot(T, S[:1]); np.dot(m23, S); np.vdot(v, c);
        np.vdot(z, z); np.inner(v, c); np.inner(M, m23); np.outer(v, c); np.outer(M, s);
        np.tensordot(M, m23, axes=([0], [0])); np.tensordot(M, m23); np.tensordot(T, S, 0);
        np.tensordot(T, M, axes=((1, 0), (1, 0))); np.kron(v[:2], v[2:]); np.kron(M, S); np.cross(v[:3], c[:3]);
        np.cross(S, c[:3]); np.cross(S, S.T + 1, axis=0); np.linalg.cross(v[:3], v[3:]); np.linalg.outer(v, c);
        np.linalg.vecdot(M, m23); np.linalg.matmul(M, S); np.linalg.tensordot(M, S, axes=1);
        np.linalg.vecdot(M, m23, axis=0); np.linalg.multi_dot([M, S, v[:3]]); np.linalg.multi_dot([M, S, S])
    """,
    "einsum": """
        np.einsum("ij,kj->ik", M, m23); np.einsum("ij,jk", M, S); np.einsum("ii", S); np.einsum("ii->i", S);
        np.einsum("ij->ji", M); np.einsum("ij->", M); np.einsum("ij->j", M); np.einsum("i,i", v, c);
        np.einsum("i,ij,j->", v, B, v[:3], optimize=True); np.einsum("...j,j->...", T[..., 0], v[:3]);
        np.einsum("ij...,jk->ik...", T, S); np.einsum("ij,j", M, c[:3]); np.einsum("i,j,k->ijk", v, c, v);
        np.einsum(M, [0, 1], S, [1, 2], [0, 2]); np.einsum("iij,j->i", np.stack([S, S, S]), v[:3]);
        np.einsum("ij,kl->k", M, S); np.einsum("i->ii" [:4], v)
    """,
    "linear algebra": """
        np.linalg.solve(S, v[:3]); np.linalg.solve(S, np.eye(3)); np.linalg.solve(np.stack([S, P]), M.T);
        np.linalg.inv(S); np.linalg.det(S); np.linalg.slogdet(S); np.linalg.slogdet(S).logabsdet;
        np.linalg.cholesky(P); np.linalg.cholesky(P, upper=True); np.linalg.eigvalsh(P);
        np.linalg.eigvalsh(S, UPLO="U"); np.linalg.eigh(P).eigenvalues; np.linalg.norm(v); np.linalg.norm(M);
        np.linalg.norm(M, axis=1); np.linalg.norm(v, 1); np.linalg.norm(v, np.inf); np.linalg.norm(v, -np.inf);
        np.linalg.norm(v, 3); np.linalg.norm(v, 0); np.linalg.norm(M, "fro"); np.linalg.norm(M, 1);
        np.linalg.norm(M, -np.inf); np.linalg.norm(M, axis=(0, 1), keepdims=True); np.linalg.norm(T, 1, axis=(1, 0));
        np.linalg.norm(z); np.linalg.norm(M, keepdims=True); np.linalg.vector_norm(M);
        np.linalg.vector_norm(M, axis=0, ord=1); np.linalg.matrix_norm(M); np.linalg.matrix_power(S, 3);
        np.linalg.matrix_power(S, 0); np.linalg.matrix_power(S, -2)
    """,
    "polynomials and convolutions": """
        np.polyval([1., 2., 3.], v); np.polyval(v, .5); np.polyval(v, c); np.convolve(v, [1., 2., 1.]);
        np.convolve(v, c[:2], mode="same"); np.convolve(c[:2], v, mode="valid"); np.convolve(v, c[:3], "same");
        np.correlate(v, [1., 2., 1.]); np.correlate(v, c[:4], mode="same"); np.correlate(v[:3], c, mode="same");
        np.correlate(v[:2], c, "same"); np.correlate(v[:2], c); np.correlate(v, c[:3], "full")
    """,
    "creation": """
        np.zeros_like(v); np.ones_like(M); np.full_like(v, s); np.full_like(v, 2, shape=(2, 2));
        np.zeros_like(v, dtype=np.int64); np.copy(M); np.linspace(0., s, 4); np.linspace(s, 2., 5, endpoint=False);
        np.linspace(v[:2], 1., 3); np.linspace(v[:2], c[:2], 3, axis=1); np.linspace(0, s, 4, retstep=True);
        np.linspace(s, 1, 1); np.logspace(0., s, 3); np.zeros((2, 3), like=v); np.ones(2, like=v);
        np.full((2, 2), s, like=v); np.array([[s, 1.0], [0, v[1]]], like=v); np.asarray([v, c], like=v);
        np.array(v, ndmin=2, like=v); np.eye(3, like=v); np.arange(3., like=v)
    """,
    "queries": """
        np.shape(M); np.ndim(M); np.size(M); np.size(M, 1); np.iscomplexobj(v); np.isrealobj(v); np.iscomplex(z);
        np.isreal(v); np.result_type(v, 1j); np.can_cast(v, np.float64); np.tril_indices_from(S)
    """,
    "methods": """
        v.sum(); M.sum(0); M.sum(axis=1, keepdims=True); M.mean(1); v.prod(); v.std(ddof=1); v.var(); v.min();
        v.max(); v.argmax(); M.argmin(1); v.cumsum(); v.cumprod(); (v > .1).all(); v.clip(.3, .7); v.clip(max=.5);
        v.round(1); v.take([0, 1]); v.repeat(2); S.trace(); S.diagonal(); v.argsort(); v.nonzero(); v.conj();
        v.dot(c); T.squeeze(); M.swapaxes(0, 1); M.ravel(); M.flatten(); M.reshape(3, 2); M.reshape((3, -1)); M.T;
        T.mT; M.transpose(); T.transpose(2, 0, 1); v.astype(np.float64); v.astype(np.float32); v.astype(complex);
        v.copy(); np.sort(v).searchsorted(.5); v.compress(mask); M.flat[4];
        z.real; z.imag; v.real; M.shape; M.ndim; M.size; v.dtype; v.nbytes; v.itemsize; len(M)
    """,
    "to Python": """
        v.item(2); M.item(1, 2); v[:1].item(); v.tolist()
    """,
    "operators": """
        abs(v - .5); -v; +v; v ** 2; v ** .5; v ** -1; v ** 3; 2 ** v; v // .3; v % .3; divmod(v, .3); M @ c[:3];
        m23.T @ M; v @ c; c @ v; v @ v; 1.0 - v; c * v; np.float64(2) * v; [1., 2., 3., 4., 5., 6.] * v;
        v + [1, 2, 3, 4, 5, 6]; s * c; c * s; s + s; s ** 2; 1 / s; np.float64(2) * s; v == v; v != c
    """,
    "subscripts": """
        v[0]; v[-1]; v[1:3]; v[::-1]; v[::2]; M[1]; M[1, ..., 0]; M[:, 1]; v[[0, 3, 3]]; v[np.array([0, 0, 2])];
        v[mask]; v[v > .5]; M[[0, 1], [2, 0]]; v[:, None]; v[None]; M[..., None, 1:]; v[np.int64(2)]; M[1][2];
        M[-1, -2:]; v[np.where(v > .5)]; M[:, [0, 2]]; M[[True, False]]; T[:, [0], [0]]; M[1, [0, 1]]; v[()]; M[...];
        v[[]]; s[()]; s[...]; s[None]; s[None, ..., None]; sum(q ** 2 for q in v);
        [row.sum() for row in M]; max(v); sorted(v)[0]; v[2] in v;
        list(reversed(v))[0]
    """,
    "scipy.special": """
        special.expit(v); special.logit(v); special.log_expit(v - .5); special.erf(v); special.erfc(v);
        special.ndtr(v); special.log_ndtr(v); special.gammaln(v); special.loggamma(v); special.psi(v);
        special.digamma(v); special.gamma(v); special.gamma(v - 2); special.rgamma(v); special.beta(v, 2.);
        special.betaln(1.5, v); special.xlogy(v, c + 3); special.xlogy(0., v); special.xlog1py(v, v);
        special.entr(v); special.entr(v - .5); special.rel_entr(v, .5); special.kl_div(.5, v); special.exp10(v);
        special.exp2(v); special.expm1(v); special.log1p(v); special.cbrt(v); special.cosm1(v);
        special.boxcox(v, .5); special.boxcox(v, 0.); special.inv_boxcox(v, .5); special.huber(.5, v);
        special.pseudo_huber(.5, v); special.binom(5., v); special.poch(v, 2.); special.sindg(v); special.cosdg(v);
        special.gammasgn(v - 2)
    """,
}
