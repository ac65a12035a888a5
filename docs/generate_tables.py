"""Write the tables that are read off the code into README.md and docs/: `python docs/generate_tables.py [--check]`.

A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`. With `--check` nothing is written; the
exit status says whether every table is up to date.
"""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from diffiface import registry
from diffiface.adapter import OPERATORS
from diffiface.numpy_api.table import FUNCTIONS, UFUNC_METHODS, UFUNCS
from diffiface.primitives import PRIMITIVES

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
    """One column per engine: what its class says of it."""
    names = registry.registered_backends()
    classes = [registry.backend_class(name) for name in names]
    capabilities = [cls().capabilities() for cls in classes]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
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


def numpy_functions() -> str:
    """The NumPy and SciPy functions that the dress translates, by the module that translates them."""
    importlib.import_module("diffiface.numpy_api.functions.scipy_special")  # else entered when first met
    kinds: dict[str, list[str]] = {}
    for entry in [*FUNCTIONS.values(), *UFUNCS.values()]:
        *_, kind = entry.translation.__module__.split(".")
        name = entry.name.rpartition(".")[2] if kind == "scipy_special" else entry.name.removeprefix("numpy.")
        kinds.setdefault(kind.replace("scipy_", "scipy.").replace("_", " "), []).append(name)
    kinds["ufunc methods"] = [f"{function.__name__}.{method}" for function, method in UFUNC_METHODS]
    return table(["kind", "functions"], ([kind, codes(names)] for kind, names in sorted(kinds.items())))


TABLES: dict[str, Callable[[], str]] = {
    "engines": engines,
    "primitives": primitives,
    "numpy functions": numpy_functions,
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
