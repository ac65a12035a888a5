"""numpy.fft on every engine."""

from __future__ import annotations

import re

import pytest

from tests.numpy_api.linear_algebra_checks import (
    OTHER_ENGINES,
    check_engine,
    check_shapes_and_dtypes,
    check_value_and_derivatives,
)

EXPRESSIONS = [
    e.strip()
    for e in re.split(
        r"[;\n]",
        """
    np.fft.fft(v); np.fft.fft(v, 4); np.fft.fft(v, 9, norm="ortho"); np.fft.fft(M, axis=0)
    np.fft.fft(Z, norm="forward"); np.fft.ifft(v); np.fft.ifft(Z, 5, 0, "ortho"); np.fft.ifft(M, norm="forward")
    np.fft.rfft(v); np.fft.rfft(v, 5, norm="forward"); np.fft.rfft(M, axis=0); np.fft.irfft(v); np.fft.irfft(Z, 7)
    np.fft.irfft(Z, norm="ortho", axis=0); np.fft.irfft(Z, 3, norm="forward"); np.fft.hfft(Z)
    np.fft.hfft(v, 5, norm="ortho"); np.fft.ihfft(v); np.fft.ihfft(M, 2, norm="forward"); np.fft.fft2(T)
    np.fft.fft2(T, s=(2, 4)); np.fft.fftn(T, axes=(0, 1)); np.fft.fftn(T, (3, 2), (0, 2), "ortho")
    np.fft.ifft2(T); np.fft.ifftn(T, norm="forward"); np.fft.rfft2(T); np.fft.rfftn(T)
    np.fft.rfftn(T, (2, 5), axes=(1, 2)); np.fft.irfft2(Z); np.fft.irfftn(Z, norm="ortho")
    np.fft.irfftn(Z, (3, 5), (0, 1)); np.fft.fftn(T, (-1, 2), (0, 2)); np.fft.irfftn(T, (-1, -1), (0, 2))
    np.fft.fftshift(v); np.fft.fftshift(M, axes=1); np.fft.ifftshift(M); np.fft.ifftshift(v[:5])
    np.fft.fftfreq(5, v[0])
""",
    )
    if e.strip()
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_value_and_derivatives(expression: str) -> None:
    check_value_and_derivatives(f"({expression}) ** 2")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_shapes_and_dtypes(expression: str) -> None:
    check_shapes_and_dtypes(expression)


@pytest.mark.parametrize("engine", OTHER_ENGINES)
@pytest.mark.parametrize("expression", EXPRESSIONS[::3])
def test_other_engines(expression: str, engine: str) -> None:
    check_engine(f"({expression}) ** 2", engine)
