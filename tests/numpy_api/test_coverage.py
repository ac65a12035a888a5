"""The table of all of NumPy: nothing is missing, what is refused says why, and every keyword has an expression."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from diffiface.errors import UnsupportedOperationError
from diffiface.numpy_api.coverage import coverage, missing_names, public_names
from diffiface.numpy_api.table import FUNCTIONS, REFUSED_METHODS, UFUNCS, Entry, parameters_of
from tests.numpy_api.boxes import BoxTrace
from tests.numpy_api.test_functions import V, _expressions, _names

TABLE = coverage()


def test_every_public_name_is_in_the_table() -> None:
    assert missing_names() == []


def test_every_row_is_complete() -> None:
    for row in TABLE.values():
        assert row.kind in ("differentiable", "zero derivative", "structural", "plain", "refused")
        assert row.kind not in ("plain", "refused") or row.note, f"{row.name} says no reason"


def test_no_function_is_translated_under_a_name_that_numpy_does_not_have() -> None:
    public = {id(value) for namespace in ("", "linalg", "fft", "emath") for _, value in public_names(namespace)}
    public |= {id(value) for _, value in public_names("lib.stride_tricks")}
    public |= {id(value) for _, value in public_names("lib.array_utils")}
    private = [e.name for f, e in FUNCTIONS.items() if e.name.startswith("numpy.") and id(f) not in public]
    assert private == []


# ---- what is refused


def refused_calls() -> list[tuple[str, Any]]:
    functions = [(e.name, f) for f, e in FUNCTIONS.items() if e.kind == "refused" and e.name.startswith("numpy.")]
    return functions + [(e.name, f) for f, e in UFUNCS.items() if e.kind == "refused" and e.name.startswith("numpy.")]


DISPATCHED = [(name, f) for name, f in refused_calls() if hasattr(f, "_implementation") or isinstance(f, np.ufunc)]


@pytest.mark.parametrize(("name", "function"), DISPATCHED, ids=lambda value: value if isinstance(value, str) else "")
def test_refused_functions_raise_with_their_reason(name: str, function: Any) -> None:
    v = BoxTrace().array(V.copy())
    arguments = {"numpy.save": ("x", v), "numpy.savetxt": ("x", v), "numpy.savez": ("x", v)}
    arguments |= {"numpy.savez_compressed": ("x", v), "numpy.histogram2d": (v, v)}
    count = function.nin if isinstance(function, np.ufunc) else 2 if name.endswith(("busday_count", "_offset")) else 1
    with pytest.raises(UnsupportedOperationError) as caught:
        function(*arguments.get(name, (v,) * count))
    text = str(caught.value)
    assert f"{name} is refused: " in text and "fix: " in text and "test_coverage.py" in text


@pytest.mark.parametrize("name", [name for name in REFUSED_METHODS if TABLE[f"ndarray.{name}"].kind == "refused"])
def test_refused_methods_raise_with_their_reason(name: str) -> None:
    with pytest.raises(UnsupportedOperationError) as caught:
        getattr(BoxTrace().array(V.copy()), name)
    reason, fix = REFUSED_METHODS[name]
    assert reason in str(caught.value) and fix in str(caught.value)


# ---- every keyword of every function stands in an expression, and so is compared with NumPy

NOT_COMPARED = {
    # These have no argument that expressions can be made of, or only say what NumPy does anyway.
    "copy",
    "order",
    "subok",
    "kind",
    "stable",
    "sorted",
    "overwrite_input",
    "casting",
    "like",
    "requirements",
    "max_work",
    "writeable",
}
OTHER_TESTS = ("factorizations", "fourier", "linear_algebra", "matrices")
"""The modules of translations whose functions and keywords have tests of their own."""
ON_INTEGERS = {"numpy.ravel_multi_index", "numpy.unravel_index", "numpy.ix_"}
"""What is asked with integers, which are plain NumPy in this trace, so that NumPy itself answers."""
PRINTING = {"numpy.array_repr", "numpy.array_str", "numpy.array2string"}


ON_MASKS = [e for e in _expressions("scipy.special") if e.startswith(("np.all(", "np.any(", "np.count_nonzero("))]
ON_FLOATS = ("np.flatnonzero(v)", "np.argwhere(M)")


def recorded_keywords(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Run every expression; return the arguments by name with which each function was called."""
    seen: dict[str, set[str]] = {}

    def recording(function: Any, entry: Entry) -> Entry:
        names = list(parameters_of(function) or {})

        def translation(*arguments: Any, **keywords: Any) -> Any:
            positional = arguments if entry.dressed else arguments[1:]
            seen.setdefault(entry.name, set()).update(keywords, names[: len(positional)])
            return entry.translation(*arguments, **keywords)

        translation.__module__ = entry.translation.__module__
        return dataclasses.replace(entry, translation=translation)

    for function, entry in FUNCTIONS.items():
        if entry.name.startswith("numpy.") and entry.kind != "refused":
            monkeypatch.setitem(FUNCTIONS, function, recording(function, entry))
    monkeypatch.setattr(BoxTrace, "entries", {})  # (traces keep what they have looked up)
    for expression in (*_expressions("scipy.special"), *ON_FLOATS):
        eval(expression, _names(BoxTrace().array(V.copy())))
    for expression in ON_MASKS:  # masks are traced only where values are not known
        eval(expression, _names(BoxTrace(live=False).array(V.copy())))
    return seen


@pytest.mark.filterwarnings("ignore")
def test_every_function_and_keyword_is_compared_with_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = recorded_keywords(monkeypatch)
    missing = []
    for function, entry in FUNCTIONS.items():
        if not entry.name.startswith("numpy.") or entry.kind == "refused":
            continue
        if not hasattr(function, "_implementation"):  # reached by rebinding or with like= only, and tested there
            continue
        if entry.translation.__module__.endswith(OTHER_TESTS) or entry.name in ON_INTEGERS | PRINTING:
            continue
        wanted = entry.keywords & set(parameters_of(function) or ())
        lacking = sorted(wanted - seen.get(entry.name, set()) - NOT_COMPARED)
        if entry.name not in seen or lacking:
            missing.append((entry.name, lacking))
    assert missing == []
