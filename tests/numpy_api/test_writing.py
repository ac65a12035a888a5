"""Assignment, augmented assignment, views and aliasing: the same code on plain and on dressed arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from diffiface.numpy_api import Array, undress
from diffiface.primitives import NUMPY
from tests.numpy_api.boxes import Box, BoxTrace

SITUATIONS: list[Callable[[Any], Any]] = []


def situation(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    SITUATIONS.append(f)
    return f


# ---- writing by every kind of index


@situation
def fills_a_buffer_in_a_loop(v):
    y = np.zeros_like(v)
    for i in range(len(v)):
        y[i] = v[i] ** 2
        y[i] += v[i] * i
    return y


@situation
def recursion_through_its_own_elements(v):
    y = np.empty_like(v)
    y[0] = v[0]
    for i in range(1, 6):
        y[i] = 0.5 * y[i - 1] ** 2 + v[i]
    return y


@situation
def buffer_made_with_like(v):
    y = np.zeros(3, like=v)
    y[-1] = v[2]
    return y


@situation
def slices_fancy_indices_and_masks(v):
    y = v.copy()
    y[1:3] *= 2
    y[np.array([0, 4])] += v[1:3]
    y[v > 0.5] = 0.0
    y[[5]] -= 1
    y[y < 0] **= 2
    y[::-2] /= v[:3]
    return y


@situation
def tuple_ellipsis_and_broadcast_items(v):
    y = np.zeros_like(v.reshape(2, 3))
    y[..., 0] = v[:2]
    y[1, 1:] = 7
    y[:, 2] = v[3]
    y[np.ix_([0, 1], [1])] += v[0]
    y[:, None, 1] += 1
    return y


@situation
def repeated_indices_are_written_once_by_setitem_and_added_by_add_at(v):
    y, z = np.zeros_like(v), np.zeros_like(v)
    y[[0, 0, 2]] += v[:3]
    np.add.at(z, [0, 0, 2], v[:3])
    np.subtract.at(z, (np.array([1, 1]),), 0.5)
    return np.concatenate([y, z])


@situation
def writes_into_its_argument(v):
    v[0] = v[1] ** 2
    v *= 2
    return v


@situation
def a_list_is_assigned(v):
    y = np.zeros_like(v)
    y[:3] = [v[0], 1, v[2]]
    y[3:] = np.array([v[0], v[1], v[2]])
    return y


# ---- views


@situation
def row_of_a_matrix(v):
    y = np.zeros_like(v.reshape(2, 3))
    row = y[0]
    row[...] = v[:3] ** 2
    row += 1
    y[1] = row * v[3:]
    return y


@situation
def view_of_a_view(v):
    y = np.zeros_like(v.reshape(2, 3))
    y.T[0] = v[:2]
    y.T[2] += v[4:]
    y[:, 1][1] = v[5]
    y[1][1:][0] *= 3
    return y


@situation
def view_sees_later_writes_to_its_root(v):
    y = v.copy()
    part, back = y[1:4], y[::-1]
    y[2] = 9.0
    back[0] = -1.0
    return np.concatenate([y, part * 2, back])


@situation
def views_see_each_other(v):
    m = v.reshape(2, 3).copy()
    rows, columns, line = m[1], m.T, m.reshape(-1)
    rows[0] = 5.0
    columns[2] = 6.0
    line[0] = 7.0
    return np.concatenate([m.ravel(), rows, columns.ravel(), line])


@situation
def reshape_and_ravel_are_views_of_contiguous_arrays(v):
    y = np.zeros_like(v)
    y.reshape(2, 3)[1, :] = v[:3] ** 2
    y.ravel()[0] = v[5]
    np.reshape(y, (3, 2))[0, 1] = 4.0
    np.ravel(y)[2] = 3.0
    return y


@situation
def ravel_of_a_transpose_is_a_copy(v):
    m = v.reshape(2, 3).copy()
    m.T.ravel()[0] = 100.0
    m.T.reshape(-1)[1] = 100.0
    m.T.flatten()[2] = 100.0
    m[:, :2].reshape(-1)[0] = 100.0
    return m


@situation
def reshape_of_some_views_is_a_view(v):
    m = v.reshape(2, 3).copy()
    m[1:].reshape(3)[0] = 100.0
    m.T.reshape(3, 2, 1)[2] = 50.0
    m[:, ::2].reshape(2, 1, 2)[0] = 25.0
    m[0:1].ravel()[1] = 12.0
    m[:, 0].ravel()[0] = 3.0
    return m


@situation
def flatten_copy_and_astype_are_copies(v):
    m = v.reshape(2, 3).copy()
    for other in (m.flatten(), m.copy(), m.astype(float), np.copy(m), np.array(m, like=m)):
        other[0] = -1.0
    return m


@situation
def function_forms_are_views(v):
    m = v.reshape(2, 3).copy()
    np.transpose(m)[0] = 1.0
    np.swapaxes(m, 0, 1)[1, 0] = 2.0
    np.moveaxis(m, 0, 1)[2] *= 3.0
    np.squeeze(np.expand_dims(m, 0))[1, 1] = 4.0
    np.flip(m)[0, 0] = 5.0
    np.flipud(m)[0, 0] = 6.0
    np.rot90(m)[0, 0] = 7.0
    np.split(m, 2)[0][0, 0] = 8.0
    np.atleast_3d(m)[0, 1, 0] = 9.0
    return m


@situation
def flat_writes_through_any_layout(v):
    m = v.reshape(2, 3).copy()
    m.T.flat[1] = 100.0
    m.flat[[0, 5]] = [v[1], 2.0]
    return m


@situation
def real_and_imaginary_parts_are_views(v):
    z = v * (1 + 2j)
    z.real[0] = 5.0
    z.imag = 3.0
    z[1:].real += 1.0
    return z


@situation
def loop_over_rows_writes(v):
    m = v.reshape(2, 3).copy()
    for row in m:
        row[:] = row[::-1] * 2
    for row, factor in zip(m, (2.0, 3.0), strict=True):
        row *= factor
    return m


@situation
def long_chain_of_views(v):
    y = np.zeros(3000, like=v)
    tail = y
    for _ in range(2500):
        tail = tail[1:]
    tail[0] = v[0]
    return y[2498:2503]


@situation
def overlapping_move(v):
    v[1:] = v[:-1]
    v[:2], v[2:4] = v[2:4].copy(), v[:2].copy()
    return v


@situation
def tuple_swap_of_elements(v):
    v[0], v[1] = v[1], v[0]
    return v


# ---- scalars are immutable


@situation
def scalar_does_not_follow_its_array(v):
    a = v[0]
    v[0] = 5.0
    return a + v


@situation
def augmented_assignment_rebinds_a_scalar(v):
    s = v[0]
    s += 1.0
    s *= v[1]
    return v * s


@situation
def sum_from_a_plain_zero(v):
    s = 0.0
    for q in v:
        s += q**2
    return s


# ---- aliases


@situation
def two_names_of_one_array(v):
    a = v
    a += 1.0
    a[0] = 0.0
    return v


@situation
def rebinding_is_not_writing(v):
    a = v
    a = a + 1.0
    a[0] = 0.0
    return v


@situation
def argument_of_a_helper(v):
    def helper(a):
        a[1] = a[0] * 3
        a -= 1.0

    helper(v[2:])
    helper(v)
    return v


@situation
def matrix_product_in_place(v):
    m = np.outer(v[:3], v[3:])
    m @= np.eye(3) + 1
    m[0] @= np.eye(3) * 2
    return m


# ---- functions that write


@situation
def out_arguments(v):
    y, m = np.zeros_like(v), np.zeros_like(v.reshape(2, 3))
    np.multiply(v, 2.0, out=y)
    np.exp(v[:3], out=y[:3])
    np.sum(v.reshape(2, 3), axis=0, out=m[1])
    np.add(v[:3], 1.0, out=m, where=np.array([True, False, True]))
    np.cumsum(v, out=y[::-1])
    return np.concatenate([y, m.ravel()])


@situation
def copyto_fill_and_diagonals(v):
    y, m = np.zeros_like(v), np.ones_like(np.outer(v, v))
    np.copyto(y, v**2)
    np.copyto(y, 7.0, where=np.array([True, False] * 3))
    np.fill_diagonal(m, v)
    m[0].fill(3.0)
    m[:, 1].sort()
    return np.concatenate([y, m.ravel()])


@situation
def put_place_and_putmask(v):
    y = np.zeros_like(v)
    np.put(y, [0, 2], v[4:])
    y.put([1], v[0])
    np.place(y, np.arange(6) > 3, v[:1])
    np.putmask(y, np.array([False, False, False, True, False, False]), v)
    np.put_along_axis(y, np.array([5]), v[1], 0)
    return y


@situation
def sort_in_place(v):
    m = v.reshape(2, 3)
    m.sort()
    m.sort(axis=0)
    return v


@situation
def in_place_keeps_float32(v):
    y = v.astype(np.float32)
    y += v
    y[0] = v[1]
    y[1:3] = v[:2]
    return y


def _plain(value: Any) -> np.ndarray:
    value = undress(value)
    return np.asarray(value.value if type(value) is Box else value)


@pytest.mark.parametrize("f", SITUATIONS, ids=lambda f: f.__name__)
def test_does_what_plain_numpy_does(f: Callable[[Any], Any]) -> None:
    x = np.array([0.31, 0.82, 0.55, 0.17, 0.93, 0.46])
    expected = f(x.copy())
    trace = BoxTrace()
    for make in (lambda array: Array(array, NUMPY), trace.array):
        argument = x.copy()
        found = f(make(argument))
        np.testing.assert_allclose(_plain(found), expected, rtol=1e-14)
        assert _plain(found).dtype == np.asarray(expected).dtype
        np.testing.assert_array_equal(argument, x, err_msg="the caller's array was written to")
    assert type(undress(found)) is Box, "the trace was lost"


@pytest.mark.parametrize(
    "write",
    [
        lambda v: np.broadcast_to(v, (2, 6)).__setitem__(0, 1.0),
        lambda v: np.diagonal(np.outer(v, v)).__setitem__(0, 1.0),
    ],
)
def test_read_only_views_stay_read_only(write: Callable[[Any], Any]) -> None:
    for v in (np.ones(6), BoxTrace().array(np.ones(6))):
        with pytest.raises(ValueError, match="read-only"):
            write(v)


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda v: v.__setitem__(6, 1.0), IndexError),
        (lambda v: v[-7], IndexError),
        (lambda v: v[0, 0], IndexError),
        (lambda v: v[[9]], IndexError),
        (lambda v: v[1.5], IndexError),
        (lambda v: v["a"], IndexError),
        (lambda v: v[np.ones(4, bool)], IndexError),
        (lambda v: v.__setitem__(slice(0, 2), np.ones(3)), ValueError),
        (lambda v: v.__iadd__(np.ones((2, 6))), ValueError),
        (lambda v: v.__iadd__(1j), TypeError),
        (lambda v: v.__setitem__(0, 1j), TypeError),
        (lambda v: v[0].__getitem__(0), IndexError),
        (lambda v: v.reshape(4, 4), ValueError),
        (lambda v: np.transpose(v, (0, 1)), ValueError),
        (lambda v: np.sum(v, axis=1), np.exceptions.AxisError),
        (lambda v: np.split(v, 4), ValueError),
        (lambda v: np.concatenate([v, np.ones((2, 2))]), ValueError),
        (lambda v: np.add.at(v, [9], 1.0), IndexError),
        (lambda v: np.add(v, None), TypeError),
        (lambda v: len(v[0]), TypeError),
        (lambda v: bool(v), ValueError),
    ],
)
def test_mistakes_raise_numpys_own_kind_of_error(write: Callable[[Any], Any], error: type[Exception]) -> None:
    for v in (np.ones(6), Array(np.ones(6), NUMPY), BoxTrace().array(np.ones(6))):
        with pytest.raises(error):
            write(v)
