"""Problems 1 to 19: a fixed, small number of variables, some fitted to data."""

# The functions are named and numbered as in the paper; t, u, v, w, y are its symbols too.

from __future__ import annotations

import numpy as np

from diffiface.testing.problems.more_garbow_hillstrom.problem import LeastSquaresProblem


def rosenbrock(x):
    return np.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def freudenstein_and_roth(x):
    return np.stack([-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]])


def powell_badly_scaled(x):
    return np.stack([1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])


def brown_badly_scaled(x):
    return np.stack([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2])


def beale(x):
    return np.stack([1.5 - x[0] * (1 - x[1]), 2.25 - x[0] * (1 - x[1] ** 2), 2.625 - x[0] * (1 - x[1] ** 3)])


def jennrich_and_sampson(x):
    i = np.arange(1.0, 11.0)
    return 2 + 2 * i - (np.exp(i * x[0]) + np.exp(i * x[1]))


def helical_valley(x):
    turn = np.arctan(x[1] / x[0]) / (2 * np.pi) + (0.5 if x[0] < 0 else 0.0)
    return np.stack([10 * (x[2] - 10 * turn), 10 * (np.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]])


def bard(x, y):
    u = np.arange(1.0, 16.0)
    v = 16 - u
    return y - (x[0] + u / (v * x[1] + np.minimum(u, v) * x[2]))


def gaussian(x, y):
    t = (8 - np.arange(1.0, 16.0)) / 2
    return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2) - y


def meyer(x, y):
    t = 45 + 5 * np.arange(1.0, 17.0)
    return x[0] * np.exp(x[1] / (t + x[2])) - y


def gulf_research(x):
    # (The paper prints a factor m*i inside the modulus; its own minimiser shows that it does not belong there.)
    t = np.arange(1.0, 100.0) / 100
    y = 25 + (-50 * np.log(t)) ** (2 / 3)
    return np.exp(-(np.abs(y - x[1]) ** x[2]) / x[0]) - t


def box(x):
    t = 0.1 * np.arange(1.0, 11.0)
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def powell_singular(x):
    return np.stack(
        [
            x[0] + 10 * x[1],
            np.sqrt(5) * (x[2] - x[3]),
            (x[1] - 2 * x[2]) ** 2,
            np.sqrt(10) * (x[0] - x[3]) ** 2,
        ]
    )


def wood(x):
    return np.stack(
        [
            10 * (x[1] - x[0] ** 2),
            1 - x[0],
            np.sqrt(90) * (x[3] - x[2] ** 2),
            1 - x[2],
            np.sqrt(10) * (x[1] + x[3] - 2),
            (x[1] - x[3]) / np.sqrt(10),
        ]
    )


def kowalik_and_osborne(x, y, u):
    return y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def brown_and_dennis(x):
    t = np.arange(1.0, 21.0) / 5
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def osborne_1(x, y):
    t = 10 * np.arange(33.0)
    return y - (x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]))


def biggs(x):
    t = 0.1 * np.arange(1.0, 14.0)
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


def osborne_2(x, y):
    t = np.arange(65.0) / 10
    peaks = [x[k] * np.exp(-((t - x[k + 7]) ** 2) * x[k + 4]) for k in (1, 2, 3)]
    return y - (x[0] * np.exp(-t * x[4]) + peaks[0] + peaks[1] + peaks[2])


def _numbers(text: str) -> np.ndarray:
    return np.array([float(number) for number in text.split()])


