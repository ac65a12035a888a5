"""The demonstration: two logit models on real data, every engine, compared with each other and with statsmodels.

`model.py` is the function, `data.py` the data, `fit.py` the fits, `run.py` the order of events.
"""

from diffiface.demo.run import run as run
