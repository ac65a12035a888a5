"""Arrays that are written into: elements, slices, masks, views, `out=`, in-place operators, the input itself."""

from __future__ import annotations

import numpy as np

from .inputs import M, S, functions


def elements_added(v):
    """y = zeros_like(v); y[i] += ... in a loop."""
    y = np.zeros_like(v)
    for i in range(len(v)):
        y[i] += v[i] * i
    return y


def elements_of_zeros(v):
    """y = zeros(6); y[i] = ... in a loop."""
    y = np.zeros(6)
    for i in range(6):
        y[i] = v[i] ** 2
    return y


def recursion_in_empty(v):
    """y = empty(6); y[i] from y[i - 1]."""
    y = np.empty(6)
    y[0] = v[0]
    for i in range(1, 6):
        y[i] = 0.5 * y[i - 1] + v[i]
    return y


def recursion_in_empty_like(v):
    """y = empty_like(v); y[i] from y[i - 1] squared."""
    y = np.empty_like(v)
    y[0] = v[0]
    for i in range(1, 6):
        y[i] = 0.5 * y[i - 1] ** 2 + v[i]
    return y


def slices_positions_masks(v):
    """y[1:3] *= ...; y[positions] += ...; y[v > .5] = 0."""
    y = v.copy()
    y[1:3] *= 2
    y[np.array([0, 4])] += v[1:3]
    y[v > 0.5] = 0.0
    return y


def input_written(v):
    """v[0] = v[1] ** 2: the input itself."""
    v[0] = v[1] ** 2
    return v * 2


def row_view(v):
    """row = y[0]; row[...] = ...; row += 1."""
    y = np.zeros_like(M(v))
    row = y[0]
    row[...] = v[:3] ** 2
    row += 1
    y[1] = row * v[3:]
    return y


def views_of_views(v):
    """y.T[0] = ...; y.T[2] += ...; y[:, 1][1] = ...."""
    y = np.zeros_like(M(v))
    y.T[0] = v[:2]
    y.T[2] += v[4:]
    y[:, 1][1] = v[5]
    return y


def reshaped_views(v):
    """z = y.reshape(2, 3); z[1, :] = ...; y.ravel()[0] = ...."""
    y = np.zeros_like(v)
    z = y.reshape(2, 3)
    z[1, :] = v[:3] ** 2
    r = y.ravel()
    r[0] = v[5]
    return y


def in_place_operators(v):
    """y = zeros((2, 3)); y += ...; y *= 2; y -= ...."""
    y = np.zeros((2, 3))
    y += M(v)
    y *= 2
    y -= M(v) ** 2
    return y


def running_number(v):
    """s = 0.; s += q ** 2."""
    s = 0.0
    for q in v:
        s += q**2
    return s


def out_into_a_view(v):
    """np.exp(v, out=y[:])."""
    y = np.zeros_like(v)
    np.multiply(v, 2.0, out=y)
    np.exp(v, out=y[:])
    return y


def out_into_zeros(v):
    """np.multiply(v, 2., out=np.zeros(6))."""
    y = np.zeros(6)
    np.multiply(v, 2.0, out=y)
    return y


def copyto_and_fill_diagonal(v):
    """np.copyto(y, ...); np.fill_diagonal(z, ...)."""
    y = np.zeros_like(v)
    np.copyto(y, v**2)
    z = np.zeros_like(S(v))
    np.fill_diagonal(z, v[:3])
    return y[:3] + z


def whole_slice(v):
    """y = zeros((6,)); y[:] = v."""
    y = np.zeros((6,))
    y[:] = v
    return y


def list_to_array(v):
    """out.append(...); np.array(out)."""
    out = []
    for i in range(5):
        out.append(v[i] * v[i + 1])
    return np.array(out)


CASES = functions(
    elements_added,
    elements_of_zeros,
    recursion_in_empty,
    recursion_in_empty_like,
    slices_positions_masks,
    input_written,
    row_view,
    views_of_views,
    reshaped_views,
    in_place_operators,
    running_number,
    out_into_a_view,
    out_into_zeros,
    copyto_and_fill_diagonal,
    whole_slice,
    list_to_array,
)
