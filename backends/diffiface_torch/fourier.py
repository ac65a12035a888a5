"""Fourier transforms in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from diffiface.adapter import Primitives


class Fourier(Primitives):
    """The primitives of Fourier transforms."""

    _tensor: Callable[[Any], torch.Tensor]

    def fft(self, x: Any, *, axis: int) -> Any:
        return torch.fft.fft(self._tensor(x), dim=axis)

    def ifft(self, x: Any, *, axis: int) -> Any:
        return torch.fft.ifft(self._tensor(x), dim=axis).resolve_conj()  # that of real numbers is a lazy conjugate

    def rfft(self, x: Any, *, axis: int) -> Any:
        return torch.fft.rfft(self._tensor(x), dim=axis)

    def irfft(self, x: Any, *, axis: int, n: int) -> Any:
        return torch.fft.irfft(self._tensor(x), n, dim=axis)
