"""What stands between brackets: settled by NumPy itself, so that every engine meets only valid indices."""

from __future__ import annotations

from typing import Any

import numpy as np

_UNINDEXABLE = (
    "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays are valid "
    "indices"
)
_PLAIN = (int, slice, type(None), type(Ellipsis), np.ndarray, np.integer, np.bool_)


def probe(shape: tuple[int, ...]) -> np.ndarray:
    """Return an array of any shape that holds one byte: NumPy judges indices on it."""
    return np.ndarray(shape, bool, b"\0", 0, (0,) * len(shape))


def _settled(part: Any) -> Any:
    if isinstance(part, np.integer):
        return int(part)
    if isinstance(part, (list, tuple)):
        array = np.asarray(part)
        return array if array.size else array.astype(np.intp)
    return part


def settle(index: Any, shape: tuple[int, ...]) -> tuple[Any, bool]:
    """Return an index without lists and NumPy integers, and whether it is basic (so that NumPy would give a view).

    Raises NumPy's own IndexError for an index that does not fit the shape. An index that holds an engine's raw
    values (only under jit) is passed on as it is.
    """
    settled = tuple(_settled(part) for part in index) if type(index) is tuple else _settled(index)
    for part in settled if type(settled) is tuple else (settled,):
        if not isinstance(part, _PLAIN):
            if isinstance(part, (float, complex, np.generic, str)):
                raise IndexError(_UNINDEXABLE)
            return settled, False
    selected = probe(shape)[settled]
    return settled, isinstance(selected, np.ndarray) and selected.base is not None
