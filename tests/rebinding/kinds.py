"""Every kind of function that rebinding reaches. Each is `c * sum(x**2)` unless a gradient is given."""

from __future__ import annotations

import cmath
import functools
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from math import exp as exponential
from typing import Any, NamedTuple

import numpy as np
from numpy import zeros as make_zeros

from tests.rebinding import helpers
from tests.rebinding.helpers import Frozen, Model, Parts, Slotted, fill, legendre, model, weights


@dataclass(frozen=True)
class Kind:
    name: str
    f: Callable[[Any], Any]
    gradient: Callable[[np.ndarray], Any]

    def __repr__(self) -> str:
        return self.name


KINDS: list[Kind] = []


def times(c: float) -> Callable[[np.ndarray], Any]:
    return lambda x: 2 * c * x


def kind(gradient: Any = 1.0, f: Any = None, name: str = "") -> Any:
    """Enter a function, with its gradient or the factor c of sum(x**2)."""

    def enter(f: Any) -> Any:
        derivative = gradient if callable(gradient) else times(gradient)
        KINDS.append(Kind(name or f.__name__, f, derivative))
        return f

    return enter if f is None else enter(f)


# ---- the ways to a name


@kind()
def wontwork(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i] = x[i] ** 2
    return y.sum()


@kind()
def from_import(x):
    y = make_zeros(3)
    y[:] = x**2
    return y.sum()


@kind()
def import_inside(x):
    import numpy as other
    from numpy import empty

    y, z = other.zeros(3), empty(3)
    z[...] = x
    y += z * x
    return y.sum()


@kind()
def import_of_users_module_inside(x):
    from tests.rebinding import helpers as inside

    return np.sum(inside.fill(x))


@kind()
def helper(x):
    return fill(x).sum()


@kind()
def helper_of_helper(x):
    return helpers.calls_next(x).sum()


@kind(lambda x: np.exp(x))
def helper_by_module(x):
    return sum(helpers.exponential(t) for t in x)


@kind(2)
def default_argument(x, make=np.zeros, more=fill, *, last=fill):
    y = make(3)
    y[:] = more(x)
    return np.sum(y + last(x))


table = {"fill": fill, "nested": [(fill, 1.0)]}


@kind(2)
def functions_in_containers(x):
    f, c = table["nested"][0]
    return np.sum(table["fill"](x) + c * f(x))


class Problem(NamedTuple):
    f: Callable[..., Any]
    c: float


problem = Problem(fill, 2.0)


@kind(2)
def functions_in_a_namedtuple(x):
    return problem.c * np.sum(problem.f(x))


def make_closure():
    package, helper, count = np, fill, 0

    def inner(x):
        nonlocal count
        count += 1
        y = package.zeros(3)
        y[:] = helper(x)
        return np.sum(y)

    return inner


kind(name="closure", f=make_closure())


def make_recursive_closure():
    def power(x, n):
        y = np.zeros(3)
        y[:] = x
        return y if n == 1 else y * power(x, n - 1)

    return lambda x: np.sum(power(x, 2))


kind(name="recursive closure", f=make_recursive_closure())


@kind()
def nested(x):
    def g(t):
        y = np.zeros(3)
        y[:] = t
        return y**2

    class Local:
        def sum(self, x):
            return np.sum(g(x) + np.zeros(3))

    return Local().sum(x)


@kind(8)
def recursive(x, n=3):
    y = np.zeros(3)
    y[:] = x
    return np.sum(y**2) if n == 0 else 2 * recursive(x, n - 1)


def doubled(f):
    @functools.wraps(f)
    def wrapper(*args):
        return 2 * f(*args)

    return wrapper


@kind(4)
@doubled
@doubled
def decorated(x):
    y = np.zeros(3)
    y[:] = x
    return np.sum(y**2)


@kind(4)
def calls_decorated(x):
    return decorated(x)


@kind()
def context_manager(x):
    with helpers.buffer(3) as y:
        y[:] = x**2
        return np.sum(y)


@kind()
def generator(x):
    def squares():
        for i in range(3):
            y = np.zeros(1)
            y[0] = x[i]
            yield y[0] ** 2

    return sum(squares())


kind(2, functools.partial(recursive, n=1), "partial")
kind(2, lambda x: functools.partial(recursive, n=1)(x), "partial inside")
kind(lambda x: np.exp(x), lambda x: sum(map(exponential, x)), "map")
kind(1, lambda x: functools.reduce(operator.add, [fill(x)[i] for i in range(3)]), "lambda")


# ---- objects

kind(3, model.loss, "bound method")
kind(3, model, "callable object")
kind(3, lambda x: np.sum(Model.tripled(x)), "class method")


