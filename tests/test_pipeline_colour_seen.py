"""The share of the face whose colour was measured."""

import numpy as np
import pytest

from mien.bake.colour import tile_of
from mien.core.mesh import Image
from mien.pipeline.colour_seen import colour_seen
from mien.rigging.head import RiggedHead
from mien.rigging.personal import build_rig
from mien.template.load import load_template

TEMPLATE = load_template()
RIG = build_rig(TEMPLATE, TEMPLATE.vertices)


def seen(pixels: np.ndarray | None) -> float | None:
    confidence = None if pixels is None else Image(pixels[..., None].astype(np.float32))
    return colour_seen(RiggedHead("somebody", TEMPLATE, RIG, {}, confidence=confidence))


def test_all_none_and_unknown():
    assert seen(np.ones((512, 512))) == pytest.approx(1.0)
    assert seen(np.zeros((512, 512))) == 0.0
    assert seen(None) is None


def test_the_tile_s_empty_corners_and_the_inside_of_the_mouth_do_not_count():
    tile = tile_of(TEMPLATE, "face", 256)
    shown = tile.image(tile.at_texels(TEMPLATE.regions["measured"]))
    assert shown.mean() < 0.93
    assert seen(shown) > 0.98
