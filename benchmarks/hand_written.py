"""The workloads in C by hand (`hand_written.c`), compiled when asked for and called on raw pointers."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

FLAGS = ["-O3", "-march=native", "-ffast-math", "-fPIC"]


class NoCompiler(Exception):
    """There is no gcc here."""


@cache
def library() -> ctypes.CDLL:
    if shutil.which("gcc") is None:
        raise NoCompiler("gcc is not installed")
    folder = Path(tempfile.mkdtemp(prefix="hand_written"))
    source = Path(__file__).with_suffix(".c")
    # -ffast-math only to compile: given to the linker too, it would switch subnormals off for the whole process.
    for command in (
        ["gcc", *FLAGS, "-c", str(source), "-o", "code.o"],
        ["gcc", "-shared", "code.o", "-o", "code.so", "-lmvec", "-lm"],
    ):
        subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return ctypes.CDLL(str(folder / "code.so"))


def _function(name: str, *arguments: Any, value: bool = True) -> Callable[[], Any]:
    """Bind a C function to arrays (as pointers) and integers: what is timed is one call through ctypes."""
    function = getattr(library(), name)
    function.restype = ctypes.c_double if value else None
    function.argtypes = [
        ctypes.c_void_p if isinstance(a, np.ndarray) else ctypes.c_void_p if a is _DGEMM else ctypes.c_long
        for a in arguments
    ]
    raw = [a.ctypes.data if isinstance(a, np.ndarray) else _dgemm() if a is _DGEMM else a for a in arguments]
    call = partial(function, *raw)
    call.arrays = arguments  # pyright: ignore[reportAttributeAccessIssue]  (what the pointers point to stays alive)
    return call


_DGEMM = object()


def _dgemm() -> int:
    """Return the address of the dgemm that SciPy brings."""
    import scipy.linalg.cython_blas as blas

    capsule = blas.__pyx_capi__["dgemm"]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))


Bound = tuple[Callable[[], Any], np.ndarray]
"""A call, and the array it fills."""


def logit(b: np.ndarray, y: np.ndarray, X: np.ndarray) -> Bound:
    g = np.empty_like(b)
    return _function(f"logit{len(b)}", b, y, X, len(X), g), g


def logit_gradient(b: np.ndarray, y: np.ndarray, X: np.ndarray) -> Bound:
    g = np.empty_like(b)
    return _function("logit3_gradient", b, y, X, len(X), g), g


def rosenbrock(x: np.ndarray) -> Bound:
    g = np.empty_like(x)
    return _function("rosenbrock", x, len(x), g), g


def rosenbrock_hvp(x: np.ndarray, t: np.ndarray) -> Bound:
    h = np.empty_like(x)
    return _function("rosenbrock_hvp", x, t, len(x), h, value=False), h


def mlp(theta: np.ndarray, X: np.ndarray, target: np.ndarray) -> Bound:
    (batch, d), h = X.shape, (len(theta) - 1) // (X.shape[1] + 2)
    g, hidden, back = np.empty_like(theta), np.empty((batch, h)), np.empty((batch, h))
    return _function("mlp", theta, X, target, batch, d, h, g, hidden, back, _DGEMM), g


def gmm(theta: np.ndarray, x: np.ndarray) -> Bound:
    g = np.empty_like(theta)
    return _function("gmm", theta, x, len(x), g), g


def brusselator(uv: np.ndarray, w: np.ndarray) -> Bound:
    g = np.empty_like(uv)
    return _function("brusselator", uv, w, uv.shape[1], g, value=False), g


def euler(start: np.ndarray) -> Bound:
    g = np.empty_like(start)
    return _function("euler", start, 1000, g), g
