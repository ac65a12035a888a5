"""Where engines slip: nothing in x, one entry, complex numbers, kinks."""

from __future__ import annotations

import numpy as np

from diffiface.testing.scenario import Between, Point, Scenario
from diffiface.testing.scenarios.known import Known

# ---- empty and size one


def empty_scenarios() -> list[Scenario]:
    """Return scenarios with no entries in x or in y."""
    tags = frozenset({"empty"})
    none = (np.zeros(0), np.zeros(0), np.zeros(0))
    total = Known(
        "empty to number",
        lambda x: np.sum(x**2),
        lambda x: 2 * x,
        none,
        hessian=lambda x: np.zeros((0, 0)),
        tags=tags,
    )
    same = Known("empty to empty", lambda x: x**2, lambda x: np.zeros((0, 0)), none, tags=tags)
    points = (np.array([1.0, 2.0]), np.array([0.5, 0.1]), np.array([-1.0, 3.0]))
    to_nothing = Known("vector to empty", lambda x: 2 * x[:0], lambda x: np.zeros((0, 2)), points, tags=tags)
    return [*total.scenarios(), *same.scenarios(), *to_nothing.scenarios()]


def size_one_scenarios() -> list[Scenario]:
    """Return scenarios in which shapes (), (1,) and (1, 1) must not be mixed up."""
    tags = frozenset({"size one"})
    vectors = (np.array([0.7]), np.array([-1.3]), np.array([2.1]))
    matrices = (vectors[0][:, None], vectors[1][:, None], vectors[2][:, None])
    number = Known(
        "size one to number",
        lambda x: np.sum(np.sin(x)),
        np.cos,
        vectors,
        hessian=lambda x: -np.sin(x)[:, None],
        tags=tags,
    )
    vector = Known("size one to size one", np.sin, lambda x: np.cos(x)[:, None], vectors, tags=tags)
    matrix = Known(
        "size one to 1 by 1",
        lambda x: np.sin(x)[None],
        lambda x: np.cos(x)[None, :, None],
        vectors,
        tags=tags,
    )
    from_matrix = Known(
        "1 by 1 to number",
        lambda x: np.sum(x**3),
        lambda x: 3 * x**2,
        matrices,
        hessian=lambda x: 6 * x[:, :, None, None],
        tags=tags,
    )
    return [s for known in (number, vector, matrix, from_matrix) for s in known.scenarios()]


# ---- complex


def complex_scenarios() -> list[Scenario]:
    """Return scenarios with complex x: a real y, whose gradient is the steepest ascent, and holomorphic functions."""
    tags = frozenset({"complex"})
    points = (
        np.array([3.0 + 4.0j, -0.5 + 1.0j]),
        np.array([1.0 - 1.0j, 2.0 + 0.3j]),
        np.array([0.4 + 0.2j, -1.0 - 2.0j]),
    )
    modulus = Known("squared modulus", lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * z, points, tags=tags)
    square = Known("holomorphic", lambda z: z**2 + 1j * z, lambda z: np.diag(2 * z + 1j), points, tags=tags)
    return [*modulus.scenarios(["gradient"]), *square.scenarios(["pushforward", "pullback", "jacobian"])]


# ---- kinks and ties


def kink_scenarios() -> list[Scenario]:
    """Return scenarios at kinks and ties, where engines follow different conventions, all of them right."""
    away = Point(np.array([1.5, -2.0, 0.7])), Point(np.array([0.3, 1.1, -0.4]))

    def make(name: str, f, at: np.ndarray, exact) -> Scenario:
        return Scenario(name, "gradient", f, Point(at), exact, *away, tags=frozenset({"kink"}))

    def absolute(p: Point):
        sign = np.sign(p.x)
        return np.sum(np.abs(p.x)), Between(np.where(p.x == 0, -1, sign), np.where(p.x == 0, 1, sign))

    def rectified(p: Point):
        on = (p.x > 0) * 1.0
        return np.sum(np.maximum(p.x, 0)), Between(on, np.where(p.x == 0, 1.0, on))

    def largest(p: Point):
        tied = (p.x == np.max(p.x)) * 1.0
        return np.max(p.x), Between(tied if tied.sum() == 1 else 0 * tied, tied)

    return [
        make("absolute value at 0", lambda x: np.sum(np.abs(x)), np.array([0.0, 1.0, -2.0]), absolute),
        make("maximum with 0 at 0", lambda x: np.sum(np.maximum(x, 0.0)), np.array([0.0, 1.0, -2.0]), rectified),
        make("tie of the largest", lambda x: np.max(x), np.array([2.0, 2.0, 1.0]), largest),
    ]


# ---- branches


def branch_scenarios() -> list[Scenario]:
    """Return scenarios whose code branches on values of x, prepared on the other branch than run.

    Not among the default ones: an engine that traces without values (JAX's jit) has to refuse them.
    """

    def f(x):
        if x[0] > 0:
            return np.sum(x**3)
        return np.sum(np.sin(x))

    def exact(p: Point):
        if p.x[0] > 0:
            return np.sum(p.x**3), 3 * p.x**2
        return np.sum(np.sin(p.x)), np.cos(p.x)

    up, down, between = Point(np.array([1.0, -2.0])), Point(np.array([-1.0, 0.5])), Point(np.array([-0.2, 1.4]))
    tags = frozenset({"branches"})
    return [
        Scenario("branch", "gradient", f, up, exact, down, between, tags=tags),
        Scenario("branch, the other", "gradient", f, down, exact, up, between, tags=tags),
    ]
