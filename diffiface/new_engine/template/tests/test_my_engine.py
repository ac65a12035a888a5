"""The testing kit of diffiface, on a few scenarios. Without `tags` it runs on all, for some minutes."""

from diffiface.testing import test_backend


def test_my_engine():
    print(test_backend("my_engine", tags=["basic"]))
