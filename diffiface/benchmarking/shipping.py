"""How a function and its arguments get into another process."""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Callable
from typing import Any

from diffiface.errors import InputError
from diffiface.named_objects import named_object


def function_of(f: str | Callable[..., Any]) -> Callable[..., Any]:
    """Return a function given as such or as `"module:name"`."""
    found = named_object(f) if isinstance(f, str) else f
    if not callable(found):
        raise InputError(f"f is {found!r:.60}, which cannot be called", fix="give a function, or 'module:function'")
    return found


def ship(value: Any) -> bytes:
    """Pickle a value for another process, functions of `__main__` and closures too where cloudpickle is installed.

    Raises `InputError` for what cannot be sent, which says how to give it instead.
    """
    try:
        import cloudpickle  # pyright: ignore[reportMissingImports]  (optional: the extra `benchmark`)
    except ImportError:
        return _plainly(value)
    try:
        return cloudpickle.dumps(value)
    except Exception as error:
        raise InputError(
            f"the function or its arguments cannot be sent to another process: {error}",
            fix="put the function into a module and give it as 'module:function'",
        ) from error


def _plainly(value: Any) -> bytes:
    fix = "pip install cloudpickle, or put the function into a module and give it as 'module:function'"
    try:
        packed = pickle.dumps(value)
    except Exception as error:
        raise InputError(
            f"the function or its arguments cannot be sent to another process without cloudpickle: {error}", fix=fix
        ) from error
    # Pickle names what is defined in the user's script by `__main__`, which is another module in the other process.
    if b"__main__" in packed:
        raise InputError("what is defined in __main__ cannot be sent to another process without cloudpickle", fix=fix)
    return packed


def has_cloudpickle() -> bool:
    """Whether functions of `__main__`, lambdas and closures can be sent."""
    return importlib.util.find_spec("cloudpickle") is not None
