import numpy as np

from mien.synth.skin.features import draw_eyes, draw_teeth, feature_maps
from mien.synth.skin.look import draw_look
from mien.synth.subject import draw_subject


def _people(count=160):
    for index in range(count):
        subject = draw_subject(3, index)
        yield subject, draw_look(subject)


def test_irises_go_with_the_skin_and_whites_with_age():
    rows = []
    for subject, look in _people():
        eyes = draw_eyes(subject, look)
        rows.append((look.light, sum(eyes.iris), eyes.iris[2] - eyes.iris[0], look.old, eyes.yellowed))
    light, bright, blue, old, yellowed = np.array(rows).T
    assert np.corrcoef(light, bright)[0, 1] > 0.4
    assert (blue[light < 0.35] < 0).all()  # no blue eyes in dark skin
    assert (blue[light > 0.8] > 0).mean() > 0.2
    assert np.corrcoef(old, yellowed)[0, 1] > 0.4


def test_teeth_yellow_with_age():
    rows = [(look.old, draw_teeth(subject, look).yellowed) for subject, look in _people()]
    assert np.corrcoef(*np.array(rows).T)[0, 1] > 0.5


def test_feature_maps_are_those_of_the_subject_alone():
    one, other = (draw_subject(3, index) for index in (0, 1))
    maps, again = (feature_maps(one, draw_look(one), 64) for _ in range(2))
    others = feature_maps(other, draw_look(other), 64)
    assert {"eye_albedo", "teeth_albedo", "mouth_albedo", "lash_albedo"} <= set(maps)
    for name, image in maps.items():
        np.testing.assert_array_equal(image.pixels, again[name].pixels)
        assert np.isfinite(image.pixels).all()
    assert np.abs(maps["eye_albedo"].pixels - others["eye_albedo"].pixels).max() > 0.02
