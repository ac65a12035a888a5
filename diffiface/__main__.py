"""`python -m diffiface`."""

from diffiface.cli import app

app()
