"""autograd."""

import pytest
from diffiface_autograd.adapter import Autograd
from diffiface_autograd.primitives import AutogradPrimitives

from diffiface.adapter import NUMPY
from tests.backends import primitive_checks


@pytest.mark.parametrize(("name", "number"), primitive_checks.SAMPLES)
def test_primitive(name, number):
    primitive_checks.check(Autograd(), name, number)


def test_no_primitive_is_missing():
    assert primitive_checks.missing(AutogradPrimitives(NUMPY, 0)) == set()
