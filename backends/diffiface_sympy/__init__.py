"""SymPy: f's derivative as a formula."""

REQUIRES: tuple[str, ...] = ("sympy", "scipy")
BY_NAME_ONLY = True
