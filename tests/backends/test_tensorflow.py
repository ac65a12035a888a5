"""TensorFlow: the shared checks, and what is TensorFlow's own: tensors, tapes, tf.function, variables."""

from __future__ import annotations

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="the engine needs tensorflow, which is not installed")

from diffiface_tensorflow.adapter import TensorFlow
from diffiface_tensorflow.primitives import TensorFlowPrimitives

import diffiface as di
from diffiface.adapter import NUMPY
from tests.backends import engine_checks, primitive_checks

X = np.array([0.3, -1.2, 2.0])


@pytest.mark.parametrize(("name", "number"), primitive_checks.SAMPLES)
def test_primitive(name, number):
    primitive_checks.check(TensorFlow(), name, number)


def test_no_primitive_is_missing():
    assert primitive_checks.missing(TensorFlowPrimitives(NUMPY)) == set()


@pytest.mark.parametrize("check", engine_checks.ALL, ids=lambda check: check.__name__)
def test_contract(check):
    check(TensorFlow())
