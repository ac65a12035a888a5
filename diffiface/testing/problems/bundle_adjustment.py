"""Bundle adjustment as in ADBench: points seen by cameras with rotation, focal length and radial distortion."""

from __future__ import annotations

import numpy as np

from diffiface.testing.problems.problem import Instance, Problem

PER_CAMERA = 11
"""Rotation vector (3), centre (3), focal length, principal point (2), radial distortion (2)."""
CAMERAS, POINTS = 2, 5


def residuals(x, camera_of, point_of, features):
    """Reprojection errors (n, 2) times their weights, and 1 - weight², as one array (n, 3).

    x holds the cameras, then the points, then one weight for each observation.
    """
    end_of_cameras = CAMERAS * PER_CAMERA
    end_of_points = end_of_cameras + 3 * POINTS
    cameras = x[:end_of_cameras].reshape((CAMERAS, PER_CAMERA))[camera_of]
    points = x[end_of_cameras:end_of_points].reshape((POINTS, 3))[point_of]
    weights = x[end_of_points:]
    errors = weights[:, None] * (project(cameras, points) - features)
    return np.concatenate([errors, (1 - weights**2)[:, None]], axis=1)


def project(cameras, points):
    """Project each point by its camera."""
    moved = rotate(cameras[:, :3], points - cameras[:, 3:6])
    image = moved[:, :2] / moved[:, 2:]
    squared = np.sum(image**2, axis=1, keepdims=True)
    distortion = 1 + cameras[:, 9:10] * squared + cameras[:, 10:11] * squared**2
    return cameras[:, 6:7] * image * distortion + cameras[:, 7:9]


def rotate(vectors, points):
    """Rotate points about the vectors, by their lengths (Rodrigues' formula)."""
    angle = np.sqrt(np.sum(vectors**2, axis=1, keepdims=True))
    axis = vectors / angle
    along = np.sum(axis * points, axis=1, keepdims=True) * (1 - np.cos(angle))
    return points * np.cos(angle) + np.cross(axis, points) * np.sin(angle) + axis * along


def pushforward(x, t, camera_of, point_of, features):
    """The derivative along t, each formula above differentiated by hand."""
    c, p = CAMERAS * PER_CAMERA, CAMERAS * PER_CAMERA + 3 * POINTS
    (cam, tcam), (pt, tpt), (w, tw) = zip(
        *((v[:c].reshape(CAMERAS, PER_CAMERA)[camera_of], v[c:p].reshape(POINTS, 3)[point_of], v[p:]) for v in (x, t)),
        strict=True,
    )
    r, tr, q, tq = cam[:, :3], tcam[:, :3], pt - cam[:, 3:6], tpt - tcam[:, 3:6]
    angle = np.sqrt(np.sum(r**2, axis=1, keepdims=True))
    tangle = np.sum(r * tr, axis=1, keepdims=True) / angle
    axis = r / angle
    taxis = (tr - axis * tangle) / angle
    cos, sin, tcos, tsin = np.cos(angle), np.sin(angle), -np.sin(angle) * tangle, np.cos(angle) * tangle
    dot = np.sum(axis * q, axis=1, keepdims=True)
    tdot = np.sum(taxis * q + axis * tq, axis=1, keepdims=True)
    moved = q * cos + np.cross(axis, q) * sin + axis * dot * (1 - cos)
    tmoved = tq * cos + q * tcos + (np.cross(taxis, q) + np.cross(axis, tq)) * sin + np.cross(axis, q) * tsin
    tmoved = tmoved + (taxis * dot + axis * tdot) * (1 - cos) - axis * dot * tcos
    image = moved[:, :2] / moved[:, 2:]
    timage = (tmoved[:, :2] - image * tmoved[:, 2:]) / moved[:, 2:]
    s = np.sum(image**2, axis=1, keepdims=True)
    ts = 2 * np.sum(image * timage, axis=1, keepdims=True)
    k1, k2, f = cam[:, 9:10], cam[:, 10:11], cam[:, 6:7]
    bend = 1 + k1 * s + k2 * s**2
    tbend = tcam[:, 9:10] * s + tcam[:, 10:11] * s**2 + (k1 + 2 * k2 * s) * ts
    seen = f * image * bend + cam[:, 7:9]
    tseen = tcam[:, 6:7] * image * bend + f * (timage * bend + image * tbend) + tcam[:, 7:9]
    terrors = tw[:, None] * (seen - features) + w[:, None] * tseen
    return np.concatenate([terrors, (-2 * w * tw)[:, None]], axis=1)


def jacobian(x, *contexts):
    """Its columns are pushforwards of the unit vectors."""
    return np.stack([pushforward(x, unit, *contexts) for unit in np.eye(len(x))], axis=-1)


def make_bundle_adjustment(n: int, seed: int) -> Instance:
    """Draw n observations of 5 points by 2 cameras."""
    rng = np.random.default_rng(seed)
    cameras = np.empty((CAMERAS, PER_CAMERA))
    cameras[:, :3] = 0.3 * rng.standard_normal((CAMERAS, 3))
    cameras[:, 3:6] = [0.0, 0.0, -6.0] + 0.2 * rng.standard_normal((CAMERAS, 3))
    cameras[:, 6:] = [1.2, 0.1, -0.1, 0.05, -0.02] + 0.01 * rng.standard_normal((CAMERAS, 5))
    points = rng.standard_normal((POINTS, 3))
    x = np.concatenate([cameras.ravel(), points.ravel(), rng.uniform(0.5, 1.5, n)])
    observed = np.arange(n)
    contexts = (observed % CAMERAS, observed // CAMERAS % POINTS, rng.standard_normal((n, 2)))
    return Instance(residuals, x, contexts, {"pushforward": pushforward, "jacobian": jacobian})


PROBLEMS = (
    Problem(
        "bundle adjustment",
        ("jacobian", "pushforward", "pullback"),
        make_bundle_adjustment,
        (10, 100, 500),
        "reprojection errors of n observations; a sparse Jacobian",
        "Šrajer, Kukelova and Fitzgibbon, A benchmark of selected algorithmic differentiation tools (2018)",
    ),
)
