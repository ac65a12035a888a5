"""The demonstration on its real data, with the engines that are quick; and what it says when it cannot run."""

from __future__ import annotations

import dataclasses
import importlib.util

import numpy as np
import pytest
from typer.testing import CliRunner

from diffiface.cli import app
from diffiface.demo.data import load
from diffiface.demo.model import loglike
from tests.comparison.stand_ins import registered

for package in ("statsmodels", "pandas", "scipy", "matplotlib"):
    pytest.importorskip(package)
fitting = pytest.importorskip("diffiface.demo.fit")


@pytest.fixture(scope="module")
def datasets():
    return load()


def test_the_data_are_those_of_statsmodels(datasets):
    spector, fair = datasets
    assert spector.X.shape == (32, 4) and spector.covariates == ("const", "GPA", "TUCE", "PSI")
    assert fair.X.shape == (6366, 9) and fair.y.dtype == bool
    assert fair.y.sum() == 2053  # women who had an affair, as in statsmodels' own example
    for data in datasets:
        b = fitting.half_way(data)
        assert loglike(b, data.y, data.X) == pytest.approx(data.statsmodels.loglike(b), rel=1e-12)


@pytest.mark.parametrize("engine", ["forward", "reverse", "finite_differences"])
def test_a_fit_is_that_of_statsmodels(datasets, engine):
    result = fitting.fit(datasets[0], engine)
    assert result.ok, result
    np.testing.assert_allclose(result.coefficients, [-13.0213, 2.8261, 0.0952, 2.3787], atol=1e-4)


@pytest.mark.parametrize(
    "name", ["score_difference", "hessian_difference", "coefficient_difference", "value_difference"]
)
def test_a_difference_in_anything_is_not_ok(datasets, name):
    result = fitting.fit(datasets[0], "reverse")
    assert not dataclasses.replace(result, **{name: 1e-3}).ok
    assert not dataclasses.replace(result, **{name: np.nan}).ok


def test_the_command(tmp_path):
    figure = tmp_path / "figure.png"
    result = CliRunner().invoke(app, ["demo", "--figure", str(figure), "--backends", "reverse,finite_differences"])
    assert result.exit_code == 0, result.output
    assert "everything agrees" in result.output and figure.stat().st_size > 1000
    assert max(map(len, result.output.splitlines())) <= 100 + len(str(figure))


def test_an_engine_that_is_wrong_fails_it(tmp_path, monkeypatch):
    with registered():
        monkeypatch.setattr(loglike, "gradient", lambda b, y, X: X.T @ (y - 0.5), raising=False)
        monkeypatch.setattr(loglike, "hessian", lambda b, y, X: -X.T @ X / 4, raising=False)
        command = ["demo", "--figure", str(tmp_path / "f.png"), "--backends", "reverse,honest"]
        result = CliRunner().invoke(app, command)
    assert result.exit_code == 1, result.output
    assert "NOT everything agrees" in result.output and "DISAGREES" in result.output and "DIFFERS" in result.output


def test_without_statsmodels_it_says_what_to_install(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "statsmodels" else real(name, *rest)
    )
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 2
    assert "statsmodels" in result.output and "pip install 'diffiface[demo]'" in result.output
