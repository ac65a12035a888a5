"""Every status is reached, by the engine that deserves it, and by no other in its company."""

from __future__ import annotations

import re

import numpy as np
import pytest

import diffiface as di
from diffiface import registry
from diffiface.comparison import Status
from tests.comparison.stand_ins import Honest, known
from tests.comparison.test_negative_controls import statuses

x = np.array([0.3, -1.2, 2.0])


@known(gradient=lambda x, a: a * np.cos(x))
def waves(x, a):
    return np.sum(a * np.sin(x))


@known(gradient=lambda z: 2 * z)
def squared_modulus(z):
    return np.sum(np.abs(z) ** 2)


def row_of(engine: str, f=waves, x=x, *contexts, company=("honest", "rounding"), **options):
    contexts = contexts or ((np.array([1.0, 2.0, 0.5]),) if f is waves else ())
    report = di.compare(f, x, *contexts, backends=[engine, *company], **options)
    assert all(row["status"] is Status.AGREES for row in report.rows[1:]), report
    return report.rows[0], report


@pytest.mark.parametrize(
    ("engine", "status", "detail"),
    [
        ("honest", Status.AGREES, ""),
        ("numeric", Status.WITHIN_ESTIMATE, ""),
        ("zero", Status.DISAGREES, "finite differences of f"),
        ("single", Status.LOW_PRECISION, "instead of"),
        ("restless", Status.NONDETERMINISTIC, "two runs"),
        ("mutating", Status.MUTATED, "x or a constant"),
        ("mutating constants", Status.MUTATED, "x or a constant"),
        ("narrow dtype", Status.WRONG_KIND, "dtype float32 instead of float64"),
        ("wrong shape", Status.WRONG_KIND, r"shape \(3, 1\) instead of \(3,\)"),
        ("not a number", Status.NOT_FINITE, r"nan instead of 0.95534 at \[0\]"),
        ("failing", Status.FAILED, "ArithmeticError: it gave up"),
        ("unable", Status.NOT_SUPPORTED, "this is beyond it"),
    ],
)
def test_status(engine, status, detail):
    row, report = row_of(engine)
    assert row["status"] is status, report
    assert re.search(detail, row["detail"]), row["detail"]
    assert "\n" not in row["detail"]
    assert report.ok == (status in (Status.AGREES, Status.WITHIN_ESTIMATE, Status.NOT_SUPPORTED))


@pytest.mark.parametrize("company", [(), ("rounding",), ("honest", "rounding")], ids=len)
def test_a_conjugate_is_a_convention(company):
    row, report = row_of("conjugated", squared_modulus, np.array([3 + 4j, -1 + 1j]), company=("honest", *company))
    assert row["status"] is Status.CONJUGATE and report.ok
    assert "by another convention" in report.summary


def test_two_conjugated_engines_do_not_outvote_a_right_one():
    report = di.compare(squared_modulus, np.array([3 + 4j, 1j]), backends=["conjugated", "conjugated", "honest"])
    assert [row["status"] for row in report.rows] == [Status.CONJUGATE, Status.CONJUGATE, Status.AGREES], report


def test_a_real_result_for_complex_x_is_the_wrong_kind():
    class RealPart(Honest):
        name = "real part"

        def spoil(self, derivative, xs, contexts):
            return derivative.real.copy()

    registry.register_backend(RealPart)
    row, _ = row_of("real part", squared_modulus, np.array([3 + 4j, 1j]))
    assert row["status"] is Status.WRONG_KIND


# ---- kinks and ties


def kinked(f, gradient, otherwise):
    return known(gradient=gradient, otherwise=otherwise)(f)


ABS = kinked(lambda x: np.sum(np.abs(x)), np.sign, lambda x: np.where(x == 0, 1.0, np.sign(x)))
CLIP = kinked(
    lambda x: np.sum(np.clip(x, 0, 1)),
    lambda x: ((x > 0) & (x < 1)) * 1.0,
    lambda x: ((x >= 0) & (x <= 1)) * 1.0,
)
RELU = kinked(lambda x: np.sum(np.maximum(x, 0) ** 1), lambda x: (x > 0) * 1.0, lambda x: np.where(x == 0, 0.5, x > 0))
MAX = kinked(
    lambda x: np.max(x), lambda x: (x == x.max()) / np.sum(x == x.max()), lambda x: np.eye(len(x))[np.argmax(x)]
)
SCALED_MAX = kinked(
    lambda x: np.maximum(x[0], -2 * x[1]), lambda x: np.array([0.5, -1.0]), lambda x: np.array([1.0, 0.0])
)


@pytest.mark.parametrize("company", [(), ("numeric",), ("honest",)], ids=str)
@pytest.mark.parametrize(
    ("f", "x", "status"),
    [
        (ABS, np.array([0.0, 1.0]), Status.KINK),
        (ABS, np.array([0.0, 1.0, 0.0]), Status.KINK),
        (CLIP, np.array([0.0, 0.5, 1.0]), Status.KINK),
        (RELU, np.array([0.0, 0.0, 2.0]), Status.KINK),
        (MAX, np.array([1.0, 3.0, 3.0]), Status.TIE),
        (MAX, np.array([2.0, 2.0, 2.0, 2.0]), Status.TIE),
        (SCALED_MAX, np.array([2.0, -1.0]), Status.TIE),
    ],
)
def test_kinks_and_ties_are_conventions(f, x, status, company):
    report = di.compare(f, x, backends=["otherwise", "honest", *company])
    assert report.ok, report
    found = {row["status"] for row in report.rows}
    assert status in found and not found & {Status.KINK, Status.TIE} - {status}, report


