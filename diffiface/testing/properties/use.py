"""How an engine may be used: how often it calls f, from several threads, pickled, copied, and with the wrong prep."""

from __future__ import annotations

import copy
import functools
import os
import pickle
import random
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from diffiface import registry
from diffiface.errors import DiffifaceError, PreparationMismatchError
from diffiface.testing.case import DIRTY, RUN, Case, Violation

_THREADS, _RUNS_EACH = 4, 6


def calls_of_f(case: Case) -> None:
    """A prepared run calls f no more often than an unprepared one, and later runs no more often than earlier ones."""
    counted = _Counted(case.scenario.f)
    variant = next(iter(case.variants))
    direct = counted.calls_during(lambda: case.call(variant, RUN, f=counted.f))
    prep = case.prepare(f=counted.f)
    runs = [counted.calls_during(lambda: case.call(variant, RUN, prep=prep, f=counted.f)) for _ in range(3)]
    # (What compiles may do so at the first run.)
    if runs[2] > runs[1]:
        raise Violation(f"{variant} calls f more often from run to run: {runs[0]}, {runs[1]}, {runs[2]} times")
    if runs[2] > direct:
        raise Violation(f"{variant} calls f {runs[2]} times prepared, but {direct} times unprepared")


class _Counted:
    """f, with its calls counted."""

    def __init__(self, f: Callable[..., Any]):
        self.calls = 0

        @functools.wraps(f)
        def counting(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return f(*args, **kwargs)

        self.f = counting

    def calls_during(self, run: Callable[[], Any]) -> int:
        before = self.calls
        run()
        return self.calls - before


def threads(case: Case) -> None:
    """A preparation gives the exact results when several threads use it at once, at two points."""
    variant, prep = next(iter(case.variants)), case.prep
    # f's closure cannot be in two states at once, so that then every thread runs at the same point.
    places = (RUN, RUN) if case.scenario.set_state is not None else (RUN, DIRTY)

    def work(number: int) -> list[tuple[str, Any]]:
        return [
            (where, case.call(variant, where, prep=prep))
            for where in (places[(number + i) % 2] for i in range(_RUNS_EACH))
        ]

    with ThreadPoolExecutor(_THREADS) as pool:
        results = [pair for pairs in pool.map(work, range(_THREADS)) for pair in pairs]
    for where, result in results:
        try:
            case.judge(variant, where, result)
        except Violation as violation:
            raise Violation(f"used by {_THREADS} threads at once: {violation}") from None


def global_state(case: Case) -> None:
    """A call leaves the settings of the process alone: those of NumPy, of random numbers, of warnings."""
    variant = next(iter(case.variants))
    before = _settings()
    case.call(variant, RUN)
    case.call(variant, RUN, prep=case.prep)
    for name, value in _settings().items():
        if value != before[name]:
            raise Violation(f"{variant} changed {name}")


def _settings() -> dict[str, Any]:
    return {
        "numpy.geterr()": np.geterr(),
        "numpy.get_printoptions()": repr(np.get_printoptions()),
        "the state of numpy.random": pickle.dumps(np.random.get_state()),
        "the state of random": random.getstate(),
        "warnings.filters": list(warnings.filters),
        "sys.getrecursionlimit()": sys.getrecursionlimit(),
        "the environment": dict(os.environ),
        "the working directory": os.getcwd(),
    }


def pickling(case: Case) -> None:
    """The backend object pickles to an equal one, with the same hash and repr, that gives the exact results."""
    try:
        twin = pickle.loads(pickle.dumps(case.backend))
    except Exception as error:
        raise Violation(f"the backend object cannot be pickled: {type(error).__name__}: {error}") from None
    if twin != case.backend or hash(twin) != hash(case.backend):
        raise Violation("the backend object that comes back from pickling is not equal to the one that went in")
    variant = list(case.variants)[-1]
    try:
        case.judge(variant, RUN, case.call(variant, RUN, backend=twin))
    except Violation as violation:
        raise Violation(f"after pickling: {violation}") from None


def reading_back(case: Case) -> None:
    """The backend's repr makes an equal backend again."""
    text = repr(case.backend)
    if not text.startswith("backend("):
        return  # a combination of engines (SecondOrder, Sparse) reads back by its own class
    cls = type(case.backend)

    def read(name: str, **options: Any) -> Any:
        # (As `di.backend` does, but an engine under test need not be registered.)
        return cls(**options) if name == cls.name else registry.backend(name, **options)

    try:
        twin = eval(text, {"backend": read})
    except Exception as error:
        raise Violation(f"repr {text} does not read back: {type(error).__name__}: {error}") from None
    if twin != case.backend:
        raise Violation(f"repr {text} reads back as another backend")


def copying(case: Case) -> None:
    """A copy of a preparation gives the exact results, and so does the original afterwards."""
    variant, twin = next(iter(case.variants)), copy.copy(case.prep)
    for prep, whose in ((twin, "the copy of a preparation"), (case.prep, "a preparation after it was copied")):
        try:
            case.judge(variant, RUN, case.call(variant, RUN, prep=prep))
        except Violation as violation:
            raise Violation(f"{whose}: {violation}") from None


def foreign_preparation(case: Case) -> None:
    """A preparation for another function is refused."""
    variant = next(iter(case.variants))

    def another(*args: Any) -> Any:
        return case.scenario.f(*args)

    try:
        case.call(variant, RUN, prep=case.prep, f=another)
    except PreparationMismatchError:
        return
    except DiffifaceError as error:
        raise Violation(f"a preparation for another function raised {type(error).__name__}") from None
    raise Violation("a preparation for another function was not refused")
