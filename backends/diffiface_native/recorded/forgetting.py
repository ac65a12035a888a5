"""Letting go of what large values were while a graph was recorded, once its guards and constants are known.

A graph holds the sample of every value. Of a function of large arrays that is many times the memory it computes in, and
all that is asked of such a sample later is its shape, its dtype and whether it is in C order. So another array with the
same answers takes its place: zeros, the same for all of them, for which the system need find no memory unless they are read.
"""

from __future__ import annotations

import ctypes
from mmap import mmap

import numpy as np

from diffiface.adapter import PRIMITIVES
from diffiface_native.recorded.graph import Graph, values_in_index

LARGE = 1 << 16
"""From how many bytes on a sample is let go of."""

_MUCH = 1 << 26
"""From how many bytes on the memory is given back to the system."""

_FINE_WITH_ZEROS = frozenset({"elementwise", "selection", "reduction", "shape", "indexing", "contraction", "Fourier"})
"""Kinds of primitives that a program may apply to samples again, to find out how NumPy lays out the result."""


def forget_samples(graph: Graph) -> None:
    """Drop what is not needed, and replace large samples by others like them, but where their numbers are asked for."""
    graph.values = graph.live()
    needed, forgotten = _needed(graph), 0
    zeros = mmap(-1, max([LARGE, *(value.sample.nbytes for value in graph.values)]))
    sample = None
    for value in graph.values:
        sample = value.sample
        if not isinstance(sample, np.ndarray) or value.number in needed:
            continue
        if sample.nbytes >= LARGE:
            value.sample = _like(sample, zeros)
            forgotten += sample.nbytes
        elif isinstance(sample.base, np.ndarray) and sample.base.nbytes >= LARGE:
            value.sample = sample.copy("K")  # a view would keep all of it
    del sample
    if forgotten >= _MUCH:
        _give_back()


def _give_back() -> None:
    """Let the C library give the system what has been freed: it keeps what lies below anything that is in use."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return  # others than GNU's do it by themselves


def _needed(graph: Graph) -> set[int]:
    """Return the numbers of the values that indices are made of, or that zeros would not do for."""
    needed: set[int] = set()
    for value in graph.values:
        primitive = PRIMITIVES.get(value.operation)  # (an input is none)
        fine = primitive is not None and primitive.kind in _FINE_WITH_ZEROS
        read = values_in_index(value.parameters.get("index")) if fine else value.operands
        needed.update(operand.number for operand in read)
    return needed


def _like(sample: np.ndarray, zeros: mmap) -> np.ndarray:
    if sample.flags.c_contiguous:
        return np.ndarray(sample.shape, sample.dtype, zeros)
    return np.ndarray(sample.shape[::-1], sample.dtype, zeros).T
