"""mpmath: derivatives to any number of digits, to judge others by."""

REQUIRES: tuple[str, ...] = ("mpmath",)
BY_NAME_ONLY = True
