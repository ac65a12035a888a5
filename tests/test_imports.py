"""Which way the arrows point: nothing heavy at import, no engine named by the front end, no adapter by another."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import diffiface

ROOT = Path(__file__).resolve().parent.parent
ENGINE_MODULES = set("jax jaxlib torch tensorflow autograd numdifftools scipy statsmodels matplotlib pandas".split())
# What an adapter may import besides itself and its engine.
NEUTRAL = {"numpy", "scipy"}
OWN = {"native": {"llvmlite", "mpmath"}, "jax": {"asdex"}, "enzyme": {"jax", "enzyme_ad"}}
"""What an engine of ours is made with (mpmath: the script that derives the coefficients of vector math), and what reads
the programs of an engine (asdex: sparsity patterns of JAX's; Enzyme differentiates JAX's programs)."""


def imported_modules(path: Path, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    found = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_diffiface_loads_no_engine():
    loaded = loaded_after("import diffiface")
    assert not loaded & ENGINE_MODULES, loaded & ENGINE_MODULES
    assert not {name for name in loaded if name.startswith("diffiface_")}


def test_tools_that_one_can_differentiate_without_are_loaded_when_named():
    code = "import sys, diffiface as di, numpy as np\ndi.gradient(np.sum, 'reverse', np.ones(2))\n"
    tools = ("comparison", "benchmarking", "auto", "distributed", "interop", "testing")
    loaded = f"assert not [m for m in {tools} if f'diffiface.{{m}}' in sys.modules], sys.modules\n"
    named = "di.compare, di.benchmark, di.fastest, di.sum_over, di.Parallel, di.interop.scipy_callables, di.testing\n"
    loaded_after(f"{code}{loaded}{named}assert set({tools!r}) <= {{m.partition('.')[2] for m in sys.modules}}")
    assert "compare" in dir(diffiface) and not hasattr(diffiface, "comparee")


def test_listing_the_engines_loads_none():
    assert not loaded_after("import diffiface; diffiface.available_backends()") & {
        "jax",
        "torch",
        "tensorflow",
        "autograd",
        "numdifftools",
    }


def test_our_engines_need_numpy_only():
    code = "import diffiface as di, numpy as np\ndi.hessian(lambda x: np.sum(np.exp(x)), 'reverse', np.ones(2))"
    assert not loaded_after(code) & ENGINE_MODULES


def test_the_front_end_imports_no_adapter_and_no_engine():
    for path in (ROOT / "diffiface").rglob("*.py"):
        modules = {name.partition(".")[0] for name in imported_modules(path)}
        assert not {m for m in modules if m.startswith("diffiface_")}, path
        assert not modules & {"jax", "torch", "tensorflow", "autograd", "numdifftools"}, path


def test_adapters_import_the_adapter_surface_and_their_engine_only():
    for folder in (ROOT / "backends").glob("diffiface_*"):
        engine = folder.name.removeprefix("diffiface_")
        for path in folder.rglob("*.py"):
            for name in imported_modules(path):
                top = name.partition(".")[0]
                if top == "diffiface":
                    assert name == "diffiface.adapter", f"{path} imports {name}"
                elif top.startswith("diffiface_"):
                    assert top == folder.name, f"{path} imports {name}"
                else:
                    assert (
                        top in NEUTRAL | OWN.get(engine, set()) | {engine, "jaxlib"} or top in sys.stdlib_module_names
                    ), f"{path} imports {name}"


def test_every_engine_package_has_the_same_file_names():
    for folder in (ROOT / "backends").glob("diffiface_*"):
        assert (folder / "adapter.py").exists() and (folder / "__init__.py").exists(), folder
        assert "REQUIRES" in (folder / "__init__.py").read_text(), f"{folder} does not say what it requires"
