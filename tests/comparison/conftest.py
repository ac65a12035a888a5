"""The stand-in engines are known by name in every test here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.comparison.stand_ins import registered


@pytest.fixture(autouse=True)
def stand_ins() -> Iterator[None]:
    with registered():
        yield
