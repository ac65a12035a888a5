"""scipy.special."""

from __future__ import annotations

from .inputs import each, expressions

ONE = """
    sp.expit sp.logit sp.erf sp.erfc sp.erfcx sp.erfinv sp.gammaln sp.gamma sp.digamma sp.psi sp.loggamma sp.rgamma
    sp.ndtr sp.log_ndtr sp.ndtri sp.log1p sp.expm1 sp.exp2 sp.exp10 sp.cbrt sp.entr sp.log_expit sp.i0 sp.i1 sp.i0e
    sp.i1e sp.j0 sp.j1 sp.cosm1 sp.exp1 sp.expi sp.k0 sp.k1 sp.ellipk sp.spence sp.dawsn sp.softplus sp.softmax
    sp.factorial
"""

CASES = each("f(v)", ONE) | expressions("""
    np.real(sp.lambertw(v))
    sp.zeta(v + 2, 1.)
    sp.logsumexp(v)
    sp.logsumexp(M(v), axis=1)
    sp.logsumexp(v, b=np.arange(1., 7.))
    sp.log_softmax(M(v), axis=1)
    sp.xlogy(v, v) + sp.xlogy(2., v) + sp.xlogy(v, 3.)
    sp.xlog1py(v, v)
    sp.beta(v, 2.) + sp.betaln(1.5, v)
    sp.betainc(2., 3., v)
    sp.gammainc(2., v)
    sp.gammainc(v, 1.5)
    sp.polygamma(1, v)
    sp.rel_entr(v, .5) + sp.kl_div(.4, v)
    sp.multigammaln(v[0] + 3, 2)
    sp.binom(5., v)
    sp.comb(5., v)
    sp.jv(1.5, v)
    sp.kv(1.5, v)
    sp.iv(1., v)
    sp.hyp2f1(1., 2., 3., v)
    sp.boxcox(v, .5)
    sp.huber(.5, v)
    sp.erf(v[0]) * np.float64(2)
    sp.eval_legendre(3, v)
""")
