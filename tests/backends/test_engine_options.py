"""Options of JAX and PyTorch reach through to them: devices, donated memory, torch.compile, checkpointing."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import diffiface as di
from tests.conftest import require

ROOT = Path(__file__).resolve().parents[2]
X = np.array([0.3, -1.2, 2.0])

ON_EIGHT_DEVICES = """
import warnings
import numpy as np, jax, jax.numpy as jnp, diffiface as di

X = np.array([0.3, -1.2, 2.0])
f = lambda x: np.sum(np.sin(x) * np.exp(x))
expected = np.exp(X) * (np.sin(X) + np.cos(X))
third = jax.devices()[3]

where = []

def native(x, w):
    where.append(jax.config.jax_default_device)  # (x itself is a tracer, which is nowhere)
    return jnp.sum(w * jnp.sin(x) * jnp.exp(x))

for jit in (True, False):
    engine = di.backend("jax", device="cpu:3", jit=jit)
    for run in (di.prepare_gradient(f, engine, X).gradient, lambda x: di.gradient(f, engine, x)):
        found = run(X)
        assert type(found) is np.ndarray
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    free = jnp.ones(3, np.float32)  # on no device by anybody's wish
    assert di.prepare_gradient(f, engine, free).gradient(free).devices() == {third}
    put = jax.device_put(free, jax.devices()[5])
    assert di.prepare_gradient(f, engine, put).gradient(put).devices() == {jax.devices()[5]}
    del where[:]
    di.prepare_gradient(native, engine, X, np.ones(3)).gradient(X, np.ones(3))
    assert where and set(where) == {third}, where
    assert jax.config.jax_default_device is None
for wrong in ("cpu:8", "tpu", "", ":1", "cpu:x", 3):
    try:
        di.backend("jax", device=wrong)
    except di.InputError as error:
        assert "there are: cpu:0, cpu:1" in str(error)
    else:
        raise AssertionError(wrong)

engine = di.backend("jax", donate=True)
with warnings.catch_warnings():
    warnings.simplefilter("error")  # JAX warns of memory that it could not use
    for operator in ("gradient", "hvp", "jacobian"):
        with jax.enable_x64(True):
            x, t = jnp.asarray(X), jnp.ones(3)
        g = f if operator != "jacobian" else lambda x: np.outer(np.sin(x), np.exp(x))
        seeds = (t,) if operator == "hvp" else ()
        prep = getattr(di, f"prepare_{operator}")(g, engine, x, *seeds)
        assert not x.is_deleted()
        found = getattr(prep, operator)(x, *seeds)
        np.testing.assert_allclose(np.asarray(found), getattr(di, operator)(g, "reverse", X, *map(np.asarray, seeds)))
        assert x.is_deleted() is (operator != "jacobian"), operator
    prep = di.prepare_gradient(f, engine, X)
    x = X.copy()
    np.testing.assert_allclose(prep.gradient(x), expected, rtol=1e-12)
    np.testing.assert_array_equal(x, X)  # NumPy's memory is never JAX's
