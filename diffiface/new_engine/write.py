"""The template package, written to a folder under a name of its own."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from diffiface import registry
from diffiface.errors import InputError

TEMPLATE = Path(__file__).with_name("template")
_NAME, _CLASS = "my_engine", "MyEngine"
"""What the engine and its class are called in the template."""


def write_engine_package(name: str, folder: str | Path = ".") -> Path:
    """Write a package with a working engine to a folder, ready to be installed, tested, and changed into another.

    Args:
        name: the engine's name: lower-case letters, digits and underscores, as in `di.gradient(f, name, x)`.
        folder: where to put the folder `diffiface-NAME`.
    Returns:
        The new folder.
    Raises:
        InputError: the name cannot be a name, an engine has it, or the folder exists.

    >>> import tempfile
    >>> from diffiface.new_engine import write_engine_package
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     package = write_engine_package("toy", folder)
    ...     print(package.name, sorted(path.name for path in package.iterdir()))
    diffiface-toy ['README.md', 'diffiface_toy', 'pyproject.toml', 'tests']
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise InputError(f"{name!r} cannot be an engine's name", fix="lower-case letters, digits and underscores")
    if name in registry.registered_backends() or name == "auto":
        raise InputError(f"an engine is called {name!r} already", fix="choose another name")
    package = Path(folder) / f"diffiface-{name.replace('_', '-')}"
    if package.exists():
        raise InputError(f"{package} exists", fix="choose another name or folder")
    for source in sorted(TEMPLATE.rglob("*")):
        if source.is_file() and source.suffix in (".py", ".toml", ".md"):
            target = package / _named(str(source.relative_to(TEMPLATE)), name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_named(source.read_text(encoding="utf-8"), name), encoding="utf-8")
    return package


def _named(text: str, name: str) -> str:
    text = text.replace(_CLASS, "".join(part.capitalize() for part in name.split("_")))
    return text.replace(_NAME, name).replace(_NAME.replace("_", "-"), name.replace("_", "-"))
