"""Fields of displacement on the mean head's skin: along a line drawn on it, or round a point.

A field knows its rows, and for each row where it lies relative to the line or point, once and for all;
a subject's own form (shifted path, width, strength) is evaluated from that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from mien.geometry.weights import smoothstep

_SAMPLE = 0.25e-3  # metres between the samples of a line


@dataclass(frozen=True)
class LineField:
    """Skin round a line: `along` 0 to 1, `across` signed metres, with the directions of both axes that
    matter: out of the skin, and across the line; they fade from unit length to zero where the field ends.
    """

    rows: Int[np.ndarray, " R"]
    along: Float[np.ndarray, " R"]
    across: Float[np.ndarray, " R"]
    normal: Float[np.ndarray, "R 3"]
    sideways: Float[np.ndarray, "R 3"]

    def mirrored(self, mirror: Int[np.ndarray, " V"]) -> LineField:
        """The same field on the other side of the head."""
        flip = np.array([-1, 1, 1], np.float32)
        return LineField(mirror[self.rows], self.along, self.across, self.normal * flip, self.sideways * flip)


@dataclass(frozen=True)
class SkinFrame:
    """The mean head's skin as fields need it: positions, normals, and which rows may move."""

    vertices: Float[np.ndarray, "S 3"]
    normals: Float[np.ndarray, "S 3"]
    outer: Int[np.ndarray, " N"]

    def on_skin(self, points: Float[np.ndarray, "P 2"], depth: float = 0.0) -> Float[np.ndarray, "P 3"]:
        """Points (x, y) metres laid on the skin as seen from the front (the part in front of z = `depth`)."""
        rows = self.outer[self.vertices[self.outer, 2] > depth]
        tree = cKDTree(self.vertices[rows, :2])
        distance, near = tree.query(points, k=4)
        weight = 1.0 / (distance + 1e-4)
        z = (weight * self.vertices[rows[near], 2]).sum(axis=1) / weight.sum(axis=1)
        return np.concatenate([points, z[:, None]], axis=1)

    def line(
        self, points: Float[np.ndarray, "P 3"], toward: Float[np.ndarray, "3"], reach: float
    ) -> LineField:
        """The field round a smooth line through `points`; `across` is positive on the side of `toward`."""
        curve = smooth_line(points)
        distance, nearest = cKDTree(curve).query(self.vertices[self.outer])
        keep = distance < reach
        rows, nearest = self.outer[keep], nearest[keep]
        tangent = np.gradient(curve, axis=0)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
        normal = self.normals[rows]
        sideways = np.cross(normal, tangent[nearest])
        sideways /= np.linalg.norm(sideways, axis=1, keepdims=True)
        middle = curve[len(curve) // 2]
        side = np.cross(_normal_at(self, middle), tangent[len(curve) // 2])
        sideways *= np.sign(side @ (toward - middle))
        away = self.vertices[rows] - curve[nearest]
        over = np.einsum("rd,rd->r", away, tangent[nearest])
        flat = away - over[:, None] * tangent[nearest]
        across = np.copysign(np.linalg.norm(flat, axis=1), np.einsum("rd,rd->r", flat, sideways))
        along = (nearest * _step(curve) + over) / (_step(curve) * (len(curve) - 1))
        rim = 1 - smoothstep(np.abs(across) / reach, 0.75, 1.0)[:, None]
        return LineField(
            rows,
            along.astype(np.float32),
            across.astype(np.float32),
            (rim * normal).astype(np.float32),
            (rim * sideways).astype(np.float32),
        )


def smooth_line(points: Float[np.ndarray, "P 3"]) -> Float[np.ndarray, "N 3"]:
    """A natural cubic spline through the points, sampled evenly by length."""
    from scipy.interpolate import CubicSpline

    chord = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    fine = CubicSpline(chord, points, bc_type="natural")(np.linspace(0, chord[-1], 800))
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    even = np.linspace(0, length[-1], max(int(length[-1] / _SAMPLE), 8))
    return np.stack([np.interp(even, length, fine[:, k]) for k in range(3)], axis=1)


def _step(curve: Float[np.ndarray, "N 3"]) -> float:
    return float(np.linalg.norm(curve[1] - curve[0]))


def _normal_at(frame: SkinFrame, point: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    gap = np.linalg.norm(frame.vertices[frame.outer] - point, axis=1)
    return frame.normals[frame.outer[gap.argmin()]]
