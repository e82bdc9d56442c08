"""The 32 teeth: parametric crowns on two arches, for gums and tongue to be fitted to.

Crown sizes: Nelson & Ash, "Wheeler's Dental Anatomy, Physiology and Occlusion". Tip and torque of the
crowns: Andrews 1972, "The six keys to normal occlusion". Arch form: Braun et al. 1998, "The form of the
human dental arch" (a beta function).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mien.template.mouth_tile import TOOTH_CAP, TOOTH_COLUMNS, TOOTH_SIDES
from tools.build_template.parts_grid import Sheet, disc_grid, join, loft_rings, mirrored, rim_angles

_N = 4  # quads along a side of the occlusal cap: 16 around
CROWN_VERTICES = 25 + 5 * 16

# Heights (share of the crown) of the rings, from the shoulder under the edge down into the gum.
_LEVELS = np.array([0.95, 0.84, 0.60, 0.32, 0.06, -0.25])


@dataclass(frozen=True)
class Tooth:
    """One tooth, left side, millimetres and degrees.

    `width` mesiodistal, `neck` the same at the cervix, `depth` faciolingual, `length` of the crown;
    `tip` leans the crown mesially, `torque` leans it facially; `edge` lifts its edge off the occlusal
    plane into the jaw, `inset` moves it lingually off the arch.
    """

    kind: str
    width: float
    neck: float
    depth: float
    length: float
    tip: float
    torque: float
    edge: float = 0.0
    inset: float = 0.0


UPPER = (
    Tooth("incisor", 8.5, 7.0, 7.0, 10.5, 3, 8),
    Tooth("incisor", 6.6, 5.0, 6.0, 9.3, 6, 5, edge=0.7, inset=0.4),
    Tooth("canine", 7.5, 5.5, 8.0, 10.3, 7, 0, edge=-0.1, inset=-0.2),
    Tooth("premolar", 7.0, 5.0, 9.0, 8.5, 2, -5, edge=0.5),
    Tooth("premolar", 6.8, 5.0, 9.0, 8.3, 2, -6, edge=0.6),
    Tooth("molar", 10.2, 8.0, 11.0, 7.5, 4, -7, edge=0.6),
    Tooth("molar", 9.2, 7.0, 11.0, 7.0, 4, -8, edge=1.0),
    Tooth("molar", 8.5, 6.5, 10.0, 6.5, 4, -9, edge=2.0),
)
LOWER = (
    Tooth("incisor", 5.1, 3.6, 6.0, 9.0, 1, 2, edge=-2.0),
    Tooth("incisor", 5.6, 4.0, 6.4, 9.2, 1, 2, edge=-2.0),
    Tooth("canine", 6.9, 5.3, 7.6, 10.2, 4, -4, edge=-2.1),
    Tooth("premolar", 7.0, 5.0, 7.6, 8.4, 2, -9, edge=-0.8),
    Tooth("premolar", 7.0, 5.0, 8.0, 8.0, 2, -11, edge=-0.2),
    Tooth("molar", 11.0, 9.0, 10.4, 7.5, 3, -14, edge=0.5),
    Tooth("molar", 10.4, 8.2, 10.0, 7.0, 3, -15, edge=0.7),
    Tooth("molar", 9.8, 7.6, 9.5, 6.5, 3, -15, edge=-0.4),
)

# Per kind, at each of `_LEVELS`: width (share of the mesiodistal width, 1 at the contact point), facial
# and lingual extent (share of the depth, from the axis through the root), exponent of the superellipse.
_PROFILES = {
    "incisor": (
        (0.93, 1.00, 0.955, 0.885, None, None),
        (0.245, 0.315, 0.42, 0.49, 0.48, 0.30),
        (-0.06, -0.05, -0.06, -0.26, -0.46, -0.32),
        (3.2, 3.2, 2.9, 2.6, 2.2, 2.0),
    ),
    "canine": (
        (0.74, 0.98, 0.98, 0.88, None, None),
        (0.24, 0.36, 0.45, 0.50, 0.47, 0.28),
        (-0.06, -0.12, -0.20, -0.36, -0.47, -0.30),
        (2.3, 2.4, 2.5, 2.4, 2.2, 2.0),
    ),
    "premolar": (
        (0.80, 0.97, 1.00, 0.90, None, None),
        (0.34, 0.42, 0.48, 0.50, 0.44, 0.26),
        (-0.36, -0.44, -0.49, -0.50, -0.45, -0.28),
        (2.6, 2.6, 2.5, 2.4, 2.2, 2.0),
    ),
    "molar": (
        (0.84, 0.98, 1.00, 0.93, None, None),
        (0.35, 0.42, 0.48, 0.50, 0.45, 0.27),
        (-0.37, -0.44, -0.49, -0.50, -0.46, -0.30),
        (3.2, 3.2, 3.0, 2.8, 2.5, 2.2),
    ),
}


@dataclass(frozen=True)
class Arch:
    """The curve of the facial surfaces: `width` and `depth` (mm) of the beta function, apex at +Z."""

    width: float
    depth: float

    def polyline(self) -> Float[np.ndarray, "K 2"]:
        """(x, z) of the left half from the midline backward, finely sampled, mm; z = 0 at the apex."""
        x = 0.5 * self.width * np.sin(np.linspace(0, np.pi / 2, 4000))
        share = (0.5 + x / self.width) * (0.5 - x / self.width)
        z = self.depth * (4.0**0.8) * np.maximum(share, 0) ** 0.8 - self.depth
        return np.column_stack([x, z])

    def frames(self, teeth: tuple[Tooth, ...]) -> tuple[Float[np.ndarray, "T 2"], Float[np.ndarray, "T 2"]]:
        """Facial point and facial normal (x, z) at each tooth, set side by side from the midline."""
        line = self.polyline()
        step = np.diff(line, axis=0)
        length = np.linalg.norm(step, axis=1)
        tangent = step / length[:, None]
        turn = np.arctan2(-tangent[:, 1], tangent[:, 0])
        # Teeth touch behind their facial surfaces (1.2 mm at incisors, 4.2 mm at molars), where the
        # arch is shorter by that depth times its turning.
        behind = np.interp(np.cumsum(length), [8.0, 36.0], [1.2, 4.2])
        arc = np.cumsum(length - behind * np.diff(turn, prepend=0.0)) + 0.06
        centres = np.cumsum([t.width for t in teeth]) - np.array([t.width / 2 for t in teeth])
        at = np.searchsorted(arc, centres)
        if at.max() >= len(arc):
            raise ValueError(f"arch too short: {arc[-1]:.1f} mm for {centres[-1]:.1f} mm of teeth")
        return line[at], np.column_stack([-tangent[at, 1], tangent[at, 0]])


UPPER_ARCH = Arch(width=66.0, depth=59.0)
LOWER_ARCH = Arch(width=63.0, depth=57.5)


def crown(tooth: Tooth) -> Float[np.ndarray, "P 3"]:
    """Vertices (mm) in the tooth's frame: x distal, y facial, z occlusal; origin mid-edge, facial face."""
    widths, facial, lingual, power = (np.array(row, dtype=float) for row in _PROFILES[tooth.kind])
    widths[4:] = tooth.neck / tooth.width * np.array([1.0, 0.8])
    phi = rim_angles(_N)
    rings = np.stack(
        [
            _ring(phi, 0.5 * tooth.width * w, tooth.depth * f, tooth.depth * b, p)
            for w, f, b, p in zip(widths, facial, lingual, power, strict=True)
        ]
    )
    heights = (_LEVELS - 1.0)[:, None] * tooth.length + _edge_shape(tooth, rings[..., 0])
    rings = np.concatenate([rings, heights[..., None]], axis=-1)
    cap = _cap(tooth, rings[0])
    vertices, _ = loft_rings(cap, rings[1:], _N)
    return vertices - [0.0, tooth.depth * facial[1], 0.0]


