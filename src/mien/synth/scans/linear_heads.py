"""Random heads by the million: the template's identity and shapes, linear, at several resolutions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.parts import place_parts, settle_lids
from mien.core.conventions import SHAPE_NAMES
from mien.core.face import Template
from mien.geometry.closest import ClosestPoint

PARTS = ("face", "head", "mouth_socket", "eye_left", "eye_right", "teeth_upper", "teeth_lower", "tongue")
TRIANGLES = (0, 12_000, 5_000, 2_000)  # 0: all
REGIONS = ("scalp", "beard", "neck", "face")
_LIMIT = 2.5


@dataclass(frozen=True)
class HeadLevel:
    """One resolution: the mean head, its modes and shapes at these vertices, region weights there, and which
    vertices are on which of `PARTS`."""

    triangles: Int[np.ndarray, "M 3"]
    base: Float[np.ndarray, "N 3"]
    modes: Float[np.ndarray, "K N 3"]
    shapes: Float[np.ndarray, "52 N 3"]
    regions: dict[str, Float[np.ndarray, " N"]]
    part: Int[np.ndarray, " N"]

    def without(self, *parts: str) -> Int[np.ndarray, "M 3"]:
        """The triangles that touch none of these parts."""
        unwanted = np.isin(self.part, [PARTS.index(name) for name in parts])
        return self.triangles[~unwanted[self.triangles].any(axis=1)]


@dataclass(frozen=True)
class LinearHeads:
    """All levels, and the 68 landmarks as one more of them."""

    levels: tuple[HeadLevel, ...]
    landmarks: HeadLevel


def linear_heads(template: Template) -> LinearHeads:
    """Linear heads with the parts that a scanner sees. Eyes and teeth follow each mode as they do for one
    standard deviation of it alone."""
    modes = _followed_modes(template)
    triangles = _seen_triangles(template)
    levels = tuple(_level(template, modes, triangles, count) for count in TRIANGLES)
    spots = template.landmarks
    corners = template.topology.triangles[spots.triangle]
    return LinearHeads(levels, _carried(template, modes, np.zeros((0, 3), int), corners, spots.barycentric))


def _followed_modes(template: Template) -> Float[np.ndarray, "K V 3"]:
    base = template.vertices
    followed = [
        place_parts(template, settle_lids(template, base + sign * mode)) * (sign / 2)
        for mode in template.identity.modes
        for sign in (1.0, -1.0)
    ]
    return np.add(followed[::2], followed[1::2]).astype(np.float32)


def _seen_triangles(template: Template) -> Int[np.ndarray, "M 3"]:
    rows = [np.arange(p.quads.start, p.quads.stop) for p in template.parts if p.name in PARTS]
    quads = np.concatenate(rows)
    return template.topology.triangles.reshape(-1, 2, 3)[quads].reshape(-1, 3)


def _level(template: Template, modes: np.ndarray, triangles: np.ndarray, count: int) -> HeadLevel:
    used, local = np.unique(triangles, return_inverse=True)
    local = local.reshape(-1, 3)
    if count == 0:
        corners = np.repeat(used[:, None], 3, axis=1)
        return _carried(template, modes, local, corners, np.tile([1.0, 0.0, 0.0], (len(used), 1)))
    import fast_simplification

    points = np.ascontiguousarray(template.vertices[used], np.float64)
    few, faces = fast_simplification.simplify(points, local.astype(np.int32), 1.0 - count / len(local))
    hits = ClosestPoint(points, local).query(np.asarray(few, np.float64))
    corners = used[local[hits.triangle]]
    return _carried(template, modes, np.asarray(faces, np.int64), corners, hits.barycentric)


def _carried(
    template: Template, modes: np.ndarray, triangles: np.ndarray, corners: np.ndarray, weights: np.ndarray
) -> HeadLevel:
    def at(values: np.ndarray) -> np.ndarray:
        return np.einsum("nk,...nkd->...nd", weights, values[..., corners, :]).astype(np.float32)

    regions = {name: at(template.regions[name][:, None])[:, 0] for name in REGIONS}
    shapes = np.stack([at(shape) for shape in template.shapes])
    part = np.full(len(template.vertices), -1)
    for i, name in enumerate(PARTS):
        part[template.part(name).vertices] = i
    modes_here = np.stack([at(m) for m in modes])
    main = corners[np.arange(len(corners)), weights.argmax(axis=1)]
    return HeadLevel(triangles, at(template.vertices), modes_here, shapes, regions, part[main])


def random_identity(rng: np.random.Generator, count: int) -> Float[np.ndarray, " K"]:
    """Mode weights: normal, limited to 2.5 deviations, of random amplitude."""
    weights = np.clip(rng.standard_normal(count), -_LIMIT, _LIMIT)
    return (weights * rng.uniform(0.5, 1.3)).astype(np.float32)


def random_expression(rng: np.random.Generator) -> Float[np.ndarray, "52"]:
    """Neutral, or up to six shapes at once, mostly the same on both sides; closed eyes, smiles, open and
    pressed mouths more often."""
    weights = np.zeros(len(SHAPE_NAMES), np.float32)
    if rng.random() < 0.25:
        return weights
    for name in rng.choice(SHAPE_NAMES, rng.integers(0, 7), replace=False):
        _set(weights, str(name), float(rng.random()), rng)
    if rng.random() < 0.35:
        _set(weights, "eyeBlinkLeft", float(rng.uniform(0.5, 1.0)), rng)
    if rng.random() < 0.25:
        _set(weights, "mouthSmileLeft", float(rng.random()), rng)
    if rng.random() < 0.15:
        _set(weights, "mouthPressLeft", float(rng.random()), rng)
    for lip in ("mouthRollUpper", "mouthRollLower"):  # thin lips, and full ones
        if rng.random() < 0.45:
            weights[SHAPE_NAMES.index(lip)] = rng.uniform(-0.6, 1.0)
    if rng.random() < 0.4:
        weights[SHAPE_NAMES.index("jawOpen")] = rng.random()
    weights[SHAPE_NAMES.index("tongueOut")] = 0.0
    return weights


def _set(weights: np.ndarray, name: str, value: float, rng: np.random.Generator) -> None:
    weights[SHAPE_NAMES.index(name)] = value
    other = name.replace("Left", "Right") if "Left" in name else name.replace("Right", "Left")
    if other != name and rng.random() < 0.8:
        weights[SHAPE_NAMES.index(other)] = value * rng.uniform(0.85, 1.0)


def posed(level: HeadLevel, identity: np.ndarray, expression: np.ndarray) -> Float[np.ndarray, "N 3"]:
    """The level's vertices (metres) for these weights."""
    k, n, _ = level.modes.shape
    active = np.flatnonzero(expression)
    head = level.base.ravel() + identity @ level.modes.reshape(k, 3 * n)
    if len(active):
        head = head + expression[active] @ level.shapes[active].reshape(len(active), 3 * n)
    return head.reshape(n, 3).astype(np.float64)
