"""For the reference pages: our docstrings' sections as griffe expects them, a blank line apart and examples named."""

from __future__ import annotations

import re
from typing import Any

import griffe

_SECTIONS = re.compile(r"\n(?=(?:Args|Returns|Raises|Source):)")


def with_sections(text: str) -> str:
    """Set the sections of a docstring apart, and put its example under a heading."""
    text = _SECTIONS.sub("\n\n", text)
    text = re.sub(r"\n\nSource: ?", "\n\n**Source:** ", text)
    before, _, example = text.partition("\n\n>>> ")
    if not example:
        return text
    indented = "\n".join("    " + line if line else "" for line in (">>> " + example).splitlines())
    return f"{before}\n\nExamples:\n{indented}\n"


class DocstringSections(griffe.Extension):
    """Change every docstring when it has been read."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Change one."""
        if obj.docstring is not None:
            obj.docstring.value = with_sections(obj.docstring.value)
