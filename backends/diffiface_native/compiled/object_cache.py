"""What is kept on disk for those who set DIFFIFACE_CACHE to a directory: made once, loaded by later processes.

An entry is named by a hash of all that it depends on. It begins with a hash of its content, so that one that is damaged or
cut off is as good as none. Files are written under another name and then renamed: several processes may share a directory.
What is found is run as it is, so the directory must be one's own.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

VARIABLE = "DIFFIFACE_CACHE"
_FORMAT = b"diffiface 2\n"
OBJECT_CODE, PROGRAM = ".o", ".program"
"""How the names of entries end: object code by the text it was compiled from, programs by their graph (`kept_program`)."""


def is_used() -> bool:
    """Say whether a directory is set."""
    return bool(os.environ.get(VARIABLE))


def entry_name(ending: str, *depends_on: str) -> str:
    """Return the name of the entry that depends on these texts."""
    return hashlib.sha256("\0".join(depends_on).encode()).hexdigest() + ending


def cached(text: str, environment: str, compile: Callable[[], bytes]) -> tuple[bytes, str | None]:
    """Return the object code of a text: from the directory, if one is set and has it, else compiled.

    Returns:
        The code, and the name of the entry that holds it now (None if no directory is set).
    """
    if not is_used():
        return compile(), None
    name = entry_name(OBJECT_CODE, environment, text)
    code = read(name)
    if code is None:
        code = compile()
        write(name, code)
    return code, name


def read(name: str) -> bytes | None:
    """Return the content of an entry; None if there is none, or one that is damaged."""
    try:
        stored = (Path(os.environ[VARIABLE]) / name).read_bytes()
    except OSError:  # not there, most often
        return None
    size = len(_FORMAT) + 32
    head, content = stored[:size], stored[size:]
    return content if head == _FORMAT + hashlib.sha256(content).digest() else None


def write(name: str, content: bytes) -> None:
    """Keep an entry; where that cannot be done, warn."""
    directory = Path(os.environ[VARIABLE])
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=directory, suffix=".part", delete=False) as file:
            file.write(_FORMAT + hashlib.sha256(content).digest() + content)
        os.replace(file.name, directory / name)
    except OSError as error:
        warnings.warn(f"{VARIABLE}: nothing is kept in {directory}: {error}", RuntimeWarning, stacklevel=2)
