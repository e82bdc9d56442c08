"""Irises painted onto a scan are measured; shut or colourless eyes are not."""

from dataclasses import replace

import numpy as np
import pytest

from mien.anatomy.eyeball import IRIS_RADIUS
from mien.bake.iris import measured_iris
from mien.core.conventions import SHAPE_INDEX, linear_to_srgb, srgb_to_linear
from mien.core.errors import MienError
from mien.core.face import PreparedScan
from mien.core.mesh import Scan
from mien.template.load import load_template
from mien.textures.eyes import IRIS_COLOURS, iris_named, likely_iris

TEMPLATE = load_template()
SKIN, WHITE, PUPIL = np.array([0.80, 0.62, 0.52]), np.array([0.885, 0.85, 0.815]), np.array([0.03] * 3)


def painted(iris: tuple[float, float, float], aside: float = 0.0, light: float = 1.0) -> PreparedScan:
    """A skin with a dense disc of eye between its lids, the irises turned `aside` metres, in less light."""
    soup, colours = [], []
    for side in ("left", "right"):
        centre = next(j.position for j in TEMPLATE.joints if j.name == f"eye_{side}")
        x, y = np.meshgrid(np.arange(-0.02, 0.02, 2e-4), np.arange(-0.014, 0.014, 2e-4))
        sheet = centre + np.stack([x, y, np.full_like(x, 0.0125)], axis=-1)
        ids = np.arange(x.size).reshape(x.shape)
        a, b, c, d = ids[:-1, :-1], ids[:-1, 1:], ids[1:, 1:], ids[1:, :-1]
        triangles = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
        away = np.hypot(x - aside, y)
        colour = np.where((away < IRIS_RADIUS)[..., None], np.asarray(iris), WHITE)
        colour = np.where((away < 0.35 * IRIS_RADIUS)[..., None], PUPIL, colour)
        colour = np.where((np.hypot(x - aside - 0.003, y - 0.002) < 6e-4)[..., None], 1.0, colour)
        rim = np.concatenate([TEMPLATE.loops[f"lid_{edge}_{side}"] for edge in ("upper", "lower")])
        reach = np.abs(TEMPLATE.vertices[rim] - centre).max(axis=0)
        beyond = (x / reach[0]) ** 2 + (y / reach[1]) ** 2 > 1.0
        soup.append((sheet.reshape(-1, 3), triangles))
        colours.append(np.where(beyond[..., None], SKIN, colour).reshape(-1, 3))
    shift = len(soup[0][0])
    vertices = np.concatenate([part[0] for part in soup])
    shaded = linear_to_srgb(light * srgb_to_linear(np.concatenate(colours)))
    scan = Scan("eyes", vertices, np.concatenate([soup[0][1], soup[1][1] + shift]), vertex_colours=shaded)
    return PreparedScan(scan, np.eye(4), np.zeros((68, 3)), np.ones(68), "metres")


@pytest.mark.parametrize("name", ["blue", "green", "grey", "hazel", "brown", "dark_brown"])
def test_painted_irises_are_measured(name):
    measured = measured_iris(TEMPLATE, TEMPLATE.vertices, painted(IRIS_COLOURS[name]))
    assert measured is not None
    assert np.abs(np.array(measured) - IRIS_COLOURS[name]).max() < 0.04


def test_irises_that_look_aside_are_found():
    blue = IRIS_COLOURS["blue"]
    measured = measured_iris(TEMPLATE, TEMPLATE.vertices, painted(blue, aside=0.002))
    assert measured is not None
    assert np.abs(np.array(measured) - blue).max() < 0.04


def test_light_that_eyes_lack_is_given_back_by_their_white():
    blue = IRIS_COLOURS["blue"]
    measured = measured_iris(TEMPLATE, TEMPLATE.vertices, painted(blue, light=0.4))
    assert measured is not None
    assert np.abs(np.array(measured) - blue).max() < 0.04


def test_shut_or_plain_or_colourless_eyes_tell_nothing():
    prepared = painted(IRIS_COLOURS["blue"])
    blink = TEMPLATE.shapes[[SHAPE_INDEX[f"eyeBlink{side}"] for side in ("Left", "Right")]].sum(axis=0)
    assert measured_iris(TEMPLATE, TEMPLATE.vertices + blink, prepared) is None
    colours = np.broadcast_to(SKIN, prepared.scan.vertices.shape).copy()
    skin = replace(prepared, scan=replace(prepared.scan, vertex_colours=colours))
    assert measured_iris(TEMPLATE, TEMPLATE.vertices, skin) is None
    bare = replace(prepared, scan=replace(prepared.scan, vertex_colours=None))
    assert measured_iris(TEMPLATE, TEMPLATE.vertices, bare) is None


def test_irises_by_name():
    assert iris_named("grey") == IRIS_COLOURS["grey"]
    np.testing.assert_allclose(iris_named("#336699"), (0.2, 0.4, 0.6))
    for wrong in ("violet", "#33669", "336699"):
        with pytest.raises(MienError, match="--iris"):
            iris_named(wrong)
    assert [likely_iris(tone) for tone in (0.0, 0.3, 0.9)] == ["hazel", "brown", "dark_brown"]
