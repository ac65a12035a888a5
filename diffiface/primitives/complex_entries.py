"""Complex numbers as entries of an object array: two entries of an engine that knows real ones only.

They arise on the way from real x to real y (a Fourier transform and its modulus). Their functions are made of the
engine's own by the formulas for real and imaginary parts, so that derivatives are those of real functions.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

from diffiface.errors import UnsupportedOperationError
from diffiface.primitives.entry_functions import EntryFunctions

_LARGEST_POWER = 64
"""Up to which whole exponent a power is written out as products."""


class ComplexEntry:
    """A complex number whose parts are entries of the engine."""

    __slots__ = ("imag", "real")

    def __init__(self, real: Any, imag: Any):
        self.real, self.imag = real, imag

    def __neg__(self) -> ComplexEntry:
        return ComplexEntry(-self.real, -self.imag)

    def __add__(self, other: ComplexEntry) -> ComplexEntry:
        return ComplexEntry(self.real + other.real, self.imag + other.imag)

    def __sub__(self, other: ComplexEntry) -> ComplexEntry:
        return ComplexEntry(self.real - other.real, self.imag - other.imag)

    def __mul__(self, other: ComplexEntry) -> ComplexEntry:
        return ComplexEntry(
            self.real * other.real - self.imag * other.imag, self.real * other.imag + self.imag * other.real
        )


class ComplexFunctions:
    """Functions of complex entries, named as those of `EntryFunctions`; all that is missing here is refused."""

    def __init__(self, of_reals: EntryFunctions, engine: str):
        self._real, self._engine = of_reals, engine

    def __getattr__(self, name: str) -> Any:
        raise UnsupportedOperationError(
            f"{name} of complex numbers is not supported",
            engine=self._engine,
            fix="write it with real and imaginary parts, or use 'reverse'",
        )

    # ---- what an entry is

    def constant(self, value: complex) -> ComplexEntry:
        """Return a plain number as an entry."""
        value = complex(value)
        return ComplexEntry(self._real.constant(value.real), self._real.constant(value.imag))

    def of_real(self, entry: Any) -> ComplexEntry:
        """Return a real entry as a complex one."""
        return ComplexEntry(entry, self._real.constant(0.0))

    def select(self, condition: Any, x: ComplexEntry, y: ComplexEntry) -> ComplexEntry:
        select = self._real.select
        return ComplexEntry(select(condition, x.real, y.real), select(condition, x.imag, y.imag))

    def total(self, entries: Any) -> ComplexEntry:
        """Add up entries."""
        total = self._real.total
        return ComplexEntry(total([entry.real for entry in entries]), total([entry.imag for entry in entries]))

    # ---- arithmetic

    negative = staticmethod(operator.neg)
    add = staticmethod(operator.add)
    subtract = staticmethod(operator.sub)
    multiply = staticmethod(operator.mul)

    def square(self, z: ComplexEntry) -> ComplexEntry:
        return z * z

    def reciprocal(self, z: ComplexEntry) -> ComplexEntry:
        divide, size = self._real.divide, self._squared_modulus(z)
        return ComplexEntry(divide(z.real, size), divide(-z.imag, size))

    def divide(self, z: ComplexEntry, w: ComplexEntry) -> ComplexEntry:
        return z * self.reciprocal(w)

    def power(self, z: ComplexEntry, w: ComplexEntry) -> ComplexEntry:
        exponent, imaginary = self._real.known(w.real), self._real.known(w.imag)
        if imaginary == 0 and exponent is not None and exponent == int(exponent) and abs(exponent) <= _LARGEST_POWER:
            product = functools.reduce(operator.mul, [z] * abs(int(exponent)), self.constant(1))
            return self.reciprocal(product) if exponent < 0 else product
        return self.exp(w * self.log(z))

    # ---- parts, which are real entries

    def real(self, z: ComplexEntry) -> Any:
        return z.real

    def imag(self, z: ComplexEntry) -> Any:
        return z.imag

    def conjugate(self, z: ComplexEntry) -> ComplexEntry:
        return ComplexEntry(z.real, -z.imag)

    def absolute(self, z: ComplexEntry) -> Any:
        # Where z is 0 the modulus has no derivative, and everywhere here it is 0 then: sqrt(0) would make it infinite.
        functions, size = self._real, self._squared_modulus(z)
        is_zero = functions.equal(size, functions.constant(0.0))
        root = functions.sqrt(functions.select(is_zero, functions.constant(1.0), size))
        return functions.select(is_zero, functions.constant(0.0), root)

    def _squared_modulus(self, z: ComplexEntry) -> Any:
        return z.real * z.real + z.imag * z.imag

    def equal(self, z: ComplexEntry, w: ComplexEntry) -> Any:
        equal = self._real.equal
        return self._real.logical_and(equal(z.real, w.real), equal(z.imag, w.imag))

    def not_equal(self, z: ComplexEntry, w: ComplexEntry) -> Any:
        return self._real.logical_not(self.equal(z, w))

    # ---- elementary functions

    def exp(self, z: ComplexEntry) -> ComplexEntry:
        functions: Any = self._real
        size = functions.exp(z.real)
        return ComplexEntry(size * functions.cos(z.imag), size * functions.sin(z.imag))

    def log(self, z: ComplexEntry) -> ComplexEntry:
        functions: Any = self._real
        half = functions.constant(0.5)
        return ComplexEntry(half * functions.log(self._squared_modulus(z)), functions.arctan2(z.imag, z.real))

    def sqrt(self, z: ComplexEntry) -> ComplexEntry:
        return self.exp(self.constant(0.5) * self.log(z))

    def sin(self, z: ComplexEntry) -> ComplexEntry:
        f: Any = self._real
        return ComplexEntry(f.sin(z.real) * f.cosh(z.imag), f.cos(z.real) * f.sinh(z.imag))

    def cos(self, z: ComplexEntry) -> ComplexEntry:
        f: Any = self._real
        return ComplexEntry(f.cos(z.real) * f.cosh(z.imag), -f.sin(z.real) * f.sinh(z.imag))

    def sinh(self, z: ComplexEntry) -> ComplexEntry:
        f: Any = self._real
        return ComplexEntry(f.sinh(z.real) * f.cos(z.imag), f.cosh(z.real) * f.sin(z.imag))

    def cosh(self, z: ComplexEntry) -> ComplexEntry:
        f: Any = self._real
        return ComplexEntry(f.cosh(z.real) * f.cos(z.imag), f.sinh(z.real) * f.sin(z.imag))
