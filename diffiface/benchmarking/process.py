"""The runner's end of an engine's process: start it, ask it for a step, and tell what became of it."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from diffiface.benchmarking.messages import receive, send
from diffiface.benchmarking.outcome import Outcome

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_PROGRAM = "from diffiface.benchmarking.worker import main; main()"


class StepFailed(Exception):
    """A step did not succeed; the process is still there."""

    def __init__(self, outcome: Outcome, detail: str):
        self.outcome, self.detail = outcome, detail
        super().__init__(f"{outcome}: {detail}")


class ProcessLost(StepFailed):
    """The process ended, or was ended because it took too long."""


class EngineProcess:
    """A process in which one engine is loaded."""

    def __init__(self, threads: int | None):
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_environment(threads),
            start_new_session=True,  # Ctrl-C is the runner's to handle
        )
        self._answers: queue.Queue[tuple[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, step: str, *arguments: Any, timeout: float) -> Any:
        """Have a step done and return what it gives.

        Raises `StepFailed` with the reason, or `ProcessLost` if the process crashed or needed more than `timeout` seconds.
        """
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone: the listener will say so
            send(self._process.stdin, (step, arguments))  # pyright: ignore[reportArgumentType]
        try:
            reply = self._answers.get(timeout=timeout)
        except queue.Empty:
            self.close()
            raise ProcessLost(Outcome.TIMED_OUT, f"{_WORDS.get(step, step)} took more than {timeout:.3g} s") from None
        if reply is None:
            status = self._process.wait()
            log = self._read_log()
            self.close()
            raise ProcessLost(*_cause_of_death(status, log, step))
        kind, content = reply
        if kind == "failed":
            raise StepFailed(*content)
        return content

    def close(self) -> None:
        """End the process, if it has not ended by itself."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._log):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _listen(self) -> None:
        """Hand on the answers from a thread of its own, so that waiting for one can have an end on every system."""
        stream = self._process.stdout
        assert stream is not None
        try:
            while True:
                self._answers.put(receive(stream))  # pyright: ignore[reportArgumentType]
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self._answers.put(None)
        finally:
            stream.close()

    def _read_log(self) -> str:
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - 20_000))
        return self._log.read().decode(errors="replace")


_WORDS = {
    "start": "loading the engine",
    "load": "loading the function",
    "prepare": "preparing and the first run",
    "prepare_by_hand": "the hand-written call",
    "calibrate": "a run",
    "measure": "a batch of runs",
    "count_calls": "counting the calls of f",
    "time_unprepared": "the unprepared run",
}


def _environment(threads: int | None) -> dict[str, str]:
    """Let the process find what this one finds, and hold its libraries to so many threads."""
    environment = dict(os.environ)
    home = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join([*(path for path in sys.path if path), home])
    if threads is not None:
        environment |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    return environment


def _cause_of_death(status: int, log: str, step: str) -> tuple[Outcome, str]:
    """Tell a crash from memory running out, by the signal and what was written last."""
    during = f"during {_WORDS.get(step, step)}"
    if status >= 0:
        lines = [line for line in log.strip().splitlines() if line.strip()]
        return Outcome.CRASHED, f"the process ended {during} with status {status}" + (f": {lines[-1]}" if lines else "")
    name = signal.Signals(-status).name
    if -status == signal.SIGKILL:
        return Outcome.OUT_OF_MEMORY, f"the system killed the process {during}, as it does when memory runs out"
    if "bad_alloc" in log or "out of memory" in log.lower() or "MemoryError" in log:
        return Outcome.OUT_OF_MEMORY, f"an allocation failed {during} ({name})"
    frame = re.search(r'File "([^"]+)", line (\d+) in (\S+)', log)
    where = f" in {frame[3]} ({Path(frame[1]).name}:{frame[2]})" if frame else ""
    return Outcome.CRASHED, f"{name}{where} {during}"
