"""statsmodels: a likelihood written in NumPy as a model, with score and Hessian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.interop.for_scipy.residual import ResidualCallables
from diffiface.interop.for_scipy.scalar import ScalarCallables
from diffiface.optional_packages import need


def likelihood_model(
    loglikeobs: Callable[..., Any],
    backend: str | Backend,
    endog: Any,
    exog: Any,
    *contexts: Any,
    start_params: Any,
    param_names: list[str] | None = None,
) -> Any:
    """Return a statsmodels `GenericLikelihoodModel` whose score, Hessian and covariances come from an engine.

    Args:
        loglikeobs: `loglikeobs(params, endog, exog, *contexts)`: the log-likelihood of each observation, shape `(n,)`.
        backend: an engine's name or object.
        endog, exog: the data, as statsmodels takes them (arrays, data frames); f gets NumPy arrays.
        contexts: further arguments of f.
        start_params: where `fit` starts, shape `(k,)`.
        param_names: the names of the parameters in the summary (default: those of exog's columns, where they are as many).
    Returns:
        A model: `model.fit()` gives results with standard errors, robust ones too (`cov_type="HC0"`).
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.
        MissingBackendError: statsmodels is not installed.
    """
    need("likelihood_model", "statsmodels", install="statsmodels")
    from statsmodels.base.model import GenericLikelihoodModel  # pyright: ignore[reportMissingImports]

    start = np.asarray(start_params, np.float64)

    class LikelihoodModel(GenericLikelihoodModel):
        """A likelihood in NumPy, differentiated by an engine."""

        def __init__(self, endog: Any, exog: Any, **keywords: Any):
            super().__init__(endog, exog, **keywords)
            data = (self.endog, self.exog, *contexts)
            self._observations = ResidualCallables(loglikeobs, start, backend, data)
            self._total = ScalarCallables(_total, start, backend, (loglikeobs, *data))
            self.start_params = start
            names = param_names or (self.exog_names if len(self.exog_names or []) == start.size else None)
            self.data.xnames = names or [f"par{i}" for i in range(start.size)]

        def loglikeobs(self, params: Any) -> np.ndarray:
            return self._observations.value(params)

        def loglike(self, params: Any) -> float:
            return self._total.fun(params)

        def score(self, params: Any) -> np.ndarray:
            return self._total.jac(params)

        def score_obs(self, params: Any, **_unused: Any) -> np.ndarray:
            return self._observations.dense_jac(params)

        def hessian(self, params: Any) -> np.ndarray:
            return self._total.dense_hess(params)

    extra = start.size - (1 if np.ndim(exog) == 1 else np.shape(exog)[1]) if exog is not None else start.size
    model = LikelihoodModel(endog, exog)
    model.df_model = start.size - 1
    model.df_resid = len(model.endog) - start.size
    model.k_extra = max(extra, 0)
    return model


def _total(params: Any, loglikeobs: Callable[..., Any], *data: Any) -> Any:
    return loglikeobs(params, *data).sum()
