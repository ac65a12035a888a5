"""More expressions that are compared with NumPy: the rarer functions, methods and keywords. Names as in `expressions`."""

RARER_EXPRESSIONS = {
    "order statistics, rarer": """
        np.nanmedian(w); np.nanmedian(w.reshape(2, 3), axis=1); np.nanmedian(w.reshape(2, 3), (0, 1), keepdims=True);
        np.nanquantile(w, .3); np.nanquantile(w.reshape(2, 3), [.2, .7], axis=1); np.nanpercentile(w, 40.);
        np.nanquantile(w.reshape(2, 3), .4, axis=0, keepdims=True); np.nanpercentile(w, [10, 90], method="hazen");
        np.quantile(v, .37, method="inverted_cdf"); np.quantile(v, .37, method="averaged_inverted_cdf");
        np.quantile(v, .5, method="averaged_inverted_cdf"); np.quantile(v, .37, method="closest_observation");
        np.quantile(v, .37, method="interpolated_inverted_cdf"); np.quantile(v, .37, method="hazen");
        np.quantile(v, .37, method="weibull"); np.quantile(v, .37, method="median_unbiased");
        np.quantile(v, .37, method="normal_unbiased"); np.quantile(v, .37, method="lower");
        np.quantile(v, .37, method="higher"); np.quantile(v, .37, method="midpoint");
        np.quantile(v, .37, method="nearest"); np.quantile(c, v[0]); np.percentile(M, [3., 97.], 1, method="weibull");
        np.quantile(v, .4, weights=np.arange(1., 7.), method="inverted_cdf");
        np.quantile(M, [.4, .6], 1, weights=[1., 2., 3.], method="inverted_cdf");
        np.nanquantile(w, .4, weights=np.arange(1., 7.), method="inverted_cdf");
        np.percentile(v, 30., overwrite_input=True); np.median(v, overwrite_input=True)
    """,
    "without NaN, rarer": """
        np.nancumsum(w.reshape(2, 3), axis=1); np.nancumprod(w); np.nancumprod(w, 0, dtype=np.float64);
        np.nansum(w, where=mask); np.nansum(w, initial=2.); np.nanprod(w, where=mask, initial=2.);
        np.nanmean(w, where=mask); np.nanvar(w, where=mask, correction=1); np.nanvar(w, ddof=1, keepdims=True);
        np.nanvar(w.reshape(2, 3), 1, mean=np.nanmean(w.reshape(2, 3), 1, keepdims=True));
        np.nanstd(w, correction=1); np.nanmax(w, initial=.5); np.nanmax(w, where=mask, initial=.1);
        np.nanmin(w, 0, keepdims=True); np.nanmin(w, initial=.3, where=mask)
    """,
    "statistics, rarer": """
        np.cov(M, bias=True); np.cov(M, ddof=0); np.cov(M, fweights=[1, 2, 1]); np.cov(M, aweights=[.5, 1., 2.]);
        np.cov(M, fweights=[1, 2, 1], aweights=[.5, 1., 2.], ddof=0); np.cov(m23, aweights=v[:3]);
        np.cov(M, dtype=np.float64); np.cov(v, c, rowvar=False); np.corrcoef(v, c); np.corrcoef(M.T, rowvar=False);
        np.corrcoef(M[:, :2] + S[:2, :2], dtype=np.float64); np.average(M, 1, v[:3], True);
        np.average(M, axis=0, keepdims=True); np.histogram(v, 3); np.histogram(v, [0., .4, .6, 1.], density=True);
        np.histogram(v, 3, density=True); np.histogram(v, 4, (0., 1.)); np.histogram(c, 3, weights=v);
        np.histogram(c, 3, weights=v, density=True); np.histogram_bin_edges(v, 4); np.histogram_bin_edges(v, "auto")
    """,
    "sets and orders, rarer": """
        np.unique(M, axis=0); np.unique(v, True, True, True); np.unique_all(v); np.unique_counts(v);
        np.unique_inverse(v); np.unique_values(v); np.intersect1d(v, v[1:4]); np.intersect1d(v, v[:2], False, True);
        np.union1d(v, v[:3] * 2); np.setdiff1d(v, v[:2]); np.setdiff1d(v, v[:2], assume_unique=True);
        np.setxor1d(v, v[:2]); np.isin(v, v[:2], invert=True); np.partition(v, 2); np.partition(M, 1, axis=0);
        np.argpartition(v, 2); np.lexsort((v, c)); np.lexsort((M, m23), axis=0); np.sort_complex(v); np.sort(z);
        np.sort_complex(z); np.argsort(z); np.sort(v, stable=True); np.trim_zeros(np.pad(v, 2));
        np.trim_zeros(np.pad(v, 2), "b"); np.trim_zeros(np.pad(M, 1), axis=1)
    """,
    "differences, rarer": """
        np.gradient(v, edge_order=2); np.gradient(v, c.cumsum() * 0 + [0., 1., 3., 4., 6., 9.]);
        np.gradient(v, [0., 1., 3., 4., 6., 9.], edge_order=2); np.gradient(c, np.cumsum(v));
        np.gradient(S, [0., 1., 3.], 2., edge_order=2); np.gradient(S, axis=(1, 0)); np.diff(M, axis=0);
        np.diff(M, append=m23); np.unwrap(9 * v); np.unwrap(9 * v, discont=4.); np.unwrap(5 * M, period=3., axis=0);
        np.interp(5 * v, [0., .5, 1.], [1., 2., 4.], period=1.5); np.interp([.1, 2.3], v, c, period=2.);
        np.trapezoid(M, np.abs(m23), axis=1); np.ediff1d(M)
    """,
    "padding": """
        np.pad(v, (2, 3), "linear_ramp", end_values=(1., 2.)); np.pad(M, 1, "linear_ramp"); np.pad(M, 1, "maximum");
        np.pad(v, 2, "mean", stat_length=3); np.pad(M, (1, 2), "median"); np.pad(v, 2, "minimum", stat_length=(2, 3));
        np.pad(v, 8, "reflect", reflect_type="odd"); np.pad(v, (2, 9), "symmetric", reflect_type="odd");
        np.pad(M, ((1, 2), (3, 0)), "constant", constant_values=((1., 2.), (3., 4.))); np.pad(M, {1: (1, 2)});
        np.pad(v, 1, constant_values=s); np.pad(v, 1, "linear_ramp", end_values=s)
    """,
    "joining, rarer": """
        np.insert(M, 1, 7., axis=1); np.insert(M, [0, 2], s, axis=1); np.insert(M, 1, v[:2], axis=1);
        np.insert(M, [1], v[:2].reshape(2, 1), axis=1); np.insert(v, slice(1, 4), c[:3]); np.insert(M, -1, v[:3], 0);
        np.delete(M, 1, 0); np.delete(v, slice(0, 4, 2)); np.delete(v, mask); np.resize(v, (3, 4)); np.resize(M, 4);
        np.vstack([M, m23], dtype=np.float64); np.hstack([v, c], dtype=np.float64); np.stack([v, c], dtype=np.float64);
        np.concatenate([v, c], dtype=np.float64); np.logspace(v[:2], 2., 4, axis=1); np.logspace(0., v[0], 3, base=2.);
        np.logspace(v[0], 2., 3, base=[2., 3.]); np.geomspace(v[0], 9., 5); np.geomspace(v[:2], 4., 3, False, axis=1);
        np.linspace(v[:2], c[:2], 3, axis=1); np.lib.stride_tricks.sliding_window_view(v, 3);
        np.lib.stride_tricks.sliding_window_view(M, 2, axis=1); np.ravel_multi_index(([0, 1], [2, 0]), M.shape);
        np.unravel_index(np.argmax(M), M.shape); np.require(v); np.asarray_chkfinite(v); np.real_if_close(z);
        np.real_if_close(v + 0j)
    """,
    "polynomials, rarer": """
        np.polyadd(v, c[:3]); np.polysub(c[:3], v); np.polymul(v[:3], c); np.polydiv(v, c[:3]); np.polydiv(v[:2], c);
        np.polyder(v); np.polyder(v, 2); np.polyder(v, 9); np.polyint(v); np.polyint(v, 2, [1., 2.]);
        np.polyint(v, 2, s); np.poly(v[:3]); np.poly(z[:2]); np.poly(S); np.roots(v[:4]); np.roots([1., -3., v[0]])
    """,
    "parts of numbers": """
        np.frexp(9 * v); np.ldexp(v, 3); np.ldexp(v, np.array([1, -2, 0, 3, 1, 2])); np.nextafter(v, 2.);
        np.spacing(v); np.array_equiv(v, M); np.array_equiv(M, M[:1]); np.emath.sqrt(v - .5); np.emath.sqrt(v);
        np.emath.log(v - .5); np.emath.log2(v); np.emath.log10(v - .5); np.emath.logn(2., v); np.emath.power(v - .5, 2.);
        np.emath.arccos(2 * v); np.emath.arcsin(v); np.emath.arcsin(1.5 - 4 * v); np.emath.arccos(1.5 - 4 * v); np.emath.arctanh(3 * v + .05)
    """,
    "methods of ufuncs, rarer": """
        np.subtract.reduce(v); np.subtract.reduce(M, axis=1, keepdims=True); np.divide.reduce(M, axis=0);
        np.hypot.reduce(v); np.hypot.reduce(M, axis=None); np.power.reduce(v, initial=.5); np.fmax.reduce(w);
        np.fmin.reduce(w.reshape(2, 3), axis=(0, 1)); np.logaddexp2.reduce(v); np.arctan2.reduce(v);
        np.logaddexp.reduce(v, initial=.2, where=mask); np.hypot.reduce(v, where=mask); np.add.reduce(M, dtype=np.float64);
        np.subtract.accumulate(v); np.divide.accumulate(M, axis=1); np.hypot.accumulate(M); np.fmax.accumulate(w);
        np.logaddexp2.accumulate(v); np.add.reduceat(v, [0, 3, 1, 5]); np.add.reduceat(M, [0, 2], axis=1);
        np.multiply.reduceat(v, [0, 2, 4]); np.maximum.reduceat(M, [0, 1], axis=1); np.multiply.outer(M, v[:2]);
        np.power.outer(v, [1., 2.]); np.logical_xor.reduce(v > .5)
    """,
    "einsum, rarer": """
        np.einsum("ij,jk->ik", M, S, dtype=np.float64); np.einsum("ij,jk", M, S, order="C");
        np.einsum("ij,jk,kl", M, S, S, optimize="greedy"); np.einsum(M, [0, Ellipsis], v[:2], [0], [Ellipsis]);
        np.einsum_path("ij,jk,kl", M, S, S)[0]; np.einsum("ij,ij->", M, m23); np.einsum("i,i,i->i", v, c, v)
    """,
    "keywords of reductions": """
        np.prod(M, axis=0, dtype=np.float64); np.prod(v, initial=2.); np.max(M, 1, keepdims=True); np.amax(v, initial=.1);
        np.amax(v, where=mask, initial=0.); np.min(M, 1, keepdims=True); np.min(v, initial=.9, where=mask);
        np.amin(M, axis=1, keepdims=True); np.amin(v, initial=.9, where=mask); np.ptp(M, 0, keepdims=True);
        np.all(M > .2, axis=1, keepdims=True); np.any(M > .8, axis=1, keepdims=True, where=m23 > 0);
        np.allclose(v, v + .1, rtol=.1, atol=.1); np.allclose(w, w, equal_nan=True); np.isclose(w, w, equal_nan=True);
        np.isclose(v, c, rtol=.1, atol=.5); np.array_equal(w, w, equal_nan=True); np.mean(v, dtype=np.float64);
        np.count_nonzero(M > s, axis=0, keepdims=True); np.var(v, dtype=np.float64, keepdims=True);
        np.var(v, mean=np.mean(v, keepdims=True)); np.std(v, correction=1, dtype=np.float64); np.std(v, where=mask);
        np.trace(S, dtype=np.float64); np.cumsum(v, dtype=np.float64); np.cumprod(v, dtype=np.float64);
        np.cumulative_sum(M, axis=0, dtype=np.float64); np.cumulative_prod(v, dtype=np.float64, include_initial=True);
        np.nansum(w.reshape(2, 3), axis=1, dtype=np.float64, keepdims=True); np.nanmean(w, dtype=np.float64);
        np.nanprod(w.reshape(2, 3), axis=1, dtype=np.float64, keepdims=True); np.nanvar(w, dtype=np.float64);
        np.nanstd(w.reshape(2, 3), axis=1, dtype=np.float64, keepdims=True); np.nancumsum(w, dtype=np.float64);
        np.nanstd(w, where=mask, mean=np.nanmean(w, keepdims=True)); np.nanmax(w.reshape(2, 3), axis=1, keepdims=True);
        np.nanargmax(w.reshape(2, 3), axis=1, keepdims=True); np.nanargmin(w.reshape(2, 3), axis=0, keepdims=True);
        np.percentile(M, 30., 1, keepdims=True);
        np.percentile(v, 40., weights=np.arange(1., 7.), method="inverted_cdf");
        np.nanpercentile(w.reshape(2, 3), 40., axis=1, keepdims=True);
        np.nanpercentile(w, 40., weights=np.arange(1., 7.), method="inverted_cdf")
    """,
    "keywords of elements and orders": """
        np.clip(v, min=.3, max=.6); np.nan_to_num(np.where(mask, w, np.float32(np.inf)), nan=1., posinf=2.);
        np.nan_to_num(np.where(mask, w, np.float32(-np.inf)), neginf=-3.); np.i0(v);
        np.angle(z, deg=True); np.isposinf(v); np.isneginf(v); np.cross(S, S.T + 1, axisa=0, axisb=1, axisc=0);
        np.linalg.cross(S, S.T + 1, axis=0); np.real_if_close(v + 1e-15j, tol=1e5); np.tril(S, -1); np.tril(S, k=1);
        np.argpartition(M, 1, axis=0); np.argmin(M, axis=1, keepdims=True);
        np.searchsorted(v, [.3, .6], sorter=np.argsort(v)); np.isin(v, v[:2], assume_unique=True);
        np.bincount([0, 1, 1, 3, 0, 1], weights=v, minlength=7); np.unique(v, equal_nan=False);
        np.setxor1d(v, v[:2], assume_unique=True); np.histogram_bin_edges(v, 4, range=(0., 1.), weights=v);
        np.polyfit(c, v, 2); np.polyfit(v, c, 1, w=np.arange(1., 7.)); np.polyfit(c, B + v[0], deg=1);
        np.polyfit(c, v, 2, cov=True); np.polyfit(c, v, 2, cov="unscaled"); np.polyfit(c, v, 1, rcond=1e-9, full=True)
    """,
    "keywords of shapes": """
        np.zeros_like(v, shape=(2, 2)); np.ones_like(v, dtype=np.float64, shape=3); np.full_like(v, s, dtype=np.float64);
        np.empty_like(v, dtype=np.float64, shape=(0, 2)); np.linspace(v[0], 2., 3, dtype=np.float64);
        np.logspace(v[0], 2., 3, endpoint=False, dtype=np.float64); np.geomspace(v[0], 2., 3, dtype=np.float64);
        np.astype(v, np.float64); np.split(M, 3, axis=1); np.array_split(M, 2, axis=1); np.dsplit(v.reshape(1, 3, 2), 2);
        np.unstack(M, axis=1); np.flatnonzero(v > s); np.flatnonzero(v); np.argwhere(M); np.argwhere(M > s); M[np.ix_(np.argsort(v[:2]), [0, 2])];
        np.common_type(v); np.min_scalar_type(v); np.shares_memory(v, v[1:]); np.may_share_memory(v, c);
        np.tril_indices_from(S, 1); np.triu_indices_from(S, k=1); np.diag_indices_from(S)
    """,
    "writing functions": """
        (lambda y: (np.copyto(y, v), y)[1])(np.zeros_like(v)); (lambda y: (np.put(y, [0, 7], v, "wrap"), y)[1])(v * 2);
        (lambda y: (np.copyto(y, v, where=mask), y)[1])(v * 2); (lambda y: (np.put(y, [1, -1], s), y)[1])(v ** 2);
        (lambda y: (np.fill_diagonal(y, v[:3]), y)[1])(S * 2); (lambda y: (np.place(y, mask, v[:2]), y)[1])(v * 2);
        (lambda y: (np.fill_diagonal(y, s, wrap=True), y)[1])(B[:5] * s);
        (lambda y: (np.putmask(y, mask, c * s), y)[1])(v * 2);
        (lambda y: (np.put_along_axis(y, np.array([[0], [2]]), v[:2].reshape(2, 1), axis=1), y)[1])(M * 2);
        (lambda y: (np.nan_to_num(y, copy=False, nan=2.), y)[1])(w * 2)
    """,
}
