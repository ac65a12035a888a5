"""PyTorch."""

import pytest
import torch
from diffiface_torch.adapter import Torch
from diffiface_torch.primitives import TorchPrimitives

from diffiface.adapter import NUMPY
from tests.backends import primitive_checks


@pytest.mark.parametrize(("name", "number"), primitive_checks.SAMPLES)
def test_primitive(name, number):
    primitive_checks.check(Torch(), name, number)


def test_no_primitive_is_missing():
    assert primitive_checks.missing(TorchPrimitives(NUMPY, torch.device("cpu"))) == set()
