"""How the tests ask for patterns: by the very way that `Sparse` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from diffiface.operators.call import Call
from diffiface.operators.hessian import HESSIAN
from diffiface.operators.jacobian import JACOBIAN
from diffiface.sparse import SparsityPattern
from diffiface.sparse.detection.traced import trace_hessian, trace_jacobian


def jacobian_pattern(f: Callable[..., Any], x: Any, *contexts: Any, local: bool = False) -> SparsityPattern:
    """Trace the pattern of a Jacobian."""
    call = Call(JACOBIAN, f, "forward", (x, *contexts))
    return trace_jacobian(call.function, call.xs, call.contexts, local)


def hessian_pattern(f: Callable[..., Any], x: Any, *contexts: Any, local: bool = False) -> SparsityPattern:
    """Trace the pattern of a Hessian."""
    call = Call(HESSIAN, f, "reverse", (x, *contexts))
    return trace_hessian(call.function, call.xs, call.contexts, local)


def stars(pattern: SparsityPattern) -> list[str]:
    """Draw a pattern: `*` for an entry, `.` for none."""
    return ["".join("*" if entry else "." for entry in row) for row in pattern.matrix().toarray()]


def band(n: int, half_bandwidth: int) -> SparsityPattern:
    """Return the pattern of a band matrix."""
    offsets = range(-half_bandwidth, half_bandwidth + 1)
    return SparsityPattern.of(
        sparse.diags_array([np.ones(n)] * len(offsets), offsets=list(offsets), shape=(n, n)), "known"
    )


def arrowhead(n: int) -> SparsityPattern:
    """Return the pattern of a diagonal with a dense first row and first column."""
    matrix = np.eye(n)
    matrix[0] = matrix[:, 0] = 1
    return SparsityPattern.of(matrix, "known")


def grid(rows: int, columns: int, periodic: bool = False) -> SparsityPattern:
    """Return the pattern of the five-point stencil on a grid."""

    def line(n: int) -> Any:
        near = sparse.diags_array([np.ones(n)] * 3, offsets=[-1, 0, 1], shape=(n, n)).tolil()
        if periodic:
            near[0, -1] = near[-1, 0] = 1
        return near.tocsr()

    return SparsityPattern.of(
        sparse.kron(line(rows), sparse.eye_array(columns)) + sparse.kron(sparse.eye_array(rows), line(columns)), "known"
    )
