"""The primitives of linear algebra and Fourier transforms on our engines, at complex arguments above all."""

import pytest
from diffiface_native.adapter import Forward, Reverse

from diffiface.adapter import PRIMITIVES
from tests.backends import primitive_checks

SAMPLES = [(n, i) for n, i in primitive_checks.SAMPLES if PRIMITIVES[n].kind in ("linear algebra", "Fourier")]


@pytest.mark.parametrize("backend", [Forward(), Reverse()], ids=["forward", "reverse"])
@pytest.mark.parametrize(("name", "number"), SAMPLES)
def test_value_and_derivatives(backend, name: str, number: int) -> None:
    primitive_checks.check(backend, name, number)
