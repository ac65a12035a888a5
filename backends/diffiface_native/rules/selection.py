"""Rules of selection and conversion."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffiface.adapter import Primitives
from diffiface_native.rules.rule import Partial, UnaryRule, is_complex

POINTWISE: dict[str, tuple[Partial | None, ...]] = {
    "where": (
        None,
        lambda p, t, y, condition, a, b: p.where(condition, t, 0.0),
        lambda p, t, y, condition, a, b: p.where(condition, 0.0, t),
    ),
}


def _astype_jvp(p: Primitives, t: Any, y: Any, x: Any, *, dtype: np.dtype) -> Any:
    if is_complex(p, t) and np.dtype(dtype).kind != "c":
        t = p.real(t)
    return p.astype(t, dtype=dtype)


def _astype_vjp(p: Primitives, ct: Any, y: Any, x: Any, *, dtype: np.dtype) -> Any:
    if is_complex(p, ct) and not is_complex(p, x):
        ct = p.real(ct)
    return p.astype(ct, dtype=p.dtype(x))


UNARY: dict[str, UnaryRule] = {"astype": UnaryRule(_astype_jvp, _astype_vjp)}
