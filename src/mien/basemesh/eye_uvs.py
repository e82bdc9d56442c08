"""Where a base mesh's own eyes read Mien's eye tile: by direction from the ball's centre.

Another eye is another surface: its flat iris lies behind Mien's, its cornea before it, and the nearest place
on Mien's parts is then the rim of the iris or the white. The direction round the eye's own axis is not.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from mien.anatomy.eyeball import LIMBUS_ANGLE, SEEN_ANGLE, uv_radius_of_angle
from mien.anatomy.parts import placed_eyeball
from mien.basemesh.pieces import Pieces
from mien.core.face import Template
from mien.geometry.normals import normalized

_FRONT = 2.5 * LIMBUS_ANGLE  # a piece all within this angle of the gaze is an iris, a pupil or a cornea


def own_eye(pieces: Pieces, side: str) -> Bool[np.ndarray, " W"]:
    """The welded vertices of one eye that is the mesh's own."""
    return np.asarray(pieces.kind == f"eye_{side}")


def eye_uvs(
    template: Template,
    pieces: Pieces,
    head: Float[np.ndarray, "V 3"],
    carried: Float[np.ndarray, "W 3"],
    side: str,
    points: Float[np.ndarray, "N 3"],
) -> Float[np.ndarray, "N 2"]:
    """UVs on Mien's eye tile of points on the mesh's own eye (metres, carried onto the person)."""
    eye = placed_eyeball(template, head, side)
    axis = _axis(pieces, carried, side, eye.centre, eye.gaze)
    up = normalized(eye.rotation[:, 1] - axis * (eye.rotation[:, 1] @ axis))
    away = normalized(points - eye.centre)
    x, y, z = away @ np.cross(up, axis), away @ up, away @ axis
    angle = np.minimum(np.arccos(np.clip(z, -1.0, 1.0)), SEEN_ANGLE)
    inward = -1.0 if side == "right" else 1.0  # the inner corner lies at u = 0 for both
    azimuth = np.arctan2(y, inward * x)
    radius = uv_radius_of_angle(angle)
    return 0.5 + radius[:, None] * np.stack([np.cos(azimuth), np.sin(azimuth)], axis=1)


def _axis(
    pieces: Pieces, carried: np.ndarray, side: str, centre: np.ndarray, gaze: np.ndarray
) -> Float[np.ndarray, "3"]:
    """From the centre through the middle of the pieces in front; the person's gaze where there are none."""
    rows = np.flatnonzero(own_eye(pieces, side))
    middles = []
    for number in np.unique(pieces.number[rows]):
        away = carried[rows[pieces.number[rows] == number]] - centre
        if (normalized(away) @ gaze).min() > np.cos(_FRONT):
            middles.append(0.5 * (away.min(axis=0) + away.max(axis=0)))
    return normalized(np.mean(middles, axis=0)) if middles else gaze
