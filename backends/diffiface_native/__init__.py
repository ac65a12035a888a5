"""diffiface's own engines, on NumPy alone: "forward" (dual numbers) and "reverse" (a tape)."""

REQUIRES: tuple[str, ...] = ()
