"""A module of a user's: functions and classes that need rebinding, reached from another module."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass
from math import exp

import numpy as np

calls = 0


def fill(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i] = x[i] ** 2
    return y


def calls_next(x):
    return fill(x)


def exponential(t):
    return exp(t)


def counted(x):
    global calls
    calls += 1
    return fill(x)


@contextlib.contextmanager
def buffer(n):
    yield np.zeros(n)


@functools.lru_cache
def weights(n):
    return np.ones(n)


@functools.lru_cache
def legendre(n, t):
    if n < 2:
        return float(t) if n else 1.0
    return ((2 * n - 1) * t * legendre(n - 1, t) - (n - 1) * legendre(n - 2, t)) / n


class Base:
    def squares(self, x):
        y = np.empty(len(x))
        y[:] = x**2
        return y


class Model(Base):
    factor = 3.0

    def __init__(self, power=2):
        self.power, self.runs = power, 0

    def squares(self, x):
        return super().squares(x) * self.factor

    @property
    def empty(self):
        return np.zeros(3)

    @staticmethod
    def filled(x):
        return fill(x)

    @classmethod
    def tripled(cls, x):
        return cls.factor * cls.filled(x)

    def loss(self, x):
        self.runs += 1
        y = self.empty
        y[:] = self.squares(x)
        return np.sum(y)

    def __call__(self, x):
        return self.loss(x)

    def __getitem__(self, i):
        return np.zeros(i)


@dataclass
class Parts:
    scale: float
    inner: Model

    def loss(self, x):
        return self.scale * self.inner.loss(x)


@dataclass(frozen=True)
class Frozen:
    scale: float

    def loss(self, x):
        y = np.zeros(3)
        y += self.scale * x**2
        return np.sum(y)


@dataclass(slots=True)
class Slotted:
    scale: float
    runs: int = 0

    def filled(self, x):
        return fill(x)

    def loss(self, x):
        self.runs += 1
        return self.scale * np.sum(self.filled(x))


model = Model()
