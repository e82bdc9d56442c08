"""Building blocks of the parts: disc caps, rings, lofted grids, mirroring. Quads only, metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tools.build_template.types import PartMesh


@dataclass(frozen=True)
class Sheet:
    """A mesh in the making: vertices, quads (counter-clockwise seen from outside) and corner UVs."""

    vertices: Float[np.ndarray, "V 3"]
    quads: Int[np.ndarray, "F 4"]
    uvs: Float[np.ndarray, "T 2"]
    quad_uvs: Int[np.ndarray, "F 4"]


def disc_grid(
    n: int, roundness: float = 0.6
) -> tuple[Float[np.ndarray, "P 2"], Int[np.ndarray, "F 4"], Int[np.ndarray, " B"]]:
    """A grid of n x n quads squeezed toward the unit disc, and its 4 n rim vertices.

    Rim vertices run counter-clockwise from the angle -135 degrees. `roundness` 1 would put the rim on
    the circle itself, with straight angles at the four corners; less keeps the corner quads healthy,
    and the next ring outside makes the shape round.
    """
    t = np.linspace(-1.0, 1.0, n + 1)
    y, x = np.meshgrid(t, t, indexing="ij")
    disc = np.stack([x * np.sqrt(1 - y * y / 2), y * np.sqrt(1 - x * x / 2)], axis=-1)
    square = np.stack([x, y], axis=-1) * 0.85
    points = (roundness * disc + (1 - roundness) * square).reshape(-1, 2)
    ids = np.arange((n + 1) ** 2).reshape(n + 1, n + 1)
    rim = np.concatenate([ids[0, :-1], ids[:-1, -1], ids[-1, :0:-1], ids[:0:-1, 0]])
    return points, grid_quads(ids), rim


def grid_quads(ids: Int[np.ndarray, "R C"]) -> Int[np.ndarray, "F 4"]:
    """Quads of a grid of vertex ids; counter-clockwise where columns run right and rows run up."""
    return np.stack([ids[:-1, :-1], ids[:-1, 1:], ids[1:, 1:], ids[1:, :-1]], axis=-1).reshape(-1, 4)


def closed_grid_quads(ids: Int[np.ndarray, "R C"]) -> Int[np.ndarray, "F 4"]:
    """Quads between rings (rows) whose last column joins the first; outward rings counter-clockwise."""
    wrapped = np.concatenate([ids, ids[:, :1]], axis=1)
    return grid_quads(wrapped)[:, [0, 3, 2, 1]]


def rim_angles(n: int) -> Float[np.ndarray, " B"]:
    """Angles at which the rim of `disc_grid(n)` meets the circle, evenly spaced, radians."""
    return (np.arange(4 * n) / (4 * n) * 2 - 0.75) * np.pi


def loft_rings(
    cap: Float[np.ndarray, "P 3"], rings: Float[np.ndarray, "R B 3"], n: int
) -> tuple[Float[np.ndarray, "V 3"], Int[np.ndarray, "F 4"]]:
    """A disc cap (positions of `disc_grid(n)`) continued by rings; faces look along +Z at the cap."""
    _, cap_quads, rim = disc_grid(n)
    count, width = rings.shape[:2]
    ring_ids = len(cap) + np.arange(count * width).reshape(count, width)
    ids = np.concatenate([rim[None], ring_ids])
    vertices = np.concatenate([cap, rings.reshape(-1, 3)])
    return vertices, np.concatenate([cap_quads, closed_grid_quads(ids)])


def join(sheets: list[Sheet]) -> Sheet:
    """Several sheets as one, in order."""
    offsets = np.cumsum([0] + [len(s.vertices) for s in sheets])
    uv_offsets = np.cumsum([0] + [len(s.uvs) for s in sheets])
    return Sheet(
        np.concatenate([s.vertices for s in sheets]),
        np.concatenate([s.quads + o for s, o in zip(sheets, offsets, strict=False)]),
        np.concatenate([s.uvs for s in sheets]),
        np.concatenate([s.quad_uvs + o for s, o in zip(sheets, uv_offsets, strict=False)]),
    )


def mirrored(sheet: Sheet) -> Sheet:
    """The sheet on the other side (x -> -x, winding kept outward); vertex ids stay."""
    return Sheet(
        sheet.vertices * [-1, 1, 1],
        sheet.quads[:, [0, 3, 2, 1]],
        sheet.uvs,
        sheet.quad_uvs[:, [0, 3, 2, 1]],
    )


def side_pair(
    name: str,
    material: str,
    left: Sheet,
    weights: dict[str, Float[np.ndarray, " V"]],
    *,
    group_of_vertex: Int[np.ndarray, " V"] | None = None,
    regions: dict[str, Float[np.ndarray, " V"]] | None = None,
) -> list[PartMesh]:
    """The parts `name_left` and `name_right`, exact mirror images.

    In the joint names of `weights` the suffix `_left` becomes `_right` on the other side.
    """
    parts = []
    for side, sheet in (("left", left), ("right", mirrored(left))):
        parts.append(
            PartMesh(
                name=f"{name}_{side}",
                material=material,
                vertices=sheet.vertices,
                quads=sheet.quads,
                uvs=sheet.uvs,
                quad_uvs=sheet.quad_uvs,
                mirror_part=f"{name}_{'right' if side == 'left' else 'left'}",
                mirror=np.arange(len(sheet.vertices)),
                joint_weights={_sided(joint, side): w for joint, w in weights.items()},
                group_of_vertex=group_of_vertex,
                regions=regions or {},
            )
        )
    return parts


def _sided(joint: str, side: str) -> str:
    return joint.removesuffix("_left") + f"_{side}" if joint.endswith("_left") else joint


def symmetric_part(
    name: str,
    material: str,
    sheet: Sheet,
    weights: dict[str, Float[np.ndarray, " V"]],
    *,
    group_of_vertex: Int[np.ndarray, " V"] | None = None,
) -> PartMesh:
    """A part that is its own mirror image; positions and weights are made exactly symmetric."""
    from scipy.spatial import cKDTree

    flip = np.array([-1.0, 1.0, 1.0])
    distance, mirror = cKDTree(sheet.vertices).query(sheet.vertices * flip)
    if distance.max() > 1e-6 or not np.array_equal(mirror[mirror], np.arange(len(mirror))):
        raise ValueError(f"{name} is not symmetric: {distance.max() * 1e3:.4f} mm")
    vertices = 0.5 * (sheet.vertices + sheet.vertices[mirror] * flip)
    return PartMesh(
        name=name,
        material=material,
        vertices=vertices,
        quads=sheet.quads,
        uvs=sheet.uvs,
        quad_uvs=sheet.quad_uvs,
        mirror_part=name,
        mirror=mirror,
        joint_weights={joint: 0.5 * (w + w[mirror]) for joint, w in weights.items()},
        group_of_vertex=group_of_vertex,
    )


def smoothstep(low: float, high: float, x: Float[np.ndarray, "*N"] | float) -> Float[np.ndarray, "*N"]:
    """0 below `low`, 1 above `high`, C1 between."""
    t = np.clip((np.asarray(x, dtype=float) - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)
