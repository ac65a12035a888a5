"""Numbers as a table shows them."""

from __future__ import annotations

import math


def seconds(value: float | None) -> str:
    """Write a time with three digits and its unit."""
    if value is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size * 0.9995:
            return f"{_three_digits(value / size)} {unit}"
    return f"{_three_digits(value / 1e-9)} ns"


def ratio(value: float | None) -> str:
    """Write a ratio."""
    return "-" if value is None else f"{_three_digits(value)}×"  # noqa: RUF001


def count(value: int | None) -> str:
    """Write a number of calls."""
    return "-" if value is None else str(value)


def size(value: int | None) -> str:
    """Write an amount of memory."""
    if value is None:
        return "-"
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20)):
        if value >= factor:
            return f"{_three_digits(value / factor)} {unit}"
    return f"{value / 2**10:.0f} KiB"


def error(value: float | None) -> str:
    """Write a relative error with one digit."""
    if value is None or math.isnan(value):
        return "-"
    return "0" if value == 0 else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def exponent(value: float | None) -> str:
    """Write how time grows with n."""
    return "-" if value is None else "flat" if value == 0 else f"n^{value:.2f}"


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.3g}"
