"""One operator of an engine of symbols: run once, or prepared."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from diffiface.captured import Watch, watched
from diffiface.symbolic.algebra import Algebra
from diffiface.symbolic.calls import SymbolicPrimitives
from diffiface.symbolic.programs import Program, is_varying
from diffiface.tracing import current_trace

if TYPE_CHECKING:
    from diffiface.adapter import Cotangents, FlatFunction, Leaves


def run_once(
    algebra: Algebra, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves, seeds: Cotangents | None = None
) -> tuple[Any, ...]:
    """Return what the engine method of an operator returns, f being written down for this call alone."""
    outer = current_trace()
    program = Program(algebra, operator, f, xs, contexts, keep_constants=True)
    if isinstance(outer, SymbolicPrimitives) and type(outer) is program.trace_type:
        return program.applied(outer, xs, seeds)
    run = program.compiled()
    return run(xs, contexts) if seeds is None else run(xs, seeds, contexts)


@dataclass
class _Kept:
    """A program, what runs it, and what it depends on."""

    program: Program
    run: Callable[..., tuple[Any, ...]]
    contexts: Leaves
    """Kept alive: some are known by their identity."""
    watch: Watch | None
    """What f refers to besides its arguments; None: that cannot be watched."""

    @property
    def holds(self) -> bool:
        return self.watch is not None and self.watch.holds()


class PreparedProgram:
    """A prepared operator: the program for each set of constants that it cannot take as inputs.

    Float constants are inputs. Whatever else f is given (integers, masks, text) may decide what it does. Where something
    has changed that f refers to besides (in its closure, a global), the program is written down again; at every call, if
    such changes cannot be noticed.
    """

    def __init__(self, algebra: Algebra, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves):
        self._algebra, self.operator, self._f = algebra, operator, f
        self._lock = threading.Lock()
        self._known: dict[Hashable, _Kept] = {}
        self.program = self._for(xs, contexts).program
        """The first program."""

    def _for(self, xs: Leaves, contexts: Leaves) -> _Kept:
        key = (tuple((x.shape, x.dtype) for x in xs), tuple(map(_key, contexts)))
        found = self._known.get(key)
        if found is None or not found.holds:
            with self._lock:
                found = self._known.get(key)
                if found is None or not found.holds:
                    found = self._known[key] = self._written(xs, contexts)
        return found

    def _written(self, xs: Leaves, contexts: Leaves) -> _Kept:
        watch = watched(self._f)
        program = Program(self._algebra, self.operator, self._f, xs, contexts, keep_constants=False)
        if watch is not None and not watch.holds():
            watch = None  # f itself changes what it refers to
        return _Kept(program, program.compiled(), contexts, watch)

    def __call__(self, xs: Leaves, *rest: Any) -> tuple[Any, ...]:
        return self._for(xs, rest[-1]).run(xs, *rest)

    def explain(self) -> str:
        """Say what runs."""
        count = sum(map(len, self.program.outputs()))
        calls = len(self.program.spelt_out([entry for part in self.program.outputs() for entry in part])[0])
        text = f"{len(self._known)} program(s) of expressions; the first has {len(self.program.inputs)} inputs"
        text += f" and {count} outputs" + (f", with {calls} call(s) of Python functions" if calls else "")
        if any(kept.watch is None for kept in self._known.values()):
            text += "; written down again at every call, since changes of what the function refers to cannot be noticed"
        return text


def _key(context: Any) -> Hashable:
    """What tells a constant from others for which f may have to be written down anew."""
    if is_varying(context):
        return ("float", np.shape(context), getattr(context, "dtype", None))
    if isinstance(context, np.ndarray) and context.dtype.kind in "biu":
        return (context.shape, context.dtype, context.tobytes())
    try:
        hash(context)
    except TypeError:
        return ("identity", id(context))
    return (type(context), context)
