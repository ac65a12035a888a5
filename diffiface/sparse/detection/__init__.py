"""Finding sparsity patterns."""
