"""Which code is the user's, to be rebound, and which belongs to a library, to be left alone."""

from __future__ import annotations

import sys
from typing import Any

LIBRARIES = sys.stdlib_module_names.union(
    "numpy scipy pandas jax jaxlib torch autograd numba llvmlite optree matplotlib IPython ipykernel pytest _pytest "
    "pluggy hypothesis numdifftools sklearn statsmodels sympy casadi polars xarray tensorflow keras tqdm attr attrs "
    "diffiface diffiface_native diffiface_jax diffiface_torch diffiface_autograd diffiface_finite_differences "
    "diffiface_numdifftools diffiface_tensorflow".split()
) - {"__main__"}
"""Top-level packages that are not rebound. Any other installed package may be the user's own, and is."""


_WRITTEN_AS_BY_USERS = ("diffiface.testing.problems", "diffiface.testing.scenarios")
"""Packages of our own with functions that stand for a user's."""


def is_users(module: Any) -> bool:
    """Say whether code of a module of this name is the user's (unnamed code is)."""
    if not isinstance(module, str) or module.partition(".")[0] not in LIBRARIES:
        return True
    return module.startswith(_WRITTEN_AS_BY_USERS)
