"""Two files of results against each other: what became faster, slower, broken or mended."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Literal

from diffiface.benchmarking import shown
from diffiface.benchmarking.environment import in_one_line
from diffiface.benchmarking.outcome import Outcome
from diffiface.benchmarking.results import Results, read_results
from diffiface.errors import InputError

Verdict = Literal["faster", "slower", "same", "broken", "mended", "only before", "only after", "neither"]


@dataclass(frozen=True)
class Change:
    """One engine in one case, before and after."""

    problem: str
    n: int
    operator: str
    engine: str
    before: float | None
    """The median before, in seconds; None if there is no time to rely on."""
    after: float | None
    ratio: float | None
    """After to before."""
    verdict: Verdict


@dataclass(frozen=True, repr=False)
class Changes:
    """What `compare_results` found."""

    rows: list[Change]
    before: Results
    after: Results

    @property
    def worse(self) -> list[Change]:
        """The rows that became slower or broke."""
        return [row for row in self.rows if row.verdict in ("slower", "broken")]

    def __str__(self) -> str:
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
        for i, name in enumerate(("problem", "n", "operator", "engine", "before", "after", "after/before", "")):
            table.add_column(name, justify="right" if i in (1, 4, 5, 6) else "left", no_wrap=True)
        for row in self.rows:
            times = shown.seconds(row.before), shown.seconds(row.after), shown.ratio(row.ratio)
            verdict = row.verdict.upper() if row in self.worse else row.verdict
            table.add_row(row.problem, str(row.n), row.operator, row.engine, *times, verdict)
        written = io.StringIO()
        console = Console(file=written, width=120, color_system=None, highlight=False, markup=False, emoji=False)
        console.print(table)
        counts = {verdict: sum(row.verdict == verdict for row in self.rows) for verdict in Verdict.__args__}
        console.print("; ".join(f"{count} {verdict}" for verdict, count in counts.items() if count))
        console.print(f"before: {in_one_line(self.before.environment)}")
        console.print(f"after: {in_one_line(self.after.environment)}")
        return "\n".join(line.rstrip() for line in written.getvalue().splitlines())

    __repr__ = __str__


def compare_results(before: Results | Any, after: Results | Any, threshold: float = 1.1) -> Changes:
    """Compare two runs of the same benchmark.

    Args:
        before: results, or the path of a file of them.
        after: the same.
        threshold: the ratio of medians from which a change counts. It must also be larger than the noise: the two medians
            must be further apart than half the interquartile ranges of both together.
    Returns:
        `Changes`: one row per case and engine of either; print it, or use `rows` and `worse`.
    Raises:
        InputError: a file cannot be read, or they have no case in common.

    >>> from diffiface.benchmarking import benchmark, compare_results
    >>> run = benchmark("numpy:cos", 1.0, operators="derivative", backends=["forward"], seconds=0.01, rounds=2)
    >>> compare_results(run, run).rows[0].verdict
    'same'
    """
    if not threshold >= 1:
        raise InputError(f"threshold={threshold!r} is not a ratio of at least 1", fix="1.1 for a tenth")
    old = before if isinstance(before, Results) else read_results(before)
    new = after if isinstance(after, Results) else read_results(after)
    old_rows, new_rows = _by_key(old), _by_key(new)
    if not old_rows.keys() & new_rows.keys():
        raise InputError("the two results have no case and engine in common")
    keys = list(dict.fromkeys([*old_rows, *new_rows]))
    return Changes([_change(key, old_rows.get(key), new_rows.get(key), threshold) for key in keys], old, new)


Key = tuple[str, int, str, str]


def _by_key(results: Results) -> dict[Key, dict[str, Any]]:
    return {(row["problem"], row["n"], row["operator"], row["engine"]): row for row in results.rows}


def _change(key: Key, old: dict[str, Any] | None, new: dict[str, Any] | None, threshold: float) -> Change:
    before, after = _median(old), _median(new)
    if old is None or new is None:
        return Change(*key, before, after, None, "only after" if old is None else "only before")
    if before is None or after is None:
        verdict: Verdict = "neither" if before == after else "broken" if after is None else "mended"
        return Change(*key, before, after, None, verdict)
    ratio = after / before
    noise = (old["iqr_seconds"] + new["iqr_seconds"]) / 2
    if abs(after - before) <= noise or 1 / threshold < ratio < threshold:
        return Change(*key, before, after, ratio, "same")
    return Change(*key, before, after, ratio, "faster" if ratio < 1 else "slower")


def _median(row: dict[str, Any] | None) -> float | None:
    return row["median_seconds"] if row is not None and row["outcome"] is Outcome.MEASURED else None
