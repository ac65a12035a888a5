"""Log-densities with their gradients, in the forms that samplers call (emcee, dynesty, nutpie)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.errors import InputError
from diffiface.interop.for_scipy.scalar import ScalarCallables
from diffiface.optional_packages import need


class LogDensity:
    """A log-density of a vector: made by `log_density`. Called, it gives the value alone."""

    def __init__(self, callables: ScalarCallables):
        self._callables = callables
        self.vector = callables.vector
        """Between the vector that samplers move and x as f takes it: `vector.tree(v)`, `vector.vector(x)`."""
        self.x0 = callables.x0
        """x as a vector."""

    def __call__(self, x: np.ndarray) -> float:
        """Return the log-density at a vector (emcee, dynesty, zeus)."""
        return self._callables.value(x)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient at a vector, shape `(n,)`."""
        return self._callables.jac(x)

    def with_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log-density and its gradient, in C order and new (nutpie, Hamiltonian Monte Carlo of your own)."""
        return self._callables.fun_and_jac(x)

    def __getstate__(self) -> dict[str, Any]:  # samplers with a pool of processes send it there
        callables = self._callables
        return {"f": callables.f, "x": self.vector.tree(self.x0), "backend": callables.backend, "c": callables.contexts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(ScalarCallables(state["f"], state["x"], state["backend"], state["c"]))

    def __repr__(self) -> str:
        return f"<log-density: {self._callables!r}>"


def log_density(f: Callable[..., Any], x: Any, backend: str | Backend, *contexts: Any) -> LogDensity:
    """Return a log-density with its gradient, prepared once, as a function of one vector.

    Args:
        f: `f(x, *contexts)`, a scalar.
        x: an array or a pytree like those f will get; its values do not matter.
        backend: an engine's name or object.
        contexts: further arguments of f, the same in every call.
    Returns:
        A function of a vector, that can be pickled, with methods `gradient` and `with_gradient`.
    Raises:
        InputError, OutputError: an argument or what f returned cannot be used; the same on every engine.

    >>> import numpy as np, diffiface as di
    >>> density = di.interop.log_density(lambda x: -0.5 * np.sum(x**2), np.zeros(2), "reverse")
    >>> density(np.array([1.0, 2.0])), density.with_gradient(np.array([1.0, 2.0]))
    (-2.5, (-2.5, array([-1., -2.])))
    """
    return LogDensity(ScalarCallables(f, x, backend, contexts))


def nutpie_model(
    f: Callable[..., Any],
    x: dict[str, Any],
    backend: str | Backend,
    *contexts: Any,
    initial_point: Callable[[int], np.ndarray] | None = None,
) -> Any:
    """Return a model for `nutpie.sample`, whose log-density is a NumPy function.

    Args:
        f: `f(x, *contexts)`, the log-density (up to a constant) of parameters that range over all real numbers.
        x: a dict of numbers and arrays like the one f will get. Its keys name the variables in the trace.
        backend: an engine's name or object.
        contexts: further arguments of f: the data.
        initial_point: makes the vector a chain starts at from a seed (default: nutpie's own choice).
    Returns:
        A compiled model.
    Raises:
        InputError: x is no dict, or an argument or what f returned cannot be used.
        MissingBackendError: nutpie is not installed.
    """
    need("nutpie_model", "nutpie", install="nutpie")
    import nutpie.compiled_pyfunc  # pyright: ignore[reportMissingImports]

    if not isinstance(x, dict) or not all(np.ndim(value) >= 0 and isinstance(key, str) for key, value in x.items()):
        raise InputError("x must be a dict, whose keys name the variables", fix='x={"mu": 0.0, "log_sigma": 0.0}')
    density = log_density(f, x, backend, *contexts)

    def make_expand(*_seeds: int) -> Callable[..., dict[str, np.ndarray]]:
        def expand(vector: np.ndarray, **_data: Any) -> dict[str, np.ndarray]:
            tree = density.vector.tree(vector)
            return {name: np.asarray(tree[name], np.float64) for name in x}

        return expand

    return nutpie.compiled_pyfunc.from_pyfunc(
        ndim=density.vector.size,
        make_logp_fn=lambda: density.with_gradient,
        make_expand_fn=make_expand,
        expanded_dtypes=[np.dtype(np.float64)] * len(x),
        expanded_shapes=[np.shape(value) for value in x.values()],
        expanded_names=list(x),
        make_initial_point_fn=initial_point,
    )