@kind(3)
def global_object(x):
    return model.loss(x)


@kind(3)
def object_made_inside(x):
    return Model(2).loss(x)


@kind(7)
def static_and_class_methods(x):
    return np.sum(Model.filled(x) + Model.tripled(x) + helpers.model.tripled(x))


@kind(3)
def special_methods(x):
    y = model[3]
    y[:] = x**2
    return np.sum(y) + 2 * np.sum(np.sqrt(y) * x)


kind(6, Parts(2.0, Model()).loss, "dataclass that holds a model")
kind(2, Frozen(2.0).loss, "frozen dataclass")
kind(2, Slotted(2.0).loss, "dataclass with slots")


# ---- caches


@kind()
def cached_constant(x):
    return np.sum(weights(3) * x**2)


@kind(lambda x: np.array([(5 * x[0] ** 4 * 63 - 70 * 3 * x[0] ** 2 + 15) / 8, 0, 0]))
def cached_recursion(x):
    return legendre(5, x[0])


# ---- numbers


@kind(lambda x: np.array([x[1], x[0], 1.0]))
def float_of_a_value(x):
    return float(x[0]) * np.float64(x[1]) + float(x[2]) + float(2) * 0


@kind(lambda x: np.array([np.exp(x[0]), 1 / x[1], x[2] / np.hypot(x[2], 1.0)]))
def math_functions(x):
    return math.exp(x[0]) + math.log(x[1], math.e) + math.hypot(x[2], 1.0) + math.sqrt(4.0)


@kind(lambda x: np.array([1.0, 1.0, 2 / np.sqrt(np.pi) * np.exp(-(x[2] ** 2))]))
def more_of_math(x):
    return math.fsum(x[:2]) + math.erf(x[2]) + math.prod([1.0, 2.0])


@kind(lambda x: np.array([-np.sin(x[0]), 2 * x[1], 0.0]))
def complex_numbers(x):
    z = complex(0.0, x[0])
    return cmath.exp(z).real + abs(complex(x[1], 0.0)) ** 2


@kind(2)
def types_are_what_they_are(x):
    y = np.zeros(3, float) + np.zeros(3, dtype=np.float64)
    y[:] = x.astype(float)
    right = (
        isinstance(x, np.ndarray)
        and type(x) is np.ndarray
        and type(x[0]) is np.float64
        and isinstance(x[0], float)
        and isinstance(1.0, (int, float))
        and type(1.0) is float  # noqa: UP003
        and type(np.float64(1)) is np.float64
        and x.dtype == float
        and x.dtype == np.float64
        and np.dtype(float) is np.dtype("float64")
        and isinstance(float, type)
        and issubclass(np.float64, float)
        and isinstance(model, Model)
        and isinstance(Model(), Model)
        and type(Model()) is Model
        and np.issubdtype(y.dtype, np.floating)
    )
    return np.sum(2 * y**2) if right else np.sum(y)


# ---- arrays


@kind(lambda x: np.array([x[1], x[0], 0.0]))
def arrays_of_lists(x):
    return np.linalg.det(np.array([[x[0], 0.0], [7.0, x[1]]], dtype=float))


@kind(lambda x: np.full(3, 1 / 3))
def lists_as_arguments(x):
    return np.mean([x[0], x[1], x[2]])


@kind(lambda x: np.array([2.0, 2.0, 2.0]))
def joined(x):
    return np.sum(np.r_[x[0], 1.0, x[1:], 0:3]) + np.sum(np.c_[np.ones(3), x][:, 1])


@kind()
def vectorized(x):
    return np.sum(np.vectorize(lambda t: float(t) ** 2)(x))


@kind()
def from_iterator(x):
    return np.sum(np.fromiter((t**2 for t in x), float))


@kind(lambda x: np.array([0.0, 0.0, 10.0]))
def buffers_of_every_kind(x):
    total = 0.0
    makers = [
        np.ones(3), np.full(3, 2.0), np.array([1.0, 2.0, 3.0]), np.arange(3.0), np.linspace(0, 1, 3), np.eye(3)[0],
        np.zeros_like(np.ones(3)), np.copy(np.ones(3)), np.asarray([1.0, 2.0, 3.0]), np.tile(1.0, 3),
    ]  # fmt: skip
    for y in makers:
        y[2] = x[2]
        total += y[2]
    return total


@kind(lambda x: np.array([1.0, 0.0, 0.0]))
def constants_in_plain_numpy(x):
    t = np.linspace(0.0, 1.0, 5)
    steps = np.arange(5)
    if t[2] > 0.4 and int(t[4]) == 1 and steps.dtype.kind == "i" and t.strides == (8,):
        return x[0] + np.zeros(3)[1]
    return x[1]
