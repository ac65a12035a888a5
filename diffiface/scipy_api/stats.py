"""scipy.stats: its distributions, written out in `diffiface.scipy_api.distributions`, and its summaries of samples."""

from __future__ import annotations

from typing import Any

from scipy import stats
from scipy.stats import _distn_infrastructure

from diffiface.rebinding.substitutes import substitute, substitute_instances
from diffiface.scipy_api import stats_samples as stats_samples
from diffiface.scipy_api.distributions import replacements
from diffiface.scipy_api.distributions.base import Frozen
from diffiface.scipy_api.distributions.multivariate import FrozenOutside

_BY_NAME = {}

for _original, _replacement in replacements():
    substitute(_original, _replacement)
    _BY_NAME[_replacement._name] = _replacement


# ---- distributions that were frozen outside the function


@substitute_instances(_distn_infrastructure.rv_continuous_frozen, _distn_infrastructure.rv_discrete_frozen)
def _frozen(frozen: Any) -> Any:
    replacement = _BY_NAME.get(frozen.dist.name)
    # A user's own class may bear any name.
    if replacement is None or type(frozen.dist) is not type(replacement._original):
        return frozen
    return Frozen(replacement, frozen.args, frozen.kwds)


_PARAMETERS = {
    "multivariate_normal": ("mean", "cov"),
    "multivariate_t": ("loc", "shape", "df"),
    "dirichlet": ("alpha",),
    "multinomial": ("n", "p"),
    "wishart": ("df", "scale"),
    "invwishart": ("df", "scale"),
}
"""The attributes in which a frozen distribution of vectors keeps its parameters."""


def _enter_frozen_of_vectors(name: str, attributes: tuple[str, ...]) -> None:
    example = {"dirichlet": ([1.0, 1.0],), "multinomial": (1, [0.5, 0.5]), "wishart": (1,), "invwishart": (1,)}
    cls = type(getattr(stats, name)(*example.get(name, ())))  # the class has no public name

    @substitute_instances(cls)
    def _(frozen: Any) -> Any:
        if getattr(frozen, "allow_singular", False):
            return frozen  # not translated: SciPy's own refuses traced values
        parameters = tuple(getattr(frozen, attribute) for attribute in attributes)
        return FrozenOutside(_BY_NAME[name], parameters, {}, frozen)


for _name, _attributes in _PARAMETERS.items():
    _enter_frozen_of_vectors(_name, _attributes)
