"""Special functions that JAX and PyTorch compute themselves, without a call on the host: SciPy's values to 12 digits."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special as special

import diffiface as di
from diffiface.adapter import NUMPY, PRIMITIVES, SPECIAL_FORMULAS, SPECIAL_FUNCTIONS
from diffiface.operators.cascade import engine_method
from tests.numpy_api.special_points import DIFFERENTIABLE, point

SMALL = np.logspace(-12, 2.7, 300)
LINE = np.concatenate(
    [np.linspace(-60, 60, 2401) + 1e-3, SMALL, -SMALL, np.arange(-5.0, 6.0), [0.5, 1e5, -1e5, np.inf, -np.inf, np.nan]]
)
UNIT = np.concatenate(
    [np.linspace(-1, 1, 1001), 1 - np.logspace(-15, -1, 100), np.logspace(-300, -1, 100), [1.5, np.nan]]
)
_few = np.array([0.0, 1e-20, 1e-5, 0.3, 1, 1.5, 2, 7.7, 55, 900, np.inf, np.nan])
_many = np.concatenate([_few, -_few, np.random.default_rng(0).normal(size=30) * 5])
PLANE = tuple(np.stack(np.meshgrid(_many, _many)).reshape(2, -1))

PRIMITIVE_NAMES = ("erf", "erfc", "expit", "log_expit", "gammaln", "digamma", "ndtr", "log_ndtr")
# Relative to |y| the digits are lost where y crosses 0 elsewhere than at a number that can be held.
CROSSES_ZERO = {"gammaln": 1e-14, "digamma": 1e-14}


def _own(engine):
    if engine == "jax":
        from diffiface_jax.special import OWN_FUNCTIONS
    else:
        from diffiface_torch.special import OWN_FUNCTIONS
    return {*OWN_FUNCTIONS, *SPECIAL_FORMULAS}


def _primitives(engine):
    if engine == "jax":
        from diffiface_jax.primitives import JAXPrimitives

        return JAXPrimitives(NUMPY)
    import torch
    from diffiface_torch.primitives import TorchPrimitives

    return TorchPrimitives(NUMPY, torch.device("cpu"))


def _apply(engine, name, *arguments):
    """The engine's value of a special function on NumPy arrays."""
    p = _primitives(engine)
    if engine == "jax":
        import jax

        with jax.enable_x64(True):
            return np.asarray(_call(p, name, *map(jax.numpy.array, arguments)))
    import torch

    return _call(p, name, *(torch.tensor(a) for a in arguments)).numpy()


def _call(p, name, *arguments):
    return p.special(*arguments, function=name) if name in SPECIAL_FUNCTIONS else getattr(p, name)(*arguments)


def _expected(name, *arguments):
    with np.errstate(all="ignore"):
        if name in SPECIAL_FUNCTIONS:
            return SPECIAL_FUNCTIONS[name].value(*arguments)
        return PRIMITIVES[name].definition(*arguments)


def _grid(name):
    if len(getattr(SPECIAL_FUNCTIONS.get(name), "partials", "x")) == 2:
        return PLANE
    return (UNIT if name in ("logit", "ndtri", "erfinv", "entr") else LINE,)


CASES = [
    (engine, name)
    for engine in ("jax", "torch")
    for name in sorted({*SPECIAL_FORMULAS, *PRIMITIVE_NAMES, "i0", "i0e", "i1", "i1e", "ndtri"})
] + [("torch", name) for name in ("erfcx", "erfinv", "k0", "k0e", "k1", "k1e")]


@pytest.mark.parametrize(("engine", "name"), CASES)
def test_values_on_a_grid(engine, name):
    pytest.importorskip(engine)
    arguments = _grid(name)
    if name in ("gammaln", "digamma"):  # at -infinity, and digamma at 0, SciPy's choice of a limit is not shared
        arguments = (arguments[0][(arguments[0] != 0) & ~np.isneginf(arguments[0])],)
    found, expected = _apply(engine, name, *arguments), _expected(name, *arguments)
    # XLA and PyTorch round to 0 the numbers with fewer digits below 2e-308, and what is computed by way of them.
    held = ~(np.abs(expected) < 1e-290)
    near_zero = CROSSES_ZERO.get(name, 0.0)
    np.testing.assert_allclose(found[held], expected[held], rtol=1e-12, atol=near_zero, equal_nan=True)
    np.testing.assert_allclose(found[~held], expected[~held], rtol=0, atol=max(near_zero, 1e-289))


@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_every_own_function_is_measured(engine):
    pytest.importorskip(engine)
    assert {(engine, name) for name in _own(engine)} <= set(CASES)


