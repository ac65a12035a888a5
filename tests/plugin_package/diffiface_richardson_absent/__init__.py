"""An engine whose package is not installed."""

REQUIRES = ("a_package_that_nobody_has",)
