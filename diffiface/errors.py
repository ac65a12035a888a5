"""Every exception diffiface raises, each with its cause and its cure.

A message says what went wrong, where (the engine, the user's file and line) and what to do.
"""

from __future__ import annotations

import linecache
import os
import sys
import sysconfig
import warnings
from types import FrameType, TracebackType

import numpy as np

_HERE = os.path.dirname(os.path.abspath(__file__))
_BESIDE = os.path.dirname(_HERE)
_NOT_USER = (
    *(
        os.path.join(path, "")
        for path in {
            _HERE,
            os.path.dirname(os.path.dirname(os.path.abspath(np.__file__))),  # site-packages
            sysconfig.get_paths()["stdlib"],
            sysconfig.get_paths()["purelib"],  # (of an environment on top of that which NumPy is in)
            os.path.join(_BESIDE, "backends"),
        }
    ),
    os.path.join(_BESIDE, "diffiface_"),  # engines, installed in a folder of their own with diffiface
)
"""How the paths of files begin whose frames are never "the user's line"."""


def _is_user_file(filename: str) -> bool:
    if filename.startswith("<") and not filename.startswith("<ipython"):
        return filename in ("<stdin>", "<string>")
    return not os.path.abspath(filename).startswith(_NOT_USER)


def _place(filename: str, lineno: int, function: str) -> str:
    text = linecache.getline(filename, lineno).strip()
    return f"{filename}:{lineno}, in {function}" + (f": `{text}`" if text else "")


def user_line(frame: FrameType | None = None) -> str | None:
    """Say which line of the user's code is running: the innermost frame outside diffiface, engines and NumPy."""
    frame = frame or sys._getframe(1)
    while frame is not None:
        if _is_user_file(frame.f_code.co_filename):
            return _place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        frame = frame.f_back
    return None


def user_line_of(traceback: TracebackType | None) -> str | None:
    """Say which line of the user's code an exception came from."""
    place = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if _is_user_file(code.co_filename):
            place = _place(code.co_filename, traceback.tb_lineno, code.co_name)
        traceback = traceback.tb_next
    return place


class DiffifaceError(Exception):
    """The base of all of them.

    Arguments: the sentence that says what went wrong; `engine`, the engine's name; `fix`, what to do;
    `where`, the user's line (found by itself when the error is raised under the user's function).
    """

    def __init__(self, problem: str, *, engine: str = "", fix: str = "", where: str | None = None):
        self.problem, self.engine, self.fix, self.where = problem, engine, fix, where
        super().__init__(problem)
        # Shown under a traceback, not in the message.
        self.add_note(f"  more: docs/errors.md#{type(self).__name__.lower()}")

    def __str__(self) -> str:
        text = f"{self.engine}: {self.problem}" if self.engine else self.problem
        if self.where:
            text += f"\n  at {self.where}"
        if self.fix:
            text += f"\n  fix: {self.fix}"
        return text

    def __reduce__(self):
        return _rebuild, (type(self), self.problem, self.engine, self.fix, self.where)


def _rebuild(cls: type[DiffifaceError], problem: str, engine: str, fix: str, where: str | None) -> DiffifaceError:
    return cls(problem, engine=engine, fix=fix, where=where)


class InputError(DiffifaceError, ValueError):
    """An argument cannot be used: a wrong shape, dtype, structure, position or option. Raised before any engine runs."""


class OutputError(DiffifaceError, ValueError):
    """The user's function returned something this operator cannot differentiate (None, text, a vector for gradient)."""


class RuleError(DiffifaceError, ValueError):
    """A custom derivative rule (or the function it belongs to) does not keep to what it must return.

    A wrong shape or structure, not a pair where one is due, a missing direction, an argument written into.
    """


class PreparationMismatchError(DiffifaceError, ValueError):
    """A preparation was used with arguments of another kind than it was made for.

    Preparing fixes f, the backend and the family, dtype, shape and structure of every argument; only
    values may change. Prepare again, or pass `strict="reprepare"` when preparing.
    """


class UnknownBackendError(DiffifaceError, ValueError):
    """No engine of that name is registered, or it has no such option."""


class MissingBackendError(DiffifaceError, ImportError):
    """The engine is known, but the package it needs is not installed. The message holds the pip line."""


class UnsupportedOperationError(DiffifaceError, NotImplementedError):
    """This engine cannot do this: an operator, a NumPy function or keyword, a kind of input, a nesting."""


class TracedValueError(DiffifaceError, TypeError):
    """The function asked a value that is being differentiated for a plain number, and would have lost its derivative.

    `int(x)`, writing into an array made outside of the function, code that cannot be redirected; under jit also `if x > 0`.
    """


class TracingMismatchError(DiffifaceError, RuntimeError):
    """The function gave another value when traced than in plain NumPy, so its derivative would be of another function.

    Causes: random numbers, state that changes between calls.
    """


class SparsityPatternError(DiffifaceError, ValueError):
    """A sparsity pattern leaves out entries that are not zero; the message names some of them."""


class LongLoopWarning(UserWarning):
    """A Python loop over elements is being unrolled by an engine that compiles each of its steps (JAX)."""


def warn_at_user_line(text: str, category: type[Warning]) -> None:
    """Warn as if the user's line did, so that Python shows it once for each such line."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _is_user_file(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        warnings.warn(text, category, stacklevel=2)
        return
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(text, category, frame.f_code.co_filename, frame.f_lineno, registry=registry)


class DisagreementError(DiffifaceError, AssertionError):
    """Engines that were compared do not agree, or failed; the message is the report."""
