"""One engine in a run: its process, its state in the case at hand, and the row that comes of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface import registry
from diffiface.adapter import Backend
from diffiface.benchmarking.case import Case
from diffiface.benchmarking.outcome import Outcome
from diffiface.benchmarking.process import EngineProcess, ProcessLost, StepFailed
from diffiface.benchmarking.settings import Settings
from diffiface.benchmarking.shipping import ship
from diffiface.comparison.run import label_of, reason
from diffiface.errors import MissingBackendError

ROW: tuple[str, ...] = (
    "problem",
    "n",
    "operator",
    "engine",
    "outcome",
    "min_seconds",
    "median_seconds",
    "iqr_seconds",
    "ratio_to_fastest",
    "by_hand_seconds",
    "ratio_to_by_hand",
    "unprepared_seconds",
    "prepare_seconds",
    "first_call_seconds",
    "import_seconds",
    "f_calls",
    "peak_bytes",
    "own_bytes",
    "error",
    "runs",
    "rounds",
    "exact",
    "dtype",
    "detail",
)
"""The keys of a row, in the order of a file's columns."""

_START_TIMEOUT = 60.0
"""What starting Python and importing an engine may take at least, on however busy a machine."""


class Lane:
    """One engine in a run."""

    def __init__(self, spec: str | Backend, settings: Settings):
        self._settings = settings
        self._process: EngineProcess | None = None
        self._absence: tuple[Outcome, str] | None = None
        self._import_seconds: float | None = None
        self._given_up: dict[tuple[str, str], int] = {}
        """Problem and operator → the size that was already too much."""
        self._spec: str | bytes = b""
        if isinstance(spec, str) and not registry.is_local(spec):
            self.label, self._spec = spec, spec  # by name, so that this process need not load the engine
            self._absence = _absence_of(spec)
        else:
            backend = registry.resolve(spec)
            self.label, self._spec = label_of(backend), ship(backend)
        self.row: dict[str, Any] = {}
        self.values: np.ndarray | None = None

    # ---- a case

    def begin(self, case: Case) -> None:
        """Load and prepare a case, and find out how many runs make up a turn."""
        self._new_row(case)
        if self._absence is not None:
            self.row["outcome"], self.row["detail"] = self._absence
            return
        if case.n > (size := self._given_up.get((case.problem, case.operator), case.n)):
            self.row["outcome"] = Outcome.NOT_TRIED
            self.row["detail"] = f"n={size} was already too much"
            return
        try:
            self._start()
            self._ask("load", case.parcel, case.operator)
            found = self._ask("prepare")
            self.values = found.pop("values")
            self._held = found.pop("held_bytes")
            self.row |= found
            self._count = self._ask("calibrate", self._settings.batch_seconds)
        except StepFailed as failure:
            self._fail(failure, case)
            return
        try:
            self._ask("prepare_by_hand")
        except ProcessLost as failure:
            self._fail(failure, case)
        except StepFailed as failure:
            self.row["detail"] = f"by hand: {failure.detail}"

    def skip(self, case: Case, why: str) -> None:
        """Leave a case out."""
        self._new_row(case)
        self.row["outcome"], self.row["detail"] = self._absence or (Outcome.NOT_TRIED, why)

    def _new_row(self, case: Case) -> None:
        self.row = dict.fromkeys(ROW)
        self.row |= {"problem": case.problem, "n": case.n, "operator": case.operator, "dtype": case.dtype}
        self.row |= {"engine": self.label, "outcome": Outcome.MEASURED, "detail": ""}
        self.values = None
        self._samples: list[float] = []
        self._by_hand: list[float] = []
        self._count = 0

    @property
    def measuring(self) -> bool:
        """Whether it still takes part in the rounds: it works, and its time is not used up."""
        if self._process is None or self._count == 0:
            return False
        spent = sum(self._samples) * self._count
        # Three turns at least, unless a single run takes longer than all of its time.
        few = len(self._samples) < 3 and (self._count > 1 or spent < 3 * self._settings.seconds)
        return few or spent < self._settings.seconds

    def measure(self, turn: int, case: Case) -> None:
        """Take one turn."""
        try:
            own, by_hand = self._ask("measure", self._count, bool(turn % 2))
        except StepFailed as failure:
            self._fail(failure, case)
            return
        self._samples.append(own)
        if by_hand is not None:
            self._by_hand.append(by_hand)

    def end(self, case: Case) -> None:
        """Measure what must not run between the rounds, and sum up."""
        if not self._samples or self.row["outcome"] is not Outcome.MEASURED:
            return
        quarters = np.quantile(self._samples, [0.0, 0.25, 0.5, 0.75])
        self.row |= {
            "min_seconds": float(quarters[0]),
            "median_seconds": float(quarters[2]),
            "iqr_seconds": float(quarters[3] - quarters[1]),
            "rounds": len(self._samples),
            "runs": len(self._samples) * self._count,
        }
        if self._by_hand:
            self.row["by_hand_seconds"] = float(np.median(self._by_hand))
            # Turn by turn: both of a pair met the same state of the machine.
            self.row["ratio_to_by_hand"] = float(np.median(np.divide(self._samples, self._by_hand)))
        try:
            self.row["peak_bytes"] = peak = self._ask("peak")
            if peak is not None and self._held is not None:
                self.row["own_bytes"] = max(0, peak - self._held)
            self.row["f_calls"] = self._ask("count_calls")
            if self._settings.unprepared:
                self.row["unprepared_seconds"] = self._ask("time_unprepared")
        except ProcessLost as failure:  # the times stand; only the next case needs a new process
            self._process = None
            self._remark(str(failure))
        except StepFailed as failure:
            self._remark(str(failure))

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()
            self._process = None

    # ---- the process

    def _start(self) -> None:
        if self._process is not None:
            return
        self._process = EngineProcess(self._settings.threads)
        found = self._process.ask(
            "start",
            self._spec,
            self._settings.threads,
            self._settings.memory_limit_bytes(),
            timeout=max(self._settings.timeout, _START_TIMEOUT),
        )
        self._import_seconds = found["import_seconds"]
        self.row["import_seconds"] = self._import_seconds

    def _ask(self, step: str, *arguments: Any) -> Any:
        assert self._process is not None
        return self._process.ask(step, *arguments, timeout=self._settings.timeout)

    def _fail(self, failure: StepFailed, case: Case) -> None:
        self.row["outcome"], self.row["detail"] = failure.outcome, failure.detail
        self.values, self._count = None, 0
        if isinstance(failure, ProcessLost):
            self._process = None
        elif failure.outcome is Outcome.OUT_OF_MEMORY:
            self.close()  # what it still holds would be the next case's loss
        if failure.outcome in (Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY):
            self._given_up[case.problem, case.operator] = case.n

    def _remark(self, text: str) -> None:
        self.row["detail"] = f"{self.row['detail']}; {text}" if self.row["detail"] else text


def _absence_of(name: str) -> tuple[Outcome, str] | None:
    """Say why an engine cannot take part. Raises `UnknownBackendError` for a name that no engine has."""
    if name in registry.registered_backends() and not registry.missing_modules(name):
        return None
    try:
        registry.backend_class(name)
    except MissingBackendError as error:
        return Outcome.NOT_INSTALLED, reason(error)
    return None
