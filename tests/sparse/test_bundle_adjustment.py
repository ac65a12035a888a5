"""A sparse Jacobian of the kind people have: bundle adjustment, on several engines."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di
from benchmarks.bundle_adjustment import problem, residuals
from tests.conftest import require


@pytest.mark.parametrize("engine", ["forward", "reverse", "jax", "torch"])
def test_bundle_adjustment(engine: str) -> None:
    require(engine)
    x, *constants = problem(cameras=3, points=9, observations=18)
    prep = di.prepare_jacobian(residuals, di.Sparse(engine), x, *constants)
    J = prep.jacobian(x, *constants)
    assert J.shape == (54, 3 * 11 + 9 * 3 + 18)
    assert J.nnz == 18 * (2 * 14 + 1) and prep.pattern.scope == "global"
    if engine in ("forward", "jax", "torch"):
        assert prep.n_colors <= 15  # 11 for the cameras, 3 for the points, 1 for the weights
    blocks = di.jacobian(residuals, "forward", x, *constants)
    dense = np.concatenate(
        [
            np.concatenate([blocks[row][c].reshape(count, -1) for c in ("cameras", "points", "weights")], axis=1)
            for row, count in (("pictures", 36), ("weights", 18))
        ]
    )
    np.testing.assert_allclose(J.toarray(), dense, rtol=1e-9, atol=1e-12)
