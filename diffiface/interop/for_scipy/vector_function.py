"""What the callables of vector functions share: value and Jacobian at `(x)` or at `(t, x)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from diffiface.adapter import Backend
from diffiface.arrays import family_of
from diffiface.interop.for_scipy.common import Callables
from diffiface.operators.jacobian import prepare_jacobian
from diffiface.operators.jacobian_operator import prepare_jacobian_operator


class VectorFunction(Callables):
    """f and its Jacobian by x, the last of `before` and x: arguments in front of it, such as a time, are numbers."""

    _front: tuple[float, ...] = ()
    """Examples of the arguments in front of x."""

    def __init__(self, f: Callable[..., Any], x: Any, backend: str | Backend, contexts: Sequence[Any]):
        super().__init__(f, x, backend, contexts)
        self._jacobian: Any = prepare_jacobian(
            f, self.backend, *self._example(), strict="reprepare", argnums=self._argnum
        )

    @property
    def _argnum(self) -> int:
        return len(self._front)

    def _example(self) -> tuple[Any, ...]:
        return (*self._front, self.vector.tree(self.x0), *self.contexts)

    def _arguments(self, front: tuple[float, ...], x: np.ndarray) -> tuple[Any, ...]:
        return (*map(float, front), self.vector.tree(x))

    def _value_at(self, x: np.ndarray, *front: float) -> np.ndarray:
        x = np.array(x, np.float64)

        def compute() -> dict[str, Any]:
            if not self._plain:
                return self._value_and_jacobian(x, front)
            return {"value": self._values(self._value_alone(*self._arguments(front, x)))}

        return self._last.get(_point(x, front), "value", compute).copy()

    def _fun_at(self, x: np.ndarray, *front: float) -> np.ndarray:
        if not self._jointly:
            return self._value_at(x, *front)
        x = np.array(x, np.float64)
        return self._last.get(_point(x, front), "value", lambda: self._value_and_jacobian(x, front)).copy()

    def _jacobian_at(self, x: np.ndarray, *front: float) -> Any:
        x = np.array(x, np.float64)
        return self._last.get(_point(x, front), "jacobian", lambda: self._value_and_jacobian(x, front)).copy()

    def _operator_at(self, x: np.ndarray, *front: float) -> Any:
        self.counters.njev += 1
        return self._operator.jacobian_operator(*self._arguments(front, x), *self.contexts)

    @cached_property
    def _operator(self) -> Any:
        return prepare_jacobian_operator(self.f, self.backend, *self._example(), argnums=self._argnum)

    def _value_and_jacobian(self, x: np.ndarray, front: tuple[float, ...]) -> dict[str, Any]:
        self.counters.nfev += 1
        self.counters.njev += 1
        y, jacobian = self._jacobian.value_and_jacobian(*self._arguments(front, x), *self.contexts)
        return {"value": self._values(y), "jacobian": self.vector.jacobian(jacobian)}

    def _values(self, y: Any) -> np.ndarray:
        family = family_of(y)
        array = np.asarray(y) if family is None else family.to_numpy(y)
        if array.dtype.kind not in "fiub":
            raise self.refuse(
                f"the function returned {type(y).__name__}, but SciPy needs an array of real numbers",
                "return one array: np.concatenate([...]); for a complex y its real and imaginary parts",
            )
        return np.array(array, np.float64).reshape(-1)


def _point(x: np.ndarray, front: tuple[float, ...]) -> tuple[np.ndarray, ...]:
    return (x, *(np.asarray(number, np.float64) for number in front))
