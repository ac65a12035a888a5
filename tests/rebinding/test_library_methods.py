"""Methods of a library's objects, however they reach f: by a name, a closure, an argument, a partial, or as f itself."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import diffiface as di

stats = pytest.importorskip("scipy.stats")

X = np.array([1.5, 2.0])
SLOPES = np.diag(-0.25 * np.exp(-X / 2))
"""The derivative of the density of chi-square with two degrees of freedom, exp(-x/2) / 2."""

density = stats.chi2.pdf


def by_closure(method: Any) -> Any:
    return lambda x: method(x, 2.0)


def by_argument(x: Any, method: Any) -> Any:
    return method(x, 2.0)


WAYS = {
    "f itself": (density, (2.0,)),
    "a global name": (lambda x: density(x, 2.0), ()),
    "a closure": (by_closure(density), ()),
    "an argument": (by_argument, (density,)),
    "a partial": (functools.partial(density, df=2.0), ()),
    "a list": (lambda x, methods=[density]: methods[0](x, 2.0), ()),
    "a frozen distribution's": (stats.chi2(2.0).pdf, ()),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_jacobian(way: str, exact_engine: str) -> None:
    f, contexts = WAYS[way]
    np.testing.assert_allclose(di.jacobian(f, exact_engine, X, *contexts), SLOPES, rtol=1e-12)


def test_prepared() -> None:
    prep = di.prepare_jacobian(by_closure(density), "reverse", X)
    np.testing.assert_allclose(prep.jacobian(X), SLOPES, rtol=1e-12)


def test_a_method_without_translation_names_itself() -> None:
    with pytest.raises(di.DiffifaceError):
        di.gradient(lambda x, m=stats.chi2.fit: np.sum(m(x)[0]), "reverse", X)
