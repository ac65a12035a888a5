"""Every engine against the others: one function, one report.

`problem.py` is what is asked, `run.py` one engine's answer, `referee.py` (with `differences.py`) finite
differences of f for entries in dispute, `reference.py` the values to judge by, `classify.py` the verdicts,
`report.py`, `figure.py` and `page.py` how they are shown, `several.py` one report on several points.
"""

from diffiface.comparison.compare import compare as compare
from diffiface.comparison.report import Comparison as Comparison
from diffiface.comparison.status import Status as Status
