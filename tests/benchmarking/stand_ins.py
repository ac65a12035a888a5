"""Engines for testing the runner: a right one, and ones that fail in every way an engine can."""

from __future__ import annotations

import ctypes
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from diffiface.adapter import NUMPY, Backend, FlatFunction, Leaves, UnsupportedOperationError


def cubes(x):
    """A function whose gradient the stand-ins know."""
    return np.sum(x**3)


def make_cubes(n):
    return cubes, np.linspace(1.0, 2.0, n)


@dataclass(frozen=True, repr=False)
class Right(Backend):
    """Knows the gradient of `cubes`, and evaluates f once for it."""

    name = "right"
    traces = False

    at: int = 1
    """In which run the misbehaviour of those below begins."""
    runs: ClassVar[list[int]] = [0]

    def misbehave(self, gradient: np.ndarray) -> np.ndarray:
        return gradient

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        ys, aux = f(NUMPY, xs, contexts)
        self.runs[0] += 1
        gradient = 3 * np.asarray(xs[0]) ** 2
        return ys[0], [self.misbehave(gradient) if self.runs[0] >= self.at else gradient], aux

    def value_and_pullback(self, f, xs, cotangents, contexts):
        raise UnsupportedOperationError("only gradients", engine=self.name)


class Segfaulting(Right):
    name = "segfaulting"

    def misbehave(self, gradient):
        ctypes.string_at(0)
        return gradient


class Exiting(Right):
    name = "exiting"

    def misbehave(self, gradient):
        os._exit(3)


class Hanging(Right):
    """Never comes back, and holds the interpreter lock most of the time."""

    name = "hanging"

    def misbehave(self, gradient):
        while True:
            sum(range(10_000))


class Eating(Right):
    """Takes memory until there is none."""

    name = "eating"

    def misbehave(self, gradient):
        eaten = []
        while True:
            eaten.append(np.ones(2**21))  # 16 MiB, written to


class Raising(Right):
    name = "raising"

    def misbehave(self, gradient):
        raise RuntimeError("out of luck\nand a second line")


class Unsupporting(Right):
    name = "unsupporting"

    def misbehave(self, gradient):
        raise UnsupportedOperationError("not today", engine=self.name)


class Off(Right):
    """A thousandth too much."""

    name = "off"

    def misbehave(self, gradient):
        return gradient * 1.001


class Printing(Right):
    """Prints while it runs."""

    name = "printing"

    def misbehave(self, gradient):
        print("on standard output")
        os.write(1, b"and below Python\n")
        return gradient


class Slow(Right):
    """Takes 0.05 s a run."""

    name = "slow"

    def misbehave(self, gradient):
        time.sleep(0.05)
        return gradient


class SlowForLarge(Right):
    """Takes longer than any test waits where x has more than 10 entries."""

    name = "slow for large"

    def misbehave(self, gradient):
        if gradient.size > 10:
            time.sleep(1e6)
        return gradient


@dataclass(frozen=True, repr=False)
class Logging(Right):
    """Writes down when each of its runs began and ended."""

    name = "logging"
    log: str = ""

    def misbehave(self, gradient):
        start = time.monotonic()
        time.sleep(0.002)
        with Path(self.log).open("a") as file:
            file.write(f"{self.chunk_size} {start} {time.monotonic()}\n")
        return gradient
