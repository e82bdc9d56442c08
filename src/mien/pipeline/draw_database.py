"""Neutral heads of the face database in clay, many on a sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from mien.core.conventions import EXPRESSIONS, shape_weights
from mien.core.face import Rig, Template
from mien.data.basis import load_basis
from mien.data.expression import expression_maker
from mien.data.geometry import neutral_head
from mien.data.subject import Subject
from mien.data.whole import whole_expression, whole_head
from mien.template.load import load_template
from mien.view.camera import frame_points
from mien.view.render import light_for, render_lit
from mien.view.subject import subject_from_template

Picture = UInt8[np.ndarray, "H W 3"]

_HALF_WIDTH, _HALF_HEIGHT = 0.092, 0.11  # metres of the picture, so that sizes can be compared
_CHIN, _EARS = 8, (0, 16)  # landmarks


def clay_sheet(
    subjects: Sequence[Subject], columns: int, yaws: Sequence[float] = (0.0, 38.0), width: int = 190
) -> UInt8[np.ndarray, "H W 3"]:
    """A sheet (sRGB) of these subjects' neutral heads from each of `yaws` (degrees), `columns` a row."""
    tiles = [
        np.hstack([*clay_tiles(neutral_head(load_basis(), s, parts=True), yaws, width)]) for s in subjects
    ]
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)])


def expression_sheet(subjects: Sequence[Subject], names: Sequence[str], width: int = 150) -> Picture:
    """A row a subject: these of the 26 expressions in its own form (clay, sRGB)."""
    maker = expression_maker(load_basis())
    rows = []
    for subject in subjects:
        head = maker.heads.head(subject)
        whole = whole_head(maker, maker.bind(head, maker.draw_form(subject, head)))
        tiles = []
        for name in names:
            offsets = whole_expression(maker, whole, shape_weights(EXPRESSIONS[name]))
            tiles += clay_tiles(whole.neutral + offsets, (0.0,), width)
        rows.append(np.hstack(tiles))
    return np.vstack(rows)


def clay_tiles(
    head: Float[np.ndarray, "V 3"], yaws: Sequence[float], width: int = 190
) -> list[UInt8[np.ndarray, "H W 3"]]:
    """Portraits of one head, from the chin to above the brow line at the same scale for everybody."""
    template = load_template()
    vertices = head.astype(np.float64)
    corners = _frame(template, vertices)
    rig = Rig(vertices, template.shapes, template.joints, template.joint_weights)
    lit = light_for(subject_from_template(template, rig), None, "clay")
    height = round(width * _HALF_HEIGHT / _HALF_WIDTH)
    return [render_lit(lit, frame_points(corners, width, height, yaw, margin=1.0), "clay") for yaw in yaws]


def _frame(template: Template, vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "4 3"]:
    marks = template.landmarks.on(vertices, template.topology)
    ears = marks[list(_EARS)].mean(axis=0)
    low, high = marks[_CHIN, 1], marks[:, 1].max()
    centre = np.array([ears[0], low + 0.66 * (high - low), ears[2] + 0.03])
    half = np.array([_HALF_WIDTH, _HALF_HEIGHT, 0.0])
    return centre + np.stack([half, -half, half * [1, -1, 1], half * [-1, 1, 1]])