def _ring(
    phi: Float[np.ndarray, " B"], half_width: float, facial: float, lingual: float, power: float
) -> Float[np.ndarray, "B 2"]:
    """A superellipse between the facial and the lingual extent."""
    cosine, sine = np.cos(phi), np.sin(phi)
    x = half_width * np.sign(cosine) * np.abs(cosine) ** (2 / power)
    y = np.sign(sine) * np.abs(sine) ** (2 / power)
    return np.column_stack([x, 0.5 * (facial + lingual) + 0.5 * (facial - lingual) * y])


def _edge_shape(tooth: Tooth, x: Float[np.ndarray, "R B"]) -> Float[np.ndarray, "R B"]:
    """How much lower (mm) than the tip each ring vertex lies: the rounded outline seen from the front.

    It fades out toward the neck.
    """
    t = x / (0.5 * tooth.width)
    if tooth.kind == "incisor":  # the mesial corner is sharper than the distal one
        drop = np.where(t > 0, 0.075, 0.035) * np.abs(t) ** 3
    elif tooth.kind == "canine":
        drop = np.where(t > -0.08, 0.20, 0.16) * np.abs(t + 0.08)
    else:
        drop = np.zeros_like(t)
    fade = np.clip((_LEVELS - 0.2) / 0.75, 0, 1)[:, None] ** 1.5
    return -drop * tooth.length * fade


def _cap(tooth: Tooth, rim_ring: Float[np.ndarray, "B 3"]) -> Float[np.ndarray, "P 3"]:
    """The occlusal surface over its rim: an edge, a point, or cusps with a fossa between them."""
    _, _, rim = disc_grid(_N)
    t = np.linspace(-1, 1, _N + 1)
    q, p = (a.ravel() for a in np.meshgrid(t, t, indexing="ij"))
    low, high = rim_ring[:, :2].min(axis=0), rim_ring[:, :2].max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    shrink = 0.92 - 0.12 * np.abs(p * q)
    cap = np.column_stack(
        [middle[0] + half[0] * p * shrink, middle[1] + half[1] * q * shrink, _relief(tooth, p, q)]
    )
    cap[rim] = rim_ring
    return cap