def _flat(name, place, arguments):
    def flat(p, xs, contexts):
        y = p.special(*arguments[:place], xs[0], *arguments[place + 1 :], function=name)
        return (p.sum(y, axis=(0,), keepdims=False),), None

    return flat


@pytest.mark.parametrize("engine", ["jax", "torch"])
@pytest.mark.parametrize(("name", "place"), [case for case in DIFFERENTIABLE if case[0] in SPECIAL_FORMULAS])
def test_first_and_second_derivatives(engine, name, place):
    pytest.importorskip(engine)
    arguments = list(point(name))
    x = arguments[place] + np.array([0.0, 0.01, 0.02])
    f = _flat(name, place, arguments)
    found, expected = (engine_method(di.backend(e), "hessian")(f, (x,), ()) for e in (engine, "reverse"))
    np.testing.assert_allclose(found[1][0], expected[1][0], rtol=1e-12)
    np.testing.assert_allclose(found[2][0][0], expected[2][0][0], rtol=1e-11, atol=1e-13)


FUNCTIONS = {
    "entr at 0 and logit": lambda x: np.sum(special.entr(x) * special.logit(0.1 + x / 2)),
    "kl_div": lambda x: np.sum(special.kl_div(x, 0.5) + special.rel_entr(0.3, x + 0.1)),
    "huber": lambda x: np.sum(special.huber(0.3, x) + special.pseudo_huber(0.3, x)),
    "boxcox": lambda x: np.sum(special.boxcox(x + 0.2, 0.4) + special.inv_boxcox(x, 0.0)),
    "gamma and Bessel": lambda x: np.sum(special.gamma(x + 0.2) * special.i0(x) * special.k1(x + 1)),
    "ndtri": lambda x: np.sum(special.ndtri(0.1 + x / 2) ** 2),
}
X = np.array([0.25, 0.5, 0.75])


@pytest.mark.parametrize("engine", ["jax", "torch"])
@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_in_numpy_functions(engine, f):
    pytest.importorskip(engine)
    np.testing.assert_allclose(di.gradient(f, engine, X), di.gradient(f, "reverse", X), rtol=1e-12)
    np.testing.assert_allclose(di.hessian(f, engine, X), di.hessian(f, "reverse", X), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_slope_at_an_edge_of_a_formula(engine):
    """The table's derivative, not that of the `where` in the formula (which would be NaN)."""
    pytest.importorskip(engine)
    assert di.derivative(lambda x: special.xlog1py(x, -1.0 + 1e-3), engine, 0.0) == pytest.approx(np.log(1e-3))
    assert di.derivative(lambda x: special.pseudo_huber(0.5, x), engine, 0.0) == 0.0
    assert di.derivative(lambda x: special.exprel(x), engine, 0.0) == 0.5
    assert di.derivative(lambda x: special.boxcox(2.0, x), engine, 0.0) == pytest.approx(np.log(2) ** 2 / 2)


@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_dtypes_and_shapes(engine):
    pytest.importorskip(engine)
    x = np.linspace(0.1, 0.9, 6, dtype=np.float32).reshape(2, 3)
    for name in ("logit", "ndtri", "gamma", "i0e"):
        found, expected = _apply(engine, name, x), _expected(name, x)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=3e-7)
    mixed = _apply(engine, "boxcox", x, np.array([[0.3], [0.0]]))
    assert mixed.dtype == np.float64
    np.testing.assert_allclose(mixed, special.boxcox(x, np.array([[0.3], [0.0]])), rtol=1e-12)
    assert _apply(engine, "exp10", np.array(2.0)).shape == ()
    assert _apply(engine, "entr", np.zeros((0, 2))).shape == (0, 2)
    np.testing.assert_allclose(_apply(engine, "gamma", np.array([1, 4])), [1.0, 6.0], rtol=1e-14)
    # Complex numbers are SciPy's.
    np.testing.assert_allclose(_apply(engine, "gamma", np.array([1 + 1j])), special.gamma([1 + 1j]), rtol=1e-13)


def test_jax_stays_on_the_accelerator():
    jax = pytest.importorskip("jax")
    p = _primitives("jax")

    def program(function, *arguments):
        gradient = jax.grad(lambda x: p.special(x, *arguments, function=function).sum())
        with jax.enable_x64(True):
            return str(jax.make_jaxpr(gradient)(np.array([0.3, 0.4])))

    for name in ("logit", "entr", "gamma", "i0", "ndtri", "exprel", "cosm1"):
        assert "callback" not in program(name)
    assert "callback" not in program("boxcox", 0.3)
    assert "callback" in program("erfcx")
