"""Reshaping, joining, splitting, repeating, diagonals, differences."""

from __future__ import annotations

from .inputs import each, expressions

CASES = each("f([v, v**2, np.arange(6.)])", "np.stack np.vstack np.hstack np.dstack np.column_stack") | expressions("""
    np.reshape(v, (3, 2))**2
    np.reshape(M(v), -1, order='F') * c
    np.ravel(M(v))**2
    np.transpose(M(v)) * 2
    np.transpose(v.reshape(1, 2, 3), (2, 0, 1))**2
    np.moveaxis(np.swapaxes(v.reshape(1, 2, 3), 0, 1), 2, 0)**2
    np.squeeze(np.expand_dims(v, 0) * 2, 0)
    v[:, None] * v[np.newaxis, :3]
    np.concatenate([v, v**2, np.ones(2)])
    np.concatenate([M(v), M(v)], axis=None)**2
    np.stack([v[0], v[1]**2, 1.0])
    np.hstack([v[0], 1.0, v[2:4]])
    np.block([[M(v), np.zeros((2, 2))], [np.ones((1, 5))]])
    np.append(v, v[0]**2)
    np.split(v, 3)[1]**2 + np.array_split(v, [2, 4])[0]
    np.tile(v, 2) * np.repeat(v, 2)
    np.roll(v, 1) * np.flip(v)
    np.flipud(M(v)) * np.fliplr(M(v)) + np.rot90(M(v)[:, :2], 2).sum()
    np.atleast_2d(np.atleast_1d(v[0]))**2
    np.atleast_1d(v[0], v)[1]
    np.broadcast_to(v, (2, 6))**2
    np.broadcast_arrays(v, np.ones((2, 1)))[0]**2
    np.meshgrid(v[:2], v[2:])[0] * np.meshgrid(v[:2], v[2:])[1]
    np.diag(v)
    np.diag(S(v))
    np.diagonal(S(v)) * np.trace(S(v))
    np.tril(S(v)) @ np.triu(S(v), 1)
    np.pad(v, 2)
    np.pad(v, (1, 2), mode='edge')
    np.diff(v)
    np.diff(M(v), n=2, axis=1)
    np.ediff1d(v).sum() + np.gradient(v)
    np.matrix_transpose(M(v)) @ M(v)
    np.delete(v, 1)**2 * np.insert(v, 2, 7.)[:5]
    np.kron(v[:2], v[2:])
    np.vander(v, 3)
""")
