"""Where an eyeball goes in a new head: the sphere refit to the lids' margins."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.contact.spread import spread_weights
from mien.anatomy.eyeball import SCLERA_RADIUS, Eyeball, signed_clearance
from mien.core.face import Template
from mien.geometry.align import Similarity

RADIUS_RANGE = (11.5e-3, 12.5e-3)  # 24 +- 1 mm of diameter: eyes hardly differ between adults
# Chosen by eye, metres where nothing else is said:
_CONTACT = 0.45e-3  # skin of the template this close to the eye is its margin
_PRIOR = 0.05  # share of the pull toward where the lids as a whole went, against sliding along them
_HUBER = 0.4e-3  # distances beyond it count in proportion, not squared
_SINK_LIMIT = 1.5e-3  # how far back a ball may sink behind its margins
_LEAST_GAP = 0.1e-3  # of a margin before a ball that has sunk
_FACING = 0.3  # cosine to the gaze above which a margin can ask the ball to sink


@dataclass(frozen=True)
class EyeBinding:
    """The template's eye: `rows` of ball and cornea, `contact` rows of the lid margin on `ball`.

    `rest` and `gap` are the margin's positions and distances from the ball there; `around` are the skin
    rows that move when the margin is laid onto a ball, by `spread` (see `spread_weights`).
    """

    rows: Int[np.ndarray, " E"]
    ball: Eyeball
    contact: Int[np.ndarray, " C"]
    rest: Float[np.ndarray, "C 3"]
    gap: Float[np.ndarray, " C"]
    around: Int[np.ndarray, " R"]
    spread: Float[np.ndarray, "R C"]

    def place(self, vertices: Float[np.ndarray, "V 3"], head: Similarity, *, sink: bool = True) -> Eyeball:
        """The ball behind these lids, by Gauss-Newton on the margin's distances; gaze with the head.

        With `sink` it goes back as far as it must not to poke through a lid.
        """
        radius = float(np.clip(self.ball.radius * head.scale, *RADIUS_RANGE))
        gap = self.gap * (radius / self.ball.radius)
        gaze = head.rotation[:, 2]
        margin = vertices[self.contact]
        start = margin.mean(axis=0) + head.scale * head.rotation @ (self.ball.centre - self.rest.mean(axis=0))
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
        return Eyeball(centre, radius, head.rotation)

    def carried(self, points: Float[np.ndarray, "N 3"], ball: Eyeball) -> Float[np.ndarray, "N 3"]:
        """Points of the template's eye, moved to where a ball was placed."""
        return ball.centre + (ball.radius / self.ball.radius) * (points - self.ball.centre) @ ball.rotation.T

    def lay_margin(
        self,
        out: Float[np.ndarray, "S 3"],
        ball: Eyeball,
        spread: Float[np.ndarray, "R C"],
    ) -> None:
        """Brings the margin nearer to the distance from the ball that it has in the template, in place.

        `spread` takes the margin's wishes to the rows `around`. Neighbours share it: a fit needs rounds.
        """
        margin = out[self.contact]
        ray = margin - ball.centre
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        away = self.gap * (ball.radius / self.ball.radius) - ball.clearance(margin)
        out[self.around] += spread @ (ray * away[:, None])

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
            short = np.minimum(self.gap, _LEAST_GAP) * (radius / self.ball.radius) - signed_clearance(
                margin, centre, radius, gaze
            )
            need = np.where(facing > _FACING, short / np.maximum(facing, _FACING), 0.0).max()
            step = float(np.clip(need, 0.0, _SINK_LIMIT - total))
            centre, total = centre - step * gaze, total + step
        return centre


def template_eyeball(template: Template, side: str) -> Eyeball:
    """The template's own ball of one side ("left", "right"), looking straight ahead."""
    centre = next(j.position for j in template.joints if j.name == f"eye_{side}")
    rows = template.part(f"eye_{side}").vertices
    radius = float(np.linalg.norm(template.vertices[rows] - centre, axis=1).max())
    return Eyeball(centre, radius, np.eye(3))


def bind_eye(template: Template, side: str, skin: Int[np.ndarray, " S"]) -> EyeBinding:
    """Reads the ball (joint, part) and the margin that touches it off the template."""
    ball = template_eyeball(template, side)
    if abs(ball.radius / SCLERA_RADIUS - 1) >= 0.1:
        ball = replace(ball, radius=SCLERA_RADIUS)
    parts = [template.part(name).vertices for name in (f"eye_{side}", f"cornea_{side}")]
    rows = np.concatenate([np.arange(part.start, part.stop) for part in parts])
    face = template.part("face").vertices
    candidates = np.arange(face.start, face.stop)
    gap = ball.clearance(template.vertices[candidates])
    ahead = template.vertices[candidates, 2] > ball.centre[2]
    touching = (np.abs(gap) < _CONTACT) & ahead
    contact = candidates[touching]
    rest = template.vertices[contact]
    around, spread = spread_weights(template.vertices[skin], rest)
    return EyeBinding(rows, ball, contact, rest, gap[touching], skin[around], spread)
