"""Write the tables that are read off the code into README.md and docs/: `python docs/generate_tables.py [--check]`.

A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`. With `--check` nothing is written; the
exit status says whether every table is up to date.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from diffiface import registry
from diffiface.adapter import OPERATORS, SPECIAL_FORMULAS
from diffiface.numpy_api.coverage import MODULES, UFUNC_KEYWORDS, UFUNC_METHOD_NAMES, Coverage, coverage
from diffiface.numpy_api.table import FUNCTIONS, UFUNCS, Kind
from diffiface.primitives import PRIMITIVES
from diffiface.rebinding.substitutes import TRANSLATIONS, load_translations, substitute_for
from diffiface.scipy_api import interpolate_more, optimize_refused
from diffiface.scipy_api.distributions import REPLACEMENTS

ROOT = Path(__file__).resolve().parent.parent
_MARKED = re.compile(r"(<!-- table: ([\w ]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Print a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def codes(names: Iterable[str]) -> str:
    """Print names as code, in order."""
    return " ".join(f"`{name}`" for name in sorted(names))


def engines() -> str:
    """One column per engine that the extra `all` installs (the others are large): what its class says of it."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    in_all = re.findall(r"\w+", extras["all"][0])
    names = [name for name in registry.registered_backends() if name not in extras or name in in_all]
    classes = [registry.backend_class(name) for name in names]
    capabilities = [cls().capabilities() for cls in classes]
    yes_no = {True: "yes", False: "no"}
    inside = {"in any engine": "any engine", "in itself": "itself", "no": "none"}
    rows = [["mode", *(c.mode.value for c in capabilities)]]
    rows += [[f"`{operator}`", *(c.operators[operator] for c in capabilities)] for operator in OPERATORS]
    rows += [
        ["exact", *(yes_no[c.exact] for c in capabilities)],
        ["complex x", *(yes_no[c.complex_inputs] for c in capabilities)],
        ["runs inside a derivative by", *(inside[c.nests] for c in capabilities)],
        ["install", *(f"`diffiface[{name}]`" if name in extras else "`diffiface`" for name in names)],
    ]
    return table(["", *(f"`{name}`" for name in names)], rows)


def primitives() -> str:
    """The closed set of primitives, by kind."""
    kinds: dict[str, list[str]] = {}
    for primitive in PRIMITIVES.values():
        kinds.setdefault(primitive.kind, []).append(primitive.name)
    return table(["kind", "primitives"], ([kind, codes(names)] for kind, names in kinds.items()))


# Their classes of primitives; our own engines supply every one, and engines that call f on numbers need none.
_TRACING = {"jax": "JAXPrimitives", "torch": "TorchPrimitives", "autograd": "AutogradPrimitives"}


def suppliers() -> str:
    """One row per foreign engine that traces: what it computes itself, and what it leaves to ours."""
    rows = []
    for engine, name in _TRACING.items():
        supplier = getattr(importlib.import_module(f"diffiface_{engine}.primitives"), name).supplier
        ours = [primitive for primitive in PRIMITIVES if supplier(primitive) == "ours"]
        inside: set[str] = set()
        if engine != "autograd":  # whose arrays are NumPy's: SciPy's functions are its own
            inside = {*importlib.import_module(f"diffiface_{engine}.special").OWN_FUNCTIONS, *SPECIAL_FORMULAS}
        rows.append([f"`{engine}`", codes(ours), codes(inside) or "all, by SciPy"])
    return table(["", "primitives computed by NumPy on the host", "functions of the table inside the engine"], rows)


def _translated_names(library: str) -> list[str]:
    """The public functions and classes of one of SciPy's modules through which derivatives go."""
    module = importlib.import_module(library)
    load_translations()
    return [name for name in sorted({*module.__all__}) if _is_translated(name, getattr(module, name))]


def _is_translated(name: str, value: Any) -> bool:
    if isinstance(value, np.ufunc):
        return value in UFUNCS and UFUNCS[value].kind != "refused"
    if inspect.ismodule(value) or name in _REFUSED_BY_NAME:
        return False
    return FUNCTIONS[value].kind != "refused" if value in FUNCTIONS else substitute_for(value) is not value


def scipy_functions() -> str:
    """The functions and classes of SciPy that are translated, by module (but for distributions and sparse matrices)."""
    libraries = sorted(set(TRANSLATIONS) - {"scipy.sparse", "scipy.stats"})
    rows = [[f"`{library}`", codes(_translated_names(library))] for library in libraries]
    samples = [name for name in _translated_names("scipy.stats") if inspect.isfunction(getattr(stats, name))]
    return table(["module", "functions and classes"], [*rows, ["`scipy.stats`, of samples", codes(samples)]])


def scipy_distributions() -> str:
    """The distributions that are written out, by the methods they have."""
    by_methods: dict[tuple[str, ...], list[str]] = {}
    for name, replacement in REPLACEMENTS.items():
        by_methods.setdefault(tuple(sorted(replacement.methods)), []).append(name)
    return table(
        ["distributions", "methods"], ([codes(names), codes(methods)] for methods, names in by_methods.items())
    )


