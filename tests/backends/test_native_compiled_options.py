"""Around the kernels: what is left out when nobody looks at it, memory used again, code kept on disk, strictness, the lock."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import diffiface as di
from tests.backends.test_native_compiled_random import compare

pytest.importorskip("llvmlite")

from diffiface_native.compiled import object_cache

EAGER = di.backend("reverse", compile=False)


def smooth(x: Any) -> Any:
    return np.sum(np.tanh(x) * np.exp(-x * x)) + np.sum(np.sin(x)) ** 2


# ---- what a caller does not look at


@pytest.mark.parametrize("n", [3, 500])
def test_every_variant_gives_its_own_results(n: int):
    x, ct = np.linspace(-1, 2, n), np.cos(np.arange(n))

    def f(x: Any) -> Any:
        return np.exp(np.sin(x)) * x if x[0] < 0 else np.log1p(x * x)

    prep: Any = di.prepare_pullback(f, "reverse", x, ct)
    for point in (x, -x, x):  # the second point is recorded anew
        y, g = di.value_and_pullback(f, EAGER, point, ct)
        np.testing.assert_allclose(prep.pullback(point, ct), g, rtol=1e-12, atol=1e-13)
        found = prep.value_and_pullback(point, ct)
        np.testing.assert_allclose(found[0], y, rtol=1e-12)
        np.testing.assert_allclose(found[1], g, rtol=1e-12, atol=1e-13)
    gradient: Any = di.prepare_gradient(smooth, "reverse", x)
    for point in (x, 2 * x):
        value, g = di.value_and_gradient(smooth, EAGER, point)
        np.testing.assert_allclose(gradient.gradient(point), g, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(gradient.value_and_gradient(point)[0], value, rtol=1e-12)
        np.testing.assert_allclose(gradient.value_and_gradient(point)[1], g, rtol=1e-12, atol=1e-12)


def test_a_closure_that_changes_is_noticed_by_every_variant():
    scale = 1.0

    def f(x: Any) -> Any:
        return scale * np.sum(np.exp(x))

    x = np.zeros(400)
    prep: Any = di.prepare_gradient(f, "reverse", x)
    np.testing.assert_array_equal(prep.gradient(x), np.ones(400))
    scale = 3.0
    np.testing.assert_array_equal(prep.gradient(x), np.full(400, 3.0))
    assert prep.value_and_gradient(x)[0] == 1200.0


# ---- results


def test_a_large_result_that_is_kept_is_not_written_again():
    prep: Any = di.prepare_gradient(smooth, "reverse", np.ones(20_000))
    points = [np.full(20_000, 0.1 * k) for k in range(4)]
    results = [prep.gradient(x) for x in points]
    kept = [g[:10].copy() for g in results]
    views = [g[5:] for g in results]
    del results
    for x in points:
        prep.gradient(x)
    for view, copy in zip(views, kept, strict=True):
        np.testing.assert_array_equal(view[:5], copy[5:])


def test_a_dropped_result_that_was_changed_is_not_used_again():
    x = np.linspace(0, 1, 20_000)
    prep: Any = di.prepare_gradient(smooth, "reverse", x)
    wanted = prep.gradient(x).copy()

    def read_only(g: np.ndarray) -> None:
        g.flags.writeable = False

    def reshaped(g: np.ndarray) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy advises against it
            g.shape = (100, 200)

    def filled(g: np.ndarray) -> None:
        g[:] = np.nan

    for change in (read_only, reshaped, filled):
        g = prep.gradient(x)
        change(g)
        del g
        found = prep.gradient(x)
        np.testing.assert_array_equal(found, wanted)
        assert found.flags.writeable


# ---- code on disk

PROGRAM = """
import numpy as np, diffiface as di
def f(x): return np.sum(np.exp(np.sin(x[1:])) * x[:-1])
print(di.prepare_gradient(f, "reverse", np.ones(9)).gradient(np.linspace(0, 1, 9)).tobytes().hex())
"""


def started(directory: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, object_cache.VARIABLE: str(directory), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def printed(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate()
    assert process.returncode == 0 and errors == "", errors
    return output


def run_with_cache(directory: Path) -> str:
    return printed(started(directory))


def test_code_on_disk_is_used_by_other_processes_and_may_be_damaged(tmp_path: Path):
    directory = tmp_path / "code"
    first, other = map(printed, [started(directory), started(directory)])  # (both write)
    assert first == other
    files = sorted(directory.iterdir())
    assert {file.suffix for file in files} == {".o", ".program"}
    before = {file.name: file.stat().st_mtime_ns for file in files}
    assert run_with_cache(directory) == first
    assert {file.name: file.stat().st_mtime_ns for file in sorted(directory.iterdir())} == before, (
        "nothing is written again"
    )
    for file, damage in zip(files, [b"", files[0].read_bytes()[:-7], b"x" * 500], strict=False):
        file.write_bytes(damage)
    assert run_with_cache(directory) == first
    assert sorted(file.name for file in directory.iterdir()) == sorted(before)


def test_the_cache_reads_what_it_wrote_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(object_cache.VARIABLE, str(tmp_path))
    compiled: list[str] = []

    def code(text: str) -> bytes:
        compiled.append(text)
        return hashlib.sha256(text.encode()).digest()

    for text, environment in [("a", "x"), ("a", "x"), ("a", "y"), ("b", "x"), ("a", "x")]:
        assert (
            object_cache.cached(text, environment, lambda text=text: code(text))[0]
            == hashlib.sha256(text.encode()).digest()
        )
    assert compiled == ["a", "a", "b"]
    for file in tmp_path.iterdir():
        damaged = bytearray(file.read_bytes())
        damaged[-1] ^= 1
        file.write_bytes(damaged)
    object_cache.cached("a", "x", lambda: code("a"))
    assert compiled == ["a", "a", "b", "a"]


def test_a_directory_that_cannot_be_written_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    taken = tmp_path / "file"
    taken.write_text("")
    monkeypatch.setenv(object_cache.VARIABLE, str(taken))
    with pytest.warns(RuntimeWarning, match=object_cache.VARIABLE):
        assert object_cache.cached("a", "x", lambda: b"code")[0] == b"code"


# ---- strict


def test_strict_gives_numpys_numbers_to_the_last_bit():
    strict = di.backend("reverse", compile=True, strict=True)
    x = np.random.default_rng(0).standard_normal(1003)

    def f(x: Any) -> Any:
        p = 1 / (1 + np.exp(-x))
        return np.sum(np.log(p) * x[::-1]) + np.sum(p[1:] * p[:-1]) / np.max(p)

    for engine in (strict, di.backend("forward", strict=True)):
        value, gradient = di.prepare_gradient(f, engine, x[:40]).value_and_gradient(x[:40])
        eager = di.backend(engine.name, compile="replay")
        wanted = di.prepare_gradient(f, eager, x[:40]).value_and_gradient(x[:40])
        assert value == f(x[:40]) == wanted[0]
        np.testing.assert_array_equal(gradient, wanted[1])
    assert "strict" in di.prepare_gradient(f, strict, x).explain()
    assert di.backend("reverse", strict=True) != di.backend("reverse")


# ---- guards


def test_what_a_guard_depends_on_is_numpys_own():
    def f(x: Any) -> Any:
        return np.sum(np.exp(x)) if np.sum(np.exp(x)) > 1.5 else np.sum(np.sin(x))

    prep = di.prepare_gradient(f, "reverse", np.zeros(9))
    assert "a guard depends on it" in prep.explain(), prep.explain()
    # Where the two sides meet, the recording holds for exactly the points for which f itself goes that way.
    base = np.log(np.full(9, 1.5 / 9))
    for k in range(-20, 21):
        x = base * (1 + k * 2.0**-53)
        np.testing.assert_array_equal(prep.gradient(x) > 0, di.gradient(f, EAGER, x) > 0)
        np.testing.assert_allclose(prep.gradient(x), di.gradient(f, EAGER, x), rtol=1e-12)


# ---- Python's lock


def test_a_long_kernel_releases_the_lock():
    n = 400_000
    x = np.linspace(0, 1, n)
    prep: Any = di.prepare_gradient(smooth, "reverse", x)
    wanted = prep.gradient(x).copy()
    others: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: others.extend(prep.gradient(x) for _ in range(3))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(others) == 9
    for g in others:
        np.testing.assert_array_equal(g, wanted)
    (text,) = prep_texts(smooth, x)
    assert "call ptr %save()" in text
    assert all("call ptr %save()" not in t for t in prep_texts(smooth, x[:100]))


def prep_texts(f: Any, x: np.ndarray) -> list[str]:
    """Return the modules of kernels that the first call of a preparation compiles."""
    from diffiface_native.compiled import machine

    texts: list[str] = []
    original = machine.MachineCode.__init__

    def seen(self: Any, text: str, names: Any) -> None:
        texts.append(text)
        original(self, text, names)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine.MachineCode, "__init__", seen)
        di.prepare_gradient(f, "reverse", x).value_and_gradient(x)
    return [text for text in texts if "define ptr @k0" in text]


def test_no_address_is_in_the_code():
    texts = [prep_texts(smooth, np.linspace(0, 1, 50))[0] for _ in range(2)]
    assert texts[0] == texts[1]
    assert "inttoptr" not in texts[0]


def test_arrays_of_other_kinds_are_not_taken_as_they_are():
    class Own(np.ndarray):
        pass

    prep = di.prepare_gradient(smooth, "reverse", np.ones(4), strict=False)
    x = np.linspace(0, 1, 4)
    for given in (x[::-1], x.astype(">f8"), x.view(Own), np.array([x, x]).T[:, 0], np.broadcast_to(x[:1], (4,))):
        np.testing.assert_allclose(prep.gradient(given), di.gradient(smooth, EAGER, np.array(given)), rtol=1e-12)
    compare("value_and_gradient", smooth, "reverse", [(x,), (x[::-1],)])


def test_who_asks_for_compiled_code_is_warned_where_there_is_none():
    def by_name(x: Any) -> Any:
        return np.sum(eval("x") ** 2)

    x = np.ones(3)
    with pytest.warns(RuntimeWarning, match="compile=True.*runs eagerly.*eval"):
        prep = di.prepare_gradient(by_name, di.backend("reverse", compile=True), x)
    np.testing.assert_array_equal(prep.gradient(x), 2 * x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        di.prepare_gradient(by_name, di.backend("reverse"), x)
        di.prepare_gradient(smooth, di.backend("reverse", compile=True), x)
