"""Where teeth, gums and tongue go in a new head: one similarity, a jaw angle, and room behind the lips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.align import Similarity
from mien.geometry.closest import ClosestPoint

UPPER_PARTS = ("teeth_upper", "gums_upper")
LOWER_PARTS = ("teeth_lower", "gums_lower", "tongue")

# Chosen by eye, metres where nothing else is said.
# Multi-PIE landmarks (0-based) that place the bite, with their shares: the inner upper lip says how much
# of the incisors shows, the nose's base stands for the upper jaw.
_ANCHORS = {62: 0.6, 33: 0.4}
_CORNERS, _LIPS_INNER = (48, 54), (62, 66)
_WIDTH_RANGE = (0.93, 1.07)  # times the template's: teeth vary less than mouths do
_WIDE_OPEN = 0.1  # radians of the jaw from which on the mouth's width is not looked at
_PARTED = 1.5e-3  # a gap between the lips up to this much is no open jaw
_BEHIND = 0.3e-3  # room between crowns and lips
_PAIR_REACH = 7.0e-3  # within which skin before a crown counts as in front of it
_PUSH_LIMIT = 5.0e-3  # by which lips may push teeth back


@dataclass(frozen=True)
class MouthBinding:
    """Rows of the parts, and pairs of front crown vertices with the patch of lip before them.

    `patch` are the corners of the skin triangle nearest to a crown vertex, `gap` the distance from its
    plane, positive on the mouth's side.
    """

    upper: Int[np.ndarray, " A"]
    lower: Int[np.ndarray, " B"]
    crown: Int[np.ndarray, " P"]
    patch: Int[np.ndarray, "P 3"]
    gap: Float[np.ndarray, " P"]
    hinge: Float[np.ndarray, "3"]


def bind_mouth(template: Template, skin: Int[np.ndarray, " S"]) -> MouthBinding:
    """Pairs each crown vertex in front with the lip before it."""
    rows = [np.concatenate([_rows(template, name) for name in names]) for names in (UPPER_PARTS, LOWER_PARTS)]
    crowns = np.concatenate([_rows(template, "teeth_upper"), _rows(template, "teeth_lower")])
    front = template.vertices[crowns, 2] > template.vertices[crowns, 2].max() - 0.02
    crowns = crowns[front]
    on_skin = np.zeros(template.topology.n_vertices, dtype=bool)
    on_skin[skin] = True
    triangles = split_quads(template.topology.quads[on_skin[template.topology.quads].all(axis=1)])
    hits = ClosestPoint(template.vertices, triangles).query(template.vertices[crowns])
    patch = triangles[hits.triangle]
    gap = _plane_gap(template.vertices, crowns, patch)
    keep = (gap > 0.1e-3) & (gap < _PAIR_REACH)
    hinge = next(j.position for j in template.joints if j.name == "jaw")
    return MouthBinding(rows[0], rows[1], crowns[keep], patch[keep], gap[keep], hinge)


def place_mouth(
    template: Template,
    mouth: MouthBinding,
    head: Similarity,
    out: Float[np.ndarray, "V 3"],
) -> None:
    """Writes the mouth's parts into `out`, whose skin is right; `head` is the skull's similarity."""
    before = template.landmarks.on(template.vertices, template.topology)
    after = template.landmarks.on(out, template.topology)
    angle = _jaw_angle(before, after, head, mouth.hinge)
    closed = max(0.0, 1.0 - angle / _WIDE_OPEN)  # an open mouth is narrow, which says nothing of the teeth
    wider = np.clip(_width(after) / _width(before) / head.scale, *_WIDTH_RANGE) ** closed
    shares = np.array(list(_ANCHORS.values()))
    old, new = shares @ before[list(_ANCHORS)], shares @ after[list(_ANCHORS)]
    turn = head.scale * wider * head.rotation
    upper = Similarity(float(head.scale * wider), head.rotation, new - turn @ old)
    lower = upper.after(_turn(angle, mouth.hinge))
    out[mouth.upper] = upper(template.vertices[mouth.upper])
    out[mouth.lower] = lower(template.vertices[mouth.lower])
    asked = np.isin(mouth.crown, mouth.upper) | (angle == 0.0)  # an open jaw leaves its own lip
    back = closed * _room_behind_lips(mouth, asked, out, head)  # open lips leave the teeth before them
    out[mouth.upper] -= back
    out[mouth.lower] -= back


def _rows(template: Template, name: str) -> Int[np.ndarray, " N"]:
    part = template.part(name).vertices
    return np.arange(part.start, part.stop)


def _width(points: Float[np.ndarray, "68 3"]) -> float:
    left, right = _CORNERS
    return float(np.linalg.norm(points[left] - points[right]))


def _jaw_angle(
    before: Float[np.ndarray, "68 3"],
    after: Float[np.ndarray, "68 3"],
    head: Similarity,
    hinge: Float[np.ndarray, "3"],
) -> float:
    """Radians by which the lower lip's fall, beyond lips merely parted, has opened the jaw."""
    top, bottom = _LIPS_INNER
    fall = head.rotation.T @ (after[top] - after[bottom]) / head.scale - (before[top] - before[bottom])
    arm = np.linalg.norm((before[bottom] - hinge)[1:])
    return float(np.clip((fall[1] - _PARTED) / arm, 0.0, 0.6))


def _turn(angle: float, hinge: Float[np.ndarray, "3"]) -> Similarity:
    """The jaw opened about its hinge (x axis; positive lowers the chin)."""
    c, s = np.cos(angle), np.sin(angle)
    rotation = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return Similarity(1.0, rotation, hinge - rotation @ hinge)


def _plane_gap(
    vertices: Float[np.ndarray, "V 3"], points: Int[np.ndarray, " P"], patch: Int[np.ndarray, "P 3"]
) -> Float[np.ndarray, " P"]:
    a, b, c = (vertices[patch[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return np.einsum("pi,pi->p", vertices[points] - (a + b + c) / 3, normal)


def _room_behind_lips(
    mouth: MouthBinding, asked: Bool[np.ndarray, " P"], vertices: Float[np.ndarray, "V 3"], head: Similarity
) -> Float[np.ndarray, "3"]:
    """The way straight back that the `asked` crowns lack to stay clear of the lips."""
    a, b, c = (vertices[mouth.patch[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    forward = head.rotation[:, 2]
    gain = -(normal @ forward)
    gap = _plane_gap(vertices, mouth.crown, mouth.patch)
    short = np.minimum(mouth.gap, _BEHIND) * head.scale - gap
    need = np.where(asked & (gain > 0.6), short / np.maximum(gain, 0.6), 0.0)
    return forward * float(np.clip(need.max(initial=0.0), 0.0, _PUSH_LIMIT * head.scale))
