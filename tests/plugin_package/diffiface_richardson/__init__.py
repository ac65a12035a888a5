"""Central differences with Richardson's extrapolation, and the same with a mistake."""

REQUIRES = ("numpy",)
