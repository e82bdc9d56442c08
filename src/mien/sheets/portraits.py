"""Portraits of people of the face database, with skin, all at the same scale, and sheets of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from mien.geometry.weights import smoothstep
from mien.render.camera import PORTRAIT_FOV, Camera, frame_points
from mien.render.lighting import light_subject
from mien.render.lights import portrait
from mien.render.raster import render_lit
from mien.render.renderable import Renderable, renderable_from_asset
from mien.rigging.head import RiggedHead
from mien.rigging.rig import dense_weights
from mien.sheets.labels import draw_text, paste
from mien.sheets.person import gaze_toward, show_person
from mien.synth.person import SyntheticPerson
from mien.synth.subject import Subject
from mien.template.load import load_template

Picture = UInt8[np.ndarray, "H W 3"]

GROUND = (0.115, 0.118, 0.124)  # sRGB behind heads and between tiles
_EYES = slice(36, 48)  # landmarks
_EARS, _CHIN = (0, 16), 8
_TURN_AXIS = 0.078  # metres behind the eyes about which the camera turns
_LABEL = 24
_FADE = 0.13  # of a picture's height


@dataclass(frozen=True)
class PortraitFrame:
    """What of a head a picture shows: metres above and below the eyes."""

    above: float
    below: float


HEAD = PortraitFrame(0.133, 0.138)  # from above the tallest skull to the neck
_FOREHEAD, _JAW_DROP = 0.072, 0.042  # metres above the eyes, and below the chin at rest


def portrait_camera(
    head: Float[np.ndarray, "V 3"], width: int, height: int, yaw: float, frame: PortraitFrame = HEAD
) -> Camera:
    """A portrait lens at eye level, `yaw` degrees to the subject's left; the same scale for everybody.

    `head` are the template's vertices at rest (metres), so that expressions do not move the picture.
    """
    template = load_template()
    marks = template.landmarks.on(head, template.topology)
    eyes = marks[_EYES].mean(axis=0)
    turn = np.radians(yaw)
    back = np.array([np.sin(turn), 0.0, np.cos(turn)])
    axis = np.array([marks[list(_EARS), 0].mean(), eyes[1] + 0.5 * (frame.above - frame.below), eyes[2]])
    axis[2] -= _TURN_AXIS
    target = axis + _TURN_AXIS * back  # in the plane of the eyes, where the scale holds
    distance = 0.5 * (frame.above + frame.below) / np.tan(0.5 * np.radians(PORTRAIT_FOV))
    return Camera(target + distance * back, target, PORTRAIT_FOV, width, height)


def face_portrait_frame(head: Float[np.ndarray, "V 3"]) -> PortraitFrame:
    """The face alone of a head at rest (metres), with room for an open jaw."""
    template = load_template()
    marks = template.landmarks.on(head, template.topology)
    return PortraitFrame(_FOREHEAD, float(marks[_EYES, 1].mean() - marks[_CHIN, 1]) + _JAW_DROP)


def portraits(
    person: SyntheticPerson,
    yaws: Sequence[float],
    size: tuple[int, int],
    weights: dict[str, float] | None = None,
    frame: PortraitFrame = HEAD,
) -> list[Picture]:
    """A person who looks at each camera, in an expression or at rest; `size` is width and height."""
    out = []
    for yaw in yaws:
        camera = portrait_camera(person.neutral, *size, yaw, frame)
        looking = {**gaze_toward(yaw), **(weights or {})}
        out.append(photograph(show_person(person, looking, dynamic=bool(weights)), camera))
    return out


def portrait_of(
    face: SyntheticPerson | RiggedHead, yaw: float, size: tuple[int, int], weights: dict[str, float]
) -> Picture:
    """One portrait (sRGB) of a person or of an asset that looks at the camera, in an expression.

    An unknown blendshape raises `MienError`. On a mesh without landmarks the whole face is framed.
    """
    dense_weights(weights)  # refuses an unknown name
    if isinstance(face, SyntheticPerson):
        return portraits(face, (yaw,), size, weights)[0]
    subject = renderable_from_asset(face).posed({**gaze_toward(yaw), **weights})
    if face.template.topology.n_vertices == load_template().topology.n_vertices:
        return photograph(subject, portrait_camera(face.rig.neutral, *size, yaw))
    return photograph(subject, frame_points(subject.frame, *size, yaw))


def photograph(subject: Renderable, camera: Camera) -> Picture:
    """One picture (sRGB) in the portrait light on the even dark ground."""
    fine = camera.height > 500
    lit = light_subject(
        subject,
        portrait(),
        rays=24 if fine else 16,
        shadow_samples=4,
        tile_resolution=512,
        toward=camera.toward,
    )
    picture = render_lit(lit, camera, "skin", (GROUND, GROUND))
    return faded(picture)


def faded(picture: Picture) -> Picture:
    """The picture with its lower end gone into the ground, where the neck is cut."""
    height = picture.shape[0]
    down = (np.arange(height) + 0.5) / height
    kept = 1.0 - smoothstep(down, 1.0 - _FADE, 1.0)[:, None, None]
    ground = 255.0 * np.array(GROUND)
    return np.round(ground + kept * (picture - ground)).astype(np.uint8)


def describe_person(someone: Subject) -> str:
    """Who a drawn person is, in a few words."""
    return f"{someone.age:.0f} years, Monk tone {someone.monk}"


def labelled(tiles: Sequence[tuple[str, UInt8[np.ndarray, "h w 3"]]], columns: int) -> Picture:
    """Tiles of one size in rows, each with its name beneath it (none where no tile has one)."""
    height, width = tiles[0][1].shape[:2]
    label = _LABEL if any(name for name, _ in tiles) else 0
    rows = -(-len(tiles) // columns)
    ground = np.round(255 * np.array(GROUND)).astype(np.uint8)
    sheet = np.broadcast_to(ground, (rows * (height + label), columns * width, 3)).copy()
    for k, (name, tile) in enumerate(tiles):
        row, column = divmod(k, columns)
        x, y = column * width, row * (height + label)
        paste(sheet, tile, x, y)
        draw_text(sheet, name, x + 10, y + height + 16, 15)
    return sheet
