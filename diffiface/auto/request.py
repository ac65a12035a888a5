"""One call for which an engine is to be chosen, and what makes two calls the same to a choice."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.adapter import NUMPY, current_trace
from diffiface.arrays import TRACED
from diffiface.comparison.problem import PlainNumPy, Problem
from diffiface.operators.call import Call
from diffiface.operators.operator import Operator
from diffiface.rebinding import original_of

_DEPTH = 6
"""How far functions within functions are looked into."""


@dataclass(frozen=True, repr=False)
class _Asking(PlainNumPy):
    """Stands in for the engine that is not chosen yet: it checks arguments, and computes nothing."""

    name = "auto"


@dataclass
class Request:
    """A call, its arguments checked."""

    operator: Operator
    f: Callable[..., Any]
    arguments: tuple[Any, ...]
    t: Any
    argnums: int | tuple[int, ...]
    has_aux: bool
    y: np.ndarray | None
    prepared: bool
    call: Call = field(init=False)

    def __post_init__(self) -> None:
        self.call = Call(
            self.operator,
            self.f,
            _Asking(),
            self.arguments,
            self.t,
            argnums=self.argnums,
            has_aux=self.has_aux,
            y=self.y,
        )

    @property
    def nested(self) -> bool:
        """Whether the call stands inside another derivative, where nothing can be measured."""
        return current_trace() is not NUMPY or any(spec.family == TRACED for spec in self.call.x_specs)

    def problem(self) -> Problem:
        """Pose it as the comparison poses problems: a function that returns its result and nothing else."""
        return Problem(self._returning(), self.operator, self.arguments, self.t, self.argnums)

    def _returning(self) -> Callable[..., Any]:
        f, y = self.f, self.y
        if y is not None:
            shape, dtype = y.shape, y.dtype
            position = self.argnums if isinstance(self.argnums, int) else self.argnums[0]

            @functools.wraps(f)
            def filled(*arguments: Any) -> Any:
                like = trees.flatten(arguments[position])[0][0]  # where x is traced, what f fills must be too
                result = np.zeros_like(like, dtype=dtype, shape=shape)
                f(result, *arguments)
                return result

            return filled
        if self.has_aux:

            @functools.wraps(f)
            def without_aux(*arguments: Any) -> Any:
                return f(*arguments)[0]

            return without_aux
        return f

    def key(self) -> tuple[Hashable, list[Any]]:
        """Return what a choice is remembered by, and the objects whose identities are part of it.

        It is the code of f, not the function object: a lambda written in a loop is a new object in every round. What
        it refers to counts by its code again if it is a function, by kind if it is data, and else by identity.
        """
        kept: list[Any] = []
        code = _identity(original_of(self.f), kept, _DEPTH)
        key = (self.operator.name, code, self.call.signature, self.argnums, self.has_aux, self.prepared)
        try:
            hash(key)
        except TypeError:  # a structure with metadata that cannot be hashed: by its description
            key = (*key[:2], repr(self.call.signature), *key[3:])
        return key, kept


def _identity(value: Any, kept: list[Any], depth: int) -> Hashable:
    if isinstance(value, (bool, int, str, bytes, type(None))):
        return type(value), value  # a number of steps, the name of a method: f may do something else
    if isinstance(value, (float, complex, np.generic)):
        return type(value)
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape
    if depth:
        if isinstance(value, types.FunctionType):
            cells = [_content(cell) for cell in value.__closure__ or ()]
            inside = [*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
            return value.__code__, *(_identity(member, kept, depth - 1) for member in inside)
        if isinstance(value, types.MethodType):
            return _identity(value.__func__, kept, depth - 1), _identity(value.__self__, kept, depth - 1)
        if isinstance(value, functools.partial):
            inside = [value.func, *value.args, *value.keywords.values()]
            return (*value.keywords, *(_identity(member, kept, depth - 1) for member in inside))
        if isinstance(value, (list, tuple)):
            return (type(value), *(_identity(member, kept, depth - 1) for member in value))
    kept.append(value)  # while it is kept, nothing else can have its id
    return id(value)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None
