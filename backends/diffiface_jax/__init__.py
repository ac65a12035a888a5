"""JAX as an engine: jitted once at preparation, eager otherwise."""

REQUIRES = ("jax",)
