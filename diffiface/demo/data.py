"""Two data sets that come with statsmodels, and what statsmodels itself makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from diffiface.optional_packages import need

_NEEDED = ("statsmodels", "pandas", "scipy", "matplotlib")


@dataclass(frozen=True)
class LogitData:
    """A binary outcome y (bool) and covariates X, with their names."""

    name: str
    outcome: str
    y: np.ndarray
    X: np.ndarray
    covariates: tuple[str, ...]

    @cached_property
    def statsmodels(self) -> Any:
        """The same model in statsmodels, with its own score and Hessian."""
        import statsmodels.api as sm

        return sm.Logit(self.y.astype(float), self.X)

    @cached_property
    def coefficients(self) -> np.ndarray:
        """The estimates of statsmodels."""
        return np.asarray(self.statsmodels.fit(disp=0).params)


def check_packages() -> None:
    """Raise `MissingBackendError` with the pip line unless everything that the demonstration needs is installed."""
    need("the demonstration", *_NEEDED, install="'diffiface[demo]'")


def load() -> tuple[LogitData, ...]:
    """Load both data sets."""
    from statsmodels.datasets import fair, spector

    affairs = fair.load_pandas().data
    grades = spector.load_pandas().data
    return (
        _logit_data("spector (Spector & Mazzeo 1980)", grades, "GRADE"),
        _logit_data("fair (Fair 1978)", affairs, "affairs"),
    )


def _logit_data(name: str, frame: Any, outcome: str) -> LogitData:
    covariates = frame.drop(columns=outcome)
    X = np.column_stack([np.ones(len(frame)), covariates.to_numpy(float)])
    return LogitData(name, outcome, frame[outcome].to_numpy() > 0, X, ("const", *covariates.columns))
