"""Python loops over elements against autograd, as ratios in one run: `python benchmarks/element_loops.py`.

autograd has no assignment, so its functions are written with lists, by hand. Its own reverse mode is the rival of
`reverse` (gradients), its own forward mode the rival of `forward` (pushforwards); the last line is the unchanged NumPy
function through our autograd adapter.
"""

# autograd.numpy is filled when it is imported, and autograd's decorators hide signatures from type checkers.
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
from pathlib import Path

import autograd
import autograd.numpy as anp
import numpy as np
from autograd import make_jvp

sys.path.insert(0, str(Path(__file__).resolve().parent))

from interleaved import interleave, print_ratios

import diffiface as di


def autoregression(v):
    y = np.zeros_like(v)
    y[0] = v[0]
    for i in range(1, len(v)):
        y[i] = 0.9 * y[i - 1] + v[i]
    return np.sum(y**2)


def autoregression_by_list(v):
    y = [v[0]]
    for i in range(1, len(v)):
        y.append(0.9 * y[i - 1] + v[i])
    return anp.sum(anp.array(y) ** 2)


def accumulation(v):
    y = np.zeros_like(v)
    for i in range(len(v)):
        y[i] += v[i] * i
    return np.sum(y**2)


def accumulation_by_list(v):
    return anp.sum(anp.array([v[i] * i for i in range(len(v))]) ** 2)


LOOPS = {
    "y[i] = 0.9 * y[i - 1] + v[i]": (autoregression, autoregression_by_list),
    "y[i] += v[i] * i": (accumulation, accumulation_by_list),
}


def main() -> None:
    for n in (100, 300, 1000):
        v = np.random.default_rng(0).standard_normal(n)
        t = np.ones(n)
        for name, (f, by_list) in LOOPS.items():
            gradient_by_list, pushforward_by_list = autograd.grad(by_list), make_jvp(by_list)
            expected = gradient_by_list(v)
            for engine in ("reverse", "forward", "autograd"):
                np.testing.assert_allclose(di.gradient(f, engine, v), expected, rtol=1e-10, atol=1e-12)
            gradients = {
                "reverse": lambda f=f, v=v: di.gradient(f, "reverse", v),
                "forward": lambda f=f, v=v: di.gradient(f, "forward", v),
                "autograd by hand, with lists": lambda v=v, g=gradient_by_list: g(v),
                "autograd, the unchanged function": lambda f=f, v=v: di.gradient(f, "autograd", v),
            }
            print_ratios(f"gradient, {name}, n={n}", interleave(gradients, rounds=9), "autograd by hand, with lists")
            pushforwards = {
                "forward": lambda f=f, v=v, t=t: di.pushforward(f, "forward", v, t),
                "autograd by hand, with lists": lambda v=v, t=t, g=pushforward_by_list: g(v)(t),
            }
            timings = interleave(pushforwards, rounds=9)
            print_ratios(f"pushforward, {name}, n={n}", timings, "autograd by hand, with lists")


if __name__ == "__main__":
    main()
