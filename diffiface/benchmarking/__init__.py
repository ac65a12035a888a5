"""Engines timed against each other, each in its own process.

`case.py` is what is measured, `worker.py` an engine's process, `process.py` and `messages.py` the way to it, `lane.py` one
engine in a run, `runner.py` the turns they take; `results.py` (with `tables.py`, `figures.py`, `page.py`) what comes out,
`growth.py` the fit over sizes, `changes.py` two runs compared.
"""

from diffiface.benchmarking.benchmark import benchmark as benchmark
from diffiface.benchmarking.benchmark import benchmark_sizes as benchmark_sizes
from diffiface.benchmarking.changes import compare_results as compare_results
from diffiface.benchmarking.growth import fit_growth as fit_growth
from diffiface.benchmarking.outcome import Outcome as Outcome
from diffiface.benchmarking.results import Results as Results
from diffiface.benchmarking.results import read_results as read_results
from diffiface.benchmarking.suite import benchmark_suite as benchmark_suite
