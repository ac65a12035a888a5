"""Distributions of vectors: normal, t, Dirichlet, multinomial."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as special
from scipy import stats

from diffiface.errors import UnsupportedOperationError, user_line
from diffiface.numpy_api.conversion import trace_of
from diffiface.numpy_api.dressed import Dressed
from diffiface.scipy_api.distributions.base import Frozen, Replacement, public
from diffiface.scipy_api.distributions.values import to_float

LOG_2PI = np.log(2 * np.pi)


def peek(value: Any) -> Any:
    """Return the plain numbers behind a value, for checks; None where they are not known (under jit)."""
    return value._printable() if isinstance(value, Dressed) else value


def squeezed(value: Any) -> Any:
    """Return a result as SciPy's multivariate distributions do: without axes of length 1."""
    return np.squeeze(value)[()]


class Multivariate(Replacement):
    """A distribution of vectors or matrices. A subclass gives logpdf (or logpmf)."""

    methods = frozenset({"pdf", "logpdf"})

    def __call__(self, *args: Any, seed: Any = None, **keywords: Any) -> Frozen:
        if trace_of((args, keywords)) is None:
            return FrozenOutside(self, args, keywords, self._original(*args, **keywords, seed=seed))
        return Frozen(self, args, keywords)  # the seed is for rvs, which is refused


class FrozenOutside(Frozen):
    """A distribution with plain parameters, and SciPy's own frozen one for what is not written out."""

    def __init__(self, distribution: Replacement, args: tuple[Any, ...], keywords: dict[str, Any], plain: Any):
        super().__init__(distribution, args, keywords)
        self._plain = plain

    def __getattr__(self, name: str) -> Any:
        plain = getattr(self._plain, name)
        if name not in self.dist.methods or not callable(plain):
            return plain
        traced = Frozen.__getattr__(self, name)
        return lambda *given: plain(*given) if trace_of(given) is None else traced(*given)


class Elliptical(Multivariate):
    """What the normal and the t distribution share: a vector, a matrix, and the distance they define."""

    @staticmethod
    def _located(location: Any, matrix: Any, name: str) -> tuple[Any, Any]:
        """Return the location and the full matrix, from what may be None, numbers, or the matrix's diagonal."""
        if matrix is None:
            matrix = np.eye(1 if location is None else int(np.size(location)))
        matrix = to_float(matrix)
        if location is None:
            location = np.zeros(np.shape(matrix)[0] if np.ndim(matrix) == 2 else 1)
        location = to_float(location)
        dimension = int(np.size(location))
        if dimension == 1:
            location = np.reshape(location, (1,))
            matrix = np.reshape(matrix, (1, 1))
        if np.ndim(location) != 1:
            raise ValueError(f"Array 'mean' must be a vector of length {dimension}.")
        if np.ndim(matrix) == 0:
            matrix = matrix * np.eye(dimension)
        elif np.ndim(matrix) == 1:
            matrix = np.diag(matrix)
        if np.shape(matrix) != (dimension, dimension):
            raise ValueError(
                f"Dimension mismatch: array '{name}' is of shape {np.shape(matrix)}, "
                f"but the location is a vector of length {dimension}."
            )
        return location, matrix

    @staticmethod
    def _distances(x: Any, location: Any, matrix: Any) -> tuple[Any, Any]:
        """Return the squared distances of points from the location, and the logarithm of the matrix's determinant."""
        dimension = np.shape(matrix)[0]
        x = to_float(x)
        if np.ndim(x) == 0:
            x = np.reshape(x, (1,))
        elif np.ndim(x) == 1:
            x = np.reshape(x, (-1, 1) if dimension == 1 else (1, -1))
        deviation = x - location
        factor = np.linalg.cholesky(matrix)
        whitened = np.linalg.solve(factor, np.reshape(deviation, (-1, dimension)).T)
        distances = np.reshape(np.sum(whitened**2, axis=0), np.shape(deviation)[:-1])
        return distances, 2 * np.sum(np.log(np.diagonal(factor)))


def _has_full_rank(cov: Any) -> bool:
    """Say whether a covariance matrix (its diagonal, a multiple of the identity) is known to have full rank."""
    numbers = peek(cov.covariance if isinstance(cov, stats.Covariance) else cov)
    if numbers is None:
        return False
    numbers = np.asarray(numbers)
    return bool(np.all(numbers > 0)) if numbers.ndim < 2 else np.linalg.matrix_rank(numbers) == len(numbers)


