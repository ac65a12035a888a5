"""The engine methods of an engine that tells its operators apart by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffiface.adapter import Cotangents, FlatFunction, Leaves


class MethodsByName:
    """The engine methods of all operators, each handed on to `_run` by the name of its operator.

    For the class of an engine (before `Backend` in its bases) that computes every operator itself, all in one way.
    """

    def _run(self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves, seeds: Any = None) -> Any:
        """Return what the engine method of this operator returns; seeds are its tangents or cotangents, if it takes any."""
        raise NotImplementedError

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return self._run("pushforward", f, xs, contexts, tangents)

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return self._run("pullback", f, xs, contexts, cotangents)

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        return self._run("derivative", f, xs, contexts)

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        return self._run("gradient", f, xs, contexts)

    def value_and_jacobian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, list[Leaves], Any]:
        return self._run("jacobian", f, xs, contexts)

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        return self._run("second_derivative", f, xs, contexts)

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        return self._run("hvp", f, xs, contexts, tangents)

    def value_gradient_and_hessian(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, list[Leaves], Any]:
        return self._run("hessian", f, xs, contexts)
