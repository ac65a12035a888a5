"""diffiface's own engines, on NumPy alone: "forward" (dual numbers) and "reverse" (a tape)."""

from diffiface_native.adapter import Forward as Forward
from diffiface_native.adapter import Reverse as Reverse