class MultivariateNormal(Elliptical):
    methods = frozenset({"pdf", "logpdf", "entropy"})

    def _parameters(self, mean: Any, cov: Any, allow_singular: bool) -> tuple[Any, Any]:
        if allow_singular and not _has_full_rank(cov):
            p = trace_of((mean, cov))
            raise UnsupportedOperationError(
                "scipy.stats.multivariate_normal with allow_singular=True is translated for matrices that are known to "
                "have full rank: where the rank of cov changes, the density has no derivative",
                engine=p.engine if p is not None else "",
                where=user_line(),
                fix="give a covariance matrix of full rank (in the coordinates of its range)",
            )
        if isinstance(cov, stats.Covariance):
            cov = cov.covariance
        return self._located(mean, cov, "cov")

    @public
    def logpdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """Return the logarithm of the density at the points along x's last axis."""
        mean, cov = self._parameters(mean, cov, allow_singular)
        distances, log_det = self._distances(x, mean, cov)
        return squeezed(-0.5 * (np.shape(cov)[0] * LOG_2PI + log_det + distances))

    @public
    def pdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """Return the density at the points along x's last axis."""
        return np.exp(self.logpdf(x, mean, cov, allow_singular))

    @public
    def entropy(self, mean: Any = None, cov: Any = 1) -> Any:
        """Return the differential entropy."""
        _, cov = self._parameters(mean, cov, False)
        log_det = 2 * np.sum(np.log(np.diagonal(np.linalg.cholesky(cov))))
        return 0.5 * (np.shape(cov)[0] * (LOG_2PI + 1) + log_det)


class MultivariateT(Elliptical):
    def _checked_df(self, df: Any) -> Any:
        df = 1.0 if df is None else to_float(df)
        plain = peek(df)
        if plain is not None and not plain > 0:
            raise ValueError("'df' must be greater than zero.")
        return df

    @public
    def logpdf(self, x: Any, loc: Any = None, shape: Any = 1, df: Any = 1) -> Any:
        """Return the logarithm of the density at the points along x's last axis."""
        if loc is None and shape is None:
            shape = 1.0
        loc, shape = self._located(loc, shape, "shape")
        df = self._checked_df(df)
        distances, log_det = self._distances(x, loc, shape)
        dimension = np.shape(shape)[0]
        plain = peek(df)
        if plain is not None and np.isinf(plain):
            return squeezed(-0.5 * (dimension * LOG_2PI + log_det + distances))
        half = 0.5 * (df + dimension)
        constant = special.gammaln(half) - special.gammaln(0.5 * df) - 0.5 * dimension * np.log(df * np.pi)
        return squeezed(constant - 0.5 * log_det - half * np.log1p(distances / df))

    @public
    def pdf(self, x: Any, loc: Any = None, shape: Any = 1, df: Any = 1, allow_singular: bool = False) -> Any:
        """Return the density at the points along x's last axis."""
        return np.exp(self.logpdf(x, loc, shape, df))


