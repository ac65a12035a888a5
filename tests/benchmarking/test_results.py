"""Results as tables, files, pictures, fits and comparisons."""

from __future__ import annotations

import dataclasses
import json
from html.parser import HTMLParser

import numpy as np
import pytest

import diffiface as di
from diffiface.benchmarking import Outcome, Results, compare_results, fit_growth, read_results
from diffiface.benchmarking.shown import seconds
from tests.benchmarking.synthetic import ENVIRONMENT, at_one_size, over_sizes, row


@pytest.mark.parametrize("ending", ["json", "csv"])
def test_files_give_back_what_was_saved(tmp_path, ending):
    results, path = over_sizes(), tmp_path / f"results.{ending}"
    (results.to_json if ending == "json" else results.to_csv)(path)
    again = read_results(path)
    assert again.rows == results.rows and again.environment == results.environment
    assert all(isinstance(row["outcome"], Outcome) for row in again.rows)


def test_json_has_no_word_for_infinity():
    results = Results([row("far off", 1.0, error=float("inf"))], ENVIRONMENT)
    assert json.loads(results.to_json())["rows"][0]["error"] is None


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"diffiface_benchmark": 99, "environment": {}, "rows": []}'])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(di.InputError, match=r"other\.json"):
        read_results(path)
    with pytest.raises(di.InputError, match="missing"):
        read_results(tmp_path / "missing.csv")


def test_text_shows_the_fastest_first_and_fits_120_columns():
    lines = str(at_one_size()).splitlines()
    assert max(map(len, lines)) <= 120
    order = [
        line.split()[0] for line in lines if line.split() and line.split()[0] in ("slow", "fast", "wrong", "failed")
    ]
    assert order == ["wrong", "fast", "slow", "failed"]
    assert any("wrong" in line and "DISAGREES" in line for line in lines)
    assert any("1.25" in line for line in lines) and any("no | luck" in line for line in lines)
    assert max(map(len, str(over_sizes()).splitlines())) <= 120


def test_columns_that_nobody_needs_are_left_out():
    assert "by hand" not in str(over_sizes()).split("\n\n")[0]


def test_markdown_is_a_table():
    lines = at_one_size().to_markdown().splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("| engine"))
    cells = [line.replace("\\|", "").count("|") for line in lines[head : head + 6]]
    assert len(set(cells)) == 1
    assert "**wrong**" in lines[head + 2] and "no \\| luck" in "\n".join(lines)


