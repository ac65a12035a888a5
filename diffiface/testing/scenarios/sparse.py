"""Functions whose Jacobians and Hessians are mostly zeros, for engines that answer with sparse arrays."""

from __future__ import annotations

import numpy as np

from diffiface.testing.scenario import Scenario
from diffiface.testing.scenarios.known import Known


def differences(x):
    return np.diff(x) ** 2


def differences_jacobian(x):
    n, step = len(x), 2 * np.diff(x)
    return step[:, None] * (np.eye(n - 1, n, 1) - np.eye(n - 1, n))


def chain(x):
    return np.sum(np.diff(x) ** 3)


def chain_gradient(x):
    slope = 3 * np.diff(x) ** 2
    return np.concatenate([[0.0], slope]) - np.concatenate([slope, [0.0]])


def chain_hessian(x):
    bend = 6 * np.diff(x)
    diagonal = np.concatenate([[0.0], bend]) + np.concatenate([bend, [0.0]])
    return np.diag(diagonal) - np.diag(bend, 1) - np.diag(bend, -1)


def arrow(x):
    """Every entry meets the first."""
    return x**2 + x[0] * x


def arrow_jacobian(x):
    J = np.diag(2 * x + x[0])
    J[:, 0] += x
    return J


def pairs(x, partner):
    """Every entry meets one other, anywhere."""
    return x * x[partner]


def pairs_jacobian(x, partner):
    return np.diag(x[partner]) + x[:, None] * np.eye(len(x))[partner]


def sum_of_pairs(x, partner):
    return np.sum(pairs(x, partner))


def sparse_scenarios(n: int = 30) -> list[Scenario]:
    """Return Jacobians and Hessians with few entries that are not 0: banded, with a dense column, and random.

    An engine that gives sparse arrays must give them in SciPy's CSR format with just these entries stored; one that
    does not is compared with the full matrix.

    Args:
        n: the size of x.
    Returns:
        Scenarios with the tag `sparse`.

    >>> from diffiface.testing import sparse_scenarios
    >>> [scenario.id for scenario in sparse_scenarios()][:2]
    ['jacobian-squared differences', 'jacobian-arrow']
    """
    rng, tags = np.random.default_rng(5), frozenset({"sparse"})
    points = (rng.uniform(0.5, 2.0, n), rng.uniform(0.5, 2.0, n), rng.uniform(-2.0, -0.5, n))
    partner = np.roll(rng.permutation(n), 1)
    jacobians = (
        Known("squared differences", differences, differences_jacobian, points, tags=tags),
        Known("arrow", arrow, arrow_jacobian, points, tags=tags),
        Known("random pairs", pairs, pairs_jacobian, points, contexts=(partner,), tags=tags),
    )
    hessians = (
        Known("cubed differences", chain, chain_gradient, points, hessian=chain_hessian, tags=tags),
        Known(
            "sum of random pairs",
            sum_of_pairs,
            lambda x, partner: np.sum(pairs_jacobian(x, partner), axis=0),
            points,
            hessian=lambda x, partner: np.eye(len(x))[partner] + np.eye(len(x))[partner].T,
            contexts=(partner,),
            tags=tags,
        ),
    )
    return [
        *(scenario for known in jacobians for scenario in known.scenarios(["jacobian"])),
        *(scenario for known in hessians for scenario in known.scenarios(["hessian"])),
    ]
