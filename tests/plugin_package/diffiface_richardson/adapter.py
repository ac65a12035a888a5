"""Two engines; like every adapter, it imports `diffiface.adapter` and what it computes with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffiface.adapter import NUMPY, Backend, Mode


@dataclass(frozen=True, repr=False)
class Richardson(Backend):
    """Differences with steps h, h/2, h/4, extrapolated to step 0."""

    name = "richardson"
    mode = Mode.NUMERIC
    exact = False
    traces = False
    complex_inputs = False
    step: float = 2e-2

    def value_and_pushforward(self, f, xs, tangents, contexts):
        # Outputs are numbers of x's precision, but what is in between is differenced in double precision.
        wide = [np.asarray(x, np.float64) for x in xs]
        ys, aux = f(NUMPY, [x.copy() for x in xs], contexts)

        def slopes(b, h):
            ahead, behind = (
                f(NUMPY, [x + s * t[b] for x, t in zip(wide, tangents, strict=True)], contexts)[0] for s in (h, -h)
            )
            return [(np.asarray(p) - np.asarray(m)) / (2 * h) for p, m in zip(ahead, behind, strict=True)]

        def along(b):
            coarse, middle, fine = (slopes(b, self.step / k) for k in (1, 2, 4))
            return [self.extrapolate(*triple) for triple in zip(coarse, middle, fine, strict=True)]

        tys = [np.empty((len(tangents[0]), *np.shape(y)), np.asarray(y).dtype) for y in ys]
        for b in range(len(tangents[0])):
            for ty, slope in zip(tys, along(b), strict=True):
                ty[b] = slope
        return ys, tys, aux

    def extrapolate(self, coarse, middle, fine):
        first, second = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
        return (16 * second - first) / 15

    def error_estimate(self, operator, f, xs, seeds, contexts):
        raise NotImplementedError("not for this operator")


@dataclass(frozen=True, repr=False)
class RichardsonWrong(Richardson):
    """One coefficient is off, so that results are 1 part in 150 too small."""

    name = "richardson_wrong"

    def extrapolate(self, coarse, middle, fine):
        first, second = (4 * middle - coarse) / 3, (4 * fine - middle) / 3
        return (15.9 * second - first) / 15
