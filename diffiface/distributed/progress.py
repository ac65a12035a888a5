"""Progress over chunks: a bar, or a function of the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Progress = bool | Callable[[int, int], Any]
"""True for a bar, False for none, or `progress(done, total)`."""


@contextmanager
def shown(progress: Progress, what: str, total: int) -> Iterator[Callable[[int], Any]]:
    """Yield the function to call with the number of chunks done."""
    if progress is False:
        yield lambda done: None
    elif progress is True:
        from rich.progress import Progress as Bar

        with Bar(transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)
    else:
        yield lambda done: progress(done, total)
