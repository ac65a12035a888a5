"""The engine my_engine: forward mode by dual numbers."""

REQUIRES = ("numpy",)
"""The modules that must be installed; diffiface looks for them without loading any."""
