"""Every engine against the others: one function, one report.

`problem.py` is what is asked, `run.py` one engine's answer, `referee.py` (with `differences.py`) finite
differences of f for entries in dispute, `reference.py` the values to judge by, `classify.py` the verdicts,
`report.py` and `figure.py` how they are shown.
"""

from diffiface.comparison.compare import compare as compare
from diffiface.comparison.report import Comparison as Comparison
from diffiface.comparison.status import Status as Status
