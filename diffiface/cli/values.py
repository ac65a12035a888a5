"""What is typed on the command line: arguments of functions, and lists of names."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from diffiface.errors import InputError
from diffiface.named_objects import named_object

FUNCTION_HELP = "The function, as module:name."
VALUE_HELP = 'JSON (1.5, "[1, 2]", \'{"a": [1, 2]}\'), a file x.npy, or module:name.'
BACKENDS_HELP = "Engines, separated by commas; all installed ones if left out."


def value(text: str) -> Any:
    """Read an argument of the function.

    >>> from diffiface.cli.values import value
    >>> value("[1, 2]")
    array([1., 2.])
    """
    if text.endswith(".npy"):
        try:
            return np.load(text)
        except (OSError, ValueError) as error:
            raise InputError(f"{text!r} cannot be read: {error}", fix="give a file that numpy.save wrote") from error
    try:
        return _arrays_of(json.loads(text))
    except json.JSONDecodeError:
        if ":" in text:
            return named_object(text)
        raise InputError(f"{text!r} is neither JSON, nor a .npy file, nor module:name", fix=VALUE_HELP) from None


def optional_value(text: str | None) -> Any:
    """Read an argument that may be left out."""
    return None if text is None else value(text)


def values(texts: list[str] | None) -> list[Any]:
    """Read several arguments."""
    return [value(text) for text in texts or ()]


def names(text: str | None) -> list[str] | None:
    """Split a list of names at its commas."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def sizes(text: str) -> list[int]:
    """Split a list of sizes at its commas."""
    try:
        return [int(float(size)) for size in text.split(",")]
    except ValueError:
        raise InputError(f"{text!r} is no list of sizes", fix="--sizes 10,100,1000") from None


def _arrays_of(parsed: Any) -> Any:
    """Turn the lists in a JSON value into arrays, of floats unless they are truth values."""
    if isinstance(parsed, dict):
        return {key: _arrays_of(member) for key, member in parsed.items()}
    if isinstance(parsed, list):
        try:
            array = np.asarray(parsed)
            return array if array.dtype.kind == "b" else array.astype(float)
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{parsed!r:.60} is no array of numbers", fix="lists in lists must be equally long"
            ) from error
    return parsed
