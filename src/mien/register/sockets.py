"""Eyes that a scan has not: open holes or hollows between the lids, as of heads whose eyeballs are apart.

The lids then end where the hole begins. Its outline is read from a picture of the scan seen from the front,
so that it does not matter whether the surface ends there, turns inward or goes on as a hollow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from mien.core.face import PreparedScan, Template
from mien.geometry.normals import triangle_normals
from mien.geometry.polyline import arc_share, points_at
from mien.geometry.raster import rasterize
from mien.register.fitted_skin import FittedSkin as Skin
from mien.register.nonrigid import LandmarkPull
from mien.register.scan_surface import BORDER_FADE, ScanSurface
from mien.scan.mask import unwanted

# Multi-PIE, from the corner at the subject's right: corner, two above, corner, two below.
EYES = {"left": np.arange(42, 48), "right": np.arange(36, 42)}
PIXEL = 0.15e-3  # metres
ROOM = 0.010  # metres round the landmarks that are looked at
DEPTH = 0.005  # metres behind the landmarks' plane: an eyeball or a closed lid lies before it
FACING = 0.15  # cosine toward the front: what turns away from it more is a lid's thickness, or the inside
EMPTY = 0.65  # of what the landmarks enclose shows nothing where there is no eye
AREA = (0.55, 2.5)  # times what the landmarks enclose
CORNERS = 0.005  # metres from the landmarks of the corners: a hole that ends farther in is a glint in an eye
STEP = 0.1e-3  # metres between the outline's points
SMOOTH = 0.0007  # metres along the outline: triangles that were cut through leave a jagged edge
STRENGTH = 1e-4  # square metres: pull of the outline on each vertex of a lid's margin
Points = Float[np.ndarray, "_ 3"]


@dataclass(frozen=True)
class Socket:
    """An empty eye's outline on the scan (metres), both lines from the corner on the subject's right."""

    upper: Points
    lower: Points


@dataclass(frozen=True)
class _Picture:
    """A scan about an eye from the front: which pixels show no skin; how far forward (z) the others lie."""

    empty: Bool[np.ndarray, "H W"]
    z: Float[np.ndarray, "H W"]
    first: Float[np.ndarray, "2"]  # x and y of the first pixel's middle

    def place(self, pixels: Float[np.ndarray, "P 2"]) -> Float[np.ndarray, "P 2"]:
        """x and y in metres of pixels (column, row)."""
        return self.first + pixels * [PIXEL, -PIXEL]

    def polygon(self, points: Float[np.ndarray, "K 2"]) -> Bool[np.ndarray, "H W"]:
        """The pixels between points given by x and y."""
        drawn = np.zeros(self.empty.shape, np.uint8)
        corners = np.round((points - self.first) / [PIXEL, -PIXEL]).astype(np.int32)
        cv2.fillPoly(drawn, [cv2.convexHull(corners)], 1)
        return drawn > 0


def empty_sockets(surface: ScanSurface, prepared: PreparedScan) -> dict[str, Socket]:
    """The empty ones of the scan's eyes, by side; none where the landmarks were not seen."""
    found = {}
    for side, eye in EYES.items():
        if (prepared.landmark_confidence[eye] > 0).all():
            socket = _socket(surface, prepared.landmarks[eye])
            if socket is not None:
                found[side] = socket
    return found


def trusted_to_the_edge(surface: ScanSurface, sockets: dict[str, Socket]) -> ScanSurface:
    """The surface with trust right up to these outlines: other borders end where a scanner saw no more."""
    if not sockets:
        return surface
    outline = np.concatenate([line for one in sockets.values() for line in (one.upper, one.lower)])
    near = cKDTree(outline).query(surface.vertices, distance_upper_bound=2 * BORDER_FADE)[0] < BORDER_FADE
    kept = np.ones(len(near)) if surface.mask is None else 1.0 - unwanted(surface.mask)
    return replace(
        surface,
        trust=np.where(near, kept, surface.trust),
        unmasked_trust=None
        if surface.unmasked_trust is None
        else np.where(near, 1.0, surface.unmasked_trust),
    )


def with_margins(
    template: Template, skin: Skin, pull: LandmarkPull, sockets: dict[str, Socket]
) -> LandmarkPull:
    """The pull of the landmarks, and of the sockets' outlines on the margins of their lids."""
    local = np.full(template.topology.n_vertices, -1)
    local[skin.index] = np.arange(skin.n)
    for side, socket in sockets.items():
        for lid, line in (("upper", socket.upper), ("lower", socket.lower)):
            loop = local[template.loops[f"lid_{lid}_{side}"]]
            if skin.rest[loop[0], 0] > skin.rest[loop[-1], 0]:
                loop = loop[::-1]
            target = points_at(line, arc_share(line), arc_share(skin.rest[loop]))
            pull = _with_vertices(skin, pull, loop, target)
    return pull


