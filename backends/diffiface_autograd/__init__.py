"""autograd as an engine: a tape over NumPy itself, reverse mode."""

REQUIRES = ("autograd", "scipy")
