"""What changes in the user's modules, closures, classes and containers between calls is seen, prepared or not."""

from __future__ import annotations

import numpy as np
import pytest

import diffiface as di

X = np.array([0.3, 0.5, 0.7])
data = 2.0


def once(x):
    y = np.zeros(3)
    y[:] = x
    return y


def twice(x):
    return 2 * once(x)


current = once
functions = {"f": once}
listed = [once]


class Model:
    def make(self, x):
        return once(x)


model = Model()


def uses_data(x):
    return data * np.sum(once(x))


def uses_current(x):
    return np.sum(current(x))


def uses_dict(x):
    return np.sum(functions["f"](x))


def uses_list(x):
    return np.sum(listed[0](x))


def uses_class(x):
    return np.sum(model.make(x))


def make_closure():
    chosen = once

    def f(x):
        return np.sum(chosen(x))

    def choose(g):
        nonlocal chosen
        chosen = g

    return f, choose


def make_decorated():
    chosen = once

    def wrapper(x):
        return chosen(x)

    def choose(g):
        nonlocal chosen
        chosen = g

    return wrapper, choose


closure, choose_in_closure = make_closure()
decorated, choose_in_decorated = make_decorated()


def uses_decorated(x):
    return np.sum(decorated(x))


def set_global(name):
    return lambda g: globals().__setitem__(name, g)


def set_method(g):
    Model.make = lambda self, x: g(x)


def set_code(g):
    uses_code.__code__ = (lambda x: np.sum(twice(x))).__code__


def uses_code(x):
    return np.sum(once(x))


CHANGES = [
    (uses_data, lambda g: globals().__setitem__("data", 4.0)),
    (uses_current, set_global("current")),
    (uses_dict, lambda g: functions.__setitem__("f", g)),
    (uses_list, lambda g: listed.__setitem__(0, g)),
    (uses_class, set_method),
    (closure, choose_in_closure),
    (uses_decorated, choose_in_decorated),
    (uses_code, set_code),
]


@pytest.mark.parametrize(("f", "change"), CHANGES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_change_is_seen(f, change):
    prep = di.prepare_gradient(f, "autograd", X)
    before = di.gradient(f, "reverse", X)
    np.testing.assert_allclose(prep.gradient(X), before)
    change(twice)
    np.testing.assert_allclose(di.gradient(f, "reverse", X), 2 * before)
    np.testing.assert_allclose(prep.gradient(X), 2 * before)


def test_a_name_that_comes_to_hide_a_builtin():
    names = {"np": np}
    exec("def f(x):\n    return sum([np.sum(x)]) + np.zeros(1)[0]", names)
    np.testing.assert_allclose(di.gradient(names["f"], "reverse", X), 1.0)
    names["sum"] = lambda items: 5 * items[0]
    np.testing.assert_allclose(di.gradient(names["f"], "reverse", X), 5.0)
