"""Draw the pictures of the gallery anew, by running its pages: `python docs/gallery/draw.py [PAGE ...]`."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(names: list[str]) -> None:
    """Run the Python blocks of the pages, here, where their pictures belong."""
    os.chdir(HERE)
    for page in [HERE / f"{name}.md" for name in names] or sorted(HERE.glob("*.md")):
        blocks = re.findall(r"^```python\n(.*?)^```\n", page.read_text(), re.MULTILINE | re.DOTALL)
        exec(compile("\n".join(blocks), str(page), "exec"), {"__name__": "page"})
        print(page.name)


if __name__ == "__main__":
    main(sys.argv[1:])
