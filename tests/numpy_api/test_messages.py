"""What cannot work says so: the class of the error, the user's line, and what to write instead."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from diffiface.errors import DiffifaceError, TracedValueError, UnsupportedOperationError
from diffiface.numpy_api import Array
from diffiface.primitives import NUMPY
from tests.numpy_api.boxes import BoxTrace

# What would lose the derivative -------------------------------------------------------------------------------------

LOSSES: dict[str, Callable[[Any], Any]] = {
    "float": lambda v: float(v[0]),
    "int": lambda v: int(v[0]),
    "complex": lambda v: complex(v[0]),
    "math.exp": lambda v: math.exp(v[0]),
    "range": lambda v: range(v[0]),
    "percent": lambda v: "%.3f" % v[0],  # noqa: UP031
    "add out=plain": lambda v: np.add(v, 1.0, out=np.zeros(6)),
    "sum out=plain": lambda v: np.sum(v, out=np.zeros(())),
    "y += v": lambda v: np.zeros(6).__iadd__(v),
    "copyto": lambda v: np.copyto(np.zeros(6), v),
    "full_like plain": lambda v: np.full_like(np.zeros(6), v[0]),
    "add.at": lambda v: np.add.at(np.zeros(6), [0], v[0]),
    "place": lambda v: np.place(np.zeros(6), v > 0.5, v),
    "pickle": pickle.dumps,
}


@pytest.mark.parametrize("f", LOSSES.values(), ids=LOSSES.keys())
def test_losing_a_derivative_is_an_error(f: Callable[[Any], Any]) -> None:
    with pytest.raises(TracedValueError) as caught:
        f(BoxTrace().array(np.linspace(0.1, 0.9, 6)))
    text = str(caught.value)
    assert text.startswith("boxes: ")
    assert "test_messages.py" in text and "fix: " in text


@pytest.mark.parametrize("write", [lambda y, v: y.__setitem__(0, v[0]), lambda y, v: y.__setitem__(slice(None), v)])
def test_assigning_to_a_plain_array_is_an_error(write: Callable[[Any, Any], Any]) -> None:
    with pytest.raises((TracedValueError, ValueError)) as caught:
        write(np.zeros(6), BoxTrace().array(np.ones(6)))
    error = caught.value if isinstance(caught.value, TracedValueError) else caught.value.__cause__
    assert isinstance(error, TracedValueError) and "np.zeros_like(x)" in str(error)


def test_values_without_derivative_are_plain_numbers_when_asked() -> None:
    v = Array(np.array([0.25, 2.0]), NUMPY)
    assert (float(v[0]), int(v[1]), complex(v[1]), math.exp(v[0])) == (0.25, 2, 2 + 0j, math.exp(0.25))
    y = np.zeros(2)
    y[:] = v
    y += v
    assert y.tolist() == [0.5, 4.0]


# Decisions about values ---------------------------------------------------------------------------------------------

DECISIONS: dict[str, Callable[[Any], Any]] = {
    "if": lambda v: 1 if v[0] > 0.5 else 2,
    "and": lambda v: v[0] > 0.5 and v[1] < 0.5,
    "max": max,
    "np.all": lambda v: bool(np.all(v > 0)),
    "nonzero": lambda v: np.nonzero(v > 0.5)[0],
    "where": lambda v: np.where(v > 0.5)[0],
    "compress": lambda v: np.compress(v > 0.5, np.arange(6)),
    "unique": lambda v: len(np.unique(v)),
    "int(argmax)": lambda v: int(np.argmax(v)),
    "math.floor": lambda v: math.floor(3 * v[0]),
    "round": lambda v: round(3 * v[0]),
}


@pytest.mark.parametrize("f", DECISIONS.values(), ids=DECISIONS.keys())
def test_decisions_are_live_on_eager_engines_and_an_error_under_jit(f: Callable[[Any], Any]) -> None:
    x = np.linspace(0.1, 0.9, 6)
    found, expected = f(BoxTrace().array(x)), f(x)
    assert np.array_equal(found, expected) if isinstance(expected, np.ndarray) else bool(found == expected)
    with pytest.raises(TracedValueError, match="not known while the function is traced for compilation") as caught:
        f(BoxTrace(live=False).array(x))
    assert "jit=False" in str(caught.value) and "test_messages.py" in str(caught.value)


def test_an_engines_own_error_becomes_ours_and_stays_the_cause() -> None:
    class Refusing(BoxTrace):
        def primal(self, value: Any) -> Any:
            raise RuntimeError("the engine's words")

    with pytest.raises(TracedValueError) as caught:
        bool(Refusing(live=False).array(np.ones(2))[0] > 0)
    assert str(caught.value.__cause__) == "the engine's words"


def test_masked_writes_need_no_known_mask() -> None:
    x, p = np.linspace(0.1, 0.9, 6), BoxTrace(live=False)
    y = p.array(x)
    y[y < 0.5] = 0.0
    assert p.open(y._read()).tolist() == np.where(x < 0.5, 0.0, x).tolist()


# What is not translated ---------------------------------------------------------------------------------------------

UNSUPPORTED: dict[str, Callable[[Any], Any]] = {
    "numpy.histogram2d": lambda v: np.histogram2d(v, v),
    "numpy.save": lambda v: np.save("values.npy", v),
    "numpy.gcd": lambda v: np.gcd(v, 2),
    "ndarray.view": lambda v: v.view(np.int64),
    "writeable=True": lambda v: np.lib.stride_tricks.sliding_window_view(v, 2, writeable=True),
    "axes=": lambda v: np.matmul(v, v, axes=[0, 0, ()]),
    "repeated root": lambda v: np.roots(v[0] * np.array([1.0, -2.0, 1.0])),
    "order='K'": lambda v: np.ravel(v, order="K"),
}


@pytest.mark.parametrize(("name", "f"), UNSUPPORTED.items(), ids=UNSUPPORTED.keys())
def test_what_is_not_translated_is_refused_by_name(name: str, f: Callable[[Any], Any]) -> None:
    with pytest.raises(UnsupportedOperationError) as caught:
        f(BoxTrace().array(np.linspace(0.1, 0.9, 6)))
    text = str(caught.value)
    assert name in text and text.startswith("boxes: ")
    assert "test_messages.py" in text and "fix: " in text


def test_keywords_that_say_what_numpy_does_anyway_are_accepted() -> None:
    v = BoxTrace().array(np.linspace(0.1, 0.9, 6))
    np.sum(v, out=None)
    np.cov(v, fweights=None, dtype=None)
    np.exp(v, order="K", subok=True)
    np.quantile(v, 0.5, weights=None)


def test_unknown_attributes_are_attribute_errors() -> None:
    v = BoxTrace().array(np.ones(2))
    assert not hasattr(v, "__array__") and not hasattr(v[0], "__len__")
    with pytest.raises(AttributeError, match="'Array' object has no attribute 'detach'"):
        v.detach()


def test_errors_survive_pickling_and_print_their_parts() -> None:
    with pytest.raises(DiffifaceError) as caught:
        float(BoxTrace().array(np.ones(2))[0])
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
