"""Packages that only some of diffiface needs: a clear error, with the pip line, where one of them is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence

from diffiface.errors import MissingBackendError


def missing_among(modules: Iterable[str]) -> list[str]:
    """Return those of the modules that are not installed; none is loaded to find out."""
    return [module for module in modules if importlib.util.find_spec(module) is None]


def need(purpose: str, *modules: str, install: str) -> None:
    """Check that packages are installed.

    Args:
        purpose: what needs them, as the message begins: `"di.Sparse"`.
        modules: the names they are imported by.
        install: what comes after `pip install`.
    Raises:
        MissingBackendError: one or more are missing; the message names them and holds the pip line.
    """
    missing = missing_among(modules)
    if missing:
        raise MissingBackendError(needs(purpose, missing), fix=f"pip install {install}")


def needs(purpose: str, missing: Sequence[str]) -> str:
    """Say that something needs packages that are not there.

    >>> needs("this engine", ["autograd", "scipy"])
    'this engine needs the packages autograd and scipy, which are not installed'
    """
    *others, last = missing
    names = f"{', '.join(others)} and {last}" if others else last
    what, are = ("packages", "are") if others else ("package", "is")
    return f"{purpose} needs the {what} {names}, which {are} not installed"