def _with_vertices(
    skin: Skin, pull: LandmarkPull, vertices: Int[np.ndarray, " K"], target: Points
) -> LandmarkPull:
    """The pull with these vertices drawn to these places through all stages."""
    flat = skin.triangles.ravel()
    order = np.argsort(flat, kind="stable")
    corner = order[np.searchsorted(flat, vertices, sorter=order)]
    lasting = np.zeros(len(pull.target)) if pull.lasting is None else pull.lasting
    return LandmarkPull(
        np.concatenate([pull.triangle, corner // 3]),
        np.concatenate([pull.barycentric, np.eye(3)[corner % 3]]),
        np.concatenate([pull.target, target]),
        np.concatenate([pull.weight, np.zeros(len(vertices))]),
        np.concatenate([lasting, np.full(len(vertices), STRENGTH)]),
    )


def _socket(surface: ScanSurface, points: Float[np.ndarray, "6 3"]) -> Socket | None:
    """The outline of the hole between these landmarks; None where an eye or a lid is there."""
    picture = _from_the_front(surface, points)
    enclosed = picture.polygon(points[:, :2])
    if not enclosed.any() or picture.empty[enclosed].mean() < EMPTY:
        return None
    count, label = cv2.connectedComponents(picture.empty.astype(np.uint8), connectivity=4)
    hole = label == np.argmax(np.bincount(label[enclosed & picture.empty], minlength=count))
    beyond = hole[[0, -1]].any() or hole[:, [0, -1]].any()
    if beyond or not AREA[0] < hole.sum() / enclosed.sum() < AREA[1]:
        return None
    outline = _outline(picture, hole)
    along = (outline - points[0]) @ (points[3] - points[0])
    ends = outline[[np.argmin(along), np.argmax(along)]]
    if np.linalg.norm(ends - points[[0, 3]], axis=1).max() > CORNERS:
        return None
    return _halves(outline, int(np.argmin(along)), int(np.argmax(along)))


def _from_the_front(surface: ScanSurface, points: Float[np.ndarray, "6 3"]) -> _Picture:
    low, high = points[:, :2].min(axis=0) - ROOM, points[:, :2].max(axis=0) + ROOM
    width, height = np.ceil((high - low) / PIXEL).astype(int)
    first = np.array([low[0], high[1]]) + [0.5 * PIXEL, -0.5 * PIXEL]
    near = ((surface.vertices[:, :2] > low) & (surface.vertices[:, :2] < high)).all(axis=1)
    triangles = surface.triangles[near[surface.triangles].any(axis=1)]
    pixels = (surface.vertices[:, :2] - first) / [PIXEL, -PIXEL] + 0.5
    raster = rasterize(pixels, -surface.vertices[:, 2], triangles, int(height), int(width))
    z = np.where(raster.covered, -raster.depth, -np.inf).astype(np.float64)
    facing = np.where(raster.covered, triangle_normals(surface.vertices, triangles)[raster.triangle, 2], -1.0)
    x, y = np.meshgrid(first[0] + PIXEL * np.arange(width), first[1] - PIXEL * np.arange(height))
    plane = np.linalg.lstsq(np.c_[points[:, :2], np.ones(6)], points[:, 2], rcond=None)[0]
    shallow = z > plane[0] * x + plane[1] * y + plane[2] - DEPTH
    return _Picture(~(shallow & (facing > FACING)), z, first)


def _outline(picture: _Picture, hole: Bool[np.ndarray, "H W"]) -> Points:
    """The skin's edge round a hole, a closed line that starts anywhere, at even steps."""
    contours, _ = cv2.findContours(hole.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    line = max(contours, key=len)[:, 0].astype(np.float64)
    skin = np.argwhere(~picture.empty & (cv2.dilate(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0))
    edge = skin[cKDTree(skin[:, ::-1]).query(line)[1]]
    points = np.c_[picture.place(edge[:, ::-1].astype(np.float64)), picture.z[edge[:, 0], edge[:, 1]]]
    closed = np.r_[points, points[:1]]
    way = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))]
    even = points_at(closed, way, np.arange(0.0, way[-1], STEP))
    return gaussian_filter1d(even, SMOOTH / STEP, axis=0, mode="wrap")


def _halves(outline: Points, right: int, left: int) -> Socket:
    """The two ways round from one corner to the other."""
    turned = np.roll(outline, -right, axis=0)
    end = (left - right) % len(outline)
    there, back = turned[: end + 1], np.r_[turned[end:], turned[:1]][::-1]
    upper, lower = (there, back) if there[:, 1].mean() > back[:, 1].mean() else (back, there)
    return Socket(upper, lower)
