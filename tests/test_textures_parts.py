"""The procedural maps of eyes, mouth and lashes."""

import numpy as np
import pytest

from mien.anatomy.eyeball import IRIS_RADIUS, PUPIL_RADIUS, UV_IRIS_RADIUS
from mien.textures.eyes import IRIS_COLOURS, eye_maps
from mien.textures.lashes import lash_maps, occlusion_maps
from mien.textures.mouth import mouth_maps

MAKERS = {
    "eye": lambda size: eye_maps(size, IRIS_COLOURS["blue"], seed=4),
    "mouth": lambda size: mouth_maps(size, seed=4),
    "lash": lambda size: lash_maps(size, seed=4),
    "occlusion": lambda size: occlusion_maps(size),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("size", [64, 200])
def test_maps_are_deterministic_and_in_range(name, size):
    first, second = MAKERS[name](size), MAKERS[name](size)
    assert first.keys() == second.keys()
    for key, image in first.items():
        assert np.array_equal(image.pixels, second[key].pixels)
        assert image.pixels.shape[:2] == (size, size)
        assert np.isfinite(image.pixels).all()
        assert image.pixels.min() >= 0
        assert image.pixels.max() <= 1
        assert image.colour_space == ("srgb" if key.endswith("albedo") else "linear")


def test_another_seed_is_another_eye():
    one, other = eye_maps(96, seed=1), eye_maps(96, seed=2)
    assert np.abs(one["eye_albedo"].pixels - other["eye_albedo"].pixels).max() > 0.05


def brightness_by_radius(size, colour):
    albedo = eye_maps(size, colour)["eye_albedo"].pixels.mean(axis=-1)
    centre = (np.arange(size) + 0.5) / size - 0.5
    radius = np.hypot(*np.meshgrid(centre, centre)) / UV_IRIS_RADIUS * IRIS_RADIUS
    return lambda low, high: albedo[(radius >= low) & (radius < high)].mean()


@pytest.mark.parametrize("size", [256, 512])
@pytest.mark.parametrize("colour", [IRIS_COLOURS["brown"], IRIS_COLOURS["blue"]])
def test_pupil_iris_and_limbus_are_where_the_mesh_has_them(size, colour):
    mean = brightness_by_radius(size, colour)
    assert mean(0, PUPIL_RADIUS * 0.9) < 0.03
    assert mean(PUPIL_RADIUS * 1.2, IRIS_RADIUS * 0.8) > 0.08
    assert mean(IRIS_RADIUS * 0.9, IRIS_RADIUS * 0.97) < 0.6 * mean(IRIS_RADIUS * 1.15, IRIS_RADIUS * 1.3)
    assert mean(IRIS_RADIUS * 1.15, IRIS_RADIUS * 1.3) > 0.7


def test_iris_takes_the_colour_asked_for():
    blue = eye_maps(256, IRIS_COLOURS["blue"])["eye_albedo"].pixels
    brown = eye_maps(256, IRIS_COLOURS["brown"])["eye_albedo"].pixels
    at = 128 + int(0.75 * UV_IRIS_RADIUS * 256)
    ring = np.s_[118:138, at - 3 : at + 3]
    assert blue[ring][..., 2].mean() > blue[ring][..., 0].mean()
    assert brown[ring][..., 0].mean() > brown[ring][..., 2].mean()


def test_look_does_not_depend_on_size():
    small, large = mouth_maps(128), mouth_maps(256)
    for key in ("teeth_albedo", "mouth_albedo"):
        halved = large[key].pixels.reshape(128, 2, 128, 2, 3).mean(axis=(1, 3))
        assert np.abs(halved - small[key].pixels).mean() < 0.02


def test_teeth_are_warm_at_the_neck_and_grey_at_the_edge():
    teeth = mouth_maps(256)["teeth_albedo"].pixels
    warmth = teeth[..., 0] - teeth[..., 2]
    neck, middle = warmth[118:126, :80].mean(), warmth[60:70, :80].mean()
    edge = warmth[40:46, :80].mean()
    assert neck > middle > edge


def test_shadow_is_deepest_at_the_lid():
    alpha = occlusion_maps(64)["eye_occlusion_albedo"].pixels[..., 3]
    assert (np.diff(alpha, axis=0) <= 1e-6).all()
    assert alpha[-1].max() < 0.02
    assert alpha[0, 10] > alpha[0, 54]
