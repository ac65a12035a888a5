"""Arrays stay where they are: sharded JAX arrays, torch devices, no copies to the host in between."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import diffiface as di
from tests.conftest import require

ROOT = Path(__file__).resolve().parents[2]

SHARDED = """
import numpy as np, jax, diffiface as di
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P

assert len(jax.devices()) == 8
mesh = Mesh(np.array(jax.devices()), ("data",))
rows = NamedSharding(mesh, P("data"))
everywhere = NamedSharding(mesh, P())

def f(x):
    return np.sum(np.sin(x) ** 2)

def loglike(b, X, y):
    z = X @ b
    return np.sum(np.where(y, z, 0.0) - np.logaddexp(0.0, z))

rng = np.random.default_rng(0)
X, y, b = rng.normal(size=(64, 3)), rng.random(64) < 0.5, np.array([0.1, -0.2, 0.3])
with jax.enable_x64(True):
    x = jax.device_put(np.arange(16.0), rows)
    Xs, ys, bs = jax.device_put(X, rows), jax.device_put(y, rows), jax.device_put(b, everywhere)

for jit in (True, False):
    engine = di.backend("jax", jit=jit)
    g = di.prepare_gradient(f, engine, x).gradient(x)
    assert g.dtype == np.float64 and g.sharding.is_equivalent_to(rows, 1), g.sharding
    np.testing.assert_allclose(np.asarray(g), np.sin(2 * np.arange(16.0)), rtol=1e-12)
    h = di.prepare_hvp(f, engine, x, x).hvp(x, x)
    assert h.sharding.is_equivalent_to(rows, 1), h.sharding
    np.testing.assert_allclose(np.asarray(h), 2 * np.cos(2 * np.arange(16.0)) * np.arange(16.0), rtol=1e-12)

    prep = di.prepare_gradient(loglike, engine, bs, Xs, ys)
    value, gradient = prep.value_and_gradient(bs, Xs, ys)
    np.testing.assert_allclose(np.asarray(gradient), X.T @ (y - 1 / (1 + np.exp(-X @ b))), rtol=1e-12)
    assert len(gradient.sharding.device_set) == 8

# Sharded in, sharded out, and nothing crosses to the host on the way.
prep = di.prepare_gradient(f, "jax", x)
prep.gradient(x)
with jax.transfer_guard("disallow"):
    prep.gradient(x)
    prep.value_and_gradient(x)
print("ok")
"""


def test_sharded_jax_arrays_keep_their_sharding():
    require("jax")
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    run = subprocess.run([sys.executable, "-c", SHARDED], env=environment, capture_output=True, text=True)
    assert run.stdout.strip() == "ok", run.stderr[-3000:]


def test_jax_arrays_are_not_copied_to_the_host():
    require("jax")
    import jax

    def f(x, w):
        return np.sum(w * np.exp(np.sin(x)))

    with jax.enable_x64(True):
        x, w = jax.numpy.arange(4.0), jax.numpy.ones(4)
    preps = di.prepare_gradient(f, "jax", x, w), di.prepare_hvp(f, "jax", x, x, w), di.prepare_hessian(f, "jax", x, w)
    calls = (
        lambda: preps[0].value_and_gradient(x, w),
        lambda: preps[1].hvp(x, x, w),
        lambda: preps[2].hessian(x, w),
    )
    for call in calls:
        call()  # compiles, which moves constants to the device
    # (On a CPU the guard sees what enters the device from the host; leaving it is not a transfer there.)
    with jax.transfer_guard("disallow"):
        for call in calls:
            results = call()
            for result in results if isinstance(results, tuple) else (results,):
                assert isinstance(result, jax.Array) and result.dtype == np.float64


def devices_of_torch():
    try:
        import torch
    except ImportError:
        return ["cpu"]
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_torch_tensors_keep_their_device(device: str):
    require("torch")
    import torch

    if device not in devices_of_torch():
        pytest.skip("this machine has no CUDA device")
    x = torch.arange(4.0, dtype=torch.float64, device=device)

    def f(x):
        return np.sum(np.sin(x) ** 2)

    for result in (
        di.gradient(f, "torch", x),
        di.hvp(f, "torch", x, x),
        di.prepare_gradient(f, "torch", x).gradient(x),
    ):
        assert isinstance(result, torch.Tensor) and result.device == x.device and result.dtype == torch.float64
    np.testing.assert_allclose(di.gradient(f, "torch", x).cpu().numpy(), np.sin(2 * np.arange(4.0)), rtol=1e-12)


def test_torch_does_not_touch_the_host():
    """On the "meta" device there are no numbers: whatever reads one, or computes on the CPU, raises."""
    require("torch")
    import torch

    x = torch.empty(4, dtype=torch.float64, device="meta")
    for result in (
        di.gradient(lambda x: np.sum(np.sin(x) ** 2), "torch", x),
        di.jacobian(lambda x: np.cumsum(x) * x, "torch", x),
    ):
        assert result.device.type == "meta"


def test_jax_on_a_gpu_keeps_its_device():
    require("jax")
    import jax

    if jax.default_backend() == "cpu":
        pytest.skip("this machine has no accelerator that JAX can use")
    x = jax.numpy.arange(4.0)
    prep = di.prepare_gradient(lambda x: np.sum(np.sin(x)), "jax", x)
    prep.gradient(x)
    with jax.transfer_guard("disallow"):
        assert prep.gradient(x).devices() == x.devices()
