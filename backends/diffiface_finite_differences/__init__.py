"""Finite differences: derivatives of any function that can be evaluated, with bounds on their error."""

REQUIRES: tuple[str, ...] = ()
