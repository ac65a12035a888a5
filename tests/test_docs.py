"""The documentation is run: every Python block of README.md and docs/, and the examples in the docstrings.

The blocks of a page run in order in one namespace. What a block should print stands in the `text` block that
follows it, or in the block itself in the style of doctest; `...` stands for anything.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import importlib.util
import io
import itertools
import pkgutil
import re
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import diffiface as di
from diffiface import registry
from tests.conftest import require

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "backends" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A Python block of a page."""

    code: str
    line: int
    """The number of its first line in the page."""
    output: str | None
    """What it prints, where the page says so."""


def blocks_of(page: Path) -> list[Block]:
    """Find the Python blocks of a page, each with the output that follows it."""
    text = page.read_text()
    fences = list(_FENCE.finditer(text))
    blocks = []
    for fence, following in itertools.zip_longest(fences, fences[1:]):
        if fence[1] != "python":
            continue
        output = None
        if following is not None and following[1] == "text" and not text[fence.end() : following.start()].strip():
            output = following[2]
        blocks.append(Block(fence[2], text.count("\n", 0, fence.start(2)) + 1, output))
    return blocks


def skip_without_its_engines(blocks: list[Block]) -> None:
    """Skip, with the reason, a page whose code or output names an engine that is not installed."""
    text = "".join(block.code + (block.output or "") for block in blocks)
    for engine in registry.registered_backends():
        if re.search(rf"\b{engine}\b", text):
            require(engine)
    for module in re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE):  # other packages that a page shows
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"the page needs {module}, which is not installed")


def run_prompts(block: Block, page: Path, namespace: dict[str, Any]) -> None:
    """Run a block written with prompts."""
    test = doctest.DocTestParser().get_doctest(block.code, namespace, page.name, str(page), block.line - 1)
    report: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append, clear_globs=False)
    namespace.update(test.globs)
    assert not failed, "".join(report)


def run_plain(block: Block, page: Path, namespace: dict[str, Any]) -> None:
    """Run a plain block and compare what it prints with the output that follows it, if any."""
    printed = io.StringIO()
    # Empty lines in front make the line numbers in error messages those of the page.
    program = compile("\n" * (block.line - 1) + block.code, str(page), "exec", dont_inherit=True)
    with contextlib.redirect_stdout(printed):
        exec(program, namespace)
    if block.output is not None:
        matches = doctest.OutputChecker().check_output(block.output, printed.getvalue(), FLAGS)
        assert matches, f"{page.name}:{block.line} says\n{block.output}\nbut prints\n{printed.getvalue()}"


@pytest.fixture
def engines_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the engines that a page registers."""
    monkeypatch.setattr(registry, "_extra", dict(registry._extra))


@pytest.fixture
def page_module(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Make a module that is known by its name, so that what a page defines can be pickled, also for other processes."""
    module = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    cloudpickle = importlib.import_module("cloudpickle") if importlib.util.find_spec("cloudpickle") else None
    if cloudpickle is not None:  # (other processes have no module of that name: as with a script, code is sent along)
        cloudpickle.register_pickle_by_value(module)
    yield module
    if cloudpickle is not None:
        cloudpickle.unregister_pickle_by_value(module)


@pytest.mark.usefixtures("engines_of_this_test")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page_module: types.ModuleType):
    blocks = blocks_of(page)
    skip_without_its_engines(blocks)
    monkeypatch.chdir(tmp_path)
    namespace = vars(page_module)
    for block in blocks:
        (run_prompts if ">>>" in block.code else run_plain)(block, page, namespace)


TUTORIALS = [page for page in PAGES if page.parent.name == "tutorials"]


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the notebook of every tutorial as the site's build does; the folder that holds them."""
    pytest.importorskip("nbformat", reason="nbformat is not installed (pip install 'diffiface[docs]')")
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / ".ci" / "notebooks.py")
    assert spec is not None and spec.loader is not None
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    folder = tmp_path_factory.mktemp("notebooks")
    written = writer.write_notebooks(folder)
    assert [path.stem for path in written] == [page.stem for page in TUTORIALS]
    return folder