class Tags(HTMLParser):
    """Sees that tags are closed in order."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_needs_nothing_else(tmp_path):
    pytest.importorskip("matplotlib")
    page = at_one_size().to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == page
    tags = Tags()
    tags.feed(page)
    assert not tags.open and tags.seen.count("img") == 2 and tags.seen.count("tr") == 5
    assert "http" not in page and "a &lt;fast&gt; | CPU" in page
    assert at_one_size()._repr_html_().count("<tr") == 5


@pytest.mark.parametrize("kind", ["time", "accuracy"])
def test_plots_show_every_measured_engine(tmp_path, kind):
    pytest.importorskip("matplotlib")
    figure = over_sizes().plot(tmp_path / "plot.png", kind=kind)
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["linear", "quadratic", "constant", "numeric"]
    if kind == "time":
        lines = {line.get_color(): line.get_xydata() for line in figure.axes[0].get_lines() if len(line.get_xdata())}
        linear, *_ = lines.values()
        np.testing.assert_allclose(linear[:, 0], [10, 100, 1000, 10_000])
        np.testing.assert_allclose(linear[:, 1], 1e-5 + 1e-7 * linear[:, 0])
    at_one_size().plot(tmp_path / "one.png", kind=kind)


def test_nothing_to_draw_is_said():
    pytest.importorskip("matplotlib")
    with pytest.raises(di.InputError, match="nothing to draw"):
        Results([row("failed")], ENVIRONMENT).plot()
    with pytest.raises(di.InputError, match="kind"):
        at_one_size().plot(kind="speed")


def test_data_frame():
    pytest.importorskip("pandas")
    frame = over_sizes().to_dataframe()
    assert list(frame["engine"][:4]) == ["linear", "quadratic", "constant", "numeric"]


# ---- growth


def test_growth_of_each_engine():
    found = {engine: fit.exponent for (_, _, engine), fit in over_sizes().growth().items()}
    assert found["linear"] == pytest.approx(1, abs=0.05)
    assert found["quadratic"] == pytest.approx(2, abs=0.05)
    assert found["constant"] == 0
    assert found["numeric"] == pytest.approx(1, abs=0.05)
    assert "n^1.0" in str(over_sizes()) and "flat" in str(over_sizes())


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("overhead", [0.0, 1e-5])
def test_growth_is_found_beneath_noise_and_overhead(exponent, overhead):
    n = np.array([10.0, 100, 1000, 10_000, 100_000])
    noise = np.random.default_rng(0).uniform(0.95, 1.05, n.size)
    fit = fit_growth(n, (overhead + 1e-6 * n**exponent) * noise)
    assert fit.exponent == pytest.approx(exponent, abs=0.15)
    assert fit.seconds(n[-1]) == pytest.approx(1e-6 * n[-1] ** exponent, rel=0.3)


def test_growth_needs_two_sizes():
    assert fit_growth([10], [1.0]) is None and fit_growth([10, 10], [1.0, 1.1]) is None
    assert fit_growth([10, 1000], [1.0, 100.0]).exponent == pytest.approx(1)
    assert fit_growth([10, 1000], [1.0, 0.9]).exponent == 0


# ---- changes


def changed(before: dict, after: dict) -> str:
    old, new = Results([before], ENVIRONMENT), Results([after], ENVIRONMENT)
    (change,) = compare_results(old, new).rows
    return change.verdict


def test_verdicts_on_changes():
    assert changed(row("a", 1.0), row("a", 2.0)) == "slower"
    assert changed(row("a", 2.0), row("a", 1.0)) == "faster"
    assert changed(row("a", 1.0), row("a", 1.05)) == "same"
    assert changed(row("a", 1.0, iqr_seconds=1.5), row("a", 1.9, iqr_seconds=1.5)) == "same"  # within the noise
    assert changed(row("a", 1.0), row("a")) == "broken"
    assert changed(row("a"), row("a", 1.0)) == "mended"
    assert changed(row("a"), row("a")) == "neither"
    assert changed(row("a", 1.0), row("a", 0.5, outcome=Outcome.DISAGREES)) == "broken"


def test_two_files_compared(tmp_path):
    before, after = at_one_size(), at_one_size()
    slower = [
        row | {"median_seconds": 3 * row["median_seconds"]} if row["engine"] == "slow" else row for row in after.rows
    ]
    before.to_json(tmp_path / "before.json")
    dataclasses.replace(after, rows=[*slower, row("new", 1.0)]).to_csv(tmp_path / "after.csv")
    changes = compare_results(tmp_path / "before.json", tmp_path / "after.csv")
    assert [change.engine for change in changes.worse] == ["slow"] and changes.worse[0].ratio == pytest.approx(3)
    assert "SLOWER" in str(changes) and "1 slower" in str(changes) and "1 only after" in str(changes)
    with pytest.raises(di.InputError, match="in common"):
        compare_results(before, Results([row("other", 1.0)], ENVIRONMENT))
    with pytest.raises(di.InputError, match="threshold"):
        compare_results(before, before, threshold=0.5)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 ns"),
        (2.5e-7, "250 ns"),
        (9.999e-7, "1 µs"),
        (1.234e-5, "12.3 µs"),
        (0.1, "100 ms"),
        (90.0, "90 s"),
        (None, "-"),
    ],
)
def test_times_in_print(value, text):
    assert seconds(value) == text
