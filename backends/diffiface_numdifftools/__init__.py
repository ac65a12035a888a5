"""numdifftools: extrapolated finite differences, slower and more accurate than plain ones."""

REQUIRES: tuple[str, ...] = ("numdifftools",)
