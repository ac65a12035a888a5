"""Functions between numbers, vectors and matrices, with derivatives derived by hand."""

from __future__ import annotations

import numpy as np

from diffiface.testing.scenarios.known import Known

_BASIC = frozenset({"basic"})
_VECTORS = (np.array([0.6, -1.1, 1.7, 0.3]), np.array([1.0, 2.0, -0.5, 0.4]), np.array([-2.0, 0.2, 0.9, 1.3]))
_MATRICES = (
    np.array([[0.5, -1.5, 2.0], [1.0, 0.3, -0.8]]),
    np.array([[1.0, 0.4, -0.7], [0.2, -1.2, 0.9]]),
    np.array([[-0.3, 0.8, 1.1], [1.4, -0.6, 0.5]]),
)
_NUMBERS = (0.7, -1.3, 2.1)
_POWERS = np.arange(1.0, 4.0)
_RATES = np.array([[0.5, -0.2, 0.1], [0.3, 0.7, -0.4]])


def number_to_number(x):
    return x * np.sin(x)


def number_to_vector(x):
    return np.sin(x * _POWERS)


def number_to_matrix(x):
    return np.exp(x * _RATES)


def vector_to_number(x):
    return (x @ x) * np.sum(np.sin(x))


def vector_to_number_gradient(x):
    return 2 * x * np.sum(np.sin(x)) + (x @ x) * np.cos(x)


def vector_to_number_hessian(x):
    cross = np.outer(2 * x, np.cos(x))
    return 2 * np.sum(np.sin(x)) * np.eye(len(x)) + cross + cross.T - (x @ x) * np.diag(np.sin(x))


def matrix_to_number(M):
    total = 0.0
    for row in M:
        total = total + np.sum(row) ** 3
    return total


def matrix_to_number_gradient(M):
    return np.repeat(3 * np.sum(M, axis=1, keepdims=True) ** 2, M.shape[1], axis=1)


def matrix_to_number_hessian(M):
    same_row = np.eye(len(M))[:, None, :, None] * np.ones((1, M.shape[1], 1, M.shape[1]))
    return 6 * np.sum(M, axis=1)[:, None, None, None] * same_row


def vector_to_vector(x):
    return x[1:] * x[:-1] ** 2


def vector_to_vector_jacobian(x):
    n = len(x)
    return np.diag(2 * x[1:] * x[:-1]) @ np.eye(n - 1, n) + np.diag(x[:-1] ** 2) @ np.eye(n - 1, n, 1)


def vector_to_matrix(x):
    return np.outer(x, np.sin(x[:2]))


def vector_to_matrix_jacobian(x):
    unit = np.eye(len(x))
    return np.einsum("ik,j->ijk", unit, np.sin(x[:2])) + np.einsum("i,j,jk->ijk", x, np.cos(x[:2]), unit[:2])


def matrix_to_vector(M):
    return np.sum(M**3, axis=0)


def matrix_to_vector_jacobian(M):
    return np.einsum("jk,ik->jik", np.eye(M.shape[1]), 3 * M**2)


def matrix_to_matrix(M):
    return M.T**2


def matrix_to_matrix_jacobian(M):
    return np.einsum("ik,jl,ij->jikl", np.eye(len(M)), np.eye(M.shape[1]), 2 * M)


def constant(x):
    return np.array([3.0, 4.0])


def filled_entry_by_entry(x):
    """The lecture's function that engines of other languages refuse: a fresh array filled in a loop."""
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i] = x[i] ** 2 + (y[i - 1] if i > 0 else 0.0)
    return y


def filled_entry_by_entry_jacobian(x):
    return np.tril(np.ones((len(x), len(x)))) * (2 * x)


FUNCTIONS = (
    Known(
        "number to number",
        number_to_number,
        lambda x: np.sin(x) + x * np.cos(x),
        _NUMBERS,
        hessian=lambda x: 2 * np.cos(x) - x * np.sin(x),
        second=lambda x: 2 * np.cos(x) - x * np.sin(x),
    ),
    Known(
        "number to vector",
        number_to_vector,
        lambda x: _POWERS * np.cos(x * _POWERS),
        _NUMBERS,
        second=lambda x: -(_POWERS**2) * np.sin(x * _POWERS),
        tags=_BASIC,
    ),
    Known(
        "number to matrix",
        number_to_matrix,
        lambda x: _RATES * np.exp(x * _RATES),
        _NUMBERS,
        second=lambda x: _RATES**2 * np.exp(x * _RATES),
    ),
    Known(
        "vector to number",
        vector_to_number,
        vector_to_number_gradient,
        _VECTORS,
        hessian=vector_to_number_hessian,
        tags=_BASIC,
    ),
    Known(
        "matrix to number",
        matrix_to_number,
        matrix_to_number_gradient,
        _MATRICES,
        hessian=matrix_to_number_hessian,
        tags=_BASIC,
    ),
    Known("vector to vector", vector_to_vector, vector_to_vector_jacobian, _VECTORS, tags=_BASIC),
    Known("vector to matrix", vector_to_matrix, vector_to_matrix_jacobian, _VECTORS),
    Known("matrix to vector", matrix_to_vector, matrix_to_vector_jacobian, _MATRICES),
    Known("matrix to matrix", matrix_to_matrix, matrix_to_matrix_jacobian, _MATRICES, tags=_BASIC),
    Known("constant function", constant, lambda x: np.zeros((2, len(x))), _VECTORS, tags=frozenset({"constant f"})),
    Known(
        "array filled in a loop",
        filled_entry_by_entry,
        filled_entry_by_entry_jacobian,
        _VECTORS,
        tags=frozenset({"writes"}),
    ),
)
"""The functions of `default_scenarios`, from which the modifiers make the rest."""
