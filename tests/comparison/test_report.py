"""The report: text within 100 columns, rows, HTML, data frame, picture, error."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import diffiface as di
from diffiface.errors import DisagreementError
from tests.comparison.ordinary import SMOOTH
from tests.comparison.stand_ins import ALL

logit = SMOOTH[0]


def report_on(*engines, **options):
    return di.compare(logit.f, logit.x, *logit.contexts, backends=engines, **options)


def test_text():
    text = str(report_on("honest", "rounding", "zero"))
    together = " ".join(text.split())
    assert together.startswith(
        "gradient of loglike at x (n=3), reference: median of 2 exact engines (1 contradicted by f) — 1 of 3 disagrees"
    )
    assert "DISAGREES" in text and "zero: 0 instead of 7.2472 at [1]; finite differences of f: 7.247173 ± " in together
    assert f"numpy {np.__version__}" in text and "float64" in text


def test_the_text_is_no_wider_than_a_hundred_columns():
    report = report_on(*(engine.name for engine in ALL if engine.name not in ("otherwise", "conjugated")))
    assert max(map(len, str(report).splitlines())) <= 100
    tree = {"a long name": {"of a parameter": np.ones(2)}, "another": np.array([[1.0, 2.0]])}
    report = di.compare(
        lambda x: x["a long name"]["of a parameter"].sum() * x["another"].sum() ** 2,
        tree,
        operator="hessian",
        backends=["reverse", "finite_differences"],
    )
    assert max(map(len, str(report).splitlines())) <= 100


def test_a_short_report_stays_short():
    assert len(str(report_on(*["honest"] * 7)).splitlines()) <= 12


@pytest.mark.parametrize(
    ("engines", "summary"),
    [
        (["honest", "rounding"], "both engines agree"),
        (["honest", "rounding", "numeric"], "all 3 engines agree"),
        (["honest"], "the engine agrees"),
        (["zero", "honest", "rounding"], "1 of 3 disagrees"),
        (["zero", "off", "honest"], "2 of 3 disagree"),
        (["failing", "honest", "rounding"], "1 of 3 does not agree"),
        (["unable", "honest", "rounding"], "both engines agree"),
        (["unable"], "no engine could run it"),
        (["failing"], "1 of 1 does not agree"),
    ],
)
def test_summary(engines, summary):
    report = report_on(*engines)
    assert report.summary.endswith(f"— {summary}")
    assert report.ok == (("agree" in summary) and "of" not in summary.split("—")[-1])


def test_rows():
    report = report_on("honest", "off", "unable")
    honest, off, unable = report.rows
    assert off["worst_entry"] == "[1]" and off["worst_value"] == pytest.approx(1.001 * off["worst_reference"])
    assert off["max_rel_error"] == pytest.approx(1e-3) and off["max_abs_error"] == pytest.approx(
        1e-3 * off["worst_reference"]
    )
    assert (
        honest["max_ulp"] == 0
        and honest["f_calls"] == 1
        and honest["run_seconds"] > 0
        and honest["prepare_seconds"] > 0
    )
    assert unable["max_abs_error"] is None and unable["worst_entry"] is None
    assert all(set(row) == set(honest) for row in report.rows)
    assert all(type(row["worst_value"]) in (float, type(None)) for row in report.rows)
    assert [row["status"] for row in pickle.loads(pickle.dumps(report)).rows] == [row["status"] for row in report.rows]


def test_options_are_part_of_an_engine_s_name():
    report = report_on(di.backend("honest", chunk_size=2), "honest")
    assert [row["engine"] for row in report.rows] == ["honest(chunk_size=2)", "honest"]


def test_calls_of_f_are_counted():
    def f(x):
        return np.sum(x**2)

    ours, numeric = di.compare(f, np.ones(3), backends=["reverse", "finite_differences"]).rows
    assert ours["f_calls"] == 0 and numeric["f_calls"] > 3  # a recording is replayed without f


def test_raise_if_disagreement():
    report_on("honest", "rounding").raise_if_disagreement()
    with pytest.raises(DisagreementError, match="DISAGREES") as caught:
        report_on("honest", "zero").raise_if_disagreement()
    assert isinstance(caught.value, AssertionError) and isinstance(caught.value, di.DiffifaceError)


def test_html_escapes_and_marks():
    page = di.compare(lambda x: np.sum(x**2), np.ones(2), backends=["reverse"])._repr_html_()
    assert "&lt;lambda&gt;" in page and "<lambda>" not in page and "color" not in page
    assert page.count("<tr") == 2
    assert "color" in report_on("zero", "honest")._repr_html_()


def test_data_frame():
    pytest.importorskip("pandas")
    frame = report_on("honest", "zero").to_dataframe()
    assert list(frame["status"]) == ["agrees", "disagrees"] and list(frame["engine"]) == ["honest", "zero"]


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    figure = report_on("honest", "zero", "not a number", "unable").plot(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000
    left, right = figure.axes
    assert left.get_xscale() == right.get_xscale() == "log"


def test_arguments_are_left_alone():
    x, y, X = logit.x.copy(), *(context.copy() for context in logit.contexts)
    di.compare(logit.f, x, y, X, backends=["mutating", "mutating constants", "honest"])
    for left, original in zip((x, y, X), (logit.x, *logit.contexts), strict=True):
        np.testing.assert_array_equal(left, original)
