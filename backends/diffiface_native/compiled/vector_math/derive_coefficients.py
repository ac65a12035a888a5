"""Where `coefficients.py` comes from: `python -m diffiface_native.compiled.vector_math.derive_coefficients [NAME ...]`.

Every table is the weighted minimax polynomial of a function on an interval, found by the Remez exchange in 60 digits
(mpmath) and rounded to double one coefficient at a time, lowest first, the rest being fitted again after each, so that
the later ones make up for the rounding of the earlier. Without names, the file is printed anew, whole.

The weight turns the error of the polynomial into a relative error of the function that uses it: sin(r) = r + r³·S(r²)
has the relative error r²·δS, so S is fitted with weight z = r².
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
from mpmath import mp, mpf

Function = Callable[[Any], Any]


ERF_SPLIT = 0.84375
"""erf is an odd polynomial below, 1 - erfc above."""
ERF_END = 6.0
ERF_MIDDLE = 2.0
"""-log erfc is a polynomial in a - ERF_MIDDLE."""
ERFC_CENTER = 4.0
"""K in p = (a - K)/(a + K)."""

GAMMA_CORE = 0.8, 1.7, 2.6
GAMMA_ASYMPTOTIC = 7.6


@dataclass(frozen=True)
class Fit:
    """P(z) of this degree near `function` for z in [low, high], the error weighed by `weight`."""

    meaning: str
    function: Function
    low: Any
    high: Any
    degree: int
    weight: Function
    long: bool = False
    """Give the first coefficient as two doubles, the second in a table of its own, …_LOW."""


def chebyshev_points(low: Any, high: Any, count: int) -> list[Any]:
    middle, half = (low + high) / 2, (high - low) / 2
    return [middle - half * mp.cos(mp.pi * i / (count - 1)) for i in range(count)]


def remez(target: list[Any], weight: list[Any], grid: list[Any], powers: list[int]) -> tuple[list[Any], Any]:
    """Coefficients of z**powers with the least maximum of |weight·error| over the grid, and that maximum."""
    unknowns = len(powers)
    last = len(grid) - 1
    chosen = [round(last * i / unknowns) for i in range(unknowns + 1)]
    power_table = [[z**p for p in powers] for z in grid]
    best: tuple[list[Any], Any] = ([], mp.inf)
    for _ in range(30):
        # At the chosen points the weighed error alternates between +level and -level: as many equations as unknowns.
        matrix = mp.matrix(unknowns + 1)
        right = mp.matrix(unknowns + 1, 1)
        for row, point in enumerate(chosen):
            for column in range(unknowns):
                matrix[row, column] = weight[point] * power_table[point][column]
            matrix[row, unknowns] = (-1) ** row
            right[row] = weight[point] * target[point]
        solution = mp.lu_solve(matrix, right)
        coefficients = [solution[i] for i in range(unknowns)]
        error = [w * (t - mp.fdot(coefficients, row)) for w, t, row in zip(weight, target, power_table, strict=True)]
        largest = max(abs(e) for e in error)
        if largest < best[1]:
            best = (coefficients, largest)
        if largest <= abs(solution[unknowns]) * mpf("1.001"):
            break
        peaks = _alternating_peaks(error, unknowns + 1)
        if peaks is None or peaks == chosen:
            break
        chosen = peaks
    return best


def _alternating_peaks(error: list[Any], wanted: int) -> list[int] | None:
    """The largest point of every stretch of one sign; the smaller end is dropped while there are too many."""
    peaks: list[int] = []
    for i, e in enumerate(error):
        if e == 0:
            continue
        if peaks and (error[peaks[-1]] > 0) == (e > 0):
            if abs(e) > abs(error[peaks[-1]]):
                peaks[-1] = i
        else:
            peaks.append(i)
    while len(peaks) > wanted:
        peaks.pop(0 if abs(error[peaks[0]]) < abs(error[peaks[-1]]) else -1)
    return peaks if len(peaks) == wanted else None


def derive(fit: Fit, grid_size: int = 0) -> tuple[list[float], float, Any]:
    """The rounded coefficients, lowest first; what the first lost to rounding; the largest weighed error they leave."""
    with mp.workdps(60):
        low, high = mpf(fit.low), mpf(fit.high)
        # An odd number of points on a symmetric interval would include 0, where the functions are 0/0 as written.
        grid = chebyshev_points(low, high, grid_size or 30 * (fit.degree + 2))
        grid = [z if z != 0 else (high - low) * mpf(10) ** -12 for z in grid]
        target = [fit.function(z) for z in grid]
        weight = [fit.weight(z) for z in grid]
        rounded: list[float] = []
        remaining = list(target)
        if low < 0 < high:
            # z, z², … alone have a common zero inside the interval: no exchange without the constant, so round at once.
            exact = remez(target, weight, grid, list(range(fit.degree + 1)))[0]
            rounded = [float(c) for c in exact]
            lost = float(exact[0] - rounded[0]) if fit.long else 0.0
            used = [mpf(rounded[0]) + lost, *rounded[1:]]
            remaining = [t - mp.polyval(used[::-1], z) for t, z in zip(target, grid, strict=True)]
            return rounded, lost, max(abs(w * t) for w, t in zip(weight, remaining, strict=True))
        for power in range(fit.degree + 1):
            coefficients, _ = remez(remaining, weight, grid, list(range(power, fit.degree + 1)))
            if not coefficients:
                raise ArithmeticError(f"no fit of {fit.meaning}")
            rounded.append(float(coefficients[0]))
            remaining = [t - rounded[-1] * z**power for t, z in zip(remaining, grid, strict=True)]
        return rounded, 0.0, max(abs(w * t) for w, t in zip(weight, remaining, strict=True))


def _over_powers(function: Function, *leading: Any) -> Function:
    """(function(z) - leading[0] - leading[1]·z - …) / z**len(leading): what is left to be fitted."""

    def remainder(z: Any) -> Any:
        return (function(z) - sum(c * z**i for i, c in enumerate(leading))) / z ** len(leading)

    return remainder


def _of_square(function: Function) -> Function:
    """An odd function over its argument, in z = argument²."""
    return lambda z: function(mp.sqrt(z)) / mp.sqrt(z)


with mp.workdps(60):
    LN2_HALF = mp.log(2) / 2 * mpf("1.0001")
    # s = (m-1)/(m+1) for m between √½ and √2
    LOG_RANGE = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mpf("1.0001")
    QUARTER_TURN = (mp.pi / 4) ** 2 * mpf("1.0001")
    ARCTAN_RANGE = (mp.sqrt(2) - 1) ** 2 * mpf("1.0001")
    THIRD = mpf(1) / 3
    DIGAMMA_ROOT = mp.findroot(mp.digamma, mpf("1.4616321449683623"))


def _gammaln_core(u: Any) -> Any:
    t = u + GAMMA_CORE[1]
    return mp.loggamma(t) / ((t - 1) * (t - 2))


def _digamma_core(u: Any) -> Any:
    t = u + mpf(GAMMA_CORE[1])
    return mp.digamma(t) / (t - DIGAMMA_ROOT)


def _gammaln_series(z: Any) -> Any:
    a = 1 / mp.sqrt(z)
    return a * (mp.loggamma(a) - (a - 0.5) * mp.log(a) + a - mp.log(2 * mp.pi) / 2)


def _digamma_series(z: Any) -> Any:
    a = 1 / mp.sqrt(z)
    return a * a * (mp.log(a) - 1 / (2 * a) - mp.digamma(a))


def _minus_log_erfc(u: Any) -> Any:
    return -mp.log(mp.erfc(u + ERF_MIDDLE))


def _erfcx_of_ratio(p: Any) -> Any:
    """(1 + 2a)·e^(a²)·erfc(a) at the a with p = (a - K)/(a + K)."""
    a = ERFC_CENTER * (1 + p) / (1 - p)
    if a > 50:
        return (1 + 2 * a) / (a * mp.sqrt(mp.pi)) * mp.hyp2f0(0.5, 1, -1 / a**2)
    return (1 + 2 * a) * mp.exp(a * a) * mp.erfc(a)


FITS: dict[str, Fit] = {
    "EXP": Fit("exp(r) = 1 + r + r²·P(r)", _over_powers(mp.exp, 1, 1), -LN2_HALF, LN2_HALF, 9, lambda r: r * r),
    "EXPM1": Fit("expm1(r) = r + r²·P(r)", _over_powers(mp.exp, 1, 1), -LN2_HALF, LN2_HALF, 10, abs),
    "LOG": Fit(
        "log((1+s)/(1-s)) = 2s + s·z·P(z), z = s²",
        _over_powers(_of_square(lambda s: 2 * mp.atanh(s)), 2),
        mpf(10) ** -12,
        LOG_RANGE,
        6,
        abs,
    ),
    "LOG_LONG": Fit(
        "log((1+s)/(1-s)) = 2s·(1 + z/3 + z²·P(z)), z = s²",
        _over_powers(_of_square(mp.atanh), 1, THIRD),
        mpf(10) ** -12,
        LOG_RANGE,
        8,
        lambda z: z * z,
    ),
    "SIN": Fit(
        "sin(r) = r + r·z·P(z), z = r²", _over_powers(_of_square(mp.sin), 1), mpf(10) ** -12, QUARTER_TURN, 5, abs
    ),
    "COS": Fit(
        "cos(r) = 1 - z/2 + z²·P(z), z = r²",
        _over_powers(lambda z: mp.cos(mp.sqrt(z)), 1, -0.5),
        mpf(10) ** -12,
        QUARTER_TURN,
        5,
        lambda z: z * z,
    ),
    "ARCTAN": Fit(
        "arctan(t) = t + t·z·P(z), z = t²", _over_powers(_of_square(mp.atan), 1), mpf(10) ** -12, ARCTAN_RANGE, 10, abs
    ),
    "ARCSIN": Fit(
        "arcsin(t) = t + t·z·P(z), z = t²", _over_powers(_of_square(mp.asin), 1), mpf(10) ** -12, 0.25, 12, abs
    ),
    "ERF": Fit(
        "erf(x) = x + x·P(z), z = x²",
        lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1,
        mpf(10) ** -12,
        mpf(ERF_SPLIT) ** 2,
        11,
        lambda z: 1,
    ),
    "ERF_FAR": Fit(
        "erf(a) = 1 - exp(-P(a - 2))",
        _minus_log_erfc,
        mpf(ERF_SPLIT) - 2,
        mpf(ERF_END) - 2,
        20,
        lambda u: mp.erfc(u + 2),
    ),
    "ERFCX": Fit(
        "(1 + 2a)·exp(a²)·erfc(a) = P((a-4)/(a+4))", _erfcx_of_ratio, -1, mpf(24) / 32, 24, lambda p: 1, long=True
    ),
    "GAMMALN": Fit(
        "gammaln(t) = (t-1)·(t-2)·P(t - 1.7)",
        _gammaln_core,
        mpf(0.8) - 1.7,
        mpf(2.6) - 1.7,
        29,
        lambda u: 1 / _gammaln_core(u),
        long=True,
    ),
    "GAMMALN_SERIES": Fit(
        "gammaln(a) = (a-½)·log a - a + ½·log 2π + P(z)/a, z = 1/a²",
        _gammaln_series,
        mpf(10) ** -9,
        1 / mpf(GAMMA_ASYMPTOTIC) ** 2,
        7,
        lambda z: 1,
    ),
    "DIGAMMA": Fit(
        "digamma(t) = (t - root)·P(t - 1.7)",
        _digamma_core,
        mpf(0.8) - 1.7,
        mpf(2.6) - 1.7,
        29,
        lambda u: 1 / _digamma_core(u),
        long=True,
    ),
    "DIGAMMA_SERIES": Fit(
        "digamma(a) = log a - 1/(2a) - z·P(z), z = 1/a²",
        _digamma_series,
        mpf(10) ** -9,
        1 / mpf(GAMMA_ASYMPTOTIC) ** 2,
        7,
        abs,
    ),
    "INVERSE_CBRT": Fit(
        "m^(-1/3), the first guess", lambda m: m ** (-THIRD), mp.sqrt(0.5), mp.sqrt(2), 6, lambda m: mp.cbrt(m)
    ),
}


def table(name: str) -> str:
    fit = FITS[name]
    coefficients, lost, error = derive(fit)
    bits = mpmath.nstr(mp.log(error, 2), 4)
    rows = "".join(f"    {c!r},\n" for c in coefficients)
    low = f"{name}_LOW = {lost!r}\n" if fit.long else ""
    return f"\n# {fit.meaning}; largest error 2^{bits}\n{name} = (\n{rows})\n{low}"


def main(names: list[str]) -> None:
    print(
        '"""Polynomial coefficients, lowest power first. Written by derive_coefficients.py, where each is explained."""'
    )
    for name in names or list(FITS):
        print(table(name), end="", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
