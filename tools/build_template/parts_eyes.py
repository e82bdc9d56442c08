"""Eyeballs: sclera with a recessed iris and pupil, and the cornea as a shell of its own."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.eyeball import (
    IRIS_RADIUS,
    PUPIL_RADIUS,
    SCLERA_RADIUS,
    UV_IRIS_RADIUS,
    surface_radius,
    uv_radius_of_angle,
)
from tools.build_template.parts_grid import Sheet, disc_grid, loft_rings, rim_angles, side_pair
from tools.build_template.types import PartMesh, Skin

_N = 8  # quads along a side of a cap: 32 around
_SHELL = 0.03e-3  # the wet shell stands this far off the sclera, so that the two never fight in depth

# Radius and height (mm, in an eye of 12 mm) of the rings from the pupil's floor to the iris root: the
# iris lies 3 mm behind the corneal apex, domed a little by the lens, and hides the limbus' wall.
_IRIS_RINGS = np.array(
    [
        (1.70, 9.30),
        (1.88, 9.70),
        (1.88, 10.08),
        (2.00, 10.17),
        (2.70, 10.24),
        (3.60, 10.14),
        (4.80, 10.02),
        (5.60, 9.94),
        (5.86, 10.12),
    ]
)
_SCLERA_ANGLES = np.radians([30.0, 34.0, 41.0, 50.0, 60.0, 72.0, 85.0, 100.0, 118.0, 136.0])
_BACK_ANGLE = np.radians(28.0)  # half-angle of the cap at the back
_CORNEA_ANGLES = np.radians([10.0, 14.5, 18.5, 22.5, 26.0, 29.0, 32.0, 36.0, 42.0, 50.0, 60.0, 72.0, 84.0])


def build_eyes(skin: Skin) -> list[PartMesh]:
    """Both eyeballs and corneas, centred in the skin's eye fields, looking straight ahead."""
    field = skin.eyes["left"]
    scale = field.radius / SCLERA_RADIUS
    parts = []
    for name, sheet in (("eye", eyeball()), ("cornea", cornea())):
        placed = Sheet(sheet.vertices * scale + field.centre, sheet.quads, sheet.uvs, sheet.quad_uvs)
        weights = {"eye_left": np.ones(len(placed.vertices))}
        regions = {"iris": _iris_region(sheet.vertices)} if name == "eye" else None
        parts += side_pair(name, name, placed, weights, regions=regions)
    return parts


def eyeball() -> Sheet:
    """Pupil floor, pupil wall, iris, limbus and sclera as one closed surface; centre 0, gaze +Z."""
    points, _, rim = disc_grid(_N)
    floor = np.column_stack([points * 1.5e-3, np.full(len(points), 9.2e-3)])
    radii, heights = _IRIS_RINGS.T * 1e-3
    radii = np.concatenate([radii, SCLERA_RADIUS * np.sin(_SCLERA_ANGLES)])
    heights = np.concatenate([heights, SCLERA_RADIUS * np.cos(_SCLERA_ANGLES)])
    vertices, quads = loft_rings(floor, _revolved(radii, heights), _N)

    back = _on_sphere(points, np.pi - _BACK_ANGLE, SCLERA_RADIUS)
    last_ring = np.arange(len(vertices) - 4 * _N, len(vertices))
    return _close_behind(vertices, quads, back, last_ring, rim)


def cornea() -> Sheet:
    """The wet shell: the corneal bulge and a film over the sclera's front; centre 0, gaze +Z."""
    points, _, _ = disc_grid(_N)
    angles = np.linalg.norm(points, axis=1) * _CORNEA_ANGLES[0] * 0.8
    cap = _polar(angles, np.arctan2(points[:, 1], points[:, 0]), surface_radius(angles) + _SHELL)
    outer = surface_radius(_CORNEA_ANGLES) + _SHELL
    outer[-1] -= _SHELL  # the edge, far behind the lids, ends on the sclera
    rings = _revolved(outer * np.sin(_CORNEA_ANGLES), outer * np.cos(_CORNEA_ANGLES))
    vertices, quads = loft_rings(cap, rings, _N)
    return Sheet(vertices, quads, _azimuthal_uv(vertices), quads)


