"""Fixtures: every engine in turn, a missing one skipped with its reason."""

from __future__ import annotations

import gc
import os

# One BLAS thread: the machines are small and shared, and threaded OpenBLAS collapses on them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Nearly every test of JAX compiles a program of its own and runs it once: LLVM's expensive passes never pay here.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import pytest
from hypothesis import HealthCheck, settings

import diffiface as di
from diffiface import registry

ENGINES = ("forward", "reverse", "finite_differences", "numdifftools", "autograd", "jax", "torch")
EXACT = ("forward", "reverse", "autograd", "jax", "torch")
OURS = ("forward", "reverse")


def pytest_collection_finish() -> None:
    """Keep the thousands of collected tests out of every later garbage collection."""
    gc.collect()
    gc.freeze()


settings.register_profile(
    "few", max_examples=120, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.register_profile("nightly", max_examples=5000, deadline=None, suppress_health_check=list(HealthCheck))


def require(name: str) -> str:
    """Skip, saying why, when the engine's package is not installed."""
    missing = registry.missing_modules(name)
    if missing:
        pytest.skip(f"{name} needs {', '.join(missing)}, which is not installed")
    return name


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return require(request.param)


@pytest.fixture(params=EXACT)
def exact_engine(request: pytest.FixtureRequest) -> str:
    return require(request.param)


@pytest.fixture
def tolerance(engine: str) -> float:
    """Relative agreement with hand-derived values that an engine owes (first derivatives)."""
    return 1e-10 if di.capabilities(engine).exact else 1e-6
