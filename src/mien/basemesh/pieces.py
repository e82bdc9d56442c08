"""What the connected pieces of a base mesh are: skin, eyes, what is in the mouth, what follows the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped

from mien.anatomy.eyeball import SIDES
from mien.anatomy.mouth_placement import LOWER_PARTS, UPPER_PARTS
from mien.anatomy.parts import placed_eyeball
from mien.anatomy.skin_mesh import SKIN_PARTS
from mien.basemesh.base_mesh import BaseMesh
from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.closest import ClosestPoint

MOUTH_PARTS = (*UPPER_PARTS, *LOWER_PARTS)
_SAME = 0.15e-3  # metres: a piece that lies on a part of the template this closely is that part
_MOUTH_REACH = 8e-3
_DISC = np.radians(42.0)  # half the angle under which an iris or a cornea is seen from the eye's centre


@dataclass(frozen=True)
class Pieces:
    """Kind and, for "part" pieces, the template's part of each welded vertex.

    Kinds: "skin"; "part" (a part of the template itself); "eye_left", "eye_right" (turn with the eye);
    "mouth" (teeth, gums, tongue); "follow" (lashes, strips, hair: carried by the skin beneath).
    """

    kind: Shaped[np.ndarray, " W"]
    part: Shaped[np.ndarray, " W"]
    number: Int[np.ndarray, " W"]


def sort_pieces(
    template: Template,
    registered: Float[np.ndarray, "V 3"],
    base: BaseMesh,
    vertices: Float[np.ndarray, "W 3"],
    skin_piece: int,
) -> Pieces:
    """Sorts every piece by where it lies on the registered template."""
    kind = np.full(len(vertices), "follow", dtype="<U10")
    part = np.full(len(vertices), "", dtype="<U20")
    kind[base.pieces == skin_piece] = "skin"
    surfaces = {p.name: _part_surface(template, registered, p.name) for p in template.parts}
    boxes = _boxes(surfaces)
    skin = ClosestPoint(
        registered, np.concatenate([surfaces[name].triangles for name in SKIN_PARTS if name in surfaces])
    )
    centre = {side: placed_eyeball(template, registered, side) for side in SIDES}
    for number in range(int(base.pieces.max()) + 1):
        rows = np.flatnonzero(base.pieces == number)
        if number == skin_piece:
            continue
        points = vertices[rows]
        if float(np.percentile(skin.query(points).distance, 95)) < _SAME:
            kind[rows] = "skin"  # a face and a back of the head that are not welded
            continue
        same = _same_part(surfaces, boxes, points)
        if same:
            kind[rows], part[rows] = "part", same
            continue
        for side, eye in centre.items():
            if _is_eye(points - eye.centre, eye.radius, eye.gaze):
                kind[rows] = f"eye_{side}"
        if kind[rows[0]] == "follow" and _is_mouth(surfaces, points):
            kind[rows] = "mouth"
    return Pieces(kind, part, base.pieces)


def _part_surface(template: Template, registered: np.ndarray, name: str) -> ClosestPoint:
    return ClosestPoint(registered, split_quads(template.topology.quads[template.part(name).quads]))


def _boxes(surfaces: dict[str, ClosestPoint]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Lowest and highest corner of each part that is no skin."""
    corners = {n: s.vertices[s.triangles].reshape(-1, 3) for n, s in surfaces.items() if n not in SKIN_PARTS}
    return {name: (c.min(axis=0) - _SAME, c.max(axis=0) + _SAME) for name, c in corners.items()}


def _same_part(
    surfaces: dict[str, ClosestPoint],
    boxes: dict[str, tuple[np.ndarray, np.ndarray]],
    points: np.ndarray,
) -> str:
    """The template's part that these points lie on all over, the closest of several; "" for none."""
    best, found = _SAME, ""
    for name, (low, high) in boxes.items():
        if ((points < low) | (points > high)).any():
            continue
        away = float(np.percentile(surfaces[name].query(points).distance, 95))
        if away < best:
            best, found = away, name
    return found


def _is_eye(from_centre: np.ndarray, radius: float, gaze: np.ndarray) -> bool:
    """A ball round the eye's centre, or a disc before it (iris, cornea, pupil); strips are neither."""
    distance = np.linalg.norm(from_centre, axis=1)
    if distance.max() > 1.8 * radius or np.linalg.norm(from_centre.mean(axis=0)) > 1.3 * radius:
        return False
    ahead = from_centre @ gaze
    if ahead.min() < -0.3 * radius:
        return bool(np.abs(np.median(distance) / radius - 1.0) < 0.35)
    angle = np.arccos(np.clip(ahead / np.maximum(distance, 1e-9), -1.0, 1.0))
    return bool(angle.max() < _DISC)


def _is_mouth(surfaces: dict[str, ClosestPoint], points: np.ndarray) -> bool:
    away = np.min([surfaces[name].query(points).distance for name in MOUTH_PARTS if name in surfaces], axis=0)
    return bool(np.median(away) < _MOUTH_REACH)