def _relief(tooth: Tooth, p: Float[np.ndarray, " P"], q: Float[np.ndarray, " P"]) -> Float[np.ndarray, " P"]:
    """Height (mm, tip = 0) of the cap's inner vertices; p mesial to distal, q lingual to facial."""
    if tooth.kind == "incisor":
        corner = np.where(p > 0, 0.075, 0.035) * np.abs(p * 0.93) ** 3
        return -corner * tooth.length - 0.18 * (1 - q) * 0.5 * tooth.length * 0.1
    if tooth.kind == "canine":
        slope = np.where(p > -0.08, 0.20, 0.16) * np.abs(0.74 * p + 0.06)
        return -slope * tooth.length * 0.9 - 0.3 * np.abs(q)
    if tooth.kind == "premolar":  # a buccal and a lower lingual cusp
        cusps = np.where(q > 0, 0.0, -0.9) - 1.9 * (1 - np.abs(q) * 2) ** 2 * (np.abs(q) < 0.5)
        return cusps - 0.7 * np.abs(p) * 2 * (q != 0) * 0.6
    grooves = -1.3 * ((p == 0) ^ (q == 0)) - 1.9 * ((p == 0) & (q == 0))
    return grooves + 0.35 * (np.abs(p) == 0.5) * (np.abs(q) == 0.5) - 0.25 * (q < 0)


def teeth_sheet(teeth: tuple[Tooth, ...], arch: Arch, up: float) -> tuple[Sheet, Int[np.ndarray, " V"]]:
    """All crowns of a jaw and the number of each vertex's tooth; metres, origin mid-edge of the arch.

    `up` is +1 where crowns point up (lower jaw), -1 in the upper. Tooth numbers run from the midline
    backward, left side 0 to 7, right side 8 to 15.
    """
    quads = loft_rings(np.zeros((25, 3)), np.zeros((5, 16, 3)), _N)[1]
    points, normals = arch.frames(teeth)
    sheets = []
    for i, tooth in enumerate(teeth):
        world = place_crown(crown(tooth), tooth, points[i], normals[i], up) * 1e-3
        uvs, quad_uvs = _crown_uvs(i, up)
        left = Sheet(world, quads, uvs, quad_uvs)
        if up > 0:  # (distal, facial, occlusal) is left-handed in the lower left jaw
            left = Sheet(world, quads[:, [0, 3, 2, 1]], uvs, quad_uvs[:, [0, 3, 2, 1]])
        sheets.append(left)
    sheets += [mirrored(sheet) for sheet in sheets]
    group = np.repeat(np.arange(16), CROWN_VERTICES)
    return join(sheets), group


def place_crown(
    vertices: Float[np.ndarray, "P 3"],
    tooth: Tooth,
    point: Float[np.ndarray, "2"],
    normal: Float[np.ndarray, "2"],
    up: float,
) -> Float[np.ndarray, "P 3"]:
    """From the tooth's frame to the jaw's (mm): tip and torque about the edge, then onto the arch."""
    tip, torque = np.radians([tooth.tip, tooth.torque])
    x, y, z = vertices.T
    x, z = x * np.cos(tip) - z * np.sin(tip), x * np.sin(tip) + z * np.cos(tip)
    y, z = y * np.cos(torque) + z * np.sin(torque), -y * np.sin(torque) + z * np.cos(torque)
    y = y - tooth.inset
    distal = np.array([normal[1], -normal[0]])
    plan = point + x[:, None] * distal + y[:, None] * normal
    height = up * (z - tooth.edge)
    return np.column_stack([plan[:, 0], height, plan[:, 1]])


def _crown_uvs(index: int, up: float) -> tuple[Float[np.ndarray, "T 2"], Int[np.ndarray, "F 4"]]:
    """The tooth's cell of the tile: eight columns, the upper jaw above; sides unrolled, cap on top.

    Left and right teeth share a cell.
    """
    columns, rows = np.linspace(0.04, 0.96, 17), np.interp(_LEVELS, (_LEVELS[-1], _LEVELS[0]), TOOTH_SIDES)
    shift = np.roll(np.arange(16), -14)  # unrolls from the lingual side: rim index 14 is -90 + 360
    u, v = np.meshgrid(columns, rows)
    points, cap_quads, _ = disc_grid(_N, roundness=0.9)
    u0, v0, du, dv = TOOTH_CAP
    cap = np.column_stack([u0 + du * points[:, 0], v0 + dv * points[:, 1]])
    cell = np.concatenate([cap, np.column_stack([u.ravel(), v.ravel()])])
    uvs = (cell + np.array([index, 1.0 if up < 0 else 0.0])) * [1 / TOOTH_COLUMNS, 1 / 2]
    ids = 25 + np.arange(6 * 17).reshape(6, 17)
    order = np.argsort(shift)
    left, right = ids[:, order], ids[:, order + 1]
    sides = np.stack([left[:-1], left[1:], right[1:], right[:-1]], axis=-1).reshape(-1, 4)
    return uvs, np.concatenate([cap_quads, sides])
