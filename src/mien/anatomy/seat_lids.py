"""Lids on their eyeballs: margins as near the ball as the template's, skin off it, the socket behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.eye_placement import EyeBinding, PlacedEye, bind_eye
from mien.anatomy.eyeball import signed_clearance
from mien.core.face import Template
from mien.geometry.align import Similarity

LID_THICKNESS = 0.6e-3  # metres of skin kept before the ball, where the mean has as much
LEAST_GAP = 0.05e-3  # of a margin before the ball
_LID_ROUNDS = 3
_SMOOTHING = 0.01  # of the margin's offsets, against ripples


@dataclass(frozen=True)
class LidSeat:
    """One eye: `fit` takes the gaps that a margin lacks to offsets of `eye.around`.

    `cover` rows keep `floor` metres off the ball, `socket` rows stay within `bag` metres of it.
    """

    eye: EyeBinding
    fit: Float[np.ndarray, "R C"]
    cover: Int[np.ndarray, " K"]
    floor: Float[np.ndarray, " K"]
    socket: Int[np.ndarray, " B"]
    bag: Float[np.ndarray, " B"]


def bind_lids(template: Template, side: str, n_skin: int) -> LidSeat:
    """Reads off the template how one eye's lids lie on its ball."""
    eye = bind_eye(template, side, np.arange(n_skin))
    on_margin = eye.spread[np.searchsorted(eye.around, eye.contact)]
    count = on_margin.shape[1]
    inverse = np.linalg.solve(
        on_margin.T @ on_margin + _SMOOTHING * np.eye(count), on_margin.T
    )  # regularised: the margin's wishes are met but for ripples
    clearance = eye.clearance(template.vertices[eye.around])
    outer = np.isin(eye.around, np.flatnonzero(template.vertex_mask("face")))
    held = np.isin(eye.around, eye.contact)
    seen = (outer & (clearance > 0.3e-3)) | held
    floor = np.minimum(clearance, np.where(held, LEAST_GAP, LID_THICKNESS))[seen]
    part = template.part(f"eye_socket_{side}").vertices
    socket = np.arange(part.start, part.stop)
    bag = np.maximum(eye.clearance(template.vertices[socket]), LEAST_GAP)
    return LidSeat(eye, eye.spread @ inverse, eye.around[seen], floor, socket, bag)


def settle(lids: LidSeat, out: np.ndarray, head: Similarity) -> PlacedEye:
    """Places the ball of a standing `head` and lays the lids of its skin `out` on it, in place."""
    eye = lids.eye
    for sink in (False, True):
        ball = eye.place(out, head, sink=sink)
        for _ in range(_LID_ROUNDS):
            _lay(lids, out, ball)
    keep_off(lids, out, ball, ball.rotation[:, 2])
    return ball


def keep_off(lids: LidSeat, out: np.ndarray, ball: PlacedEye, gaze: Float[np.ndarray, "3"]) -> None:
    """The lids' skin off a ball that looks along `gaze`, the socket's bag behind it; in place."""
    _cover(lids, out, ball, gaze)
    _tuck(lids, out, ball, gaze)


def _cover(lids: LidSeat, out: np.ndarray, ball: PlacedEye, gaze: Float[np.ndarray, "3"]) -> None:
    """The lids' skin at least so far off the ball as in the template."""
    cover = out[lids.cover]
    lack = lids.floor - signed_clearance(cover, ball.centre, ball.radius, gaze)
    ray = cover - ball.centre
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    out[lids.cover] = cover + np.maximum(lack, 0.0)[:, None] * ray


def _tuck(lids: LidSeat, out: np.ndarray, ball: PlacedEye, gaze: Float[np.ndarray, "3"]) -> None:
    """The socket's bag no farther from the ball than in the template: it must not come through thin lids."""
    ray = out[lids.socket] - ball.centre
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    over = signed_clearance(out[lids.socket], ball.centre, ball.radius, gaze) - lids.bag
    out[lids.socket] -= np.maximum(over, 0.0)[:, None] * ray


def _lay(lids: LidSeat, out: np.ndarray, ball: PlacedEye) -> None:
    """Margins to the distance from the ball that they have in the template."""
    eye = lids.eye
    margin = out[eye.contact]
    ray = margin - ball.centre
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    gap = eye.gap * (ball.radius / eye.radius)
    away = gap - signed_clearance(margin, ball.centre, ball.radius, ball.rotation[:, 2])
    out[eye.around] += lids.fit @ (ray * away[:, None])
