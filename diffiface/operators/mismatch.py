"""Telling that a preparation was made for other arguments: which of them, as prepared and as given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diffiface.errors import PreparationMismatchError
from diffiface.operators.signature import Signature
from diffiface.rebinding import original_of


def same_function(f: Callable[..., Any], g: Callable[..., Any]) -> bool:
    f, g = original_of(f), original_of(g)  # code that is being differentiated knows other functions by rebound copies
    # A bound method is a new object at every access; its function and instance are not.
    return f is g or (
        getattr(f, "__func__", f) is getattr(g, "__func__", g)
        and hasattr(f, "__self__")
        and f.__self__ is getattr(g, "__self__", None)
    )


def name_of(f: Callable[..., Any]) -> str:
    return getattr(f, "__qualname__", None) or repr(f)


def mismatch_error(
    engine: str, rows: list[tuple[str, str, str]], prepared: Signature | None, given: Signature | None
) -> PreparationMismatchError:
    """Build the error that shows every argument, as prepared and as given, with a mark."""
    if prepared is not None and given is not None:
        old, new = dict(prepared.rows()), dict(given.rows())
        rows = rows + [(name, old.get(name, "(none)"), new.get(name, "(none)")) for name in {**old, **new}]
    table = [("", "argument", "prepared for", "given")]
    table += [("✓" if old == new else "✗", name, old, new) for name, old, new in rows]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return PreparationMismatchError(
        "the preparation was made for other arguments:\n  " + "\n  ".join(lines),
        engine=engine,
        fix='prepare again for these arguments, or prepare with strict="reprepare" (or strict=False: no check)',
    )
