"""For the reference pages: our docstrings' sections as griffe expects them, a blank line apart and examples named."""

from __future__ import annotations

import re
from typing import Any

import griffe

_SECTIONS = re.compile(r"\n(?=(?:Args|Returns|Raises|Source):)")


_SHARED = re.compile(r"^( +)(\w+(?:, \w+)+): ((?:.*\n)(?:\1 +.*\n)*)", re.MULTILINE)


def _one_by_one(match: re.Match[str]) -> str:
    """Write "a, b: text" as "a: text" and "b: text"."""
    indent, names, text = match.groups()
    return "".join(f"{indent}{name}: {text}" for name in names.split(", "))


def with_sections(text: str) -> str:
    """Set the sections of a docstring apart, and put its example under a heading."""
    text = _SECTIONS.sub("\n\n", text)
    head, args, tail = text.partition("\n\nArgs:\n")
    args_only, gap, rest = tail.partition("\n\n")
    text = head + args + _SHARED.sub(_one_by_one, args_only + "\n").removesuffix("\n") + gap + rest
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
