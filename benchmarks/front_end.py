"""What the front end and the eager engines cost, as ratios in one run: `python benchmarks/front_end.py`.

1. `reverse` (eager) against autograd: value and gradient of three unchanged NumPy functions.
2. Prepared `jax`, NumPy in to NumPy out, against a hand-written `jit(value_and_grad)` doing the same conversions.
3. Prepared `torch` on a native torch function against a hand-written `backward()`.
4. A prepared bound call of an engine that does nothing: the front end's own cost.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from interleaved import interleave, print_ratios
from workloads import WORKLOADS

import diffiface as di
from diffiface.adapter import Backend, Mode


def reverse_against_autograd() -> None:
    import autograd
    import autograd.numpy as anp

    for name, (make, inputs) in WORKLOADS.items():
        f, args = make(np), inputs()
        eager = di.backend("reverse", compile=False)
        prep, recorded = di.prepare_gradient(f, eager, *args), di.prepare_gradient(f, "reverse", *args)
        rival = autograd.value_and_grad(make(anp))
        np.testing.assert_allclose(prep.gradient(*args), rival(*args)[1], rtol=1e-10, atol=1e-12)
        timings = interleave(
            {
                "reverse eager, prepared": lambda args=args, prep=prep: prep.value_and_gradient(*args),
                "reverse recorded, prepared": lambda args=args, prep=recorded: prep.value_and_gradient(*args),
                "reverse, unprepared": lambda args=args, f=f: di.value_and_gradient(f, "reverse", *args),
                "autograd by hand": lambda args=args, rival=rival: rival(*args),
                "f alone": lambda args=args, f=f: f(*args),
            }
        )
        print_ratios(f"value and gradient, {name} (asked: autograd at least 2.00)", timings, "reverse eager, prepared")


def prepared_jax_against_jit() -> None:
    import jax
    import jax.numpy as jnp

    # For both: with JAX's own dispatch thread, what is measured is how soon the machine wakes it, not either contender.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    for name, (make, inputs) in WORKLOADS.items():
        f, args = make(np), inputs()
        prep = di.prepare_gradient(f, "jax", *args)
        jitted = jax.jit(jax.value_and_grad(make(jnp)))

        def by_hand(args=args, jitted=jitted):
            with jax.enable_x64(True):
                y, g = jitted(*args)
                return np.array(y)[()], np.array(g)

        np.testing.assert_allclose(prep.gradient(*args), by_hand()[1], rtol=1e-10, atol=1e-12)
        timings = interleave(
            {"by hand": by_hand, "jax, prepared": lambda args=args, prep=prep: prep.value_and_gradient(*args)}
        )
        print_ratios(f"jit(value_and_grad), {name} (asked: prepared at most 1.15)", timings, "by hand")


def prepared_torch_against_backward() -> None:
    import torch

    torch.set_num_threads(1)
    for name, (make, inputs) in WORKLOADS.items():
        f = make(torch)
        x, *data = (torch.from_numpy(np.array(a)) for a in inputs())
        prep = di.prepare_gradient(f, "torch", x, *data)

        def by_hand(f=f, x=x, data=data):
            t = x.detach().requires_grad_()
            y = f(t, *data)
            y.backward()
            return y.detach(), t.grad

        torch.testing.assert_close(prep.gradient(x, *data), by_hand()[1])
        timings = interleave(
            {
                "by hand": by_hand,
                "torch, prepared": lambda x=x, data=data, prep=prep: prep.value_and_gradient(x, *data),
            }
        )
        print_ratios(f"backward(), tensors in and out, {name} (asked: prepared at most 1.15)", timings, "by hand")


_ZERO = (np.float64(0.0), (np.zeros(3),), None)


@dataclass(frozen=True, repr=False)
class Zero(Backend):
    """An engine that does nothing, so that what remains is the front end."""

    name = "zero"
    mode = Mode.REVERSE
    traces = False

    def value_and_gradient(self, f, xs, contexts):
        return _ZERO


def front_end_alone() -> None:
    make, inputs = WORKLOADS["logit n=500 k=3"]
    f, args = make(np), inputs()
    zero = Zero()
    prep = di.prepare_gradient(f, zero, *args)
    b, y, X = args
    timings = interleave(
        {
            "engine called directly": lambda: zero.value_and_gradient(f, (b,), (y, X)),
            "prep.gradient(b, y, X)": lambda: prep.gradient(b, y, X),
            "prep.value_and_gradient(b, y, X)": lambda: prep.value_and_gradient(b, y, X),
            "gradient(..., prep=prep)": lambda: di.gradient(f, zero, b, y, X, prep=prep),
        }
    )
    print_ratios(
        "the front end alone, x and two constants (asked: bound call at most 1 us)", timings, "engine called directly"
    )


if __name__ == "__main__":
    front_end_alone()
    reverse_against_autograd()
    prepared_torch_against_backward()
    prepared_jax_against_jit()
