import numpy as np
import pytest

from mien.evaluate.skin import SPOTS, cut_texture, measure_repeat, measure_repeats
from mien.synth.skin.look import draw_look
from mien.synth.skin.maps import skin_maps
from mien.synth.subject import draw_subject


def test_a_tile_laid_twice_is_found():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((200, 200))
    assert measure_repeat(noise) < 0.2
    twice = noise.copy()
    twice[:, 80:] = noise[:, :120]
    assert measure_repeat(twice) > 0.5


def test_a_long_groove_is_no_repeat():
    rng = np.random.default_rng(1)
    x = np.arange(200)
    groove = 3.0 * np.exp(-(((x - 90) / 3.0) ** 2))[None] + 0.3 * rng.standard_normal((200, 200))
    assert measure_repeat(groove) < 0.2


@pytest.mark.slow
def test_skin_has_no_visible_repeat():
    for index in (26, 24):
        peaks = measure_repeats(skin_maps(draw_look(draw_subject(1, index)), 2048, ("face",)))
        assert max(peaks.values()) < 0.2, peaks


def test_textures_are_taken_where_the_spots_are():
    maps = skin_maps(draw_look(draw_subject(1, 26)), 512, ("face",))
    for spot in SPOTS:
        square = cut_texture(maps["face_displacement"], spot)
        assert 30 < len(square) < 120
        assert square.std() > 1e-3
