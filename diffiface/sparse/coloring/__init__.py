"""Coloring sparsity patterns."""
