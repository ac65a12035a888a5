"""einsum by matrix products gives what NumPy's gives."""

from __future__ import annotations

import numpy as np
import pytest
from diffiface_native.einsum import einsum

LENGTHS = {"i": 12, "j": 9, "k": 5, "n": 40, "m": 11, "l": 3}
SUBSCRIPTS = [
    "ij,jk->ik", "ij,jk->ki", "ji,kj->ik", "kij,nkj->nki", "nki,nkj->kij", "nki,kij->nkj", "ij,ij->", "nj,nj->n", "ijn,n->ij",
    "n,nij->ji", "knij,lnji->kl", "i,j->ij", "ij,ij->ij", "nmk,kmjn->jm", "ij,k->ik", "i,i->",
]  # fmt: skip


@pytest.mark.parametrize("subscripts", SUBSCRIPTS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int64])
def test_as_numpy(subscripts: str, dtype: type):
    rng = np.random.default_rng(0)
    arrays = []
    for part in subscripts.partition("->")[0].split(","):
        shape = tuple(LENGTHS[i] for i in part)
        values = rng.integers(-9, 9, shape) if dtype is np.int64 else rng.standard_normal(shape)
        if dtype is np.complex128:
            values = values + 1j * rng.standard_normal(shape)
        arrays.append(values.astype(dtype))
    variants = [arrays, [np.asfortranarray(a) for a in arrays], [a[::-1] for a in arrays]]
    for some in variants:
        result, wanted = einsum(some, subscripts=subscripts), np.einsum(subscripts, *some)
        tolerance = 2e-4 if dtype is np.float32 else 1e-12
        np.testing.assert_allclose(result, wanted, rtol=tolerance, atol=tolerance)
        assert np.asarray(result).dtype == wanted.dtype
        assert not any(np.shares_memory(result, a) for a in some)


@pytest.mark.parametrize("n", [0, 1])
def test_lengths_of_zero_and_one(n: int):
    a, b = np.ones((n, 50, 60)), np.ones((60, n, 70))
    np.testing.assert_array_equal(einsum([a, b], subscripts="nij,jnk->nik"), np.full((n, 50, 70), 60.0))
    a, b = np.ones((50, n)), np.ones((n, 60))
    np.testing.assert_array_equal(einsum([a, b], subscripts="ij,jk->ik"), np.full((50, 60), n))


def test_lengths_that_do_not_fit():
    with pytest.raises(ValueError):
        einsum([np.ones((50, 60)), np.ones((61, 50))], subscripts="ij,jk->ik")


def test_one_array_and_three():
    a = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(einsum([a], subscripts="ij->ji"), a.T)
    np.testing.assert_allclose(einsum([a, a.T, a], subscripts="ij,jk,kl->il"), a @ a.T @ a)
