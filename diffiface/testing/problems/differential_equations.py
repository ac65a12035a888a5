"""Two differential equations: Lotka and Volterra's by a Runge-Kutta loop, and the Brusselator's right-hand side."""

from __future__ import annotations

import numpy as np

from diffiface.testing.problems.problem import Instance, Problem

# ---- predator and prey


def _rate(state, a, b, c, d):
    prey, predator = state
    return a * prey - b * prey * predator, d * prey * predator - c * predator


def _shifted(state, slope, step):
    return state[0] + step * slope[0], state[1] + step * slope[1]


def lotka_volterra(x, times, observed):
    """The squared misfit of a predator-prey model to data, by the classic Runge-Kutta method.

    x holds the four rates and the two initial values; `observed` has a row for each of the times but the first.
    """
    rates, state, misfit = (x[0], x[1], x[2], x[3]), (x[4], x[5]), 0.0
    for i in range(len(times) - 1):
        h = times[i + 1] - times[i]
        k1 = _rate(state, *rates)
        k2 = _rate(_shifted(state, k1, h / 2), *rates)
        k3 = _rate(_shifted(state, k2, h / 2), *rates)
        k4 = _rate(_shifted(state, k3, h), *rates)
        for k, weight in ((k1, h / 6), (k2, h / 3), (k3, h / 3), (k4, h / 6)):
            state = _shifted(state, k, weight)
        misfit = misfit + (state[0] - observed[i, 0]) ** 2 + (state[1] - observed[i, 1]) ** 2
    return misfit


def _rate_and_sensitivity(state, S, x):
    """The right-hand side, and that of the sensitivities S (2, 6) of the state to x."""
    (u, v), (a, b, c, d) = state, x[:4]
    by_state = np.array([[a - b * v, -b * u], [d * v, d * u - c]])
    by_x = np.array([[u, -u * v, 0, 0, 0, 0], [0, 0, -v, u * v, 0, 0]])
    return np.array([a * u - b * u * v, d * u * v - c * v]), by_state @ S + by_x


def lotka_volterra_gradient(x, times, observed):
    """The variational equations, stepped by the same method: the gradient of the discretised misfit itself."""
    state, S, gradient = x[4:].copy(), np.eye(2, 6, 4), np.zeros(6)
    for i, h in enumerate(np.diff(times)):
        k1, s1 = _rate_and_sensitivity(state, S, x)
        k2, s2 = _rate_and_sensitivity(state + h / 2 * k1, S + h / 2 * s1, x)
        k3, s3 = _rate_and_sensitivity(state + h / 2 * k2, S + h / 2 * s2, x)
        k4, s4 = _rate_and_sensitivity(state + h * k3, S + h * s3, x)
        state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        S = S + h / 6 * (s1 + 2 * s2 + 2 * s3 + s4)
        gradient += 2 * (state - observed[i]) @ S
    return gradient


def make_lotka_volterra(n: int, seed: int) -> Instance:
    """Take n steps of 0.05, against noisy data."""
    rng = np.random.default_rng(seed)
    x = np.array([1.5, 1.0, 3.0, 1.0, 1.0, 0.8])
    contexts = 0.05 * np.arange(n + 1), 1.0 + 0.3 * rng.standard_normal((n, 2))
    return Instance(lotka_volterra, x, contexts, {"gradient": lotka_volterra_gradient})


# ---- Brusselator


def _laplacian(u):
    return np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - 4.0 * u


def brusselator(uv):
    """The right-hand side of the two-dimensional Brusselator on a periodic grid: (2, n, n) to (2, n, n)."""
    u, v = uv[0], uv[1]
    diffusion = 10.0 * (u.shape[0] - 1) ** 2 / 1e3
    reaction = u * u * v
    du = diffusion * _laplacian(u) + 1.0 + reaction - 4.4 * u
    dv = diffusion * _laplacian(v) + 3.4 * u - reaction
    return np.stack([du, dv])


def brusselator_pushforward(uv, t):
    """The linearised right-hand side."""
    (u, v), (tu, tv) = uv, t
    diffusion = 10.0 * (u.shape[0] - 1) ** 2 / 1e3
    reaction = 2 * u * v * tu + u * u * tv
    return np.stack(
        [diffusion * _laplacian(tu) + reaction - 4.4 * tu, diffusion * _laplacian(tv) + 3.4 * tu - reaction]
    )


def brusselator_pullback(uv, t):
    """Its adjoint (the Laplacian is its own)."""
    (u, v), (cu, cv) = uv, t
    diffusion = 10.0 * (u.shape[0] - 1) ** 2 / 1e3
    to_reaction = cu - cv
    return np.stack(
        [
            diffusion * _laplacian(cu) - 4.4 * cu + 3.4 * cv + 2 * u * v * to_reaction,
            diffusion * _laplacian(cv) + u * u * to_reaction,
        ]
    )


def brusselator_jacobian(uv):
    """Its columns are pushforwards of the unit vectors."""
    units = np.eye(uv.size).reshape((uv.size, *uv.shape))
    return np.stack([brusselator_pushforward(uv, unit) for unit in units], axis=-1).reshape(uv.shape + uv.shape)


def make_brusselator(n: int, seed: int) -> Instance:
    """Draw concentrations on an n by n grid."""
    uv = np.random.default_rng(seed).standard_normal((2, n, n))
    derivatives = {
        "pushforward": brusselator_pushforward,
        "pullback": brusselator_pullback,
        "jacobian": brusselator_jacobian,
    }
    return Instance(brusselator, uv, (), derivatives)


PROBLEMS = (
    Problem(
        "lotka-volterra",
        ("gradient", "hessian"),
        make_lotka_volterra,
        (10, 100, 1000),
        "predator and prey, n Runge-Kutta steps in a Python loop over numbers",
        "Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I, 2nd edition (1993), I.16 and II.1",
    ),
    Problem(
        "brusselator",
        ("pullback", "pushforward", "jacobian"),
        make_brusselator,
        (4, 32, 128),
        "reaction and diffusion on an n by n grid; a sparse Jacobian",
        "Hairer and Wanner, Solving Ordinary Differential Equations II, 2nd edition (1996), IV.10",
    ),
)
