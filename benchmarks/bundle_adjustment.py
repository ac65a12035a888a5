"""Bundle adjustment, as ADBench and GradBench state it: cameras look at points, the errors of their pictures are least.

A camera has 11 parameters: a rotation vector (3), a centre (3), a focal length, a principal point (2) and two
coefficients of radial distortion. An observation has a weight; its residuals are the weighted error in the picture (2),
and 1 - weight**2. Every row of the Jacobian has at most 14 entries, whatever the number of cameras and points.

Source: Šrajer, Kukelova, Fitzgibbon, "A benchmark of selected algorithmic differentiation tools on some problems in
computer vision and machine learning" (2018).
"""

from __future__ import annotations

from typing import Any

import numpy as np


def residuals(x: Any, camera_of: np.ndarray, point_of: np.ndarray, seen: np.ndarray) -> Any:
    """Return the errors in the pictures, (observations, 2), and of the weights, (observations,)."""
    cameras, points, weights = x["cameras"][camera_of], x["points"][point_of], x["weights"]
    rotation, centre, focal = cameras[:, 0:3], cameras[:, 3:6], cameras[:, 6:7]
    principal, radial = cameras[:, 7:9], cameras[:, 9:11]

    # Rodrigues' formula
    away = points - centre
    angle = np.sqrt(np.sum(rotation**2, axis=1, keepdims=True))
    axis = rotation / angle
    along = np.sum(axis * away, axis=1, keepdims=True) * (1 - np.cos(angle))
    turned = away * np.cos(angle) + np.cross(axis, away) * np.sin(angle) + axis * along

    flat = turned[:, :2] / turned[:, 2:]
    radius = np.sum(flat**2, axis=1, keepdims=True)
    distorted = flat * (1 + radial[:, :1] * radius + radial[:, 1:] * radius**2)
    errors = weights[:, None] * (distorted * focal + principal - seen)
    return {"pictures": errors, "weights": 1 - weights**2}


def problem(cameras: int, points: int, observations: int, seed: int = 0) -> tuple[Any, ...]:
    """Return x and the constants of a random problem of these sizes."""
    random = np.random.default_rng(seed)
    x = {
        "cameras": random.random((cameras, 11)) + 0.1,
        "points": random.random((points, 3)) + np.array([0.0, 0.0, 2.0]),
        "weights": random.random(observations) + 0.5,
    }
    # Every point is seen by some camera, as in the benchmark's files.
    camera_of = random.integers(0, cameras, observations)
    point_of = np.concatenate([np.arange(points), random.integers(0, points, observations - points)])
    return x, camera_of, point_of, random.random((observations, 2))
