"""Rules for functions of other libraries, and rules that packages bring."""

from __future__ import annotations

import sys
import types
from importlib.metadata import EntryPoint

import numpy as np
import pytest

import diffiface as di
from diffiface.rules import packages
from tests.conftest import require

X = np.array([0.3, 1.2])
ENGINES = ("forward", "reverse", "jax", "torch", "autograd")


@pytest.fixture
def library(monkeypatch):
    """Make a library whose function no tracing gets through."""
    module = types.ModuleType("somelib")
    exec(
        "import numpy as np\n"
        "def cube(x):\n"
        "    return np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape) ** 3\n"
        "def twice(x):\n"
        "    return 2 * cube(x)\n",
        module.__dict__,
    )
    monkeypatch.setitem(sys.modules, "somelib", module)
    return module


def rule_of(module):
    return lambda primals, tangents: (module.cube(*primals), 3 * primals[0] ** 2 * tangents[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_from_outside(library, engine):
    require(engine)
    original = library.cube
    total = lambda x: np.sum(library.cube(x)) + np.sum(library.twice(x))
    with pytest.raises(di.DiffifaceError):
        di.gradient(total, engine, X)
    ruled = di.define_rule(library.cube, jvp=rule_of(library))
    assert library.cube is original
    np.testing.assert_allclose(di.gradient(total, engine, X), 9 * X**2, rtol=1e-12)
    np.testing.assert_allclose(di.hessian(total, engine, X), np.diag(18 * X), rtol=1e-12)
    np.testing.assert_allclose(di.gradient(lambda x: np.sum(ruled(x)), engine, X), 3 * X**2, rtol=1e-12)
    np.testing.assert_allclose(di.prepare_gradient(total, engine, X).gradient(X + 1), 9 * (X + 1) ** 2, rtol=1e-12)


def test_of_a_builtin_and_of_scipy():
    import scipy.special

    di.define_rule(
        scipy.special.wofz,
        jvp=lambda p, t: (
            scipy.special.wofz(p[0]),
            t[0] * (-2 * p[0] * scipy.special.wofz(p[0]) + 2j / np.sqrt(np.pi)),
        ),
    )

    def real_part(x):
        return np.sum(np.real(scipy.special.wofz(x + 0.5j)))

    np.testing.assert_allclose(
        di.gradient(real_part, "reverse", X), di.gradient(real_part, "finite_differences", X), rtol=1e-7
    )


def test_by_entry_point(library, monkeypatch):
    provider = types.ModuleType("somelib_rules")
    loads = []

    def register():
        loads.append(1)
        di.define_rule(library.cube, jvp=rule_of(library))

    provider.register = register  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "somelib_rules", provider)
    points = (
        EntryPoint("somelib", "somelib_rules:register", "diffiface.rules"),
        EntryPoint("never_imported", "missing:register", "diffiface.rules"),
    )
    monkeypatch.setattr(packages, "_entry_points", lambda: points)
    monkeypatch.setattr(packages, "_loaded", set())
    for _ in range(2):
        np.testing.assert_allclose(di.gradient(lambda x: np.sum(library.cube(x)), "reverse", X), 3 * X**2)
    assert loads == [1]
