"""The tutorials as notebooks: made from the pages whenever the site is built, so that they cannot fall behind.

A hook of mkdocs: every page of `tutorials/` gets a link to its notebook, which is written beside it. Or by hand:
`python .ci/notebooks.py FOLDER` writes them all there.
"""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

TUTORIALS = Path(__file__).resolve().parent.parent / "docs" / "tutorials"
_PYTHON = re.compile(r"^```python\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


def notebook_of(text: str) -> nbformat.NotebookNode:
    """Turn a page into a notebook: its Python blocks become code cells, what stands between them text.

    Examples with prompts lose them, and what they print: the notebook prints it.
    """
    cells, end = [], 0
    for block in _PYTHON.finditer(text):
        cells += _text(text[end : block.start()])
        cells.append(new_code_cell(_without_prompts(block[1]).rstrip()))
        end = block.end()
    cells += _text(text[end:])
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # not random: the same page makes the same file
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def _text(markdown: str) -> list[nbformat.NotebookNode]:
    return [new_markdown_cell(markdown.strip())] if markdown.strip() else []


def _without_prompts(code: str) -> str:
    examples = doctest.DocTestParser().get_examples(code)
    return "".join(example.source for example in examples) if examples else code


def write_notebooks(folder: Path) -> list[Path]:
    """Write the notebook of every tutorial into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for page in sorted(TUTORIALS.glob("*.md")):
        written.append(folder / f"{page.stem}.ipynb")
        nbformat.write(notebook_of(page.read_text(encoding="utf-8")), written[-1])
    return written


# ---- what mkdocs calls


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Put the link under the title of a tutorial."""
    if not page.file.src_uri.startswith("tutorials/"):
        return markdown
    name = f"{Path(page.file.src_uri).stem}.ipynb"
    link = f'<p class="notebook"><a href="../{name}" download>Download this page as a notebook</a></p>'
    return re.sub(r"\A(# .*\n)", rf"\1\n{link}\n", markdown)


def on_post_build(config: Any) -> None:
    """Write the notebooks into the site."""
    write_notebooks(Path(config["site_dir"]) / "tutorials")


if __name__ == "__main__":
    for path in write_notebooks(Path(sys.argv[1])):
        print(path)