@pytest.mark.usefixtures("engines_of_this_test")
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_notebook_runs_from_top_to_bottom(
    page: Path, notebooks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page_module: types.ModuleType
):
    """(A kernel would compile the cells one by one in one namespace, too; what they print is tested with the page.)"""
    nbformat = importlib.import_module("nbformat")
    notebook = nbformat.read(notebooks / f"{page.stem}.ipynb", as_version=4)
    nbformat.validate(notebook)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    blocks = blocks_of(page)
    skip_without_its_engines(blocks)
    monkeypatch.chdir(tmp_path)
    for cell, block in zip(cells, blocks, strict=True):
        shows_an_error = "Traceback (most recent call last)" in block.code
        with pytest.raises(Exception) if shows_an_error else contextlib.nullcontext():
            exec(compile(cell, page.name, "exec", dont_inherit=True), vars(page_module))


def documented_modules() -> Iterator[str]:
    """Find the modules of the front end whose docstrings hold examples, without importing them."""
    for module in pkgutil.walk_packages([str(ROOT / "diffiface")], "diffiface."):
        path = ROOT / module.name.replace(".", "/")
        source = path / "__init__.py" if module.ispkg else path.with_suffix(".py")
        if ">>>" in source.read_text():
            yield module.name


@pytest.mark.parametrize("name", sorted(documented_modules()))
def test_docstring_examples(name: str):
    module = importlib.import_module(name)
    tests = doctest.DocTestFinder(exclude_empty=True).find(module)
    for test in tests:
        for engine in registry.registered_backends():
            if any(f'"{engine}"' in example.source for example in test.examples):
                require(engine)
        report: list[str] = []
        failed, _ = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append)
        assert not failed, "".join(report)
    assert any(test.examples for test in tests)


def test_every_public_name_is_documented():
    text = "".join(page.read_text() for page in PAGES)
    names = [name for name, value in vars(di).items() if name[0] != "_" and not isinstance(value, types.ModuleType)]
    missing = [name for name in names if not re.search(rf"\b{name}\b", text)]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_and_links_on_a_page_exist(page: Path):
    text = page.read_text()
    unknown = {name for name in re.findall(r"\bdi\.(\w+)", text) if not hasattr(di, name)}
    assert not unknown
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text):
        if "://" not in target:
            linked = page.parent / target if target else page
            assert linked.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in anchors_of(linked), f"{page.name} links to {target}#{anchor}"


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that the headings of a page make."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_every_exception_has_its_anchor():
    page = (ROOT / "docs" / "errors.md").read_text().lower()
    for name, value in vars(di).items():
        if isinstance(value, type) and issubclass(value, di.DiffifaceError) and value is not di.DiffifaceError:
            assert f"\n## `{name.lower()}`\n" in page, name
            assert value("what").__notes__ == [f"  more: docs/errors.md#{name.lower()}"]


def names_in_the_reference() -> set[str]:
    """Collect what the directives of the reference pages show: objects, the members they name, or all of a module."""
    found = set()
    for page in (ROOT / "docs" / "reference").glob("*.md"):
        for path, options in re.findall(r"^::: (\S+)\n((?: .*\n)*)", page.read_text(), re.MULTILINE):
            shown = pkgutil.resolve_name(path)
            members = re.search(r"members:\s*(\[[\w, ]*\]|(?:\s*- \w+)+)", options)
            found.add(path.rpartition(".")[2])
            if members is not None:
                found |= set(re.findall(r"\w+", members[1]))
            elif isinstance(shown, types.ModuleType):
                found |= {name for name, value in vars(shown).items() if callable(value)}
    return found


@pytest.mark.parametrize("module", ["diffiface", "diffiface.interop", "diffiface.testing", "diffiface.distributed"])
def test_every_public_function_and_class_is_in_the_reference(module: str):
    public = {
        name for name, value in vars(importlib.import_module(module)).items() if name[0] != "_" and callable(value)
    }
    other_names = {"jvp", "value_and_jvp", "prepare_jvp", "vjp", "value_and_vjp", "prepare_vjp"}  # named in a sentence
    made_by_others = {"SumOver"}  # what `sum_over` returns
    assert public - other_names - made_by_others <= names_in_the_reference()
