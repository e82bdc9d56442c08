"""The measures that calipers and tapes take of a head, millimetres."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import ConvexHull

from mien.core.face import Template

_BAND = 3.0  # mm to either side of a tape
_NECK_TILT, _NECK_LEVEL = 0.35, -140.0  # the tape round the neck lies lower in front: mm a mm, mm at z = -90


class Calipers:
    """Where measures are taken, found once on the mean head `mean` (metres). Methods take a skin in mm."""

    def __init__(self, template: Template, mean: Float[np.ndarray, "S 3"]) -> None:
        count, at = len(mean), 1e3 * mean.astype(np.float64)
        x, y, z = at.T
        points, corners = template.landmarks, template.topology.triangles
        self._points, self._corners = points.barycentric, corners[points.triangle]
        region = {name: weight[:count] for name, weight in template.regions.items()}
        skin = template.vertex_mask("face", "head")[:count]
        bare = skin & (np.maximum(region["ear_left"], region["ear_right"]) < 0.02)
        middle = bare & (np.abs(x) < 1.0)
        self._bare = np.flatnonzero(bare)
        self._glabella = np.flatnonzero(middle & (y > 10) & (y < 30) & (z > 0))
        self._occiput = np.flatnonzero(bare & (np.abs(x) < 25) & (z < -100) & (y > -60))
        self._sellion = np.flatnonzero(middle & (y > -14) & (y < 8) & (z > 20))
        self._top = np.flatnonzero(bare & (y > 80))
        self._cap = np.flatnonzero(bare & (y > 18) & (np.abs(x) > 50))
        self._arch = np.flatnonzero(bare & (y > -35) & (y < -5) & (z > -34) & (np.abs(x) > 50))
        tape = np.abs(y - _NECK_LEVEL + _NECK_TILT * (z + 90.0)) < _BAND
        self._neck = np.flatnonzero(skin & tape & (z < 5.0) & (np.abs(x) < 80.0))
        wing = (region["nose"] > 0.3) & (y > -50) & (y < -38) & (z > 18) & (x > 8)
        self._alare = _pair(template, at, wing, [18.5, -39.9, 25.8])
        front = skin & (z > -60) & (np.abs(y + 15) < 8) & (x > 60)
        self._tragia = _pair(template, at, front, [73.5, -13.7, -45.7])

    def marks(self, skin: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "68 3"]:
        """The Multi-PIE landmarks."""
        return np.einsum("lk,lkd->ld", self._points, skin[self._corners])

    def head_length(self, skin: Float[np.ndarray, "S 3"]) -> float:
        """From the glabella to the farthest point of the back of the head."""
        glabella, occiput = self._ends(skin)
        return _apart(glabella, occiput)

    def head_breadth(self, skin: Float[np.ndarray, "S 3"]) -> float:
        """The widest of the skull above the ears."""
        return float(np.ptp(skin[self._cap, 0]))

    def bizygomatic_breadth(self, skin: Float[np.ndarray, "S 3"]) -> float:
        """The widest of the face at the zygomatic arches, before the ears."""
        return float(np.ptp(skin[self._arch, 0]))

    def tragion_to_top(self, skin: Float[np.ndarray, "S 3"]) -> float:
        """Height of the crown above the ears' tragi."""
        return float(skin[self._top, 1].max() - skin[self._tragia, 1].mean())

    def sellion(self, skin: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "3"]:
        """The deepest point of the nose's root."""
        found: Float[np.ndarray, "3"] = skin[self._sellion[skin[self._sellion, 2].argmin()]]
        return found

    def nose_length(self, skin: Float[np.ndarray, "S 3"]) -> float:
        """From the sellion to the base of the nose."""
        return _apart(self.sellion(skin), self.marks(skin)[33])

    def nose_breadth(self, skin: Float[np.ndarray, "S 3"]) -> float:
        """Across the wings."""
        return _apart(*skin[self._alare])

    def neck_circumference(self, skin: Float[np.ndarray, "S 3"]) -> float:
        """A tape under the larynx, square to the neck, taut over hollows."""
        forward = np.array([0.0, -_NECK_TILT, 1.0]) / np.hypot(1.0, _NECK_TILT)
        ring = skin[self._neck]
        return float(ConvexHull(np.stack([ring[:, 0], ring @ forward], axis=1)).area)

    def head_circumference(self, skin: Float[np.ndarray, "S 3"]) -> float:
        """A tape over glabella and occiput, level from side to side."""
        glabella, occiput = self._ends(skin)
        along = (occiput - glabella) / _apart(occiput, glabella)
        normal = np.cross(along, [1.0, 0.0, 0.0])
        normal /= np.linalg.norm(normal)
        away = skin[self._bare] - glabella
        tape = away[np.abs(away @ normal) < _BAND]
        return float(ConvexHull(np.stack([tape @ along, tape @ np.cross(normal, along)], axis=1)).area)

    def _ends(self, skin: Float[np.ndarray, "S 3"]) -> tuple[np.ndarray, np.ndarray]:
        glabella = skin[self._glabella[skin[self._glabella, 2].argmax()]]
        away = np.linalg.norm(skin[self._occiput] - glabella, axis=1)
        return glabella, skin[self._occiput[away.argmax()]]


def _pair(
    template: Template, at: Float[np.ndarray, "S 3"], among: Bool[np.ndarray, " S"], goal: list[float]
) -> Int[np.ndarray, "2"]:
    """The vertex of `among` nearest to `goal` and its mirror image."""
    rows = np.flatnonzero(among)
    one = rows[np.linalg.norm(at[rows] - goal, axis=1).argmin()]
    return np.array([one, template.mirror[one]])


def _apart(a: Float[np.ndarray, "3"], b: Float[np.ndarray, "3"]) -> float:
    return float(np.linalg.norm(a - b))
