"""What no skin can be is never called measured skin; what skin can be, in any light, always is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mien.bake.colour import BakedColour, tile_of
from mien.bake.iris import measured_iris
from mien.bake.possible_skin_colour import can_be_skin, not_skin
from mien.bake.skin_prior import regional_pattern, tone_colour
from mien.core.conventions import SHAPE_NAMES, linear_to_srgb, srgb_to_linear
from mien.core.face import Registration
from mien.core.mesh import Image
from mien.synth.skin.biophysics import SkinComposition as Skin
from mien.synth.skin.biophysics import colour
from mien.template.regions import region
from mien.textures.asset import skin_of
from test_bake_colour import TEMPLATE, coloured


@cache
def model_skin() -> np.ndarray:
    """Linear colours of 3,000 skins of any melanin, blood and carotene."""
    rng = np.random.default_rng(0)
    melanin, blood = np.exp(rng.uniform(np.log([[0.003], [0.002]]), np.log([[0.5], [0.1]]), (2, 3000)))
    rest = rng.uniform((0.5, 0.0, 0.0), (1.0, 0.4, 6e-4), (3000, 3)).T
    return colour(Skin(melanin, blood, *rest))


@pytest.mark.parametrize("light", [0.2, 0.4, 1.0, 1.5])
@pytest.mark.parametrize(
    "cast", [(1, 1, 1), (1.25, 1, 0.6), (0.85, 1, 1.2), (1, 1.12, 0.9), (1.1, 0.95, 1.1)]
)
def test_every_skin_can_be_skin_in_any_light(light, cast):
    """Also as 8 bit of it come back, and where the camera's white is far off."""
    skins = np.array([*model_skin(), *(tone_colour(t) for t in np.linspace(0, 1, 50))])
    pattern = regional_pattern(TEMPLATE, 0.3)[region(TEMPLATE, "lips") > 0.9]
    both = np.stack([skins, skins * np.exp(np.median(pattern, axis=0))], axis=1)
    srgb = np.round(linear_to_srgb(np.clip(both * light * cast, 0.0, 1.0)) * 255) / 255
    assert [face for face in srgb if not can_be_skin(*srgb_to_linear(face))] == []
    if cast == (1, 1, 1):
        assert all(can_be_skin(srgb_to_linear(face[0])) for face in srgb)


NOT_SKIN = {
    "black": (3, 3, 3), "grey": (128, 128, 128), "white": (255, 255, 255), "plaster": (240, 238, 230),
    "patina": (90, 150, 130), "cloth": (0, 255, 0), "sky": (60, 110, 200), "orange": (255, 120, 0), "basalt": (60, 60, 62),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_SKIN)
def test_what_is_no_skin(name):
    linear = srgb_to_linear(np.array(NOT_SKIN[name]) / 255)
    assert not can_be_skin(linear)
    assert not can_be_skin(linear, linear)


def test_red_lips_make_pale_cheeks_skin():
    cheeks, lips, marble = (
        srgb_to_linear(np.array(c) / 255) for c in ((247, 240, 232), (214, 160, 152), (220, 215, 205))
    )
    assert not can_be_skin(marble, 0.8 * marble)
    assert can_be_skin(cheeks, lips)


def baked(linear: np.ndarray, confidence: float = 1.0) -> BakedColour:
    """Colours of the template's vertices as a baked face; the head's own tile plays no part."""
    tile = tile_of(TEMPLATE, "face", 256)
    albedo = Image(tile.image(linear_to_srgb(np.clip(tile.at_texels(linear), 0, 1))), "srgb")
    sure = Image(tile.image(np.full(len(tile.corners), confidence))[..., None])
    return BakedColour(albedo, albedo, sure, sure)


@pytest.mark.parametrize("tone", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("light", [0.2, 1.0])
def test_faces_of_every_tone_are_skin(tone, light):
    face = tone_colour(tone) * np.exp(regional_pattern(TEMPLATE, tone)) * light
    assert not_skin(TEMPLATE, baked(face)) is None


def test_a_statue_keeps_its_colour_and_one_colour_is_none():
    shade = np.linspace(0.5, 1.0, len(TEMPLATE.vertices))[:, None]
    marble = srgb_to_linear(np.array([220, 215, 205]) / 255)
    found = not_skin(TEMPLATE, baked(shade * marble))
    assert found is not None
    assert found.colour_of_something
    for flat, words in ((marble, "#dcd7cd everywhere"), (0.0003 * marble, "black")):
        found = not_skin(TEMPLATE, baked(np.tile(flat, (len(shade), 1))))
        assert found is not None
        assert (found.why, found.colour_of_something) == (words, False)
    assert not_skin(TEMPLATE, baked(shade * marble, confidence=0.2)) is None  # nothing was measured


def registered() -> Registration:
    n = len(TEMPLATE.vertices)
    shape, weights = TEMPLATE.vertices, np.zeros(len(SHAPE_NAMES))
    return Registration(shape, shape, np.zeros(1), weights, np.zeros(n), np.ones(n), {}, np.ones(n))


@pytest.mark.parametrize(
    ("face", "source", "kept"),
    [
        ([205, 150, 122], "measured", True),
        ([150, 205, 122], "the scan's own, no human skin (#", True),
        ([0, 0, 0], "generated: the scan is black, which no skin is", False),
        ([255, 255, 255], "generated: the scan is #ffffff everywhere, which no skin is", False),
    ],
)
def test_where_skin_is_from(monkeypatch, face, source, kept):
    shade = 1.0 if not kept else np.linspace(0.5, 1.0, len(TEMPLATE.vertices))[:, None]
    linear = shade * np.tile(srgb_to_linear(np.array(face) / 255), (len(TEMPLATE.vertices), 1))
    monkeypatch.setattr("mien.textures.asset.bake_colour", lambda *_: baked(linear))
    monkeypatch.setattr(
        "mien.textures.asset.generated_skin",
        lambda *_: dict.fromkeys(("face", "head"), baked(linear).face_albedo),
    )
    albedo, confidence, said = skin_of(TEMPLATE, registered(), coloured(), 256)
    assert said.startswith(source)
    assert (confidence is not None) == kept
    assert set(albedo) == {"face", "head"}


def test_a_black_scan_gets_generated_skin():
    prepared = coloured()
    black = prepared.scan.vertex_colours / 257  # 0..255 as a part of 0..65535
    prepared = replace(prepared, scan=replace(prepared.scan, vertex_colours=black))
    albedo, confidence, said = skin_of(TEMPLATE, registered(), prepared, 128)
    assert said == "generated: the scan is black, which no skin is"
    assert confidence is None
    assert albedo["face"].pixels.mean() > 0.3


def test_an_unlit_iris_is_not_measured(monkeypatch):
    monkeypatch.setattr("mien.bake.iris._iris_of", lambda _: (np.full(3, 0.001), 1.0))
    monkeypatch.setattr("mien.bake.iris._scanned", lambda window, _: window)
    monkeypatch.setattr("mien.bake.iris._LEAST_OPEN", 0.0)
    assert measured_iris(TEMPLATE, TEMPLATE.vertices, coloured()) is None
    monkeypatch.setattr("mien.bake.iris._iris_of", lambda _: (np.full(3, 0.02), 1.0))
    assert measured_iris(TEMPLATE, TEMPLATE.vertices, coloured()) is not None
