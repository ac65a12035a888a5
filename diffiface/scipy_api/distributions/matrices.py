"""Distributions of positive definite matrices: Wishart's and its inverse."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as special

from diffiface.scipy_api.distributions.base import public
from diffiface.scipy_api.distributions.multivariate import Multivariate, peek, squeezed
from diffiface.scipy_api.distributions.values import to_float

LOG_2 = np.log(2.0)


def _multigammaln(a: Any, dimension: int) -> Any:
    shifts = 0.5 * np.arange(dimension)
    return 0.25 * dimension * (dimension - 1) * np.log(np.pi) + np.sum(special.gammaln(a - shifts))


def _log_det(factor: Any) -> Any:
    """Return the logarithm of the determinant, from a stack of Cholesky factors."""
    return 2 * np.sum(np.log(np.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)


def _trace_of_ratio(factor: Any, matrix: Any) -> Any:
    """Return trace(A^-1 B) for A = factor factor', from the whitened B."""
    half = np.linalg.solve(factor, matrix)
    whitened = np.linalg.solve(factor, np.swapaxes(half, -1, -2))
    return np.trace(whitened, axis1=-2, axis2=-1)


class OfMatrices(Multivariate):
    """What both share: SciPy's ways of giving the scale and the matrices (a stack of them along the last axis)."""

    methods = frozenset({"pdf", "logpdf", "mean"})

    @staticmethod
    def _parameters(df: Any, scale: Any) -> tuple[int, Any, Any]:
        scale = to_float(1.0 if scale is None else scale)
        if np.ndim(scale) == 0:
            scale = np.reshape(scale, (1, 1))
        elif np.ndim(scale) == 1:
            scale = np.diag(scale)
        if np.ndim(scale) > 2 or np.shape(scale)[0] != np.shape(scale)[1]:
            raise ValueError(
                f"Array 'scale' must be square if it is two dimensional, but scale.scale = {np.shape(scale)}."
            )
        dimension = np.shape(scale)[0]
        df = to_float(dimension if df is None else df)
        if np.ndim(df):
            raise ValueError("Degrees of freedom must be a scalar.")
        plain = peek(df)
        if plain is not None and plain <= dimension - 1:
            raise ValueError("Degrees of freedom must be greater than the dimension of scale matrix minus 1.")
        return dimension, df, scale

    @staticmethod
    def _matrices(x: Any, dimension: int) -> Any:
        """Return the matrices as a stack along the first axis."""
        x = to_float(x)
        if np.ndim(x) == 0:
            x = x * np.eye(dimension)
        elif np.ndim(x) == 1:
            x = np.reshape(x, (-1, 1, 1)) if dimension == 1 else np.diag(x)
        elif np.ndim(x) == 3:
            x = np.moveaxis(x, -1, 0)
        x = np.reshape(x, (1, *np.shape(x))) if np.ndim(x) == 2 else x
        if np.ndim(x) > 3 or np.shape(x)[1:] != (dimension, dimension):
            raise ValueError(
                f"Quantiles have incompatible dimensions: should be {(dimension, dimension)}, got {np.shape(x)[1:]}."
            )
        return x


class Wishart(OfMatrices):
    methods = frozenset({"pdf", "logpdf", "mean", "entropy"})

    @public
    def logpdf(self, x: Any, df: Any, scale: Any) -> Any:
        """Return the logarithm of the density at the matrices."""
        d, df, scale = self._parameters(df, scale)
        x = self._matrices(x, d)
        factor = np.linalg.cholesky(scale)
        constant = 0.5 * df * d * LOG_2 + 0.5 * df * _log_det(factor) + _multigammaln(0.5 * df, d)
        log_det = _log_det(np.linalg.cholesky(x))
        return squeezed(0.5 * (df - d - 1) * log_det - 0.5 * _trace_of_ratio(factor, x) - constant)

    @public
    def pdf(self, x: Any, df: Any, scale: Any) -> Any:
        """Return the density at the matrices."""
        return np.exp(self.logpdf(x, df, scale))

    @public
    def mean(self, df: Any, scale: Any) -> Any:
        """Return the mean."""
        _, df, scale = self._parameters(df, scale)
        return squeezed(df * scale)

    @public
    def entropy(self, df: Any, scale: Any) -> Any:
        """Return the differential entropy."""
        d, df, scale = self._parameters(df, scale)
        log_det = _log_det(np.linalg.cholesky(scale))
        digammas = np.sum(special.digamma(0.5 * (df - np.arange(d))))
        return (
            0.5 * (d + 1) * log_det
            + 0.5 * d * (d + 1) * LOG_2
            + _multigammaln(0.5 * df, d)
            - 0.5 * (df - d - 1) * digammas
            + 0.5 * df * d
        )


class InverseWishart(OfMatrices):
    @public
    def logpdf(self, x: Any, df: Any, scale: Any) -> Any:
        """Return the logarithm of the density at the matrices."""
        d, df, scale = self._parameters(df, scale)
        x = self._matrices(x, d)
        factors = np.linalg.cholesky(x)
        constant = 0.5 * df * d * LOG_2 + _multigammaln(0.5 * df, d)
        log_det_scale = _log_det(np.linalg.cholesky(scale))
        trace = _trace_of_ratio(factors, np.broadcast_to(scale, np.shape(x)))
        return squeezed(0.5 * df * log_det_scale - 0.5 * trace - 0.5 * (df + d + 1) * _log_det(factors) - constant)

    @public
    def pdf(self, x: Any, df: Any, scale: Any) -> Any:
        """Return the density at the matrices."""
        return np.exp(self.logpdf(x, df, scale))

    @public
    def mean(self, df: Any, scale: Any) -> Any:
        """Return the mean."""
        d, df, scale = self._parameters(df, scale)
        if peek(df) is not None and peek(df) <= d + 1:
            raise ValueError("The mean of an inverse Wishart distribution needs df > dimension + 1.")
        return squeezed(scale / (df - d - 1))
