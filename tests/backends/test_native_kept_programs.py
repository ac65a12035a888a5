"""Programs on disk: they give the bits of those that were compiled, and are taken only where they are the same program."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import diffiface as di

pytest.importorskip("llvmlite")

from diffiface_native.compiled import kept_program, object_cache
from diffiface_native.compiled.graph_key import Unkeyable, graph_text
from diffiface_native.recorded.recorder import Recorder

W = np.linspace(0.5, 1.5, 6)


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """List the programs that are compiled (by the number of values of their graphs) while a directory is set."""
    monkeypatch.setenv(object_cache.VARIABLE, str(tmp_path))
    found: list[int] = []
    original = kept_program.CompiledProgram

    def counted(graph: Any, **options: Any) -> Any:
        found.append(len(graph.values))
        return original(graph, **options)

    monkeypatch.setattr(kept_program, "CompiledProgram", counted)
    return found


def logistic(x: Any) -> Any:
    return np.sum(np.log1p(np.exp(-x * W)))


def branching(x: Any) -> Any:
    return np.sum(np.exp(x)) if x[0] > 0 else np.sum(np.cos(x) * x)


def with_calls(x: Any) -> Any:
    a = np.outer(x, x) + 3 * np.eye(len(x))
    return np.sum(np.linalg.solve(a, np.sort(x))) + np.where(x[0] > 0, x[1], x[2]) + np.prod(x[[0, 3, 3]] + 1j).real


def of_vector(x: Any) -> Any:
    return np.sin(x) * np.roll(x, 1) - x[::-1]


def looped(x: Any) -> Any:
    a = x[0]
    for i in range(60):
        a = a + 0.1 * i * np.sin(a * x[1])
    return a


def looked_up(x: Any) -> Any:
    return np.sum(np.exp(x)[np.arange(12) % 5] * x[np.argsort(W)[::2].repeat(4)])


def smooth(x: Any) -> Any:
    return np.sum(np.exp(x) * np.sin(x))


X = np.linspace(-0.4, 0.9, 6)[::-1].copy()
CASES: dict[str, tuple[str, Callable[..., Any], Any, tuple[Any, ...]]] = {
    "gradient": ("gradient", logistic, "reverse", (X,)),
    "value and gradient": ("value_and_gradient", logistic, "reverse", (X,)),
    "of float32": ("value_and_gradient", logistic, "reverse", (X.astype(np.float32),)),
    "with a branch": ("value_and_gradient", branching, "reverse", (X,)),
    "with NumPy calls": ("value_and_gradient", with_calls, "reverse", (X,)),
    "strict": ("value_and_gradient", logistic, di.backend("reverse", strict=True), (X,)),
    "Hessian": ("hessian", logistic, "reverse", (X,)),
    "Jacobian": ("jacobian", of_vector, "forward", (X,)),
    "pullback": ("value_and_pullback", of_vector, "reverse", (X, W)),
    "indexed by arrays": ("value_and_gradient", looked_up, "reverse", (X,)),
    "a loop": ("value_and_gradient", looped, "reverse", (X,)),
    "shared by threads": ("gradient", smooth, di.backend("reverse", threads=2), (np.linspace(0, 1, 100_000),)),
}


def run(operator: str, f: Any, engine: Any, arguments: tuple[Any, ...]) -> tuple[list[np.ndarray], str]:
    """Prepare anew and call twice: by way of Python, and by the bound call of machine code."""
    prep: Any = getattr(di, f"prepare_{operator.removeprefix('value_and_')}")(f, engine, *arguments)
    found = [getattr(prep, operator)(*arguments) for _ in range(2)]
    leaves = [np.asarray(leaf) for result in found for leaf in (result if type(result) is tuple else (result,))]
    lines = prep.explain().splitlines()
    return leaves, "\n".join(line.partition("; recorded in")[0] for line in lines)


@pytest.mark.parametrize("case", CASES)
def test_a_kept_program_gives_the_same_bits(case: str, compiled: list[int]):
    first, explained = run(*CASES[case])
    assert compiled, explained
    compiled.clear()
    again, explained_again = run(*CASES[case])
    assert compiled == []
    assert explained_again == explained and explained.startswith("runs 1 recording(s) as machine code")
    for one, other in zip(first, again, strict=True):
        assert one.dtype == other.dtype and one.tobytes() == other.tobytes()


def test_a_kept_program_has_its_guards(compiled: list[int]):
    for _ in range(2):
        prep: Any = di.prepare_gradient(branching, "reverse", X)
        for x in (X, -X, X):
            np.testing.assert_allclose(prep.gradient(x), di.gradient(branching, "finite_differences", x), rtol=1e-6)
    assert len(compiled) == 2


def test_what_differs_is_another_program(compiled: list[int], monkeypatch: pytest.MonkeyPatch):
    scale = 2.0

    def scaled(x: Any) -> Any:
        return np.sum(np.exp(x) * scale)

    def check(x: np.ndarray, engine: Any = "reverse") -> None:
        np.testing.assert_allclose(di.prepare_gradient(scaled, engine, x).gradient(x), scale * np.exp(x), rtol=1e-6)

    def is_another(*arguments: Any) -> None:
        before = len(compiled)
        check(*arguments)
        assert len(compiled) == before + 1
        check(*arguments)
        assert len(compiled) == before + 1

    is_another(X)
    is_another(X[:5])
    is_another(X.reshape(2, 3))
    is_another(X.astype(np.float32))
    is_another(X, di.backend("reverse", strict=True))
    is_another(X, di.backend("reverse", threads=3))
    scale = 3.0
    is_another(X)
    scale = -0.0
    is_another(X)
    scale = 0.0
    is_another(X)
    description = kept_program.host_description()
    monkeypatch.setattr(kept_program, "host_description", lambda: description + "\nanother processor")
    is_another(X)
    monkeypatch.setattr(kept_program, "_versions", lambda: "another version")
    is_another(X)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])


def changed(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1] + b"?")


def removed(file: Path) -> None:
    file.unlink()


def not_a_program(file: Path) -> None:
    object_cache.write(file.name, b"whole, but not what was expected")


def of_another_format(file: Path) -> None:
    object_cache.write(file.name, pickle.dumps(["lines", "results"]))


ANY = [emptied, cut_off, changed, removed]


@pytest.mark.parametrize(
    ("ending", "damage"),
    [
        *((object_cache.PROGRAM, damage) for damage in (*ANY, not_a_program, of_another_format)),
        *((object_cache.OBJECT_CODE, damage) for damage in ANY),
    ],
)
def test_what_is_damaged_is_made_anew(ending: str, damage: Any, compiled: list[int], tmp_path: Path):
    first, _ = run(*CASES["with a branch"])
    files = [file for file in tmp_path.iterdir() if file.suffix == ending]
    assert files
    for file in files:
        damage(file)
    compiled.clear()
    again, _ = run(*CASES["with a branch"])
    assert compiled
    compiled.clear()
    third, _ = run(*CASES["with a branch"])
    assert compiled == []
    for one, other, last in zip(first, again, third, strict=True):
        assert one.tobytes() == other.tobytes() == last.tobytes()


def test_what_has_no_text_is_not_kept():
    recorder = Recorder("reverse")
    x = recorder.input(np.ones(3))
    recorder.graph.outputs = [x]
    assert graph_text(recorder.graph) == graph_text(recorder.graph)
    recorder.graph.outputs = [object()]
    with pytest.raises(Unkeyable):
        graph_text(recorder.graph)


def test_a_program_with_large_constants_is_compiled_again(compiled: list[int], tmp_path: Path):
    table = {"w": np.linspace(1, 2, 150_000)}  # (compared, not read live)

    def weighted(x: Any) -> Any:
        return np.sum(np.exp(x) * table["w"])

    x = np.zeros(150_000)
    for n in (1, 2):
        assert di.prepare_gradient(weighted, "reverse", x).gradient(x)[-1] == 2
        assert len(compiled) == n
    assert not [file for file in tmp_path.iterdir() if file.suffix == object_cache.PROGRAM]


@pytest.mark.parametrize("array", [
    np.ones((3, 4)), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.broadcast_to(np.ones((1, 3)), (4, 3)),
    np.arange(5.0)[::-1], np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)[:, ::-1], np.array(3.0),
    np.broadcast_to(np.float64(1), (6, 1)),
])  # fmt: skip
def test_arrays_are_kept_with_their_layout(array: np.ndarray):
    file = io.BytesIO()
    kept_program._Pickler(file, []).dump(array)
    found = kept_program._Unpickler(io.BytesIO(file.getvalue())).load()
    np.testing.assert_array_equal(found, array)
    assert (found.strides, found.dtype, found.shape) == (array.strides, array.dtype, array.shape)


@pytest.mark.parametrize("thing", [np.arange(10.0)[::2], np.ma.ones(3), lambda x: x, np.frompyfunc(abs, 1, 1)])
def test_other_things_are_not_kept(thing: Any):
    with pytest.raises((pickle.PicklingError, AttributeError)):
        kept_program._Pickler(io.BytesIO(), []).dump(thing)
