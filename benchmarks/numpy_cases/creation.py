"""Arrays made inside the function."""

from __future__ import annotations

from .inputs import expressions

CASES = expressions("""
    v + np.zeros_like(v)
    v + np.ones_like(v)
    v + np.full_like(v, 2.)
    np.multiply(v, 2., out=np.empty_like(v))
    np.full_like(v, v[0]) * v
    np.full_like(np.ones(3), v[0])
    np.array([v[0]**2, v[1] * v[2], 1.0])
    np.array([[v[0], v[1]], [0., v[2]]]) @ v[:2]
    np.linalg.det(np.array([[v[0], v[1]], [0., v[2]]]))
    np.exp(np.array([v[0], v[1]])).sum()
    np.array([v[0]**2, v[1]], dtype=float)
    np.array(v) * 2
    np.asarray(v)**2
    np.asarray(v, dtype=float)**2
    np.asarray([v[:3], v[3:]])**2
    np.array([v[0], 1.0], like=v)**2
    np.zeros(6, like=v) + v
    np.linspace(0., v[0], 4)
    np.arange(3) * v[0]
    np.eye(3) * v[0]
    np.full(3, v[0])
    np.copy(v)**2
    np.r_[v[0], v[1:3]]
    np.c_[v, v]
    np.fromiter((q**2 for q in v), float)
    np.vectorize(lambda q: q**2)(v)
""")
