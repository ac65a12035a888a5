"""What of scipy.special is not differentiated, and why. Nothing is left out: every other function is here or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import scipy.special as special

from diffiface.numpy_api.dispatch import unsupported
from diffiface.numpy_api.table import FUNCTIONS, UFUNCS, numpy_function, public_name, ufunc
from diffiface.primitives import Primitives

_SPHEROIDAL = "its derivative is not implemented"
_NONCENTRAL = "its derivatives have no closed form"
_COUNT = "it gives a count, whose derivative has no closed form"
_WHOLE = "its arguments are whole numbers"
_OBJECT = "it makes a polynomial, or nodes and weights, from whole numbers: make it outside the function"

REASONS: dict[str, str] = {
    **dict.fromkeys(("bdtrik", "bdtrin", "nbdtrik", "nbdtrin", "pdtrik"), _COUNT),
    **dict.fromkeys(
        ("chndtridf ncfdtr ncfdtri ncfdtridfd ncfdtridfn ncfdtrinc nctdtr nctdtridf nctdtrinc nctdtrit").split(),
        _NONCENTRAL,
    ),
    **dict.fromkeys(("obl_cv", "pro_cv"), _SPHEROIDAL),
    **dict.fromkeys(
        (f"{kind}_{part}" for kind in ("obl", "pro") for part in "ang1 ang1_cv rad1 rad1_cv rad2 rad2_cv".split()),
        _SPHEROIDAL,
    ),
    **dict.fromkeys(
        (
            "assoc_laguerre assoc_legendre_p assoc_legendre_p_all legendre_p legendre_p_all sph_harm_y sph_harm_y_all "
            "sph_legendre_p sph_legendre_p_all diric ellip_harm ellip_harm_2 lmbda lqmn lqn factorial2 factorialk "
            "riccati_jn riccati_yn pbdn_seq pbdv_seq pbvv_seq"
        ).split(),
        "its derivative is not implemented",
    ),
    **dict.fromkeys("bernoulli euler stirling2 ellip_normal pro_cv_seq obl_cv_seq".split(), _WHOLE),
    **dict.fromkeys(("mathieu_even_coef", "mathieu_odd_coef"), "it gives the coefficients of a series"),
}


def _reason(name: str) -> str | None:
    if name in REASONS:
        return REASONS[name]
    function = getattr(special, name)
    if name.endswith(("_zeros", "_roots")) or name.startswith("roots_"):
        return _OBJECT if "roots" in name else _WHOLE
    if name in _POLYNOMIALS:
        return _OBJECT
    return None if isinstance(function, np.ufunc) else ""


_POLYNOMIALS = frozenset(
    "chebyc chebys chebyt chebyu gegenbauer genlaguerre hermite hermitenorm jacobi laguerre legendre sh_chebyt sh_chebyu "
    "sh_jacobi sh_legendre".split()
)


def _refusing(name: str, reason: str) -> Callable[..., NoReturn]:
    def translation(p: Primitives, *arguments: Any, **keywords: Any) -> NoReturn:
        unsupported(
            p,
            f"scipy.special.{name} is not differentiated: {reason}",
            "compute it outside the function if it needs no derivative, or use 'finite_differences'",
        )

    return translation


def refuse_the_rest() -> None:
    """Enter a refusal for each function that has a reason and no translation (once all others are entered)."""
    for name in dir(special):
        function = getattr(special, name)
        if name.startswith("_") or not callable(function) or isinstance(function, type):
            continue
        reason = _reason(name)
        if not reason:
            continue
        if isinstance(function, np.ufunc):
            if function not in UFUNCS:
                ufunc(function, kind="refused", note=reason)(
                    _refusing(public_name(function).rpartition(".")[2], reason)
                )
        elif function not in FUNCTIONS:
            numpy_function(function, arrays=8, kind="refused", note=reason)(_refusing(name, reason))
