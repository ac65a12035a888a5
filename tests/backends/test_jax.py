"""JAX."""

import pytest
from diffiface_jax.adapter import JAX
from diffiface_jax.primitives import JAXPrimitives

from diffiface.adapter import NUMPY
from tests.backends import primitive_checks


@pytest.mark.parametrize(("name", "number"), primitive_checks.SAMPLES)
def test_primitive(name, number):
    primitive_checks.check(JAX(), name, number)


def test_no_primitive_is_missing():
    assert primitive_checks.missing(JAXPrimitives(NUMPY)) == set()
