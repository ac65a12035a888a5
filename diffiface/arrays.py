"""Leaves of x, tangents and results: what kinds of arrays come in, what they are promoted to, what goes out.

A leaf comes in one of three ways: as NumPy (or a number), as an array of another library (a *family*:
torch, jax), or as a traced value (an operator called inside a function that is being differentiated).
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffiface import registry
from diffiface.errors import InputError
from diffiface.numpy_api import Array, Scalar, undress
from diffiface.numpy_api.conversion import other_arithmetic

TRACED = "traced"
NUMPY_FAMILY = "numpy"


@dataclass(frozen=True)
class LeafSpec:
    """What a preparation remembers of a leaf: everything but its values."""

    family: str
    dtype: np.dtype
    shape: tuple[int, ...]
    scalar: bool = False
    """A Python or NumPy scalar rather than a 0-d array: results come back as NumPy scalars."""

    def __str__(self) -> str:
        what = str(self.dtype) if self.scalar else f"{self.dtype}{list(self.shape)}"  # 0-d arrays: float64[]
        return what if self.family == NUMPY_FAMILY else f"{self.family} {what}"


def family_of(value: Any) -> Any | None:
    """Return the family a foreign array belongs to (None for NumPy, numbers and everything else)."""
    for cls in type(value).__mro__:
        module = cls.__module__.partition(".")[0]
        if module in ("builtins", "numpy", "diffiface"):
            continue
        family = registry.family_of_module(module)
        if family is not None and family.owns(value):
            return family
    return None


def is_array_like(value: Any) -> bool:
    """Whether a value is a number or an array of some family (rather than text, None or an object)."""
    return isinstance(value, (numbers.Number, np.ndarray, np.generic, Array, Scalar)) or family_of(value) is not None


def _promoted(array: np.ndarray, what: str, engine: str) -> np.ndarray:
    kind = array.dtype.kind
    if kind in "fc":
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    if kind in "biu":
        return array.astype(np.float64)
    raise InputError(
        f"{what} has dtype {array.dtype}, which has no derivatives",
        engine=engine,
        fix="pass floats: np.asarray(x, float)",
    )


def normalise(value: Any, what: str, engine: str, keep_family: str = NUMPY_FAMILY) -> tuple[Any, LeafSpec, Any]:
    """Turn one leaf into what engines take.

    Arguments: the value; `what`, its name for messages; `engine`; `keep_family`, the family this engine
    takes besides NumPy. Returns the array (float or complex; integers become float64), its spec, and the
    original where the result must be converted back to a foreign family (else None).
    """
    kind = type(value)
    if kind is np.ndarray:
        array = _promoted(value, what, engine)
        return array, LeafSpec(NUMPY_FAMILY, array.dtype, array.shape), None
    if kind is Array or kind is Scalar:
        return undress(value), LeafSpec(TRACED, value.dtype, value.shape, kind is Scalar), None
    if isinstance(value, (numbers.Number, np.generic)):
        array = _promoted(np.asarray(value), what, engine)
        return array, LeafSpec(NUMPY_FAMILY, array.dtype, (), scalar=True), None
    if isinstance(value, np.ndarray):
        found = other_arithmetic(value)
        if found is not None:
            raise InputError(f"{what} is {found[0]}, whose operators are not an array's", engine=engine, fix=found[1])
        return normalise(np.asarray(value), what, engine, keep_family)
    family = family_of(value)
    if family is not None:
        dtype = family.dtype(value)
        if family.name == keep_family and dtype.kind in "fc":
            return value, LeafSpec(family.name, dtype, family.shape(value)), None
        array = _promoted(np.asarray(family.to_numpy(value)), what, engine)
        if family.name == keep_family:
            return family.from_numpy(array, value), LeafSpec(family.name, array.dtype, array.shape), None
        return array, LeafSpec(family.name, array.dtype, array.shape), value
    if hasattr(value, "__array__"):  # pandas and the like
        return normalise(np.asarray(value), what, engine, keep_family)
    raise InputError(
        f"{what} is {'None' if value is None else f'of type {kind.__name__}'}; it must be a number, an array, "
        "or a dict, list, tuple or dataclass of them",
        engine=engine,
    )


def finish(result: Any, spec: LeafSpec, original: Any) -> Any:
    """Hand one result leaf back in the family it came from."""
    if original is not None:
        family = family_of(original)
        assert family is not None
        return family.from_numpy(result, original)
    if spec.shape == () and isinstance(result, (np.ndarray, np.generic)):
        return np.asarray(result)[()] if spec.scalar else np.asarray(result)
    return result


def is_plain(value: Any) -> bool:
    """Whether a raw value is ordinary NumPy (or a number) rather than an engine's own."""
    return isinstance(value, (np.ndarray, np.generic, numbers.Number))
