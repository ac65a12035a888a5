"""The classic suite with hand-written calls, saved under today's date beside this file: `python benchmarks/classic/run.py`.

Arguments, if any, are names of engines (default: all that are installed).
"""

from __future__ import annotations

import datetime
import sys
import time
from pathlib import Path

from by_hand import BY_HAND

from diffiface.benchmarking import benchmark_suite

HERE = Path(__file__).resolve().parent


def main() -> None:
    start = time.perf_counter()
    results = benchmark_suite("classic", backends=sys.argv[1:] or None, by_hand=BY_HAND)
    stem = HERE / datetime.date.today().isoformat()
    results.to_json(stem.with_suffix(".json"))
    stem.with_suffix(".md").write_text(results.to_markdown(), encoding="utf-8")
    results.plot(stem.with_suffix(".png"))
    print(results)
    print(f"{time.perf_counter() - start:.0f} s; saved {stem}.*")


if __name__ == "__main__":
    main()
