"""Where each special function is tested: points inside its domain, away from kinks."""

from __future__ import annotations

from diffiface.special_functions import SPECIAL_FUNCTIONS

_POINTS: dict[str, tuple[float, ...]] = {
    "bdtr": (2, 6, 0.4),
    "bdtrc": (2, 6, 0.4),
    "bdtri": (2, 6, 0.4),
    "besselpoly": (0.8, 1.0, 1.0),
    "betainc": (1.3, 2.1, 0.3),
    "betainc_ab": (1, 0, 1.3, 2.1, 0.3),
    "betaincc": (1.3, 2.1, 0.3),
    "betainccinv": (1.3, 2.1, 0.3),
    "betaincinv": (1.3, 2.1, 0.3),
    "binom": (4.3, 1.7),
    "boxcox": (1.3, 0.7),
    "btdtria": (0.4, 2.1, 0.3),
    "btdtrib": (1.3, 0.4, 0.3),
    "chdtri": (3.2, 0.4),
    "chdtriv": (0.4, 2.1),
    "chndtr": (2.1, 3.3, 1.2),
    "chndtrinc": (2.1, 3.3, 0.3),
    "chndtrix": (0.4, 3.3, 1.2),
    "ellipe": (0.4,),
    "ellipeinc": (0.7, 0.4),
    "ellipk": (0.4,),
    "ellipkinc": (0.7, 0.4),
    "ellipkm1": (0.3,),
    "elliprc": (0.5, 0.9),
    "elliprd": (0.5, 0.9, 1.4),
    "elliprf": (0.5, 0.9, 1.4),
    "elliprg": (0.5, 0.9, 1.4),
    "elliprj": (0.5, 0.9, 1.4, 2.2),
    "entr": (0.4,),
    "erfcinv": (0.4,),
    "erfinv": (0.3,),
    "expn": (2, 0.8),
    "fdtr": (3.0, 5.0, 1.3),
    "fdtrc": (3.0, 5.0, 1.3),
    "fdtri": (3.0, 5.0, 0.4),
    "fdtridfd": (3.0, 0.45, 0.9),
    "gammainc_a": (1, 1.3, 0.8),
    "gammainccinv": (1.3, 0.3),
    "gammaincinv": (1.3, 0.3),
    "gdtria": (0.4, 2.1, 1.3),
    "gdtrib": (1.3, 0.4, 1.7),
    "gdtrix": (1.3, 2.1, 0.4),
    "huber": (0.5, 0.9),
    "hyp1f1": (0.4, 1.2, 0.8),
    "hyp2f1": (0.4, 1.2, 2.3, 0.35),
    "hyperu": (0.4, 1.2, 0.8),
    "kolmogi": (0.4,),
    "kolmogorov_derivative": (1, 0.8),
    "lambertw": (0.7, 0),
    "log_wright_bessel": (0.8, 1.1, 0.7),
    "logit": (0.3,),
    "lpmv": (1, 2, 0.4),
    "mathieu_cem_y": (2, 0.8, 30.0),
    "mathieu_cem_yp": (2, 0.8, 30.0),
    "mathieu_sem_y": (2, 0.8, 30.0),
    "mathieu_sem_yp": (2, 0.8, 30.0),
    "modstruve": (1.2, 0.8),
    "nbdtr": (2, 6, 0.4),
    "nbdtrc": (2, 6, 0.4),
    "nbdtri": (2, 6, 0.4),
    "ndtri": (0.3,),
    "ndtri_exp": (-0.9,),
    "nrdtrimn": (0.3, 1.2, 0.7),
    "nrdtrisd": (0.3, 0.8, 1.7),
    "owens_t": (0.6, 0.8),
    "pdtri": (2, 0.4),
    "poch": (1.3, 0.7),
    "powm1": (1.3, 0.7),
    "pseudo_huber": (0.5, 0.9),
    "radian": (3.0, 4.0, 5.0),
    "smirnov": (5, 0.3),
    "smirnov_derivative": (5, 0.3),
    "smirnovi": (5, 0.3),
    "spence": (0.6,),
    "stdtr": (3.3, -0.7),
    "stdtridf": (0.25, -0.75),
    "stdtrit": (3.3, 0.3),
    "struve": (1.2, 0.8),
    "tklmbda": (0.4, 0.3),
    "voigt_profile": (0.4, 0.8, 0.6),
    "wrightomega": (0.8,),
    "zeta": (2.3, 1.4),
    "zeta_s": (1, 2.3, 1.4),
}


def point(name: str) -> tuple[float, ...]:
    """Return one argument tuple for a function of the table."""
    if name in _POINTS:
        return _POINTS[name]
    count = len(SPECIAL_FUNCTIONS[name].partials)
    if name.startswith("eval_"):
        return (4, *(1.8, 0.6)[: count - 2], 0.37)
    if name.startswith("mathieu"):
        return (2, 0.8, 0.6)[:count]
    if name.startswith("spherical") or name in ("kn", "yn"):
        return (2, 1.3)
    if name.startswith("ellipj"):
        return (0.8, 0.4)
    return (1.3, 0.8, 0.6)[:count]


DIFFERENTIABLE = [
    (name, place)
    for name, function in SPECIAL_FUNCTIONS.items()
    for place, partial in enumerate(function.partials)
    if not isinstance(partial, str)
]
"""Every function and the place of an argument that it can be differentiated in."""
