"""scipy.special. Loaded when one of its functions is first met, so that diffiface never imports SciPy by itself.

The ufuncs here; the functions that are Python code in SciPy in `scipy_special_functions` and `scipy_special_sums`.
Values and derivatives are those of the table in `diffiface.special_functions`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as special

from diffiface.numpy_api.table import ufunc
from diffiface.primitives import PRIMITIVES, Primitives
from diffiface.primitives.formula import Term, formula
from diffiface.primitives.formula import special as formula_of
from diffiface.scipy_api import special_functions as special_functions
from diffiface.scipy_api import special_refused as special_refused
from diffiface.scipy_api import special_sums as special_sums
from diffiface.special_functions import SPECIAL_FUNCTIONS

# ---- those that are a primitive, or a function of the table under the same name


def _primitive(name: str) -> Callable[..., Any]:
    def translation(p: Primitives, *arguments: Any) -> Any:
        return getattr(p, name)(*arguments)

    return translation


def _special(name: str) -> Callable[..., Any]:
    def translation(p: Primitives, *arguments: Any) -> Any:
        return p.special(*arguments, function=name)

    return translation


for _name in ("erf", "erfc", "expit", "log_expit", "gammaln", "ndtr", "log_ndtr", "xlogy", "cbrt", "exp2", "expm1"):
    ufunc(getattr(special, _name))(_primitive(_name))
ufunc(special.psi)(_primitive("digamma"))
ufunc(special.log1p)(_primitive("log1p"))
for _name in SPECIAL_FUNCTIONS.keys() - PRIMITIVES.keys():
    _function = getattr(special, _name, None)
    if isinstance(_function, np.ufunc):
        ufunc(_function)(_special(_name))


@ufunc(special.round, kind="zero derivative")
def round_half_to_even(p: Primitives, x: Any) -> Any:
    return p.rint(x)


@ufunc(special.gammasgn, kind="zero derivative")
def gammasgn(p: Primitives, x: Any) -> Any:
    odd = p.not_equal(p.remainder(p.floor(x), 2.0), 0)
    sign = p.where(p.logical_and(p.less(x, 0), odd), -1.0, 1.0)
    pole = p.logical_and(p.less(x, 0), p.equal(x, p.floor(x)))
    return p.astype(p.where(p.logical_or(pole, p.isnan(x)), np.nan, sign), dtype=p.dtype(p.exp(x)))


# ---- several results


def _several(function: np.ufunc, *names: str) -> None:
    """Enter a ufunc of several outputs, each of them a function of the table."""

    def translation(p: Primitives, *arguments: Any) -> tuple[Any, ...]:
        return tuple(p.special(*arguments, function=name) for name in names)

    ufunc(function)(translation)


_several(special.airy, "airy_ai", "airy_aip", "airy_bi", "airy_bip")
_several(special.airye, "airye_ai", "airye_aip", "airye_bi", "airye_bip")
_several(special.itairy, "itairy_ai", "itairy_bi", "itairy_minus_ai", "itairy_minus_bi")
_several(special.ellipj, "ellipj_sn", "ellipj_cn", "ellipj_dn", "ellipj_ph")
_several(special.fresnel, "fresnel_s", "fresnel_c")
_several(special.modfresnelp, "modfresnelp_f", "modfresnelp_k")
_several(special.modfresnelm, "modfresnelm_f", "modfresnelm_k")
_several(special.sici, "sici_s", "sici_c")
_several(special.shichi, "shichi_s", "shichi_c")
_several(special.itj0y0, "itj0y0_j", "itj0y0_y")
_several(special.iti0k0, "iti0k0_i", "iti0k0_k")
_several(special.it2j0y0, "it2j0y0_j", "it2j0y0_y")
_several(special.it2i0k0, "it2i0k0_i", "it2i0k0_k")
_several(special.pbdv, "pbdv_d", "pbdv_dp")
_several(special.pbvv, "pbvv_v", "pbvv_vp")
_several(special.pbwa, "pbwa_w", "pbwa_wp")
for _name in ("cem", "sem", "modcem1", "modcem2", "modsem1", "modsem2"):
    _several(getattr(special, f"mathieu_{_name}"), f"mathieu_{_name}_y", f"mathieu_{_name}_yp")


@ufunc(special.kelvin)
@formula
def kelvin(x: Term) -> tuple[Term, ...]:
    pairs = [("ber", "bei"), ("ker", "kei"), ("berp", "beip"), ("kerp", "keip")]
    return tuple(getattr(formula_of, a)(x) + 1j * getattr(formula_of, b)(x) for a, b in pairs)


special_refused.refuse_the_rest()