def scipy_refused() -> str:
    """The functions that are refused by name, by the reason."""
    special = importlib.import_module("scipy.special")
    reasons: dict[str, list[str]] = {}
    for name in special.__all__:
        value = getattr(special, name)
        entry = UFUNCS.get(value) if isinstance(value, np.ufunc) else FUNCTIONS.get(value)
        if entry is not None and entry.kind == "refused":
            reasons.setdefault(entry.note, []).append(f"special.{name}")
    for names, (reason, _) in interpolate_more.REFUSED.items():
        reasons.setdefault(reason, []).extend(f"interpolate.{name}" for name in names.split())
    for names, fix in optimize_refused.REFUSED.items():
        reasons.setdefault(f"it has no rule: {fix}", []).extend(f"optimize.{name}" for name in names.split())
    return table(["why", "functions"], ([reason, codes(names)] for reason, names in reasons.items()))


_REFUSED_BY_NAME = {
    name
    for table_ in (interpolate_more.REFUSED, optimize_refused.REFUSED)
    for names in table_
    for name in names.split()
}
_COVERAGE = coverage()
_ARRAY_METHODS = [row for row in _COVERAGE.values() if row.name.startswith("ndarray.")]
_UFUNC_METHODS = [row for row in _COVERAGE.values() if row.name.rpartition(".")[2] in UFUNC_METHOD_NAMES]


def _functions(kind: Kind) -> list[Coverage]:
    """The functions of one kind, methods left out, by name."""
    methods = {row.name for row in (*_ARRAY_METHODS, *_UFUNC_METHODS)}
    return sorted((r for r in _COVERAGE.values() if r.kind == kind and r.name not in methods), key=lambda r: r.name)


def numpy_differentiable() -> str:
    """Functions through which derivatives go; the ufuncs, which have the same arguments, in one row."""
    rows = [r for r in _functions("differentiable") if r.keywords != UFUNC_KEYWORDS]
    names = [r.name.removeprefix("numpy.") for r in _functions("differentiable") if r.keywords == UFUNC_KEYWORDS]
    lines = [[codes(names), " ".join(f"`{keyword}`" for keyword in UFUNC_KEYWORDS), "ufuncs"]]
    lines += [[f"`{r.name.removeprefix('numpy.')}`", " ".join(f"`{k}`" for k in r.keywords), r.note] for r in rows]
    return table(["function", "arguments", ""], lines)


def numpy_zero_derivative() -> str:
    """Functions whose results are piecewise constant."""
    return _names("zero derivative")


def numpy_structural() -> str:
    """Functions about shapes, conversions and new arrays."""
    return _names("structural")


def _names(kind: Kind) -> str:
    return codes(row.name.removeprefix("numpy.") for row in _functions(kind)) + "\n"


def numpy_plain() -> str:
    """Names that have nothing to do with derivatives, by what they are."""
    notes: dict[str, list[str]] = {}
    for row in _functions("plain"):
        notes.setdefault(row.note, []).append(row.name.removeprefix("numpy."))
    rows = [[note, codes(names)] for note, names in notes.items()]
    return table(["what", "names"], rows + [[what, f"all of `numpy.{name}`"] for name, what in MODULES.items()])


def numpy_refused() -> str:
    """Functions, methods and attributes that raise."""
    rows = [row for row in _COVERAGE.values() if row.kind == "refused"]
    return table(["name", "why; what to write instead"], ([f"`{r.name.removeprefix('numpy.')}`", r.note] for r in rows))


def ufunc_methods() -> str:
    """Methods of ufuncs: which ufuncs have each."""
    rows = []
    for method in UFUNC_METHOD_NAMES:
        names = [
            r.name.removeprefix("numpy.").removesuffix(f".{method}")
            for r in _UFUNC_METHODS
            if r.name.endswith(f".{method}")
        ]
        rows.append([f"`{method}`", codes(names)])
    return table(["method", "ufuncs"], rows)


def array_methods() -> str:
    """Methods and attributes of ndarray, by kind."""
    kinds: dict[str, list[str]] = {}
    for row in _ARRAY_METHODS:
        kinds.setdefault(row.kind, []).append(row.name.removeprefix("ndarray."))
    return table(["kind", "methods and attributes"], ([kind, codes(names)] for kind, names in kinds.items()))


TABLES: dict[str, Callable[[], str]] = {
    "engines": engines,
    "primitives": primitives,
    "suppliers": suppliers,
    "scipy functions": scipy_functions,
    "scipy distributions": scipy_distributions,
    "scipy refused": scipy_refused,
    "numpy differentiable": numpy_differentiable,
    "numpy zero derivative": numpy_zero_derivative,
    "numpy structural": numpy_structural,
    "numpy plain": numpy_plain,
    "numpy refused": numpy_refused,
    "ufunc methods": ufunc_methods,
    "array methods": array_methods,
}


def regenerated(text: str) -> str:
    """Return a page with its tables as the code now says."""
    return _MARKED.sub(lambda match: match[1] + TABLES[match[2]]() + match[3], text)


def main(arguments: Sequence[str]) -> int:
    """Write or check every page; return the exit status."""
    stale = False
    for page in [ROOT / "README.md", ROOT / "backends" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text()
        new = regenerated(text)
        if new == text:
            continue
        if "--check" in arguments:
            print(f"{page.relative_to(ROOT)} is out of date: run python docs/generate_tables.py")
            stale = True
        else:
            page.write_text(new)
    return int(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
