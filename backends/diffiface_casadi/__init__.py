"""CasADi: expression graphs of single numbers, with sparse Jacobians and Hessians of its own."""

REQUIRES: tuple[str, ...] = ("casadi",)
BY_NAME_ONLY = True
