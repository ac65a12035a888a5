"""Anything that can be called can be compared: the counting of calls does not hide it from the engines."""

from __future__ import annotations

import math

import numpy as np
import pytest

import diffiface as di


class Model:
    def loss(self, x):
        y = np.zeros(2)  # (needs rebinding)
        y[0], y[1] = x[0], math.exp(x[1])
        return y.sum()

    __call__ = loss


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [(math.sin, 0.3, math.cos(0.3)), (Model().loss, np.zeros(2), 1.0), (Model(), np.zeros(2), 1.0)],
    ids=["function written in C", "method", "object"],
)
def test_callables_of_every_kind(f, x, slope):
    report = di.compare(
        f, x, backends=["forward", "reverse", "finite_differences"], reference=np.full(np.shape(x), slope)
    )
    assert report.ok, report


def test_methods_of_scipy_objects():
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    report = di.compare(stats.norm.logpdf, 0.3, backends=["forward", "reverse"], reference=-0.3)
    assert report.ok, report
