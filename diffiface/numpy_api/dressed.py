"""What `Array` and `Scalar` share: a raw value and its trace, plain numbers asked of it, printing and copying."""

from __future__ import annotations

import operator
from typing import Any, NoReturn

import numpy as np

from diffiface.errors import DiffifaceError, TracedValueError, UnsupportedOperationError, user_line
from diffiface.numpy_api.table import REFUSED_METHODS
from diffiface.primitives import NUMPY, Primitives

PLAIN_NUMBER_FIX = (
    "f reached code that cannot be redirected (a library, C code, an array made outside f): use np.* functions there, "
    "write into arrays made inside f (np.zeros(n), np.array(a) for a copy), or make them with np.zeros_like(x)"
)
WHOLE_NUMBER_FIX = (
    "a count or an index has no derivative: compute it outside f and pass it as a further argument, or use np.* "
    "functions, such as np.floor(x), where its value is meant"
)
LIVE_VALUE_FIX = (
    "write np.where for a choice between values, or let f run eagerly: turn compilation off where the backend has the "
    "option (jit=False, compile=False), or use another engine ('reverse', 'forward'). If the value is that of data only "
    "(a mask, labels), let f find the data in its closure (functools.partial) instead of passing them as arguments"
)
_NDARRAY_ATTRIBUTES = frozenset(name for name in dir(np.ndarray) if not name.startswith("_"))


class Dressed:
    """A raw value of an engine and the trace it belongs to."""

    __slots__ = ("_p", "_value")

    __array_priority__ = 1e6
    _root: Any = None
    _value: Any
    _p: Primitives

    __hash__ = object.__hash__

    def __init__(self, value: Any, p: Primitives):
        self._value = value
        self._p = p

    def _read(self) -> Any:
        """The raw value, after any write to the array that this is a view of."""
        return self._value

    # ---- what it looks like

    @property
    def shape(self) -> tuple[int, ...]:
        value = self._read()
        return tuple(self._p.shape(value))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        value = self._read()
        return self._p.dtype(value)

    @property
    def size(self) -> int:
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    def __getattr__(self, name: str) -> Any:
        if name in _NDARRAY_ATTRIBUTES:
            if self._p is NUMPY:  # plain numbers, in a copy that refuses to be written through
                plain = np.array(self._read())
                plain.flags.writeable = False
                return getattr(plain, name)
            reason, fix = REFUSED_METHODS.get(name, ("it is not translated", "write it with other NumPy functions"))
            raise UnsupportedOperationError(
                f"ndarray.{name} of a value that is being differentiated is refused: {reason}",
                engine=self._p.engine,
                where=user_line(),
                fix=fix,
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # ---- plain numbers

    def _constant(self, asked: str, fix: str = PLAIN_NUMBER_FIX) -> Any:
        """The plain number(s) of a value without derivative; an error for any other."""
        value = self._read()
        constant = self._p.settled(value)
        if constant is None:
            if self.dtype.kind in "biu":
                return known(self._p, value, asked)
            raise TracedValueError(
                f"{asked} asks for the plain number behind a value that is being differentiated, "
                "which would lose the derivative",
                engine=self._p.engine,
                where=user_line(),
                fix=fix,
            )
        return constant

    def __float__(self) -> float:
        return float(self._constant("float() (or math.*, or storing it in a plain NumPy array)"))

    def __int__(self) -> int:
        return int(self._constant("int()", WHOLE_NUMBER_FIX))

    def __complex__(self) -> complex:
        return complex(self._constant("complex()"))

    def __index__(self) -> int:
        return operator.index(self._constant("using it as an index or a count", WHOLE_NUMBER_FIX))

    def __bool__(self) -> bool:
        value = self._read()
        return bool(known(self._p, value, "the truth of a condition (if, while, and, or, not)"))

    # ---- printing and copying

    def _printable(self) -> Any:
        try:
            value = self._read()
            return self._p.primal(value)
        except Exception:  # whatever an engine says when it does not know the value: printing must never fail
            return None

    def __repr__(self) -> str:
        primal = self._printable()
        text = f"shape={self.shape}, dtype={self.dtype}" if primal is None else str(np.asarray(primal))
        return f"{type(self).__name__}({text}, traced by {self._p.engine!r})"

    def __str__(self) -> str:
        primal = self._printable()
        return repr(self) if primal is None else str(np.asarray(primal)[()])

    def __format__(self, spec: str) -> str:
        primal = self._printable()
        return repr(self) if primal is None else format(np.asarray(primal)[()], spec)

    def __copy__(self) -> Any:
        value = self._read()
        return type(self)(value, self._p)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise TracedValueError(
            "a value that is being differentiated cannot be pickled",
            engine=self._p.engine,
            where=user_line(),
            fix="pickle the results of the derivative, outside the function",
        )


def known(p: Primitives, value: Any, asked: str) -> Any:
    """Return the plain number(s) behind a raw value, to decide something by; an error where they are not known."""
    if isinstance(value, (bool, int, float, complex, np.ndarray, np.generic)):
        return np.asarray(value)
    cause: Exception | None = None
    try:
        primal = p.primal(value)
        if primal is not None:
            return np.asarray(primal)
    except DiffifaceError:
        raise
    except Exception as error:  # each engine has its own class for this
        cause = error
    raise TracedValueError(
        f"{asked} needs a value that is not known while the function is traced for compilation (jit)",
        engine=p.engine,
        where=user_line(),
        fix=LIVE_VALUE_FIX,
    ) from cause
