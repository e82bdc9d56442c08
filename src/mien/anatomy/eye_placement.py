"""Where an eyeball goes in a new head: the sphere refit to the lids' margins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.eyeball import SCLERA_RADIUS, signed_clearance
from mien.anatomy.lid_spread import spread_weights
from mien.core.face import Template
from mien.geometry.align import Similarity

RADIUS_RANGE = (11.5e-3, 12.5e-3)  # 24 +- 1 mm of diameter: eyes hardly differ between adults
_CONTACT = 0.45e-3  # skin of the template this close to the eye is its margin
_PRIOR = 0.05  # pull toward where the lids as a whole went, against sliding along them
_HUBER = 0.4e-3
_SINK_LIMIT = 1.5e-3
_LEAST_GAP = 0.1e-3


@dataclass(frozen=True)
class PlacedEye:
    """A ball: centre, sclera radius (metres), rotation of its own axes (gaze = third column)."""

    centre: Float[np.ndarray, "3"]
    radius: float
    rotation: Float[np.ndarray, "3 3"]

    def carry(self, points: Float[np.ndarray, "N 3"], eye: EyeBinding) -> Float[np.ndarray, "N 3"]:
        """Points of the template's eye, moved with the ball."""
        return self.centre + (self.radius / eye.radius) * (points - eye.centre) @ self.rotation.T


@dataclass(frozen=True)
class EyeBinding:
    """The template's eye: `rows` of ball and cornea, `contact` rows of the lid margin on it.

    `rest` and `gap` are the margin's positions and distances from the ball there; `around` are the skin
    rows that move when the margin is laid onto a ball, by `spread` (see `spread_weights`).
    """

    rows: Int[np.ndarray, " E"]
    centre: Float[np.ndarray, "3"]
    radius: float
    contact: Int[np.ndarray, " C"]
    rest: Float[np.ndarray, "C 3"]
    gap: Float[np.ndarray, " C"]
    around: Int[np.ndarray, " R"]
    spread: Float[np.ndarray, "R C"]

    def clearance(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
        """Distance of points from the template's eye, negative inside."""
        return signed_clearance(points, self.centre, self.radius)

    def place(self, vertices: Float[np.ndarray, "V 3"], head: Similarity, *, sink: bool = True) -> PlacedEye:
        """The ball behind these lids, by Gauss-Newton on the margin's distances; gaze with the head.

        With `sink` it goes back as far as it must not to poke through a lid.
        """
        radius = float(np.clip(self.radius * head.scale, *RADIUS_RANGE))
        gap = self.gap * (radius / self.radius)
        gaze = head.rotation[:, 2]
        margin = vertices[self.contact]
        start = margin.mean(axis=0) + head.scale * head.rotation @ (self.centre - self.rest.mean(axis=0))
        centre = start
        for _ in range(8):
            ray = margin - centre
            ray /= np.linalg.norm(ray, axis=1, keepdims=True)
            error = signed_clearance(margin, centre, radius, gaze) - gap
            weight = 1 / np.maximum(1, np.abs(error) / _HUBER) / len(error)
            normal = (ray * weight[:, None]).T @ ray + _PRIOR * np.eye(3) * weight.sum()
            step = np.linalg.solve(
                normal, ray.T @ (weight * error) + _PRIOR * weight.sum() * (start - centre)
            )
            centre = centre + step
        if sink:
            centre = self._sunk(margin, centre, radius, gaze)
        return PlacedEye(centre, radius, head.rotation)

    def settled(self, vertices: Float[np.ndarray, "V 3"], eye: PlacedEye) -> Float[np.ndarray, "R 3"]:
        """Offsets of the rows `around` that lay the margin onto a ball as it lies in the template."""
        gap = self.gap * (eye.radius / self.radius)
        local = np.searchsorted(self.around, self.contact)
        total = np.zeros((len(self.around), 3))
        for _ in range(12):  # neighbours share the smoothing, so the fit needs a few rounds
            margin = vertices[self.contact] + total[local]
            ray = margin - eye.centre
            ray /= np.linalg.norm(ray, axis=1, keepdims=True)
            away = gap - signed_clearance(margin, eye.centre, eye.radius, eye.rotation[:, 2])
            total += self.spread @ (ray * away[:, None])
        return total

    def _sunk(
        self,
        margin: Float[np.ndarray, "C 3"],
        centre: Float[np.ndarray, "3"],
        radius: float,
        gaze: Float[np.ndarray, "3"],
    ) -> Float[np.ndarray, "3"]:
        """The centre moved back until no margin vertex is inside the ball (1.5 mm at most)."""
        total = 0.0
        for _ in range(4):
            ray = margin - centre
            facing = ray @ gaze / np.linalg.norm(ray, axis=1)
            short = np.minimum(self.gap, _LEAST_GAP) * (radius / self.radius) - signed_clearance(
                margin, centre, radius, gaze
            )
            need = np.where(facing > 0.3, short / np.maximum(facing, 0.3), 0.0).max()
            step = float(np.clip(need, 0.0, _SINK_LIMIT - total))
            centre, total = centre - step * gaze, total + step
        return centre


def bind_eye(template: Template, side: str, skin: Int[np.ndarray, " S"]) -> EyeBinding:
    """Reads the ball (joint, part) and the margin that touches it off the template."""
    centre = next(j.position for j in template.joints if j.name == f"eye_{side}")
    ball, shell = template.part(f"eye_{side}").vertices, template.part(f"cornea_{side}").vertices
    rows = np.concatenate([np.arange(ball.start, ball.stop), np.arange(shell.start, shell.stop)])
    radius = float(np.linalg.norm(template.vertices[ball] - centre, axis=1).max())
    radius = radius if abs(radius / SCLERA_RADIUS - 1) < 0.1 else SCLERA_RADIUS

    face = template.part("face").vertices
    candidates = np.arange(face.start, face.stop)
    gap = signed_clearance(template.vertices[candidates], centre, radius)
    ahead = template.vertices[candidates, 2] > centre[2]
    touching = (np.abs(gap) < _CONTACT) & ahead
    contact = candidates[touching]
    rest = template.vertices[contact]
    around, spread = spread_weights(template.vertices[skin], rest)
    return EyeBinding(rows, centre, radius, contact, rest, gap[touching], skin[around], spread)
