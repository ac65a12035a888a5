"""Products of rows, run in blocks of rows: the numbers are the eager engine's for every shape and pattern, NaN included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import diffiface as di
from tests.backends.test_native_compiled_random import compare

pytest.importorskip("llvmlite")

from diffiface_native.compiled import contraction, program
from diffiface_native.compiled.fusion import Kernel, Plan
from diffiface_native.compiled.kernel import module_text
from diffiface_native.compiled.nest import Nest
from diffiface_native.compiled.rows import Item, RowGroup, local_values, schedule
from diffiface_native.recorded.recorder import Recorder

# ---- which products, and what becomes of them


def recorded(f: Callable[..., Any], *arrays: np.ndarray) -> tuple[Recorder, list[Item]]:
    """Record a function of a recorder and its values; return the items of its only kernel."""
    recorder = Recorder("reverse")
    outputs = f(recorder, *map(recorder.input, arrays))
    recorder.graph.outputs = list(outputs)
    kernels = [step for step in Plan(recorder.graph).steps if isinstance(step, Kernel)]
    assert len(kernels) == 1
    return recorder, schedule(kernels[0].waves)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize(
    ("shapes", "is_one"),
    [
        (((500, 30), (30,)), True),  # a matrix by a vector
        (((30, 500), (500,)), True),  # rows may be what is summed over
        (((500, 12), (12, 20)), True),
        (((500, 64), (64, 64)), True),
        (((500, 100), (100, 100)), False),  # large both ways: BLAS's
        (((20, 30), (30,)), False),  # no index is long
        (((900, 600), (600,)), False),  # too many columns
        (((40, 500, 9), (40, 9, 10)), True),  # a stack of products
    ],
)
def test_which_products_are_of_rows(shapes: tuple[tuple[int, ...], tuple[int, ...]], is_one: bool):
    recorder = Recorder("reverse")
    value = recorder.matmul(*(recorder.input(normal(*shape)) for shape in shapes))
    assert contraction.is_of_rows(value) == is_one


@pytest.mark.parametrize(
    ("subscripts", "shapes", "is_one"),
    [
        ("kij,nkj->nki", ((5, 4, 4), (100, 5, 4)), True),
        ("nki,nkj->kij", ((100, 5, 4), (100, 5, 4)), True),
        ("nk,nk->n", ((100, 5), (100, 5)), True),
        ("n,k->nk", ((100,), (5,)), False),  # nothing is summed over
        ("nk,j->nj", ((100, 5), (3,)), False),  # a sum over one operand alone
        ("nn,nk->k", ((100, 100), (100, 3)), False),  # a diagonal
    ],
)
def test_which_einsums_are_of_rows(subscripts: str, shapes: Any, is_one: bool):
    recorder = Recorder("reverse")
    value = recorder.einsum([recorder.input(normal(*shape)) for shape in shapes], subscripts=subscripts)
    assert contraction.is_of_rows(value) == is_one


def test_what_only_the_group_reads_is_kept_for_one_block():
    def f(r: Any, X: Any, b: Any) -> Any:
        z = r.matmul(X, b)
        e = r.exp(z)
        return r.matmul(r.multiply(e, z), X), r.sum(r.log(e), axis=(0,), keepdims=False)

    recorder, items = recorded(f, normal(500, 30), normal(30))
    (group,) = items
    assert isinstance(group, RowGroup) and group.rows == 500
    names = {v.operation for v in recorder.graph.values if v.number in local_values(items)}
    assert names == {"matmul", "multiply"}  # z, and what the second product reads 30 times: exp(z) is in its nest


def test_what_needs_all_rows_starts_another_group():
    def f(r: Any, X: Any, b: Any) -> Any:
        z = r.matmul(X, b)
        centred = r.subtract(z, r.divide(r.sum(z, axis=(0,), keepdims=True), 500.0))
        return (r.matmul(r.square(centred), X),)

    recorder, items = recorded(f, normal(500, 30), normal(30))
    groups = [item for item in items if isinstance(item, RowGroup)]
    assert len(groups) == 2
    names = {v.operation for v in recorder.graph.values if v.number in local_values(items)}
    assert names == {"square"}  # not z, which both read


def test_nests_without_products_stay_alone():
    _, items = recorded(lambda r, X: (r.sum(r.exp(X), axis=(1,), keepdims=False),), normal(500, 30))
    assert all(isinstance(item, Nest) for item in items)


# ---- numbers


def logit(b: Any, X: Any) -> Any:
    z = X @ b
    return np.sum(np.log1p(np.exp(-z)) + np.where(X[:, 0] > 0, z, 0.0))


def softmax(W: Any, X: Any) -> Any:
    z = X @ W
    z = z - np.max(z, axis=1, keepdims=True)
    return np.sum(np.log(np.sum(np.exp(z), axis=1)) - z[:, 0])


def distances(C: Any, X: Any) -> Any:
    """k-means with products in it: |x - c|², the nearest c of each."""
    d = np.sum(X**2, axis=1)[:, None] - 2 * X @ C.T + np.sum(C**2, axis=1)
    return np.sum(np.min(d, axis=1))


def quadratic(Q: Any, X: Any) -> Any:
    return np.sum(np.tanh(np.einsum("kij,nj->nki", Q, X) ** 2).sum(axis=2) * np.einsum("nj,kjj->nk", X, Q))


def whitened(W: Any, X: Any) -> Any:
    """Two passes over the rows: the mean and the spread of all are needed in the second."""
    h = X @ W
    h = (h - h.mean(axis=0)) / np.sqrt(1.0 + h.var(axis=0))
    return np.sum(np.tanh(h) ** 2) + np.sum((h.T @ h) ** 2)


def network(W: Any, X: Any) -> Any:
    h = np.tanh(X @ W)
    return np.sum((np.concatenate([h, h[:, :1] * 2], axis=1) @ np.cos(np.arange(W.shape[1] + 1.0))) ** 2)


@pytest.mark.parametrize("columns", [1, 7, 9, 11, 30])
@pytest.mark.parametrize("rows", [48, 131])
def test_of_vectors(rows: int, columns: int):
    b, X = 0.3 * normal(columns), normal(rows, columns, seed=1)
    compare("value_and_gradient", logit, "reverse", [(b, X), (-b, 2 * X)])


@pytest.mark.parametrize("f", [softmax, network, whitened])
@pytest.mark.parametrize(("rows", "columns", "results"), [(64, 3, 9), (203, 13, 11)])
def test_of_matrices(f: Any, rows: int, columns: int, results: int):
    W, X = 0.3 * normal(columns, results), normal(rows, columns, seed=1)
    compare("value_and_gradient", f, "reverse", [(W, X), (2 * W, -X)], 1e-11)


@pytest.mark.parametrize(("rows", "columns", "results"), [(64, 3, 9), (301, 10, 5)])
def test_of_distances_and_stacks(rows: int, columns: int, results: int):
    X = normal(rows, columns, seed=1)
    compare("value_and_gradient", distances, "reverse", [(normal(results, columns), X)])
    compare("value_and_gradient", quadratic, "reverse", [(0.3 * normal(results, columns, columns), X)])


def test_the_derivative_by_the_rows_themselves():
    X, b, W = normal(130, 11), 0.3 * normal(11), 0.3 * normal(11, 9)
    compare("value_and_gradient", lambda X, b: logit(b, X), "reverse", [(X, b)])
    compare("value_and_gradient", lambda X, W: softmax(W, X), "reverse", [(X, W)])


@pytest.mark.parametrize("engine", ["forward", "reverse"])
def test_other_operators(engine: str):
    b, X = 0.3 * normal(10), normal(120, 10, seed=1)
    compare("hvp", logit, engine, [(b, np.ones(10), X)])
    compare("value_and_jacobian", lambda b, X: np.tanh(X @ b), engine, [(b, X)])
    compare("hessian", softmax, engine, [(0.3 * normal(10, 2), X)])


def test_nan_and_infinity_stay_where_they_are():
    b, X = 0.3 * normal(13), normal(90, 13, seed=1)
    with np.errstate(all="ignore"):
        for special in (np.nan, np.inf, -np.inf):
            Y = X.copy()
            Y[5, 3], Y[77, 12] = special, 0.0
            compare("value_and_gradient", logit, "reverse", [(b, X), (b, Y)])
            compare("pullback", lambda b, X: np.exp(X @ b), "reverse", [(b, np.ones(90), X), (b, np.ones(90), Y)])


def test_rows_that_are_columns_of_memory():
    b, X = 0.3 * normal(12), normal(12, 150, seed=1)
    compare("value_and_gradient", lambda b, X: logit(b, X.T), "reverse", [(b, X)])
    compare("value_and_gradient", lambda b, X: np.sum(np.exp(b @ X)), "reverse", [(b, X)])
    mask = normal(150, 12) > 0
    compare("value_and_gradient", lambda b, X, m: np.sum(np.where(m, X.T, 0.5) @ b), "reverse", [(b, X, mask)])
    compare("value_and_gradient", lambda b, X: np.sum((X[:, 1:] * np.float64(2)).T @ b), "reverse", [(b, X)])


# ---- products that are small in every way


@pytest.mark.parametrize(
    ("f", "shapes"),
    [
        (lambda A, B: np.tanh(A @ B), ((3, 3), (3, 3))),
        (lambda A, B: np.tanh(A @ B), ((22, 3, 10), (22, 10, 3))),
        (lambda A, B: np.tanh(A @ B), ((5, 1, 9, 10), (4, 10, 11))),  # stacks that broadcast
        (lambda A, B: np.tanh(A @ B), ((13, 17), (17, 12))),
        (lambda A, B: np.tanh(A.T @ B.T), ((17, 13), (12, 17))),
        (lambda A, B: np.tanh(A[:, 1:] @ B[::-1]), ((10, 18), (17, 9))),
        (lambda A, B: np.sin(A @ B) * (B @ A.T), ((30, 30), (30,))),
        (lambda A, B: np.einsum("ij,ij->", A, np.exp(B)), ((11, 10), (11, 10))),
        (lambda A, B: np.einsum("abi,bij->aj", A, np.exp(B)), ((5, 9, 10), (9, 10, 4))),
    ],
)
def test_small_products(f: Any, shapes: tuple[tuple[int, ...], tuple[int, ...]]):
    A, B = (0.4 * normal(*shape, seed=i) for i, shape in enumerate(shapes))

    def total(A: Any, B: Any) -> Any:
        return np.sum(f(A, B) ** 2)

    compare("value_and_gradient", total, "reverse", [(A, B), (2 * A, -B)], 1e-11)
    compare("value_and_gradient", lambda B, A: total(A, B), "reverse", [(B, A)], 1e-11)
    prep: Any = di.prepare_gradient(total, "reverse", A, B)
    assert not {"matmul", "einsum"} & set(prep.explain().replace(",", " ").split()), prep.explain()


def test_nan_and_infinity_in_small_products():
    A, B = normal(9, 10), normal(10, 11, seed=1)
    with np.errstate(all="ignore"):
        for special in (np.nan, np.inf):
            C = A.copy()
            C[2, 9] = special
            compare("pullback", lambda A, B: A @ B, "reverse", [(A, np.ones((9, 11)), B), (C, np.ones((9, 11)), B)])


# ---- random programs over rows


def _steps(X: Any, b: Any, W: Any) -> list[Callable[[Any, Any], Any]]:
    """What a program may do with an array of rows and columns, and a vector of rows."""
    return [
        lambda h, z: (np.tanh(h), z),
        lambda h, z: (h, h @ np.cos(np.arange(h.shape[1]) + b[0])),
        lambda h, z: (np.tanh(h @ np.sin(np.arange(h.shape[1] * 5).reshape(-1, 5) * 1.0)), z),
        lambda h, z: (h * np.exp(-(z**2))[:, None], z),
        lambda h, z: (h - h.mean(axis=0), z),
        lambda h, z: (h, np.max(h, axis=1) - z),
        lambda h, z: (h / (1 + np.sum(h**2, axis=1, keepdims=True)), z),
        lambda h, z: (h + np.tanh(z @ h) / len(z), z),
        lambda h, z: (np.tanh(X @ W), np.log1p(z**2)),
        lambda h, z: (h @ (h.T @ h) / (1 + np.sum(h**2)), z),
        lambda h, z: (np.concatenate([h, z[:, None]], axis=1)[:, -6:], z),
        lambda h, z: (np.where(h > 0.1, h, z[:, None]), z),
        lambda h, z: (np.einsum("ni,nj->nij", h, X).sum(axis=2) / (1.0 + h.shape[1]), z),
        lambda h, z: (h, np.einsum("ni,nj,ij->n", h[:, :3], X[:, :3], np.cos(W[:3, :3]))),
        lambda h, z: (h[:, ::-1], np.roll(z, 1)),
    ]


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=15, print_blob=True)
@given(
    st.lists(st.integers(0, 14), min_size=1, max_size=6),
    st.sampled_from([49, 96, 131]),
    st.sampled_from([3, 9, 10]),
    st.booleans(),
)
def test_random_programs(chosen: list[int], rows: int, columns: int, by_rows: bool):
    def f(x: Any, other: Any) -> Any:
        X, W = (x, other) if by_rows else (other, x)
        h, z = X, X[:, 0] * 0.5
        for i in chosen:
            h, z = _steps(X, W[0], W)[i](h, z)
        return np.sum(h**2) / len(z) + np.sum(np.sin(z)) / len(z)

    W, X = 0.3 * normal(columns, 4, seed=2), normal(rows, columns, seed=3)
    arguments = (X, W) if by_rows else (W, X)
    compare("value_and_gradient", f, "reverse", [arguments, tuple(0.5 * a for a in arguments)], 1e-11)


def test_calls_are_gone_and_exp_is_computed_once(monkeypatch: pytest.MonkeyPatch):
    texts: list[str] = []
    monkeypatch.setattr(program, "module_text", lambda kernels: texts.append(module_text(kernels)) or texts[-1])
    b, X = normal(30), normal(4000, 30)
    prep = di.prepare_gradient(logit, "reverse", b, X)  # 4000 rows are whole blocks: there is no code for a rest
    assert "0 NumPy call(s)" in prep.explain(), prep.explain()
    (text,) = texts
    assert text.count("call <8 x double> @vm_exp_8(") == 1  # for the value and for the derivative


# ---- code


def test_steps_of_a_loop_over_arrays_share_their_code(monkeypatch: pytest.MonkeyPatch):
    texts: list[str] = []

    def noted(kernels: Any) -> str:
        texts.append(module_text(kernels))
        return texts[-1]

    monkeypatch.setattr(program, "module_text", noted)

    def recurrent(W: Any, X: Any) -> Any:
        h = np.zeros_like(X[0])
        for x in X:
            h = np.tanh(x + h @ W)
        return np.sum(h**2)

    for steps in (6, 12):
        arguments = 0.3 * normal(9, 9), normal(steps, 60, 9)
        prep: Any = di.prepare_gradient(recurrent, "reverse", *arguments)
        wanted = di.gradient(recurrent, di.backend("reverse", compile=False), *arguments)
        np.testing.assert_allclose(prep.gradient(*arguments), wanted, rtol=1e-11)
    six, twelve = (text.count("define internal void @k0.part") for text in texts)
    assert 0 < six == twelve
