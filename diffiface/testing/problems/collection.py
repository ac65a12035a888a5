"""All classic problems by name."""

from __future__ import annotations

import difflib

from diffiface.errors import InputError
from diffiface.testing.problems import (
    bundle_adjustment,
    chained_rosenbrock,
    differential_equations,
    mixture,
    networks,
    statistics,
)
from diffiface.testing.problems.problem import Problem

PROBLEMS: tuple[Problem, ...] = (
    *statistics.PROBLEMS,
    *mixture.PROBLEMS,
    *networks.PROBLEMS,
    *bundle_adjustment.PROBLEMS,
    *differential_equations.PROBLEMS,
    *chained_rosenbrock.PROBLEMS,
)
"""The classic problems that have a size; Moré, Garbow and Hillstrom's are in `more_garbow_hillstrom`."""


def find_problem(name: str) -> Problem:
    """Return the classic problem of that name.

    Args:
        name: as in `PROBLEMS`.
    Returns:
        The problem.
    Raises:
        InputError: no problem is called that.

    >>> from diffiface.testing.problems import find_problem
    >>> find_problem("rosenbrock").operators
    ('gradient', 'hvp', 'hessian')
    """
    known = {problem.name: problem for problem in PROBLEMS}
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(f"no problem is called {name!r}", fix=f"{hint}known problems: {', '.join(known)}")
    return known[name]
