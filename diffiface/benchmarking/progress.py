"""A progress bar, where somebody is looking."""

from __future__ import annotations

from typing import Any

from diffiface.benchmarking.case import Case


class Progress:
    """A bar over the cases of a run, on standard error; nothing where that is no terminal, unless asked for."""

    def __init__(self, total: int, shown: bool | None = None):
        self._total, self._shown = total, shown
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        if console.is_terminal if self._shown is None else self._shown:
            columns = (
                BarColumn(30),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.description}", markup=False),
            )
            # Redrawn only when something is said: a thread that draws by the clock would disturb what is measured.
            self._bar = Bar(*columns, console=console, auto_refresh=False, transient=True)
            self._task = self._bar.add_task("", total=self._total)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, case: Case, engine: str, what: str) -> None:
        """Say what is going on."""
        if self._bar is not None:
            text = f"{case.operator} of {case.problem}, n={case.n}: {engine} {what}"
            self._bar.update(self._task, description=text, refresh=True)

    def advance(self) -> None:
        """Count a case as done."""
        if self._bar is not None:
            self._bar.advance(self._task)
            self._bar.refresh()
