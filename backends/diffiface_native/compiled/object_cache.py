"""Object code kept on disk, for those who set DIFFIFACE_CACHE to a directory: compiled once, loaded by later processes.

A file is named by a hash of all that its code depends on: the text it was compiled from, the processor, the versions. It
begins with a hash of the code, so that what is damaged is compiled again. Files are written under another name and then
renamed: several processes may share a directory. Code is run as it is found, so the directory must be one's own.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

VARIABLE = "DIFFIFACE_CACHE"
_FORMAT = b"diffiface object code 1\n"


def cached(text: str, environment: str, compile: Callable[[], bytes]) -> bytes:
    """Return the object code of a text: from the directory, if one is set and has it, else compiled."""
    directory = os.environ.get(VARIABLE)
    if not directory:
        return compile()
    name = hashlib.sha256(b"\0".join([_FORMAT, environment.encode(), text.encode()])).hexdigest()
    path = Path(directory) / f"{name}.o"
    code = _read(path)
    if code is None:
        code = compile()
        _write(path, code)
    return code


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:  # not there, most often
        return None
    size = len(_FORMAT) + 32
    head, code = content[:size], content[size:]
    return code if head == _FORMAT + hashlib.sha256(code).digest() else None


def _write(path: Path, code: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            file.write(_FORMAT + hashlib.sha256(code).digest() + code)
        os.replace(file.name, path)
    except OSError as error:
        warnings.warn(f"{VARIABLE}: no object code is kept in {path.parent}: {error}", RuntimeWarning, stacklevel=2)