print("ok")
"""


def test_devices_and_donation_of_jax():
    require("jax")
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    run = subprocess.run([sys.executable, "-c", ON_EIGHT_DEVICES], env=environment, capture_output=True, text=True)
    assert run.stdout.strip() == "ok", run.stderr[-3000:]


@pytest.mark.parametrize(
    ("engine", "options"),
    [
        ("jax", {"jit": "yes"}),
        ("jax", {"donate": 1}),
        ("jax", {"donate": True, "jit": False}),
        ("torch", {"device": "nowhere"}),
        ("torch", {"device": 3.5}),
        ("torch", {"compile": "gcc"}),
        ("torch", {"compile": 1}),
        ("torch", {"checkpoint": "gpu"}),
        ("torch", {"checkpoint": 1}),
    ],
)
def test_bad_values_are_one_clear_error(engine, options):
    with pytest.raises(di.InputError, match=next(iter(options))):
        di.backend(require(engine), **options)


def test_options_are_values():
    b = di.backend(require("torch"), checkpoint="cpu", device="cpu")
    assert repr(b) == "backend('torch', device='cpu', checkpoint='cpu')"
    assert pickle.loads(pickle.dumps(b)) == b != di.backend("torch") and len({b, di.backend("torch")}) == 2


def wave(x, a=1.0):
    return a * np.sum(np.sin(x) * np.exp(x))


@pytest.fixture
def torch_wave():
    torch = pytest.importorskip("torch")

    def native(x, a=1.0):
        seen.append((type(x), x.device.type))
        return a * torch.sum(torch.sin(x) * torch.exp(x))

    seen = native.__dict__["seen"] = []
    return native


def test_numpy_arrays_go_to_the_device_of_torch(torch_wave):
    # No other device is there, but "meta" has all the shapes of one, and no numbers to hand back.
    for call in (
        lambda b: di.gradient(torch_wave, b, X),
        lambda b: di.prepare_gradient(torch_wave, b, X).gradient(X),
        lambda b: di.hessian(torch_wave, b, X),
    ):
        with pytest.raises(NotImplementedError, match="meta"):
            call(di.backend("torch", device="meta"))
    assert {device for _, device in torch_wave.seen} == {"meta"} and len(torch_wave.seen) == 3
    np.testing.assert_allclose(di.gradient(wave, di.backend("torch", device="cpu"), X), di.gradient(wave, "reverse", X))


@pytest.mark.parametrize("how", [True, "cpu"])
def test_checkpointing_changes_no_result(how, torch_wave):
    b = di.backend("torch", checkpoint=how)
    for f in (wave, torch_wave):
        for operator, seeds in (("gradient", ()), ("hessian", ()), ("hvp", (X,)), ("pushforward", (X,))):
            expected = getattr(di, operator)(wave, "reverse", X, *seeds)
            np.testing.assert_allclose(getattr(di, operator)(f, b, X, *seeds), expected, rtol=1e-12)
            prep = getattr(di, f"prepare_{operator}")(f, b, X, *seeds)
            np.testing.assert_allclose(getattr(prep, operator)(X, *seeds), expected, rtol=1e-12)
    curve = lambda x: np.outer(np.sin(x), x)
    np.testing.assert_allclose(di.jacobian(curve, b, X), di.jacobian(curve, "reverse", X), rtol=1e-12)


def test_checkpointing_runs_f_again_and_keeps_nothing(torch_wave):
    import torch

    kept = []

    def gradient(b):
        kept.clear(), torch_wave.seen.clear()
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
            di.gradient(torch_wave, b, torch.ones(1000, dtype=torch.float64))
        return len(torch_wave.seen), sum(kept)

    runs, entries = gradient("torch")
    assert runs == 1 and entries >= 4000
    runs_again, _ = gradient(di.backend("torch", checkpoint=True))
    assert runs_again == 2


def test_torch_compile_reaches_the_function():
    torch = pytest.importorskip("torch")
    dynamo = pytest.importorskip("torch._dynamo")
    counters = pytest.importorskip("torch._dynamo.utils").counters

    def native(x, w):
        return torch.sum(w * torch.sin(x) * torch.exp(x))

    b = di.backend("torch", compile="aot_eager")  # all of it but the compiler, which takes long
    w = np.array([1.0, 2.0, 3.0])
    dynamo.reset()
    counters.clear()
    prep = di.prepare_gradient(native, b, X, w)
    for x in (X, 2 * X, torch.tensor(X)):
        found = prep.gradient(x, w) if type(x) is np.ndarray else di.prepare_gradient(native, b, x, w).gradient(x, w)
        np.testing.assert_allclose(found, di.gradient(native, "torch", x, w), rtol=1e-12)
    assert counters["stats"]["unique_graphs"] >= 1
    assert counters["stats"]["calls_captured"] >= 4  # sin, exp, two products, the sum
    dynamo.reset()
    with pytest.raises(di.UnsupportedOperationError, match="twice"):
        di.prepare_hessian(native, b, X, w)
    with pytest.raises(di.UnsupportedOperationError, match="written in NumPy"):
        di.prepare_gradient(wave, b, X)
    np.testing.assert_allclose(di.gradient(native, b, X, w), di.gradient(native, "torch", X, w))  # not prepared
