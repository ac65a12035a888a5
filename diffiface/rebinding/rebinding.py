"""One function, rebound for as long as an engine uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diffiface.rebinding import arrays as arrays
from diffiface.rebinding import containers as containers
from diffiface.rebinding import mathematics as mathematics
from diffiface.rebinding import modules as modules
from diffiface.rebinding import objects as objects
from diffiface.rebinding import plain_numbers as plain_numbers
from diffiface.rebinding.functions import end_run
from diffiface.rebinding.live_arrays import with_live_arrays
from diffiface.rebinding.namespaces import Reach, collecting, write_back
from diffiface.rebinding.rebound import check_of, rebound
from diffiface.rebinding.substitutes import load_translations


class Rebinding:
    """A function and what runs in its place under a trace.

    `start()` before each run returns it, brought up to date with what has changed in the user's modules and closures;
    `end()` after the run gives back what the code has assigned to `global` names.
    """

    __slots__ = ("_check", "_f", "_reach", "_rebound")

    def __init__(self, f: Callable[..., Any]):
        self._f = f
        self._rebound: Any = None
        self._check: Callable[[], bool] | None = None
        self._reach = Reach(set())

    def start(self) -> Callable[..., Any]:
        check = self._check
        if self._rebound is None or (check is not None and not check()):
            load_translations()
            with collecting() as met:
                self._rebound = rebound(self._f)
            self._check = check_of(self._rebound)
            self._reach = Reach(met)
        for namespace in self._reach.namespaces():
            namespace.refresh()
        return with_live_arrays(self._rebound)

    end = staticmethod(lambda: (write_back(), end_run()))
