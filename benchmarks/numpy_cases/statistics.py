"""scipy.stats."""

from __future__ import annotations

from .inputs import expressions

CASES = expressions("""
    st.norm.logpdf(v)
    st.norm.logpdf(c, v[0], v[1])
    st.norm.cdf(v)
    st.norm.pdf(v)
    st.poisson.logpmf(np.arange(6), v)
    st.gamma.logpdf(v, 2.)
    st.t.logpdf(v, 5.)
    st.multivariate_normal.logpdf(v[:3], np.zeros(3), np.eye(3))
    st.binom.logpmf(2, 5, v)
    st.beta.logpdf(v, 2., 3.)
    st.norm(v[0], v[1]).logpdf(.3)
    st.zscore(v)
""")
