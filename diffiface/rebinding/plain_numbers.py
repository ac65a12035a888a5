"""`float`, `complex`, `np.float64` and `type`: replaced by classes that let traced values through.

They are used as types too (`isinstance(v, float)`, `dtype=float`, `a.dtype == np.float64`), so each replacement is a
class that answers as the original there, and differs only when it is called.
"""

from __future__ import annotations

import builtins
import sys
from typing import Any

import numpy as np

from diffiface.numpy_api.array import Array, Scalar, dress
from diffiface.numpy_api.dressed import Dressed
from diffiface.numpy_api.functions.raw import cast
from diffiface.rebinding.namespaces import behind
from diffiface.rebinding.substitutes import substitute, substitute_for


class _StandsFor(type):
    """The class of these replacements."""

    _original: Any

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls._original)

    def __subclasscheck__(cls, subclass: Any) -> bool:
        return issubclass(getattr(subclass, "_original", subclass), cls._original)

    def __eq__(cls, other: Any) -> bool:
        return other is cls or other is cls._original

    def __hash__(cls) -> int:
        return hash(cls._original)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls._original, name)

    def __repr__(cls) -> str:
        return repr(cls._original)

    def __or__(cls, other: Any) -> Any:
        return cls._original | other

    def __ror__(cls, other: Any) -> Any:
        return other | cls._original

    def __reduce_ex__(cls, protocol: Any) -> Any:
        return cls._original.__reduce_ex__(protocol)


class _Number(_StandsFor):
    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        value: Any
        imaginary: Any
        value, imaginary = (*args, None, None)[:2]
        kind = type(value)
        # (`float` of an array with axes is an error, `np.float64` of one is an array.)
        if kind is Scalar or (kind is Array and issubclass(cls._original, np.generic)):
            dtype = np.dtype(cls._original)
            if value.dtype.kind == "c" and dtype.kind == "f":
                raise TypeError("float() argument must be a string or a real number, not 'complex'")
            result = dress(cast(value._p, value._read(), dtype), value._p)
            return result if imaginary is None else result + imaginary * np.complex128(1j)
        if isinstance(imaginary, Dressed):  # complex(a, b)
            return value + np.multiply(imaginary, np.complex128(1j))  # type: ignore[call-overload]
        return cls._original(*args, **keywords)


_NUMBERS = (float, complex, np.float64, np.float32, np.float16, np.longdouble, np.complex128, np.complex64)
for _kind in _NUMBERS:
    # Derived from the original for `issubclass` and `case float():`; `dtype` is what NumPy asks such a class for.
    _body = {"_original": _kind, "dtype": np.dtype(_kind), "__doc__": _kind.__doc__}
    substitute(_kind, _Number(_kind.__name__, (_kind,), _body))


class _WholeNumber(_StandsFor):
    """`np.int64(a)` of an array is `a.astype(np.int64)`; of a number it asks for the number, as `int` does."""

    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        if len(args) == 1 and type(args[0]) is Array and not keywords:
            return args[0].astype(cls._original)
        return cls._original(*args, **keywords)


_WHOLE_NUMBERS = (np.int64, np.int32, np.int16, np.int8, np.uint64, np.uint32, np.uint16, np.uint8)
for _kind in _WHOLE_NUMBERS:
    _body = {"_original": _kind, "dtype": np.dtype(_kind), "__doc__": _kind.__doc__}
    substitute(_kind, _WholeNumber(_kind.__name__, (_kind,), _body))


class _Type(_StandsFor):
    """`type(x) is np.ndarray` and `type(x[0]) is np.float64` hold for traced values as they do in NumPy."""

    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        if len(args) != 1 or keywords:
            return type(*args, **keywords)
        (value,) = args
        kind = type(value)
        if kind is Array:
            return np.ndarray
        if kind is Scalar:
            kind = value.dtype.type
        return _KINDS.get(kind, kind)


_type = _Type("type", (), {"_original": type, "__doc__": type.__doc__})
substitute(type, _type)


@substitute(builtins.globals)
def globals_of_the_user() -> dict[str, Any]:
    """`globals()`: the module's own."""
    found = sys._getframe(1).f_globals
    return behind(found) or found


_KINDS = {kind: substitute_for(kind) for kind in (*_NUMBERS, *_WHOLE_NUMBERS, type)}
"""What code that compares `type(x)` with `float` by `is` calls float."""
