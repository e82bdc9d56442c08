"""A base mesh's own eyes read Mien's eye tile by direction."""

import numpy as np
import pytest

from mien.anatomy.eyeball import LIMBUS_ANGLE, UV_IRIS_RADIUS
from mien.basemesh.eye_uvs import eye_uvs
from mien.basemesh.pieces import Pieces
from mien.geometry.normals import normalized
from mien.template.load import load_template

TEMPLATE = load_template()


def pieces(side: str, *sizes: int) -> Pieces:
    """An eye of so many pieces."""
    number = np.repeat(np.arange(len(sizes)), sizes)
    return Pieces(np.full(len(number), f"eye_{side}"), np.full(len(number), ""), number)


@pytest.mark.parametrize("side", ["left", "right"])
def test_miens_own_eye_gets_its_own_uvs(side):
    part = TEMPLATE.part(f"eye_{side}")
    rows = TEMPLATE.topology.quads[part.quads].ravel()
    uvs = TEMPLATE.topology.uvs[TEMPLATE.topology.quad_uvs[part.quads].ravel()]
    centre = next(j.position for j in TEMPLATE.joints if j.name == f"eye_{side}")
    points = TEMPLATE.vertices[rows]
    seen = normalized(points - centre)[:, 2] > -0.2
    found = eye_uvs(TEMPLATE, pieces(side, len(points)), TEMPLATE.vertices, points, side, points)
    assert np.abs(found - uvs)[seen].max() < 0.02


def test_an_iris_that_looks_aside_is_drawn_about_its_own_axis():
    centre = next(j.position for j in TEMPLATE.joints if j.name == "eye_left")
    azimuth = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    turn = np.radians(6.0)
    rim = np.stack([np.cos(azimuth), np.sin(azimuth), np.full(40, 1 / np.tan(LIMBUS_ANGLE))], axis=1)
    rotation = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    points = centre + 0.005 * rim @ rotation.T
    found = eye_uvs(TEMPLATE, pieces("left", 40), TEMPLATE.vertices, points, "left", points)
    np.testing.assert_allclose(np.linalg.norm(found - 0.5, axis=1), UV_IRIS_RADIUS, atol=1e-3)
