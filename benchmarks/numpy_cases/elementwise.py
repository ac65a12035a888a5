"""Universal functions of one and two arguments, and their methods."""

from __future__ import annotations

import numpy as np

from .inputs import each, expressions, functions

ONE = """
    np.negative np.positive np.absolute np.fabs np.sign np.square np.sqrt np.cbrt np.reciprocal np.exp np.exp2
    np.expm1 np.log np.log2 np.log10 np.log1p np.sin np.cos np.tan np.arcsin np.arccos np.arctan np.sinh np.cosh
    np.tanh np.arcsinh np.arctanh np.degrees np.radians np.deg2rad np.rad2deg np.floor np.ceil np.trunc np.rint
"""

TWO = """
    np.add np.subtract np.multiply np.divide np.true_divide np.power np.maximum np.minimum np.fmax np.fmin np.arctan2
    np.hypot np.logaddexp np.logaddexp2 np.copysign np.fmod np.remainder np.floor_divide np.float_power
"""

ONE_ARGUMENT = each("f(v)", ONE) | expressions("""
    np.arccosh(1 + v)
    np.real(np.conjugate(v * 1j) * 1j) + np.imag(v * 1j)
    np.where(np.isnan(v) | ~np.isfinite(v) | np.isinf(v), 0., v)
    np.where(np.logical_not(v > .5) & ~np.signbit(v), v, 2 * v)
""")

TWO_ARGUMENTS = (
    each("f(v, v[::-1] + 0.13)", TWO)
    | each("f(v, 0.37) + f(0.41, v)", TWO)
    | expressions("""
    np.heaviside(v - .5, .5) * v
    np.where(np.greater(v, .5) | np.less_equal(v, .3), v, v**2) * np.equal(v, v)
    np.matmul(M(v), M(v).T)
    np.divmod(v, .3)[1] + np.modf(3 * v)[0]
    np.vecdot(M(v), m23)
    np.matvec(M(v), v[:3])
""")
)


def add_at(v):
    """np.add.at(y, [0, 0, 2], v[:3] ** 2)."""
    y = np.zeros_like(v)
    np.add.at(y, [0, 0, 2], v[:3] ** 2)
    return y


METHODS = functions(add_at) | expressions("""
    np.add.reduce(M(v), axis=1)
    np.multiply.reduce(v)
    np.maximum.reduce(M(v))
    np.logaddexp.reduce(v)
    np.multiply.outer(v, v[:2])
    np.subtract.outer(v, c)
    np.add.accumulate(v)
    np.maximum.accumulate(v)
    np.log(v, where=v > .5, out=np.zeros_like(v))
""")