_BARD = _numbers(".14 .18 .22 .25 .29 .32 .35 .39 .37 .58 .73 .96 1.34 2.10 4.39")
_GAUSSIAN = _numbers(".0009 .0044 .0175 .0540 .1295 .2420 .3521 .3989 .3521 .2420 .1295 .0540 .0175 .0044 .0009")
_MEYER = _numbers("34780 28610 23650 19630 16370 13720 11540 9744 8261 7030 6005 5147 4427 3820 3307 2872")
_KOWALIK_Y = _numbers(".1957 .1947 .1735 .1600 .0844 .0627 .0456 .0342 .0323 .0235 .0246")
_KOWALIK_U = _numbers("4 2 1 .5 .25 .167 .125 .1 .0833 .0714 .0625")
_OSBORNE_1 = _numbers(
    ".844 .908 .932 .936 .925 .908 .881 .850 .818 .784 .751 .718 .685 .658 .628 .603 .580 "
    ".558 .538 .522 .506 .490 .478 .467 .457 .448 .438 .431 .424 .420 .414 .411 .406"
)
_OSBORNE_2 = _numbers(
    "1.366 1.191 1.112 1.013 .991 .885 .831 .847 .786 .725 .746 .679 .608 .655 .616 .606 .602 .626 .651 .724 .649 .649 "
    ".694 .644 .624 .661 .612 .558 .533 .495 .500 .423 .395 .375 .372 .391 .396 .405 .428 .429 .523 .562 .607 .653 "
    ".672 .708 .633 .668 .645 .632 .591 .559 .597 .625 .739 .710 .729 .720 .636 .581 .428 .292 .162 .098 .054"
)


def _problem(number, name, residuals, start, m, minimum, data=(), minimizer=None, other_minima=()):
    at = None if minimizer is None else np.array(minimizer, float)
    return LeastSquaresProblem(number, name, residuals, np.array(start, float), m, minimum, data, at, other_minima)


PROBLEMS = (
    _problem(1, "Rosenbrock", rosenbrock, [-1.2, 1], 2, 0.0, minimizer=[1, 1]),
    _problem(
        2,
        "Freudenstein and Roth",
        freudenstein_and_roth,
        [0.5, -2],
        2,
        0.0,
        minimizer=[5, 4],
        other_minima=(48.9842,),
    ),
    _problem(3, "Powell badly scaled", powell_badly_scaled, [0, 1], 2, 0.0),
    _problem(4, "Brown badly scaled", brown_badly_scaled, [1, 1], 3, 0.0, minimizer=[1e6, 2e-6]),
    _problem(5, "Beale", beale, [1, 1], 3, 0.0, minimizer=[3, 0.5]),
    _problem(6, "Jennrich and Sampson", jennrich_and_sampson, [0.3, 0.4], 10, 124.362),
    _problem(7, "helical valley", helical_valley, [-1, 0, 0], 3, 0.0, minimizer=[1, 0, 0]),
    _problem(8, "Bard", bard, [1, 1, 1], 15, 8.21487e-3, (_BARD,), other_minima=(17.4286,)),
    _problem(9, "Gaussian", gaussian, [0.4, 1, 0], 15, 1.12793e-8, (_GAUSSIAN,)),
    _problem(10, "Meyer", meyer, [0.02, 4000, 250], 16, 87.9458, (_MEYER,)),
    _problem(11, "Gulf research and development", gulf_research, [5, 2.5, 0.15], 99, 0.0, minimizer=[50, 25, 1.5]),
    _problem(12, "Box three-dimensional", box, [0, 10, 20], 10, 0.0, minimizer=[1, 10, 1]),
    _problem(13, "Powell singular", powell_singular, [3, -1, 0, 1], 4, 0.0, minimizer=[0, 0, 0, 0]),
    _problem(14, "Wood", wood, [-3, -1, -3, -1], 6, 0.0, minimizer=[1, 1, 1, 1]),
    _problem(
        15,
        "Kowalik and Osborne",
        kowalik_and_osborne,
        [0.25, 0.39, 0.415, 0.39],
        11,
        3.07505e-4,
        (_KOWALIK_Y, _KOWALIK_U),
        other_minima=(1.02734e-3,),
    ),
    _problem(16, "Brown and Dennis", brown_and_dennis, [25, 5, -5, -1], 20, 85822.2),
    _problem(17, "Osborne 1", osborne_1, [0.5, 1.5, -1, 0.01, 0.02], 33, 5.46489e-5, (_OSBORNE_1,)),
    _problem(
        18,
        "Biggs EXP6",
        biggs,
        [1, 2, 1, 1, 1, 1],
        13,
        0.0,
        minimizer=[1, 10, 1, 5, 4, 3],
        other_minima=(5.65565e-3,),
    ),
    _problem(
        19,
        "Osborne 2",
        osborne_2,
        [1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5],
        65,
        4.01377e-2,
        (_OSBORNE_2,),
    ),
)
