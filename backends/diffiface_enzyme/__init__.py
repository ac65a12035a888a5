"""Enzyme as an engine: derivatives of JAX programs, made by Enzyme in XLA's own representation (MLIR)."""

REQUIRES = ("jax", "enzyme_ad")

BY_NAME_ONLY = True
"""Every operator of every function costs a second or more of compiling, so it is tried only where it is named."""
