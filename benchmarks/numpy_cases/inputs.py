"""What the cases are written with: the input, plain arrays, matrices made from the input, and the reading of a table.

The input lies away from every kink and rounding boundary of the cases: where a function has no derivative, no engine is
wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
import scipy.linalg as sla
import scipy.special as sp
import scipy.stats as st

Case = Callable[[Any], Any]

V = np.array([0.646, 0.389, 0.229, 0.212, 0.769, 0.839])
ELSEWHERE = np.array([0.561, 0.721, 0.443, 0.287, 0.838, 0.218])
"""Where a prepared function is prepared: in another order, and on other sides of the thresholds in the cases."""

MASK = np.array([True, False, True, True, False, True])
c = np.array([0.74, -0.55, 1.31, -0.27, 0.93, -1.62])
B = np.array(
    [[0.35, -1.2, 0.6], [1.1, 0.4, -0.3], [-0.7, 0.9, 0.2], [0.5, 0.8, -1.4], [-0.1, 1.5, 0.7], [0.3, -0.6, 1.0]]
)
m23 = np.array([[0.8, -0.5, 1.2], [-1.1, 0.3, 0.6]])
A4 = np.array([[4.2, -0.3, 0.7, 0.1], [0.5, 3.8, -0.6, 0.9], [-0.2, 0.4, 4.5, -0.8], [0.6, -0.1, 0.3, 3.6]])


def M(v):
    """Return v as a 2 by 3 matrix."""
    return v.reshape(2, 3)


def S(v):
    """Return a well-conditioned square matrix."""
    return np.outer(v[:3], v[3:]) + 3 * np.eye(3)


def P(v):
    """Return a positive definite matrix."""
    return M(v).T @ M(v) + 2 * np.eye(3)


NAMES: dict[str, Any] = {
    "np": np, "sp": sp, "sla": sla, "st": st, "math": math,
    "MASK": MASK, "c": c, "B": B, "m23": m23, "A4": A4, "M": M, "S": S, "P": P,
}  # fmt: skip


def expressions(table: str) -> dict[str, Case]:
    """Read a table of expressions in v, one a line: each names itself."""
    return {line: eval(f"lambda v: {line}", dict(NAMES)) for line in _lines(table)}


def each(template: str, names: str) -> dict[str, Case]:
    """Read a list of names of functions, each put into the template."""
    return expressions("\n".join(template.replace("f(", name + "(") for name in names.split()))


def functions(*cases: Case) -> dict[str, Case]:
    """Take functions that need statements: the first line of the docstring is the name."""
    return {_title(case): case for case in cases}


def _lines(table: str) -> list[str]:
    lines = [line.strip() for line in table.splitlines()]
    return [line for line in lines if line]


def _title(case: Case) -> str:
    assert isinstance(case, FunctionType) and case.__doc__, case
    return case.__doc__.splitlines()[0].removesuffix(".")
