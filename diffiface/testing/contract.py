"""What an engine's class must be, whatever it computes: one function for each clause, which raises if it is broken."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable

import numpy as np

from diffiface import registry
from diffiface.adapter import OPERATORS, Backend, Mode
from diffiface.errors import UnsupportedOperationError
from diffiface.testing.case import Violation


def is_a_frozen_dataclass(backend: Backend) -> None:
    """Its options are the fields of a frozen dataclass, each with a default."""
    cls = type(backend)
    if not dataclasses.is_dataclass(cls) or not cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise Violation(f"{cls.__name__} is not a frozen dataclass")
    for option in dataclasses.fields(cls):
        if option.default is dataclasses.MISSING and option.default_factory is dataclasses.MISSING:
            raise Violation(f"the option {option.name!r} has no default")
    own = [
        name
        for name in vars(cls).get("__annotations__", {})
        if not str(cls.__annotations__[name]).startswith("ClassVar")
    ]
    fields = {option.name for option in dataclasses.fields(cls)}
    if any(name not in fields and not name.startswith("_") for name in own):
        raise Violation(
            f"{cls.__name__} has annotations that are no options: is it decorated with @dataclass(frozen=True)?"
        )


def has_a_name(backend: Backend) -> None:
    """It has the name it is registered by, if it is."""
    cls = type(backend)
    if not isinstance(cls.name, str) or not cls.name:
        raise Violation(f"{cls.__name__} has no name")
    if cls.name in registry.registered_backends() and registry.backend_class(cls.name) is not cls:
        raise Violation(f"the name {cls.name!r} is registered for another class")


def compares_and_hashes(backend: Backend) -> None:
    """Two with the same options are equal and have one hash; one with another option differs."""
    twin, other = dataclasses.replace(backend), dataclasses.replace(backend, chunk_size=7)
    if twin != backend or hash(twin) != hash(backend):
        raise Violation("two backend objects with the same options are not equal, or have two hashes")
    if other == backend:
        raise Violation("backend objects with different options are equal")


def survives_pickling(backend: Backend) -> None:
    """It pickles to an equal object."""
    try:
        twin = pickle.loads(pickle.dumps(backend))
    except Exception as error:
        raise Violation(f"it cannot be pickled: {type(error).__name__}: {error}") from None
    if twin != backend:
        raise Violation("it is another one after pickling")


def declares_what_it_is(backend: Backend) -> None:
    """Mode, exactness and nesting are declared; it can do something; what approximates estimates its error."""
    if not isinstance(backend.mode, Mode):
        raise Violation(f"mode is {backend.mode!r}, not one of {', '.join(map(str, Mode))}")
    if backend.nests not in ("in any engine", "in itself", "no"):
        raise Violation(f"nests is {backend.nests!r}")
    if not any(backend.supplies(operator) for operator in OPERATORS):
        raise Violation("it supplies neither value_and_pushforward nor value_and_pullback, nor any other operator")
    if not backend.exact and type(backend).error_estimate is Backend.error_estimate:
        raise Violation("it approximates (exact = False) but does not implement error_estimate")


def respects_chunk_size(backend: Backend) -> None:
    """Computing one tangent at a time changes nothing."""
    import diffiface

    x, narrow = np.array([0.3, -1.2, 2.0]), dataclasses.replace(backend, chunk_size=1)
    if backend.capabilities().operators["jacobian"] == "unsupported":
        return
    jacobian = diffiface.jacobian(_curve, narrow, x)
    exact = np.diag(np.cos(x)) + 2 * np.outer(np.ones(3), x)
    if jacobian.shape != (3, 3) or not np.allclose(jacobian, exact, rtol=1e-5, atol=1e-6):
        raise Violation(f"with chunk_size=1, the Jacobian is {jacobian.tolist()} instead of {exact.tolist()}")


def _curve(x):
    return np.sin(x) + np.sum(x**2)


def passes_on_what_f_raises(backend: Backend) -> None:
    """An exception of f's own reaches the caller as what it is."""
    import diffiface

    operator = (
        diffiface.gradient if backend.capabilities().operators["gradient"] != "unsupported" else diffiface.jacobian
    )
    try:
        operator(_failing, backend, np.ones(2))
    except _OwnError:
        return
    except Exception as error:
        raise Violation(f"an exception that f raised became {type(error).__name__}") from None
    raise Violation("an exception that f raised was swallowed")


class _OwnError(Exception):
    """Raised by a function under test."""


def _failing(x):
    raise _OwnError


def nests_as_declared(backend: Backend) -> None:
    """A derivative inside a function that the same engine differentiates is right, if nesting is declared."""
    import diffiface

    if backend.nests == "no" or backend.capabilities().operators["derivative"] == "unsupported":
        return

    def slope(x):
        return diffiface.derivative(lambda u: u**3 * x, backend, x)

    try:
        found = diffiface.derivative(slope, backend, 1.5)  # d/dx of 3 x**3
    except UnsupportedOperationError as error:
        raise Violation(f"it declares to nest {backend.nests}, but: {error.problem}") from None
    if not np.isclose(found, 9 * 1.5**2, rtol=1e-3 if not backend.exact else 1e-9):
        raise Violation(
            f"nested in itself, it gives {found} for the derivative of 3 x**3 at 1.5, instead of {9 * 1.5**2}"
        )


CONTRACT: dict[str, Callable[[Backend], None]] = {
    "frozen dataclass": is_a_frozen_dataclass,
    "name": has_a_name,
    "equality and hash": compares_and_hashes,
    "pickling": survives_pickling,
    "declarations": declares_what_it_is,
    "chunk_size": respects_chunk_size,
    "exceptions of f": passes_on_what_f_raises,
    "nesting": nests_as_declared,
}
"""The clauses, by name."""
