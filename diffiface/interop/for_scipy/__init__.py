"""Callables for scipy.optimize and scipy.integrate."""
