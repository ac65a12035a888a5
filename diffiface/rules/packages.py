"""Rules that installed packages bring for libraries: the entry-point group `diffiface.rules`.

An entry point's name is the library's module (`mylib.solvers`), its value a module (or `module:function`, called
without arguments) that defines the rules by `di.define_rule`. It is loaded when the library is found loaded.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from diffiface.rebinding.substitutes import before_rebinding

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_loaded: set[EntryPoint] = set()


@functools.cache
def _entry_points() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points

    return tuple(entry_points(group="diffiface.rules"))


def load_rules() -> None:
    """Load the rules for the libraries that have been imported (asked before every run; does nothing twice)."""
    for point in _entry_points():
        if point not in _loaded and point.name in sys.modules:
            _loaded.add(point)
            provider = point.load()
            if ":" in point.value:
                provider()


before_rebinding(load_rules)
