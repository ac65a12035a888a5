"""scipy.fft on every engine: SciPy's values, and derivatives against the transforms of unit vectors."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy import fft

import diffiface as di

RNG = np.random.default_rng(7)
V, M = RNG.normal(size=6), RNG.normal(size=(3, 4))

TRANSFORMS: dict[str, tuple[Any, np.ndarray]] = {
    "fft": (lambda x: fft.fft(x, 8, norm="ortho"), V),
    "ifft": (lambda x: fft.ifft(x), V),
    "rfft": (lambda x: fft.rfft(x, workers=1), V),
    "irfft": (lambda x: fft.irfft(x, n=7), V),
    "hfft": (lambda x: fft.hfft(x), V),
    "ihfft": (lambda x: fft.ihfft(x, 4), V),
    "fft2": (lambda x: fft.fft2(x), M),
    "ifftn": (lambda x: fft.ifftn(x, axes=(0,), norm="forward"), M),
    "rfftn": (lambda x: fft.rfftn(x, s=(2, 4)), M),
    "irfft2": (lambda x: fft.irfft2(x), M),
    "fftshift": (lambda x: fft.ifftshift(fft.fftshift(x) ** 1, axes=0), V),
    **{
        f"{name} {kind} {norm}": (partial(getattr(fft, name), type=kind, norm=norm), V)
        for name in ("dct", "idct", "dst", "idst")
        for kind in (1, 2, 3, 4)
        for norm in ("backward", "ortho")
    },
    "dct, longer": (lambda x: fft.dct(x, n=9, axis=0), V),
    "dst, shorter": (lambda x: fft.dst(x, n=2, axis=0), M),
    "dctn": (lambda x: fft.dctn(x, axes=0, norm="ortho", orthogonalize=False), M),
    "idstn": (lambda x: fft.idstn(x, 2, s=(5,)), M),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_is_its_own_derivative(name: str) -> None:
    f, x = TRANSFORMS[name]
    columns = [f(unit.reshape(x.shape)) for unit in np.eye(x.size)]
    for engine in ("forward", "reverse"):
        y, jacobian = di.value_and_jacobian(lambda x: np.stack([np.real(f(x)), np.imag(f(x))]), engine, x)
        np.testing.assert_allclose(y[0] + 1j * y[1], f(x), rtol=1e-12, atol=1e-13)
        flat = jacobian.reshape(*y.shape, x.size)
        np.testing.assert_allclose(flat[0] + 1j * flat[1], np.stack(columns, -1), rtol=1e-12, atol=1e-13)


def test_second_derivatives_on_every_engine(exact_engine: str) -> None:
    energy = lambda x: np.sum(fft.dct(x) ** 2) + np.sum(np.abs(fft.rfft(x)) ** 2)
    D = fft.dct(np.eye(6), axis=0)
    F = fft.rfft(np.eye(6), axis=0)
    expected = 2 * D.T @ D + 2 * np.real(np.conj(F).T @ F)
    np.testing.assert_allclose(di.hessian(energy, exact_engine, V), expected, rtol=1e-11, atol=1e-11)


def test_single_precision_stays() -> None:
    assert di.gradient(lambda x: np.sum(fft.dct(x) ** 2), "reverse", V.astype(np.float32)).dtype == np.float32


def test_printing_under_a_trace_takes_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any) -> Any:
        print(np.array2string(x, precision=1), np.array_str(x, precision=2))
        return np.sum(x)

    di.gradient(f, "forward", np.array([0.123, 4.567]))
    assert capsys.readouterr().out == "[0.1 4.6] [0.12 4.57]\n"