@pytest.mark.parametrize("wrong", ["zero", "off", "wrong sign"])
@pytest.mark.parametrize(("f", "x"), [(ABS, np.array([0.0, 3.0])), (MAX, np.array([1.0, 3.0, 3.0]))])
def test_a_kink_is_no_place_to_hide(f, x, wrong):
    if f is MAX and wrong in ("zero", "off"):
        pytest.skip("between the one-sided derivatives everything is a choice")
    report = di.compare(f, x, backends=[wrong, "honest", "otherwise"])
    assert report.rows[0]["status"] is Status.DISAGREES, report
    assert all(row["status"].accepted for row in report.rows[1:]), report


def test_beyond_the_one_sided_derivatives_is_wrong():
    f = kinked(lambda x: np.abs(x), np.sign, lambda x: np.asarray(2.0))
    report = di.compare(f, 0.0, backends=["otherwise", "honest"])
    assert statuses(report) == {"otherwise": Status.DISAGREES, "honest": Status.AGREES}


def test_a_value_that_f_has_and_every_engine_loses():
    f = known(gradient=lambda x: np.full(2, np.nan))(lambda x: np.sum(np.where(x > 0, x, 0.0) ** 2))
    for company in (["honest"], ["honest", "rounding"]):
        report = di.compare(f, np.array([0.0, 1.0]), backends=company)
        assert all(row["status"] is Status.NOT_FINITE for row in report.rows), report


def test_infinite_derivatives_agree():
    f = known(gradient=lambda x: np.array([np.inf, 0.5]))(lambda x: np.sum(np.sqrt(x)))
    report = di.compare(f, np.array([0.0, 1.0]), backends=["honest", "rounding"])
    assert report.ok, report


# ---- where nobody can tell


def test_undecided_when_finite_differences_are_blind():
    f = known(gradient=lambda x: 1e9 * np.cos(1e9 * x), otherwise=lambda x: 1.001e9 * np.cos(1e9 * x))(
        lambda x: np.sum(np.sin(1e9 * x))
    )
    report = di.compare(f, np.array([0.7]), backends=["honest", "otherwise"])
    assert set(statuses(report).values()) <= {Status.UNDECIDED, Status.DISAGREES, Status.AGREES}, report
    assert report.rows[0]["status"] is not Status.DISAGREES and not report.ok, report


# ---- who takes part


def test_native_functions_run_on_their_engine_only():
    class Foreign:
        __module__ = "jax.something"

        @staticmethod
        def sum(values):
            return np.sum(values)

    library = Foreign()
    f = known(gradient=lambda x: np.ones_like(x))(lambda x: library.sum(x))
    report = di.compare(f, np.ones(2), backends=["reverse", "honest"])
    assert report.rows[0]["status"] is Status.NOT_SUPPORTED
    assert report.rows[0]["detail"] == "the function is written for jax"
    assert report.rows[1]["status"] is Status.AGREES, report


def test_engines_that_are_not_installed_are_rows(monkeypatch):
    monkeypatch.setattr(registry, "missing_modules", lambda name: ("numdifftools",) if name == "numdifftools" else ())
    registry._default.cache_clear()
    report = di.compare(waves, x, np.ones(3), backends=["numdifftools", "honest"])
    registry._default.cache_clear()
    assert report.rows[0]["status"] is Status.NOT_INSTALLED and "numdifftools" in report.rows[0]["detail"]
    assert report.ok


def test_mistakes_of_the_caller_are_raised():
    with pytest.raises(di.UnknownBackendError, match="no engine is called 'revers'"):
        di.compare(waves, x, np.ones(3), backends=["revers"])
    with pytest.raises(di.InputError, match="no operator is called 'grad'"):
        di.compare(waves, x, np.ones(3), operator="grad")
    with pytest.raises(di.InputError, match="needs t="):
        di.compare(waves, x, np.ones(3), operator="pushforward")
    with pytest.raises(di.InputError, match="takes no"):
        di.compare(waves, x, np.ones(3), t=x)
    with pytest.raises(di.OutputError, match="use jacobian"):
        di.compare(np.sin, x)
    with pytest.raises(di.InputError, match="reference= has shape"):
        di.compare(waves, x, np.ones(3), backends=["honest"], reference=[1.0])


# ---- a reference from the caller


@pytest.mark.parametrize("reference", [waves.gradient, np.cos(x), list(np.cos(x))], ids=["function", "array", "list"])
def test_an_analytic_value_is_the_last_word(reference):
    report = di.compare(waves, x, np.ones(3), backends=["off", "off", "honest", "numeric"], reference=reference)
    assert [row["status"] for row in report.rows[:3]] == [Status.DISAGREES] * 2 + [Status.AGREES], report
    assert report.reference == "analytic value"
    assert report.rows[3]["status"] is Status.WITHIN_ESTIMATE


def test_tolerances_can_be_given():
    assert di.compare(waves, x, np.ones(3), backends=["off", "honest"], rtol=1e-2).ok
    assert not di.compare(waves, x, np.ones(3), backends=["numeric", "honest"], reference=2 * np.cos(x), rtol=0.1).ok
