"""`out=`: results written into arrays the caller gave, which are then what is returned."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface import trees
from diffiface.arrays import is_plain
from diffiface.errors import InputError


def fill(out: Any, results: list[Any], engine: str) -> list[Any]:
    """Write results into the arrays given as `out=` and return those arrays themselves."""
    outs = list(out) if len(results) > 1 else [out]
    if len(outs) != len(results):
        raise InputError(f"out= needs {len(results)} members, got {len(outs)}", engine=engine)
    return [
        result if target is None else _fill_tree(target, result, engine)
        for target, result in zip(outs, results, strict=True)
    ]


def _fill_tree(target: Any, result: Any, engine: str) -> Any:
    targets, structure = trees.flatten(target)
    results, expected = trees.flatten(result)
    if structure != expected:
        raise InputError(
            f"out= has structure {trees.describe(structure)}, but the result has {trees.describe(expected)}",
            engine=engine,
        )
    for array, value in zip(targets, results, strict=True):
        if hasattr(value, "indptr"):
            _fill_compressed_rows(array, value, engine)
            continue
        shape = np.shape(value) if is_plain(value) else tuple(value.shape)
        if isinstance(array, np.ndarray):
            if array.shape != shape or not np.can_cast(value.dtype, array.dtype, "same_kind"):
                raise InputError(
                    f"out= has shape {array.shape} and dtype {array.dtype}, but the result has shape {shape} "
                    f"and dtype {value.dtype}",
                    engine=engine,
                )
            if not array.flags.writeable:
                raise InputError("out= is read-only", engine=engine)
            np.copyto(array, value, casting="same_kind")
        elif hasattr(array, "copy_") and tuple(array.shape) == shape:
            array.copy_(value)
        else:
            raise InputError(
                f"out= must be an array of shape {shape} that can be written, not {type(array).__name__}", engine=engine
            )
    return target


def _fill_compressed_rows(target: Any, value: Any, engine: str) -> None:
    """Write a sparse result into a SciPy CSR array (or matrix) that has its structure."""
    if getattr(target, "format", None) != "csr":
        raise InputError(
            f"out= must be a SciPy CSR array, not {type(target).__name__}",
            engine=engine,
            fix="out=prep.pattern.matrix(np.zeros(prep.pattern.nnz)), or an earlier result",
        )
    same = (
        tuple(target.shape) == tuple(value.shape)
        and np.array_equal(target.indptr, value.indptr)
        and np.array_equal(target.indices, value.indices)
    )
    if not same or not np.can_cast(value.dtype, target.dtype, "same_kind"):
        raise InputError(
            f"out= is a {target.dtype} matrix of shape {target.shape} with {target.nnz} entries, but the result is "
            f"{value.dtype}, of shape {value.shape}, with {value.nnz} entries (perhaps elsewhere)",
            engine=engine,
            fix="out= needs the very structure of the result: an earlier result, or prep.pattern.matrix(values)",
        )
    np.copyto(target.data, value.data, casting="same_kind")
