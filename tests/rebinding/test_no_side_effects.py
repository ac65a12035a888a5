"""Nothing of the user's or of a library is changed; what the code changes by itself reaches the user's own objects."""

from __future__ import annotations

import gc
import math
import sys
import threading
import types
import weakref

import numpy as np
import pytest

import diffiface as di
from tests.rebinding import helpers
from tests.rebinding.helpers import Model, Slotted

X = np.array([0.3, 0.5, 0.7])
count = 0
scale = 2.0
registry: dict[str, type] = {}


def helper(x):
    y = np.zeros(3)
    y[:] = x
    return y


def other_helper(x):
    return 10 * helper(x)


def counts(x):
    global count
    count += 1
    return np.sum(x) * count


def scaled(x):
    return scale * np.sum(helper(x))


def test_global_writes_reach_the_module():
    global count
    count = 0
    helpers.calls = 0
    assert di.gradient(counts, "reverse", X)[0] == 1.0
    assert count == 1
    count = 5
    assert di.gradient(counts, "reverse", X)[0] == 6.0
    di.gradient(lambda x: np.sum(helpers.counted(x)), "reverse", X)
    assert helpers.calls == 1


def test_global_writes_survive_an_exception():
    global count
    count = 0

    def f(x):
        counts(x)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        di.gradient(f, "reverse", X)
    assert count == 1


def test_attributes_reach_the_users_object():
    model, slotted = Model(), Slotted(1.0)
    di.gradient(model.loss, "reverse", X)
    di.gradient(lambda x: slotted.loss(x), "reverse", X)
    assert model.runs == 1 and slotted.runs == 1
    assert type(model) is Model and vars(model).keys() == {"power", "runs"}


def test_attributes_of_functions_and_classes():
    def f(x):
        f.calls = getattr(f, "calls", 0) + 1
        Model.seen = True
        return np.sum(helper(x))

    di.gradient(f, "reverse", X)
    assert f.calls == 1 and Model.seen
    del Model.seen


def test_lists_and_dicts_of_functions_are_the_users():
    functions = {"a": helper}
    order = [helper]

    def f(x):
        functions["b"] = other_helper
        order.append(other_helper)
        return np.sum(functions["a"](x) + functions["b"](x) + order[1](x))

    np.testing.assert_allclose(di.gradient(f, "reverse", X), 21.0)
    assert functions == {"a": helper, "b": other_helper} and order == [helper, other_helper]


def test_libraries_and_modules_are_untouched():
    before = {m: dict(vars(sys.modules[m])) for m in ("numpy", "math", "builtins", __name__, helpers.__name__)}
    code, cells = helper.__code__, helper.__closure__
    for engine in ("reverse", "forward"):
        di.gradient(scaled, engine, X)
        di.prepare_gradient(scaled, engine, X).gradient(X)
    for name, names in before.items():
        now = vars(sys.modules[name])
        assert now.keys() == names.keys()
        assert all(now[key] is value for key, value in names.items())
    assert helper.__code__ is code and helper.__closure__ is cells and not vars(helper)
    assert type(np.zeros(3)) is np.ndarray and type(math.exp(1.0)) is float


def test_classes_do_not_notice():
    class Registered:
        def __init_subclass__(cls):
            registry[cls.__name__] = cls

    class Child(Registered):
        def loss(self, x):
            return np.sum(helper(x))

    child = Child()
    di.gradient(lambda x: child.loss(x) + Child().loss(x), "reverse", X)
    assert registry == {"Child": Child}


def test_other_threads_meet_the_originals():
    inside, done = threading.Event(), threading.Event()
    kinds = []

    def other():
        inside.wait()
        kinds.append(type(helper(X)))
        done.set()

    def f(x):
        inside.set()
        done.wait()
        return np.sum(helper(x))

    thread = threading.Thread(target=other)
    thread.start()
    np.testing.assert_allclose(di.gradient(f, "reverse", X), 1.0)
    thread.join()
    assert kinds == [np.ndarray]


def test_many_threads():
    results = []

    def work(c):
        def f(x):
            y = np.zeros(3)
            y[:] = c * helper(x)
            return np.sum(y**2) + Model().loss(x)

        for _ in range(20):
            results.append((c, di.gradient(f, "reverse", X)))

    threads = [threading.Thread(target=work, args=(float(c),)) for c in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 80
    for c, gradient in results:
        np.testing.assert_allclose(gradient, 2 * (c**2 + 3) * X, rtol=1e-12)


def test_functions_are_not_kept_alive():
    def make():
        data = np.ones(3)

        def f(x):
            return np.sum(helper(x) * data) if True else f(x)

        return f

    f = make()
    di.gradient(f, "reverse", X)
    known = weakref.ref(f)
    del f
    gc.collect()  # the copy, which held f
    gc.collect()  # f, which refers to itself
    assert known() is None


def test_what_escapes_works_outside():
    kept = []

    def f(x):
        kept.append(lambda n: np.zeros(n))
        return np.sum(helper(x))

    di.gradient(f, "reverse", X)
    assert type(kept[0](3)) is np.ndarray


def test_globals_is_the_modules_own():
    def f(x):
        assert globals()["scale"] == 2.0 and isinstance(globals(), dict)
        return np.sum(helper(x))

    seen = di.gradient(f, "reverse", X)
    np.testing.assert_allclose(seen, 1.0)


def test_eval_sees_the_names():
    def f(x):
        return eval("np.sum(helper(x)) * scale")

    np.testing.assert_allclose(di.gradient(f, "reverse", X), 2.0)


def test_the_style_is_decided_on_the_users_function():
    """A function written for an engine gets its arrays, also when a rebound function hands it over."""
    torch = pytest.importorskip("torch")

    class Holder:
        @staticmethod
        def native(x):
            return torch.sum(x**2)

    def outer(x):
        return np.sum(helper(x)) * di.gradient(Holder.native, "torch", np.ones(2))[0]

    np.testing.assert_allclose(di.gradient(outer, "reverse", X), 2.0)


def test_exec_made_modules():
    module = types.ModuleType("made_by_exec")
    exec("import numpy as np\ndef f(x):\n    y = np.zeros(3)\n    y[:] = x\n    return y.sum()", vars(module))
    np.testing.assert_allclose(di.gradient(module.f, "reverse", X), 1.0)
