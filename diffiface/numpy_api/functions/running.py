"""Running sums and products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from diffiface.numpy_api.functions.raw import axis_of, cast, ndim, with_axis
from diffiface.numpy_api.table import available, numpy_function
from diffiface.primitives import Primitives


@numpy_function(np.cumsum)
def cumsum(p: Primitives, a: Any, axis: Any = None, dtype: Any = None) -> Any:
    a, axis = with_axis(p, a, axis)
    return p.cumsum(cast(p, a, dtype), axis=axis)


@numpy_function(np.cumprod)
def cumprod(p: Primitives, a: Any, axis: Any = None, dtype: Any = None) -> Any:
    a, axis = with_axis(p, a, axis)
    return p.cumprod(cast(p, a, dtype), axis=axis)


def _cumulative(running: Callable[..., Any], identity: int) -> Callable[..., Any]:
    def cumulative(
        p: Primitives, x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
    ) -> Any:
        if axis is None and ndim(p, x) > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        axis = axis_of(p, x, 0 if axis is None else axis)
        result = running(p, x, axis, dtype)
        if not include_initial:
            return result
        shape = list(p.shape(result))
        shape[axis] = 1
        return p.concatenate([np.full(shape, identity, p.dtype(result)), result], axis=axis)

    return cumulative


numpy_function(*available(np, "cumulative_sum"))(_cumulative(cumsum, 0))
numpy_function(*available(np, "cumulative_prod"))(_cumulative(cumprod, 1))
