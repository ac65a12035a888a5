"""PyTorch as an engine: reverse mode, and reverse over reverse for everything else."""

REQUIRES = ("torch",)