def _close_behind(
    vertices: Float[np.ndarray, "V 3"],
    quads: Int[np.ndarray, "F 4"],
    back: Float[np.ndarray, "P 3"],
    last_ring: Int[np.ndarray, " B"],
    rim: Int[np.ndarray, " B"],
) -> Sheet:
    """Adds the back cap; its texture is a small island in the tile's corner."""
    _, cap_quads, _ = disc_grid(_N)
    start = len(vertices)
    cap_quads = cap_quads[:, [0, 3, 2, 1]] + start
    rim_ids = rim + start
    strip = np.stack([last_ring, rim_ids, np.roll(rim_ids, -1), np.roll(last_ring, -1)], axis=-1)
    everything = np.concatenate([vertices, back])
    points, _, _ = disc_grid(_N)
    island = np.array([0.06, 0.06]) + 0.045 * points * [-1, 1]  # seen from behind
    rim_uvs = _azimuthal_uv(back[rim])
    uvs = np.concatenate([_azimuthal_uv(vertices), rim_uvs, island])
    rim_uv_ids = start + np.arange(len(rim))
    strip_uvs = np.stack([last_ring, rim_uv_ids, np.roll(rim_uv_ids, -1), np.roll(last_ring, -1)], axis=-1)
    return Sheet(
        everything,
        np.concatenate([quads, strip, cap_quads]),
        uvs,
        np.concatenate([quads, strip_uvs, cap_quads + len(rim)]),
    )


def _revolved(radii: Float[np.ndarray, " R"], heights: Float[np.ndarray, " R"]) -> Float[np.ndarray, "R B 3"]:
    phi = rim_angles(_N)
    circle = np.stack([np.cos(phi), np.sin(phi)], axis=-1)
    rings = radii[:, None, None] * circle
    return np.concatenate([rings, np.broadcast_to(heights[:, None, None], (*rings.shape[:2], 1))], -1)


def _on_sphere(
    points: Float[np.ndarray, "P 2"], edge_angle: float, radius: float
) -> Float[np.ndarray, "P 3"]:
    """A disc wrapped round the back pole, its unit circle at `edge_angle` off the gaze."""
    angle = np.pi - np.linalg.norm(points, axis=1) * (np.pi - edge_angle)
    return _polar(angle, np.arctan2(points[:, 1], points[:, 0]), np.full(len(points), radius))


def _polar(
    angle: Float[np.ndarray, " P"], phi: Float[np.ndarray, " P"], radius: Float[np.ndarray, " P"]
) -> Float[np.ndarray, "P 3"]:
    sine = np.sin(angle)
    return radius[:, None] * np.stack([sine * np.cos(phi), sine * np.sin(phi), np.cos(angle)], axis=-1)


def _azimuthal_uv(vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 2"]:
    """The tile of `mien.anatomy.eyeball`: by radius inside the iris, by angle on the sclera."""
    radius = np.hypot(vertices[:, 0], vertices[:, 1])
    angle = np.arctan2(radius, vertices[:, 2])
    inside = (radius <= IRIS_RADIUS) & (vertices[:, 2] > 0)
    distance = np.where(inside, UV_IRIS_RADIUS * radius / IRIS_RADIUS, uv_radius_of_angle(angle))
    distance = np.minimum(distance, 0.498)  # the rim of the back cap stays in the tile
    phi = np.arctan2(vertices[:, 1], vertices[:, 0])
    return 0.5 + distance[:, None] * np.stack([np.cos(phi), np.sin(phi)], axis=-1)


def _iris_region(vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, " V"]:
    radius = np.hypot(vertices[:, 0], vertices[:, 1])
    on = (radius < IRIS_RADIUS) & (radius > PUPIL_RADIUS - 0.1e-3) & (vertices[:, 2] > 9.9e-3)
    return on.astype(float)
