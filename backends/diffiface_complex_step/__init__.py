"""The complex step: a derivative is the imaginary part of f a hair's breadth off the real axis."""

REQUIRES: tuple[str, ...] = ()
BY_NAME_ONLY = True
