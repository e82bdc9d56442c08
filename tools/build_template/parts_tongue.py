"""The tongue at rest: low in the mouth, its tip behind the lower incisors."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.interpolate import CubicSpline

from mien.template import mouth_tile
from tools.build_template.parts_grid import Sheet, disc_grid, loft_rings, rim_angles

_N = 4
_RINGS = 15

# Stations from the tip back: z behind the lower incisors' edge, half-width, height of the top and of the
# underside against the lower incisors' edge; millimetres. Between the lower molars' lingual faces the
# tongue is 26 to 36 mm wide, and at rest it stays just under the occlusal plane.
_STATIONS = np.array(
    [
        (-8.4, 3.6, -6.6, -9.0),
        (-9.6, 6.0, -5.4, -10.2),
        (-13.0, 8.4, -3.8, -11.0),
        (-19.0, 10.6, -2.4, -12.0),
        (-27.0, 13.0, -1.4, -13.0),
        (-36.0, 15.4, -0.2, -14.0),
        (-46.0, 18.0, 0.6, -15.0),
        (-56.0, 19.0, -0.6, -17.0),
        (-64.0, 18.0, -5.0, -20.0),
    ]
)


def tongue_sheet() -> Sheet:
    """The tongue, metres; the origin is the middle of the lower incisors' edge."""
    rings = _rings()
    points, cap_quads, _ = disc_grid(_N)
    tip = _tip(rings[0], points, rise=1.1e-3)
    root = _tip(rings[-1], points, rise=-3.0e-3)
    vertices, quads = loft_rings(tip, rings, _N)
    start = len(vertices)
    everything = np.concatenate([vertices, root])
    rim = disc_grid(_N)[2] + start
    last = np.arange(start - 4 * _N, start)
    strip = np.stack([last, rim, np.roll(rim, -1), np.roll(last, -1)], axis=-1)
    quads = np.concatenate([quads, strip, cap_quads[:, [0, 3, 2, 1]] + start])
    return Sheet(everything, quads, *_uvs(everything, quads))


def _rings() -> Float[np.ndarray, "R B 3"]:
    """Cross-sections: broad and flat above with a groove along the middle, narrower and round below."""
    t = np.linspace(0, 1, len(_STATIONS))
    z, half, top, under = CubicSpline(t, _STATIONS * 1e-3)(np.linspace(0, 1, _RINGS)).T
    phi = rim_angles(_N)
    cosine, sine = np.cos(phi), np.sin(phi)
    x = half[:, None] * np.sign(cosine) * np.abs(cosine) ** 0.85
    middle = (under + 0.62 * (top - under))[:, None]
    rise = np.where(sine > 0, top[:, None] - middle, middle - under[:, None])
    y = middle + rise * np.sign(sine) * np.abs(sine) ** 0.8
    along = np.linspace(0, 1, _RINGS)[:, None]
    groove = np.exp(-((x / 3.0e-3) ** 2)) * (sine > 0.3) * 0.9e-3 * np.sin(np.pi * along) ** 0.7
    keel = np.where(sine < 0, 1 - 0.35 * np.abs(sine), 1.0)  # the underside draws in to its root
    return np.stack([x * keel, y - groove, np.broadcast_to(z[:, None], x.shape)], axis=-1)


def _tip(
    ring: Float[np.ndarray, "B 3"], points: Float[np.ndarray, "P 2"], rise: float
) -> Float[np.ndarray, "P 3"]:
    """A domed cap filling a ring, `rise` (metres) beyond it along the tongue."""
    centre = ring.mean(axis=0)
    phi = np.arctan2(points[:, 1], points[:, 0])
    radius = np.linalg.norm(points, axis=1)
    order = np.argsort(rim_angles(_N))
    angles = rim_angles(_N)[order]
    closed = np.concatenate([ring[order] - centre, ring[order][:1] - centre])
    angles = np.concatenate([angles, angles[:1] + 2 * np.pi])
    wrapped = np.where(phi < angles[0], phi + 2 * np.pi, phi)
    outline = np.stack([np.interp(wrapped, angles, closed[:, k]) for k in range(3)], axis=-1)
    dome = np.array([0.0, 0.0, rise]) * (1 - (0.8 * radius[:, None]) ** 2)
    return centre + outline * radius[:, None] * 0.8 + dome


def _uvs(
    vertices: Float[np.ndarray, "V 3"], quads: Int[np.ndarray, "F 4"]
) -> tuple[Float[np.ndarray, "T 2"], Int[np.ndarray, "F 4"]]:
    """Dorsum and underside seen from above and below; the seam runs along the sides."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle = np.array([_middle_height(z) for z in vertices[:, 2]])
    drop = np.abs(vertices[:, 1] - middle)
    reach = vertices[:, 0] / high[0] * (1 - 0.12 * np.clip(drop / 8e-3, 0, 1))
    along = (vertices[:, 2] - low[2]) / (high[2] - low[2])
    plan = np.column_stack([0.5 + 0.5 * reach, 1 - along])
    top, under = (
        np.array([u0, v0]) + plan * [u1 - u0, v1 - v0]
        for u0, u1, v0, v1 in (mouth_tile.TONGUE_TOP, mouth_tile.TONGUE_UNDER)
    )
    centre = vertices[quads].mean(axis=1)
    below = centre[:, 1] < np.array([_middle_height(z) for z in centre[:, 2]])
    return np.concatenate([top, under]), quads + len(vertices) * below[:, None]


def _middle_height(z: float) -> float:
    station = _STATIONS[::-1] * 1e-3
    middle = station[:, 3] + 0.62 * (station[:, 2] - station[:, 3])
    return float(np.interp(z, station[:, 0], middle))
