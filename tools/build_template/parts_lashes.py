"""Eyelashes as tapered hairs of three quads each: they need no alpha and bend with the lid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.anatomy.lid_riders import HAIR_VERTICES
from tools.build_template.parts_grid import Sheet, grid_quads, side_pair
from tools.build_template.types import PartMesh, Skin

_LEVELS = HAIR_VERTICES // 2


@dataclass(frozen=True)
class LashRow:
    """One lid's lashes; lengths and widths in metres, angles in degrees.

    Angles are measured in the plane across the lid, from straight forward toward the brow (upper) or the
    cheek (lower): at the root and at the tip. `span` is the share of the margin that bears lashes.
    """

    lid: str
    count: int
    length: float
    width: float
    root_angle: float
    tip_angle: float
    span: tuple[float, float]


# Upper lashes are 8 to 12 mm long, lower 6 to 8 mm (Na et al. 2006, eyelashes of Asian and Caucasian
# women); the brief wants a natural, unpainted look, and rows of 50 must not stand out as single spikes.
UPPER_LASHES = LashRow("upper", 52, 8.2e-3, 0.115e-3, -22.0, 62.0, (0.10, 0.99))
LOWER_LASHES = LashRow("lower", 34, 4.4e-3, 0.085e-3, 18.0, 62.0, (0.22, 0.98))


def build_lashes(skin: Skin) -> list[PartMesh]:
    """The parts lashes_left and lashes_right, upper row first; `HAIR_VERTICES` a hair, root first."""
    rng = np.random.default_rng(7)
    hairs = np.concatenate([_row(skin, row, rng) for row in (UPPER_LASHES, LOWER_LASHES)])
    sheet = _hair_sheet(hairs)
    group = np.repeat(np.arange(len(hairs)), HAIR_VERTICES)
    weights = {"head": np.ones(len(sheet.vertices))}
    return side_pair("lashes", "lash", sheet, weights, group_of_vertex=group)


def _row(skin: Skin, row: LashRow, rng: np.random.Generator) -> Float[np.ndarray, "H 8 3"]:
    """Hairs of one lid: roots along the front edge, fanned, curved, tips drawn together in threes."""
    along = np.linspace(*row.span, row.count) + rng.uniform(-0.3, 0.3, row.count) / row.count
    root, tangent, forward, away = _root_frames(skin, row.lid, along)
    root = root + forward * rng.uniform(-0.15e-3, 0.25e-3, (row.count, 1))

    envelope = np.interp(along, [0.0, 0.25, 0.62, 0.9, 1.0], [0.5, 0.78, 1.0, 0.80, 0.5])
    length = row.length * envelope * rng.uniform(0.78, 1.0, row.count)
    clump = (np.arange(row.count) % 3 - 1) * -0.10
    fan = 0.80 * (along - 0.42) + clump + rng.uniform(-0.07, 0.07, row.count)
    start = np.radians(row.root_angle + rng.uniform(-6, 6, row.count))
    end = np.radians(row.tip_angle + rng.uniform(-10, 10, row.count))

    share = np.linspace(0, 1, 33)
    bend = start[:, None] + (end - start)[:, None] * share**0.85
    step = (
        np.cos(bend)[..., None] * forward[:, None]
        + np.sin(bend)[..., None] * away[:, None]
        + (fan[:, None] * share**0.5)[..., None] * tangent[:, None]
    )
    step /= np.linalg.norm(step, axis=-1, keepdims=True)
    path = np.cumsum(0.5 * (step[:, 1:] + step[:, :-1]), axis=1) / 32
    path = np.concatenate([np.zeros_like(path[:, :1]), path], axis=1) * length[:, None, None]
    at = np.round(np.linspace(0, 32, _LEVELS)).astype(int)
    centre = root[:, None] + path[:, at]
    return _ribbons(centre, step[:, at], tangent, row.width)


def _ribbons(
    centre: Float[np.ndarray, "H L 3"],
    direction: Float[np.ndarray, "H L 3"],
    tangent: Float[np.ndarray, "H 3"],
    width: float,
) -> Float[np.ndarray, "H 8 3"]:
    """Two edges about each hair's middle line, tapering to a sixth at the tip."""
    side = tangent[:, None] - (tangent[:, None] * direction).sum(-1, keepdims=True) * direction
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    taper = np.interp(np.linspace(0, 1, _LEVELS), [0, 0.5, 1], [1.0, 0.75, 0.16])[:, None]
    edges = np.stack([centre - 0.5 * width * taper * side, centre + 0.5 * width * taper * side], axis=2)
    return edges.reshape(len(centre), HAIR_VERTICES, 3)


def _root_frames(
    skin: Skin, lid: str, along: Float[np.ndarray, " H"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Root, tangent (toward the outer corner), forward (off the ball) and away from the opening."""
    front = skin.vertices[skin.loops[f"lid_{lid}_left"]]
    back = skin.vertices[skin.loops[f"lid_inner_{lid}_left"]]
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(front, axis=0), axis=1))])
    at = np.clip(along, 0, 1) * length[-1]

    def sample(line: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(at, length, line[:, k]) for k in range(3)], axis=-1)

    root = sample(0.92 * front + 0.08 * back)
    tangent = _unit(sample(np.gradient(front, length, axis=0)))
    forward = _unit(root - skin.eyes["left"].centre + np.array([0.0, 0.0, 4e-3]))
    forward = _unit(forward - (forward * tangent).sum(-1, keepdims=True) * tangent)
    away = np.cross(forward, tangent)
    if lid == "lower":
        away = -away
    return root, tangent, forward, away


def _unit(vectors: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _hair_sheet(hairs: Float[np.ndarray, "H 8 3"]) -> Sheet:
    """One column of the tile a hair, root at v = 0."""
    count = len(hairs)
    quads = grid_quads(np.arange(HAIR_VERTICES).reshape(_LEVELS, 2))
    offsets = HAIR_VERTICES * np.arange(count)
    quads = (quads[None] + offsets[:, None, None]).reshape(-1, 4)
    u = (np.arange(count)[:, None] + np.array([0.1, 0.9])) / count
    v = np.linspace(0, 1, _LEVELS)
    uv = np.stack(np.broadcast_arrays(u[:, None, :], v[None, :, None]), axis=-1)
    return Sheet(hairs.reshape(-1, 3), quads, uv.reshape(-1, 2), quads)
