"""What an engine's arrays must offer the dress: one method per primitive, and a few questions about a value.

"Raw" values are the engine's own: a JAX tracer, a torch tensor, an autograd box, a node of our tape.
Beside them, every method accepts NumPy arrays and Python numbers as constants, and the raw values of
the traces in `self.accepts` (nesting: an inner trace treats the values of the outer ones as constants).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from diffiface.primitives.custom_call import CustomCall
from diffiface.primitives.definitions import PRIMITIVES


class Primitives:
    """One engine's arrays, as the dress sees them.

    An engine subclasses this and supplies the primitives as attributes named as in `PRIMITIVES`:
    `p.add(a, b)`, `p.sum(x, axis=(0,), keepdims=False)`, `p.getitem(x, index=...)`. A primitive that is
    not supplied raises `UnsupportedOperationError` when it is called.
    """

    engine: str = ""
    """The engine's name, for messages."""

    traced_type: type = type(None)
    """The type of this engine's raw values (a fast first test; `dtype` and `shape` must work on it)."""

    traced_inexact: bool = False
    """Whether values of `traced_type` are always float or complex (booleans and integers are other raw values)."""

    inexact_dtypes: frozenset[Any] = frozenset()
    """The float and complex dtypes as `value.dtype` of a value of `traced_type` tells them: of one in this set it need
    not be asked at every operation whether it has become plain booleans or integers."""

    quick_attributes: bool = False
    """Whether `value.shape` is a tuple, and it and `value.dtype` are quick to ask, for every array this engine works with
    (else the dress calls `shape` and `dtype`, which it does at every operation)."""

    records: bool = False
    """Whether operations are written down to be run again later: constants are then kept as they are, not copied."""

    accepts: tuple[Primitives, ...] = ()
    """The outer traces whose raw values this one can hold as constants, nearest first."""

    composites: ClassVar[dict[str, Callable[..., Any]]] = {}
    """Whole NumPy functions the engine does better than the dress would by primitives: by public name.

    Called as the dress's translation would be, `(p, *raw arrays, **keywords)`; one that returns NotImplemented leaves
    this call to the translation.
    """

    entries: ClassVar[dict[Any, Any]] = {}
    """How each NumPy function called so far is translated for this class of traces. (The dress keeps it here.)"""

    host_call: Callable[..., Any] | None = None
    """`host_call(name, *arguments, **parameters)`: a primitive that the engine lacks, by its NumPy definition and our
    derivative rule (`diffiface.nested_rules`). Without it, such a primitive is refused."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls.entries = {}

    @classmethod
    def supplier(cls, name: str) -> Literal["own", "ours", "nobody"]:
        """Who supplies a primitive on this engine: the engine itself, our fallback, or nobody."""
        if hasattr(cls, name):
            return "own"
        return "nobody" if cls.host_call is None else "ours"

    def __getattr__(self, name: str) -> Any:
        if name in PRIMITIVES:
            if self.host_call is not None:
                return functools.partial(self.host_call, name)
            from diffiface.errors import UnsupportedOperationError

            raise UnsupportedOperationError(f"the primitive {name!r} has no counterpart", engine=self.engine)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    # ---- functions with derivative rules of their own (`diffiface.rules`)

    def custom_call(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Return the values of a function that brings its own derivative rules, to be differentiated by these."""
        from diffiface.errors import UnsupportedOperationError

        raise UnsupportedOperationError(
            f"the custom derivative rule of {call.name} is not supported",
            engine=self.engine,
            fix="use 'forward' or 'reverse', or call a function without a rule",
        )

    def call_out(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Return the values of a Python function called with plain NumPy arrays at run time; without derivative.

        Asked only of engines that write programs down: by `CustomCall.value`.
        """
        return call.on_host(operands)

    def attempt(self, run: Callable[[], Any]) -> Any:
        """Run something that may fail, and raise what it raises; a recorder then forgets what it has written down."""
        return run()

    # ---- questions about a value

    def dtype(self, value: Any) -> np.dtype:
        """The NumPy dtype of any value this engine works with."""
        return np.asarray(value).dtype if not hasattr(value, "dtype") else np.dtype(value.dtype)

    def shape(self, value: Any) -> tuple[int, ...]:
        """The shape of any value this engine works with."""
        try:
            return tuple(value.shape)
        except AttributeError:
            return np.shape(value)

    def rank(self, value: Any) -> int:
        """The number of axes of any value this engine works with."""
        return len(self.shape(value))

    def concrete(self, value: Any) -> Any:
        """The plain number(s) behind a value that carries no derivative, else None.

        Used for `int()`, `float()` and for handing masks and indices to the user as plain NumPy:
        what comes back is a constant, so nothing may be lost by it.
        """
        return value if isinstance(value, (np.ndarray, np.generic)) else None

    def settled(self, value: Any) -> Any:
        """The plain number(s) behind a value that carries no derivative, asked for by `float()`, `int()` or an index.

        As `concrete`, but a recorder may answer for a value that is another in the next call, and guard the answer.
        """
        return self.concrete(value)

    def primal(self, value: Any) -> Any:
        """The plain number(s) behind any value, for `bool()`, comparisons in `if`, and printing.

        None, or the engine's own error, where the value is not known (a function under jit).
        """
        return self.concrete(value)

    def laid_out(self, value: Any) -> np.ndarray | None:
        """A NumPy array laid out in memory as NumPy would lay out this value (None where that is not known).

        An engine whose primals are the arrays that NumPy's own functions returned may give them.
        """
        return value if isinstance(value, np.ndarray) else None

    def lower(self, value: Any) -> Any:
        """The same value as the trace outside this one knows it: without this trace's derivative."""
        return value
