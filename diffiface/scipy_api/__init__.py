"""SciPy's functions on dressed values, a file for each of SciPy's modules (loaded when that module has been)."""
