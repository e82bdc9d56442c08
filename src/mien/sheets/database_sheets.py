"""Pictures of the face database: people, one person's expressions and ages; heads in clay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from mien.core.conventions import EXPRESSIONS
from mien.core.face import Template
from mien.render.camera import frame_points
from mien.render.raster import light_for, render_lit
from mien.render.renderable import renderable_from_template
from mien.rigging.rig import Rig
from mien.sheets.portraits import Picture, PortraitFrame, face_portrait_frame, portraits
from mien.synth.person import SyntheticPerson
from mien.synth.subject import Subject
from mien.template.load import load_template

PEOPLE_YAW = 18.0  # degrees
EXPRESSION_YAW = 12.0
_AGES_FRAME = PortraitFrame(0.128, 0.144)
_HALF_WIDTH, _HALF_HEIGHT = 0.092, 0.11  # metres of a clay picture, so that sizes can be compared
_CHIN, _EARS = 8, (0, 16)  # landmarks


def person_tile(subject: Subject, size: tuple[int, int] = (300, 330), resolution: int = 1024) -> Picture:
    """One person's portrait at rest."""
    return portraits(SyntheticPerson(subject, resolution), (PEOPLE_YAW,), size)[0]


def age_tiles(subject: Subject, size: tuple[int, int] = (350, 385), resolution: int = 1024) -> list[Picture]:
    """One person from the front and from three quarters."""
    return portraits(SyntheticPerson(subject, resolution), (0.0, 38.0), size, frame=_AGES_FRAME)


def expression_tiles(
    subject: Subject,
    names: Sequence[str],
    yaw: float = EXPRESSION_YAW,
    size: tuple[int, int] = (280, 330),
    resolution: int = 1024,
) -> list[Picture]:
    """Some of the 26 expressions in the subject's own form, with their blood and wrinkles."""
    person = SyntheticPerson(subject, resolution)
    frame = face_portrait_frame(person.neutral)
    return [portraits(person, (yaw,), size, EXPRESSIONS[name], frame)[0] for name in names]


def clay_tiles(
    head: Float[np.ndarray, "V 3"], yaws: Sequence[float], width: int = 190
) -> list[UInt8[np.ndarray, "H W 3"]]:
    """Portraits of one head in clay, from the chin to above the brow line at the same scale for everybody."""
    template = load_template()
    vertices = head.astype(np.float64)
    corners = _frame(template, vertices)
    rig = Rig.on(template, vertices)
    lit = light_for(renderable_from_template(template, rig), None, "clay")
    height = round(width * _HALF_HEIGHT / _HALF_WIDTH)
    return [render_lit(lit, frame_points(corners, width, height, yaw, margin=1.0), "clay") for yaw in yaws]


def _frame(template: Template, vertices: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "4 3"]:
    marks = template.landmarks.on(vertices, template.topology)
    ears = marks[list(_EARS)].mean(axis=0)
    low, high = marks[_CHIN, 1], marks[:, 1].max()
    centre = np.array([ears[0], low + 0.66 * (high - low), ears[2] + 0.03])
    half = np.array([_HALF_WIDTH, _HALF_HEIGHT, 0.0])
    return centre + np.stack([half, -half, half * [1, -1, 1], half * [-1, 1, 1]])
