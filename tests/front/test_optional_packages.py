"""What needs a package that is not installed says which one, and how to install it."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import diffiface as di
from diffiface import registry


@pytest.fixture
def without(monkeypatch):
    """Make packages look as if they were not installed."""
    real = importlib.util.find_spec

    def hide(*names):
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, *rest: None if name in names else real(name, *rest)
        )

    return hide


def f(x):
    return np.sum(x**2)


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("scipy", lambda: di.Sparse("forward")),
        ("matplotlib", lambda: di.compare(f, np.ones(2), backends=["forward"]).plot()),
        ("pandas", lambda: di.compare(f, np.ones(2), backends=["forward"]).to_dataframe()),
        ("nutpie", lambda: di.interop.nutpie_model(f, {"x": np.ones(2)}, "reverse")),
        ("statsmodels", lambda: di.interop.likelihood_model(f, "reverse", 0, 0, start_params=np.ones(2))),
    ],
    ids=["Sparse", "plot", "data frame", "nutpie", "statsmodels"],
)
def test_a_missing_package_is_named_with_its_pip_line(without, package, call):
    without(package)
    with pytest.raises(di.MissingBackendError, match=rf"needs the package {package}, which is not installed") as caught:
        call()
    assert "pip install" in caught.value.fix and isinstance(caught.value, ImportError)


def test_an_engine_that_needs_two_packages_names_both(without):
    registry._default.cache_clear()  # (engines that were found once are not looked for again)
    without("autograd", "scipy")
    with pytest.raises(di.MissingBackendError, match=r"needs the packages autograd and scipy, which are not installed"):
        di.gradient(f, "autograd", np.ones(2))
