"""What stands between brackets: settled by NumPy itself, so that every engine meets only valid indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.numpy_api.dressed import known
from diffiface.primitives import Primitives

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
    array = probe(shape)
    selected = array[settled]
    # Not `selected.base is not None`: a copy such as a[:, [0, 1]] is a transposed view of something made for it.
    return settled, isinstance(selected, np.ndarray) and np.may_share_memory(selected, array)


def with_known_masks(p: Primitives, index: Any) -> Any:
    """Return an index with plain masks; an error for one that is only known when a compiled function runs."""
    if type(index) is tuple:
        return tuple(with_known_masks(p, part) for part in index)
    if (
        isinstance(index, (int, slice, np.ndarray, np.generic, type(None), type(Ellipsis)))
        or p.dtype(index).kind != "b"
    ):
        return index
    return known(p, index, "indexing by a mask, which selects as many elements as it has true entries,")


def is_unknown_mask(p: Primitives, index: Any, value: Any, item: Any) -> bool:
    """Say whether an index is a mask of the whole array, known only when a compiled function runs, for one number."""
    return (
        not isinstance(index, (np.ndarray, tuple))
        and p.dtype(index).kind == "b"
        and tuple(p.shape(index)) == tuple(p.shape(value))
        and not p.shape(item)
    )
