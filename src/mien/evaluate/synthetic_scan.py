"""Scans with known truth: a random head, remeshed, with noise, holes and clutter."""

from __future__ import annotations

from dataclasses import dataclass

import fast_simplification
import igl
import numpy as np
from jaxtyping import Float, Int

from mien.core.conventions import EXPRESSIONS, shape_weights
from mien.core.face import PreparedScan, Template
from mien.core.mesh import Scan
from mien.geometry.normals import vertex_normals
from mien.register.skin import Skin, template_skin

MILD_EXPRESSIONS = ("neutral", "blink", "smile", "jawOpen", "browsUp")


@dataclass(frozen=True)
class Recipe:
    """What a synthetic scan suffers. Lengths in metres."""

    triangles: int = 40_000
    identity: float = 0.8  # standard deviations of each mode
    outside_model: float = 0.001  # smooth deformation that no mode explains
    expression: float = 0.4  # largest weight of one random mild expression
    noise: float = 0.00008
    holes: int = 3
    clutter: int = 2
    landmark_noise: float = 0.0015


@dataclass(frozen=True)
class SyntheticScan:
    """A scan and the truth: where each template vertex lies, and the weights of the 52 shapes in it."""

    prepared: PreparedScan
    truth: Float[np.ndarray, "V 3"]
    expression: Float[np.ndarray, "52"]


def synthetic(template: Template, seed: int, recipe: Recipe | None = None) -> SyntheticScan:
    """A random head as a scanner would see it; the same seed gives the same scan."""
    recipe = recipe or Recipe()
    rng = np.random.default_rng(seed)
    skin = template_skin(template)
    expression = _random_expression(rng, recipe.expression)
    truth = _random_head(template, expression, rng, recipe)
    vertices, triangles = _remeshed(skin, truth[skin.index], recipe.triangles)
    normals = vertex_normals(vertices, triangles)
    vertices = vertices + recipe.noise * rng.normal(size=(len(vertices), 1)) * normals
    triangles = _with_holes(vertices, triangles, rng, recipe.holes)
    vertices, triangles = _with_clutter(vertices, triangles, rng, recipe.clutter)
    landmarks = template.landmarks.on(truth, template.topology)
    landmarks = landmarks + recipe.landmark_noise * rng.normal(size=landmarks.shape) / np.sqrt(3)
    scan = Scan(f"synthetic-{seed}", vertices, triangles)
    prepared = PreparedScan(scan, np.eye(4), landmarks, np.ones(68), "synthetic, in metres")
    return SyntheticScan(prepared, truth, expression)


def _random_expression(rng: np.random.Generator, largest: float) -> np.ndarray:
    name = MILD_EXPRESSIONS[rng.integers(len(MILD_EXPRESSIONS))]
    return largest * rng.random() * shape_weights(EXPRESSIONS[name])


def _random_head(
    template: Template, expression: np.ndarray, rng: np.random.Generator, recipe: Recipe
) -> Float[np.ndarray, "V 3"]:
    weights = recipe.identity * np.clip(rng.normal(size=len(template.identity.modes)), -2, 2)
    head = template.identity.heads(template.vertices, weights)
    head = head + np.tensordot(expression, template.shapes, axes=1)
    return head + recipe.outside_model * _smooth_field(template.vertices, rng)


def _smooth_field(points: Float[np.ndarray, "V 3"], rng: np.random.Generator) -> Float[np.ndarray, "V 3"]:
    """A random vector field of unit root mean square and wavelengths of 40 to 120 mm."""
    waves = 24
    directions = rng.normal(size=(waves, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    frequency = 2 * np.pi / rng.uniform(0.04, 0.12, waves)
    phase = points @ (directions * frequency[:, None]).T + rng.uniform(0, 2 * np.pi, waves)
    return np.sin(phase) @ rng.normal(size=(waves, 3)) * np.sqrt(2.0 / waves / 3.0)


def _remeshed(skin: Skin, vertices: np.ndarray, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Seen skin, Loop-subdivided and decimated: same surface, other triangles."""
    seen = (skin.measured[skin.triangles] > 0.5).all(axis=1)
    used, local = np.unique(skin.triangles[seen], return_inverse=True)
    fine, triangles = igl.upsample(vertices[used], local.reshape(-1, 3).astype(np.int64))
    share = max(0.0, 1.0 - target / len(triangles))
    if share > 0:
        points, faces = fast_simplification.simplify(
            fine.astype(np.float32), triangles.astype(np.int32), target_reduction=share
        )
        return points.astype(np.float64), faces.astype(np.int64)
    return fine, triangles.astype(np.int64)


def _with_holes(
    vertices: np.ndarray, triangles: Int[np.ndarray, "M 3"], rng: np.random.Generator, count: int
) -> Int[np.ndarray, "M2 3"]:
    """Triangles within random balls of 5 to 12 mm are gone."""
    centres = vertices[triangles].mean(axis=1)
    keep = np.ones(len(triangles), bool)
    for _ in range(count):
        ball = vertices[rng.integers(len(vertices))]
        keep &= np.linalg.norm(centres - ball, axis=1) > rng.uniform(0.005, 0.012)
    return triangles[keep]


def _with_clutter(
    vertices: np.ndarray, triangles: np.ndarray, rng: np.random.Generator, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Loose rough patches 10 to 25 mm off the surface, as of fringes and background."""
    for _ in range(count):
        n = 8
        grid = np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1).reshape(-1, 2) * 0.004
        patch = np.c_[grid - grid.mean(axis=0), 0.002 * rng.normal(size=n * n)]
        away = vertices[rng.integers(len(vertices))]
        away = away + rng.uniform(0.010, 0.025) * away / np.linalg.norm(away)
        corner = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
        faces = np.concatenate(
            [
                np.stack([corner, corner + 1, corner + n + 1], 1),
                np.stack([corner, corner + n + 1, corner + n], 1),
            ]
        )
        triangles = np.concatenate([triangles, faces + len(vertices)])
        vertices = np.concatenate([vertices, patch + away])
    return vertices, triangles
