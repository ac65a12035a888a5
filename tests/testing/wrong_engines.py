"""A sound engine, and one for each way of being wrong: what the testing kit must catch."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import diffiface as di
from diffiface.adapter import Backend, Mode

_FORWARD = di.backend("forward", compile=False)
gradient_by_forward = _FORWARD.method("gradient")
jacobian_by_forward = _FORWARD.method("jacobian")
hessian_by_forward = _FORWARD.method("hessian")


@dataclass(frozen=True, repr=False)
class Sound(Backend):
    """Hands everything to `forward`; the wrong ones change a little of it."""

    name = "sound"
    mode = Mode.FORWARD
    nests = "in any engine"

    def value_and_pushforward(self, f, xs, tangents, contexts):
        ys, tys, aux = _FORWARD.value_and_pushforward(f, xs, tangents, contexts)
        return ys, [self.spoil(ty) if isinstance(ty, np.ndarray) else ty for ty in tys], aux

    def spoil(self, derivative: np.ndarray) -> Any:
        return derivative


def wrong(cls: type) -> type:
    """Make it a dataclass like every engine, and an item of the list below."""
    cls = dataclass(frozen=True, repr=False)(cls)
    WRONG[cls.name] = cls
    return cls


WRONG: dict[str, type[Backend]] = {}


# ---- values


@wrong
class Zero(Sound):
    name = "zero"

    def spoil(self, derivative):
        return 0 * derivative


@wrong
class Off(Sound):
    name = "1.001"

    def spoil(self, derivative):
        return 1.001 * derivative


@wrong
class WrongSign(Sound):
    """Of one entry, the last of the last tangent."""

    name = "wrong sign"

    def spoil(self, derivative):
        derivative = derivative.copy()
        derivative.flat[-1] *= -1
        return derivative


@wrong
class NotANumber(Sound):
    name = "nan"

    def spoil(self, derivative):
        return np.where(np.arange(derivative.size).reshape(derivative.shape) == 0, np.nan, derivative)


@wrong
class WrongValue(Sound):
    name = "wrong value"

    def value_and_pushforward(self, f, xs, tangents, contexts):
        ys, tys, aux = super().value_and_pushforward(f, xs, tangents, contexts)
        return [1.0001 * y if isinstance(y, np.ndarray) else y for y in ys], tys, aux


@wrong
class FirstOfBatch(Sound):
    """Answers every tangent of a batch with the result of the first."""

    name = "first of batch"

    def spoil(self, derivative):
        return np.broadcast_to(derivative[:1], derivative.shape).copy()


# ---- kinds


@wrong
class Narrow(Sound):
    name = "float32"

    def spoil(self, derivative):
        return derivative.astype(np.float32)


@wrong
class Wide(Sound):
    name = "float64"

    def value_and_gradient(self, f, xs, contexts):
        y, gradients, aux = gradient_by_forward(f, xs, contexts)
        return y, [g.astype(np.float64) for g in gradients], aux


@wrong
class ExtraAxis(Sound):
    name = "extra axis"

    def spoil(self, derivative):
        return derivative[..., None]


# ---- memory


@wrong
class ChangesX(Sound):
    name = "changes x"

    def value_and_pushforward(self, f, xs, tangents, contexts):
        results = super().value_and_pushforward(f, xs, tangents, contexts)
        if isinstance(xs[0], np.ndarray):
            xs[0][...] += 1
        return results


@wrong
class ChangesConstants(Sound):
    name = "changes constants"

    def value_and_pushforward(self, f, xs, tangents, contexts):
        results = super().value_and_pushforward(f, xs, tangents, contexts)
        for context in contexts:
            if isinstance(context, np.ndarray):
                context[...] = 0
        return results


class _OwnGradient(Sound):
    """Supplies the gradient itself, whose arrays reach the caller as they are."""

    def value_and_gradient(self, f, xs, contexts):
        y, gradients, aux = gradient_by_forward(f, xs, contexts)
        return y, [self.hand_out(g, x) for g, x in zip(gradients, xs, strict=True)], aux

    def hand_out(self, gradient: np.ndarray, x: np.ndarray) -> np.ndarray:
        return gradient


@wrong
class ReadOnly(_OwnGradient):
    name = "read-only"

    def hand_out(self, gradient, x):
        gradient.flags.writeable = False
        return gradient


@wrong
class FortranOrder(_OwnGradient):
    name = "Fortran order"

    def hand_out(self, gradient, x):
        return np.asfortranarray(gradient)


_BUFFERS: dict[Any, np.ndarray] = {}


@wrong
class OneBuffer(_OwnGradient):
    """Returns one and the same array every time."""

    name = "one buffer"

    def hand_out(self, gradient, x):
        buffer = _BUFFERS.setdefault((threading.get_ident(), gradient.shape, gradient.dtype), np.empty_like(gradient))
        buffer[...] = gradient
        return buffer


# ---- preparation


@wrong
class StalePreparation(Sound):
    """Computes at the values it was prepared for."""

    name = "stale preparation"

    def prepare(self, operator, f, xs, contexts):
        if operator != "gradient":
            return None
        kept = tuple(x.copy() for x in xs)
        return lambda _, contexts: gradient_by_forward(f, kept, contexts)


@wrong
class StaleConstants(Sound):
    """Has the constants that it was prepared with compiled in."""

    name = "stale constants"

    def prepare(self, operator, f, xs, contexts):
        if operator != "gradient":
            return None
        return lambda xs, _: gradient_by_forward(f, xs, contexts)


@wrong
class FirstResultForEver(Sound):
    """A preparation that remembers its first result."""

    name = "first result for ever"

    def prepare(self, operator, f, xs, contexts):
        if operator != "gradient":
            return None
        memory: list[Any] = []

        def run(xs, contexts):
            if not memory:
                memory.append(gradient_by_forward(f, xs, contexts))
            y, gradients, aux = memory[0]
            return y, [g.copy() for g in gradients], aux

        return run


# ---- use


@wrong
class ThreadUnsafe(Sound):
    """Keeps its input in one place for all threads."""

    name = "thread-unsafe"

    def prepare(self, operator, f, xs, contexts):
        if operator != "gradient":
            return None
        place = {}

        def run(xs, contexts):
            place["xs"] = xs
            time.sleep(0.002)
            return gradient_by_forward(f, place["xs"], contexts)

        return run


_runs = iter(range(10**9))


@wrong
class EverMoreCalls(Sound):
    """Calls f once more with every run."""

    name = "ever more calls"

    def value_and_pushforward(self, f, xs, tangents, contexts):
        for _ in range(next(_runs)):
            super().value_and_pushforward(f, xs, tangents, contexts)
        return super().value_and_pushforward(f, xs, tangents, contexts)


@wrong
class ChangesSettings(Sound):
    """Draws from the caller's random numbers."""

    name = "changes settings"

    def spoil(self, derivative):
        np.random.random()
        return derivative


@wrong
class Unpicklable(Sound):
    name = "unpicklable"
    hook: Any = field(default_factory=lambda: _local_function())


def _local_function():
    return lambda: None


@wrong
class AnotherWhenUnpickled(Sound):
    name = "another when unpickled"
    number: int = 0

    def __reduce__(self):
        return AnotherWhenUnpickled, (self.number + 1,)


@wrong
class UnreadableRepr(Sound):
    name = "unreadable repr"

    def __repr__(self):
        return "backend('forward')"


@wrong
class Fails(Sound):
    name = "fails"

    def value_and_pushforward(self, f, xs, tangents, contexts):
        raise ArithmeticError("it gave up\nin two lines")


@wrong
class ClaimsTooMuch(Sound):
    """Says by its class that it can, and then refuses."""

    name = "claims too much"

    def value_and_pushforward(self, f, xs, tangents, contexts):
        raise di.UnsupportedOperationError("not today", engine=self.name)
