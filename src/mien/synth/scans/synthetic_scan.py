"""Scans with known truth: a random head, remeshed, with noise, holes and clutter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import fast_simplification
import igl
import numpy as np
from jaxtyping import Bool, Float, Int

from mien.anatomy.parts import place_parts
from mien.core.conventions import EXPRESSIONS, shape_weights
from mien.core.face import PreparedScan, Template
from mien.core.mesh import Scan, split_quads
from mien.geometry.normals import vertex_normals
from mien.geometry.weights import smoothstep
from mien.register.fitted_skin import FittedSkin, template_skin

Crop = Literal["whole", "head", "face", "mask"]
MILD_EXPRESSIONS = ("neutral", "blink", "smile", "jawOpen", "browsUp")


@dataclass(frozen=True)
class Recipe:
    """What a synthetic scan suffers. Lengths in metres.

    `noise` is white, per vertex; `bumps` is smooth, of 4 to 30 mm wavelength; `hair` is how far a lumpy
    crown stands off the scalp; `eyes` puts eyeballs between the lids.
    """

    triangles: int = 40_000
    identity: float = 0.8  # standard deviations of each mode
    outside_model: float = 0.001  # smooth deformation that no mode explains
    detail: float = 0.0  # relief of the person's own, of 8 to 40 mm wavelength
    expression: float = 0.4  # largest weight of one random mild expression
    noise: float = 0.00008
    bumps: float = 0.0
    holes: int = 3
    hole: float = 0.012  # largest radius
    clutter: int = 2
    hair: float = 0.0
    crop: Crop = "whole"
    eyes: bool = False
    landmark_noise: float = 0.0015


@dataclass(frozen=True)
class SyntheticScan:
    """A scan and the truth: where each template vertex lies, the weights of the 52 shapes in it, and where
    the vertices lie without them.
    """

    prepared: PreparedScan
    truth: Float[np.ndarray, "V 3"]
    expression: Float[np.ndarray, "52"]
    neutral: Float[np.ndarray, "V 3"]


def synthetic(
    template: Template,
    seed: int,
    recipe: Recipe | None = None,
    weights: Float[np.ndarray, "52"] | None = None,
    head: Float[np.ndarray, "V 3"] | None = None,
) -> SyntheticScan:
    """A random head as a scanner would see it; the same seed gives the same scan.

    `weights` of the 52 shapes replace the random expression, `head` (neutral) the template's random identity.
    """
    recipe = recipe or Recipe()
    rng = np.random.default_rng(seed)
    skin = template_skin(template)
    random = _random_expression(rng, recipe.expression)
    expression = random if weights is None else weights
    if head is None:
        head = _random_identity(template, rng, recipe)
    truth = _moved(template, head, expression, rng, recipe)
    if recipe.detail:
        truth = _with_detail(template, skin, truth, recipe.detail, np.random.default_rng([seed, 2]))
    vertices, triangles = _remeshed(skin, truth[skin.index], recipe.triangles)
    vertices = vertices + recipe.noise * rng.normal(size=(len(vertices), 1)) * vertex_normals(
        vertices, triangles
    )
    landmarks = template.landmarks.on(truth, template.topology)
    vertices = _roughened(vertices, triangles, landmarks, recipe, np.random.default_rng([seed, 1]))
    triangles = _with_holes(vertices, triangles, rng, recipe.holes, recipe.hole)
    vertices, triangles = _with_clutter(vertices, triangles, rng, recipe.clutter)
    triangles = triangles[cropped(vertices[triangles].mean(axis=1), landmarks, recipe.crop)]
    if recipe.eyes:
        vertices, triangles = _with_eyes(template, truth, vertices, triangles, rng, recipe.noise)
    landmarks = landmarks + recipe.landmark_noise * rng.normal(size=landmarks.shape) / np.sqrt(3)
    scan = Scan(f"synthetic-{seed}", vertices, triangles)
    prepared = PreparedScan(scan, np.eye(4), landmarks, np.ones(68), "synthetic, in metres")
    neutral = truth - np.tensordot(expression, template.shapes, axes=1)
    return SyntheticScan(prepared, truth, expression, neutral)


def _random_expression(rng: np.random.Generator, largest: float) -> np.ndarray:
    name = MILD_EXPRESSIONS[rng.integers(len(MILD_EXPRESSIONS))]
    return largest * rng.random() * shape_weights(EXPRESSIONS[name])


def _random_identity(
    template: Template, rng: np.random.Generator, recipe: Recipe
) -> Float[np.ndarray, "V 3"]:
    weights = recipe.identity * np.clip(rng.normal(size=len(template.identity.modes)), -2, 2)
    return template.identity.heads(template.vertices, weights)


def _moved(
    template: Template,
    head: Float[np.ndarray, "V 3"],
    expression: np.ndarray,
    rng: np.random.Generator,
    recipe: Recipe,
) -> Float[np.ndarray, "V 3"]:
    head = head + np.tensordot(expression, template.shapes, axes=1)
    return head + recipe.outside_model * _smooth_field(template.vertices, rng)


def _with_detail(
    template: Template, skin: FittedSkin, truth: np.ndarray, size: float, rng: np.random.Generator
) -> Float[np.ndarray, "V 3"]:
    """The head with relief along its normals, none at lids and lips, which must keep meeting."""
    out = truth.copy()
    normals = vertex_normals(truth[skin.index], skin.triangles)
    edges = [template.regions[n] for n in template.regions if "lid" in n or n in ("lips", "nostrils")]
    calm = 1.0 - skin.of(np.max(edges, axis=0))
    relief = size * _waves(truth[skin.index], rng, 0.008, 0.040) * calm
    out[skin.index] += relief[:, None] * normals
    return out


def cropped(
    centres: Float[np.ndarray, "M 3"], landmarks: Float[np.ndarray, "68 3"], crop: Crop
) -> Bool[np.ndarray, " M"]:
    """True at what a crop leaves: a head without its neck, a face with its ears, or a bare mask.

    `centres` and `landmarks` are in metres, upright, facing +Z; a mask ends 70 mm from the middle between
    eyes and mouth.
    """
    if crop == "whole":
        return np.ones(len(centres), bool)
    chin, bridge = landmarks[8], landmarks[27]
    if crop == "head":
        return centres[:, 1] > chin[1] - 0.015
    if crop == "face":
        return (centres[:, 2] > bridge[2] - 0.115) & (centres[:, 1] > chin[1] - 0.015)
    middle = 0.5 * (bridge + landmarks[33])
    return np.linalg.norm(centres - middle, axis=1) < 0.070


def _roughened(
    vertices: np.ndarray,
    triangles: np.ndarray,
    landmarks: np.ndarray,
    recipe: Recipe,
    rng: np.random.Generator,
) -> np.ndarray:
    """With smooth bumps all over, and hair: lumps of 5 to 30 mm above the brows and behind the ears."""
    if not recipe.bumps and not recipe.hair:
        return vertices
    bumps = recipe.bumps * _waves(vertices, rng, 0.004, 0.030)
    lumps = np.maximum(1.0 + 0.5 * _waves(vertices, rng, 0.005, 0.030), 0.2)
    line = landmarks[27] + [0.0, 0.055, -0.03]  # where hair begins on the forehead
    slope = np.array([0.0, 0.75, -0.66])
    scalp = smoothstep((vertices - line) @ slope, -0.004, 0.008)
    scalp *= smoothstep(vertices[:, 1] - landmarks[33, 1], -0.01, 0.01)
    offset = bumps + recipe.hair * scalp * lumps
    return vertices + offset[:, None] * vertex_normals(vertices, triangles)


def _waves(
    points: Float[np.ndarray, "N 3"], rng: np.random.Generator, shortest: float, longest: float
) -> Float[np.ndarray, " N"]:
    """A random field of unit root mean square with wavelengths between the two (metres)."""
    count = 24
    direction = rng.normal(size=(count, 3))
    direction *= 2 * np.pi / np.linalg.norm(direction, axis=1, keepdims=True)
    direction /= rng.uniform(shortest, longest, (count, 1))
    return np.sin(points @ direction.T + rng.uniform(0, 2 * np.pi, count)).sum(axis=1) * np.sqrt(2 / count)


def _with_eyes(
    template: Template,
    truth: np.ndarray,
    vertices: np.ndarray,
    triangles: np.ndarray,
    rng: np.random.Generator,
    noise: float,
) -> tuple[np.ndarray, np.ndarray]:
    """With the front of both eyeballs, as a scanner sees them."""
    placed = place_parts(template, truth)
    for name in ("eye_left", "eye_right"):
        part = template.part(name)
        faces = split_quads(template.topology.quads[part.quads])
        front = placed[faces].mean(axis=1)[:, 2] > placed[part.vertices, 2].mean()
        used, local = np.unique(faces[front], return_inverse=True)
        triangles = np.concatenate([triangles, local.reshape(-1, 3) + len(vertices)])
        rough = placed[used] + noise * rng.normal(size=(len(used), 3))
        vertices = np.concatenate([vertices, rough])
    return vertices, triangles


def _smooth_field(points: Float[np.ndarray, "V 3"], rng: np.random.Generator) -> Float[np.ndarray, "V 3"]:
    """A random vector field of unit root mean square and wavelengths of 40 to 120 mm."""
    waves = 24
    directions = rng.normal(size=(waves, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    frequency = 2 * np.pi / rng.uniform(0.04, 0.12, waves)
    phase = points @ (directions * frequency[:, None]).T + rng.uniform(0, 2 * np.pi, waves)
    return np.sin(phase) @ rng.normal(size=(waves, 3)) * np.sqrt(2.0 / waves / 3.0)


def _remeshed(skin: FittedSkin, vertices: np.ndarray, target: int) -> tuple[np.ndarray, np.ndarray]:
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
    vertices: np.ndarray,
    triangles: Int[np.ndarray, "M 3"],
    rng: np.random.Generator,
    count: int,
    largest: float,
) -> Int[np.ndarray, "M2 3"]:
    """Triangles within random balls of 5 mm to `largest` are gone."""
    centres = vertices[triangles].mean(axis=1)
    keep = np.ones(len(triangles), bool)
    for _ in range(count):
        ball = vertices[rng.integers(len(vertices))]
        keep &= np.linalg.norm(centres - ball, axis=1) > rng.uniform(0.005, largest)
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
