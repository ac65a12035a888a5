"""The choice of an engine by measuring: `fastest`, and the backend `"auto"`.

`request.py` is the call to choose for and what it is remembered by, `measuring.py` the comparison and the race,
`search.py` and `backend.py` the two ways to ask, `choice.py` what comes of it, `remembered.py` where it is kept.
"""

from diffiface.auto.choice import Choice as Choice
from diffiface.auto.remembered import forget_choices as forget_choices
from diffiface.auto.search import fastest as fastest