class Dirichlet(Multivariate):
    methods = frozenset({"pdf", "logpdf", "mean", "var", "entropy"})

    @staticmethod
    def _concentration(alpha: Any) -> Any:
        alpha = to_float(alpha)
        if np.ndim(alpha) != 1:
            raise ValueError(f"Parameter vector 'a' must be one dimensional, but a.shape = {np.shape(alpha)}.")
        plain = peek(alpha)
        if plain is not None and np.min(plain) <= 0:
            raise ValueError("All parameters must be greater than 0")
        return alpha

    @staticmethod
    def _proportions(x: Any, alpha: Any) -> Any:
        """Return x with its last component, after SciPy's checks where the numbers are known."""
        x = to_float(x)
        count = np.shape(alpha)[0]
        if np.shape(x)[0] + 1 == count:
            x = np.concatenate([x, np.expand_dims(1.0 - np.sum(x, 0), 0)])
        elif np.shape(x)[0] != count:
            raise ValueError(
                "Vector 'x' must have either the same number of entries as, or one entry fewer than, parameter vector "
                f"'a', but alpha.shape = {np.shape(alpha)} and x.shape = {np.shape(x)}."
            )
        plain = peek(x)
        if plain is not None:
            if np.min(plain) < 0:
                raise ValueError("Each entry in 'x' must be greater than or equal to zero.")
            if np.max(plain) > 1:
                raise ValueError("Each entry in 'x' must be smaller or equal one.")
            if np.any(np.abs(np.sum(plain, 0) - 1.0) > 1e-9):
                raise ValueError("The input vector 'x' must lie within the normal simplex.")
        return x

    @public
    def logpdf(self, x: Any, alpha: Any) -> Any:
        """Return the logarithm of the density at the points along x's first axis."""
        alpha = self._concentration(alpha)
        x = self._proportions(x, alpha)
        powers = np.reshape(alpha - 1.0, (-1,) + (1,) * (np.ndim(x) - 1))
        return squeezed(np.sum(special.xlogy(powers, x), 0) - self._log_constant(alpha))

    @staticmethod
    def _log_constant(alpha: Any) -> Any:
        return np.sum(special.gammaln(alpha)) - special.gammaln(np.sum(alpha))

    @public
    def pdf(self, x: Any, alpha: Any) -> Any:
        """Return the density at the points along x's first axis."""
        return np.exp(self.logpdf(x, alpha))

    @public
    def mean(self, alpha: Any) -> Any:
        """Return the mean."""
        alpha = self._concentration(alpha)
        return squeezed(alpha / np.sum(alpha))

    @public
    def var(self, alpha: Any) -> Any:
        """Return the variance of each component."""
        alpha = self._concentration(alpha)
        total = np.sum(alpha)
        return squeezed(alpha * (total - alpha) / (total * total * (total + 1)))

    @public
    def entropy(self, alpha: Any) -> Any:
        """Return the differential entropy."""
        alpha = self._concentration(alpha)
        total = np.sum(alpha)
        return (
            self._log_constant(alpha)
            + (total - np.shape(alpha)[0]) * special.digamma(total)
            - np.sum((alpha - 1.0) * special.digamma(alpha))
        )


class Multinomial(Multivariate):
    methods = frozenset({"pmf", "logpmf", "mean"})

    @staticmethod
    def _probabilities(p: Any) -> tuple[Any, Any]:
        """Return the probabilities as SciPy settles them (the last one from the others unless they sum to 1), and
        where they are invalid."""
        p = to_float(p)
        rest = 1.0 - np.sum(p[..., :-1], axis=-1)
        adjusted = np.abs(1.0 - np.sum(p, axis=-1)) > 10 * np.finfo(np.float64).eps
        last = np.where(adjusted, rest, p[..., -1])
        p = np.concatenate([p[..., :-1], np.expand_dims(last, -1)], axis=-1)
        return p, np.any((p < 0) | (p > 1), axis=-1)

    @public
    def logpmf(self, x: Any, n: Any, p: Any) -> Any:
        """Return the logarithm of the probability of the counts along x's last axis (no derivative in x and n)."""
        p, invalid = self._probabilities(p)
        x, n = to_float(x), np.trunc(to_float(n))
        whole = np.floor(x)
        if np.ndim(x) == 0:
            raise ValueError("x must be an array.")
        if np.size(x) and np.shape(x)[-1] != np.shape(p)[-1]:
            raise ValueError(
                f"Size of each quantile should be size of p: received {np.shape(x)[-1]}, but expected {np.shape(p)[-1]}."
            )
        outside = np.any((whole != x) | (whole < 0), axis=-1) | (np.sum(whole, axis=-1) != n)
        undefined = invalid | (n < 0)
        positive = np.maximum(whole, 0.0)
        safe = np.where(np.expand_dims(undefined, -1), 0.5, p)
        value = special.gammaln(np.maximum(n, 0.0) + 1.0) + np.sum(
            special.xlogy(positive, safe) - special.gammaln(positive + 1.0), axis=-1
        )
        return np.where(undefined, np.nan, np.where(outside, -np.inf, value))[()]

    @public
    def pmf(self, x: Any, n: Any, p: Any) -> Any:
        """Return the probability of the counts along x's last axis."""
        return np.exp(self.logpmf(x, n, p))

    @public
    def mean(self, n: Any, p: Any) -> Any:
        """Return the expected counts."""
        p, invalid = self._probabilities(p)
        n = np.trunc(to_float(n))
        return np.where(np.expand_dims(invalid | (n < 0), -1), np.nan, np.expand_dims(n, -1) * p)
