"""Laws of placing the parts in another head."""

import time

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mien.anatomy.eyeball import signed_clearance
from mien.anatomy.lid_riders import HAIR_VERTICES
from mien.anatomy.mouth_placement import LOWER_PARTS, UPPER_PARTS
from mien.anatomy.parts import follow_shape, place_parts, settle_lids
from mien.anatomy.skin_mesh import skin_rows
from mien.core.conventions import SHAPE_INDEX
from mien.core.mesh import split_quads
from mien.geometry.align import fit_similarity
from mien.geometry.raster import rasterize
from mien.synth import random_heads as heads
from mien.template.load import load_template


@pytest.fixture(scope="module")
def template():
    return load_template()


def rows(template, name):
    part = template.part(name).vertices
    return slice(part.start, part.stop)


def ball(template, vertices, side):
    """Centre and radius of a placed eyeball, by least squares on its vertices."""
    eye = vertices[rows(template, f"eye_{side}")]
    fit = fit_similarity(template.vertices[rows(template, f"eye_{side}")], eye)
    centre = next(joint.position for joint in template.joints if joint.name == f"eye_{side}")
    return fit(centre[None])[0], 12e-3 * fit.scale, fit


def random_head(template, seed):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=len(template.identity.modes))
    return template.identity.heads(template.vertices, weights)


def test_own_skin_gives_the_template(template):
    assert np.abs(place_parts(template, template.vertices) - template.vertices).max() < 1e-12
    assert np.abs(settle_lids(template, template.vertices) - template.vertices).max() < 1e-9


def test_only_skin_is_read_and_skin_is_kept(template):
    spoiled = np.full_like(template.vertices, np.nan)
    skin = skin_rows(template)
    spoiled[skin] = template.vertices[skin]
    out = place_parts(template, spoiled)
    assert np.abs(out - template.vertices).max() < 1e-12
    assert np.array_equal(out[skin], template.vertices[skin])


@pytest.mark.parametrize("scale", [1.0, 0.97, 1.03])
def test_moves_with_rigid_motion_and_scale(template, scale):
    turn = Rotation.from_euler("xyz", [20, -35, 10], degrees=True).as_matrix()
    moved = scale * template.vertices @ turn.T + [0.1, -0.2, 0.3]
    assert np.abs(place_parts(template, moved) - moved).max() < 1e-8


def test_mirrored_head_gives_mirrored_parts(template):
    head = random_head(template, 3)
    flipped = head[template.mirror] * [-1, 1, 1]
    one = place_parts(template, head)[template.mirror] * [-1, 1, 1]
    # Ties between equally near triangles and neighbours are broken one way: 0.1 mm are left.
    assert np.abs(place_parts(template, flipped) - one).max() < 1e-4


@pytest.mark.parametrize("seed", range(4))
def test_eyes_fit_random_heads(template, seed):
    head = settle_lids(template, random_head(template, seed))
    placed = place_parts(template, head)
    for side in ("left", "right"):
        centre, radius, fit = ball(template, placed, side)
        assert 11.49e-3 <= radius <= 12.51e-3
        face = placed[rows(template, "face")]
        gap = signed_clearance(face, centre, radius, fit.rotation[:, 2])
        rest = template.vertices[rows(template, "face")]
        eye = next(joint.position for joint in template.joints if joint.name == f"eye_{side}")
        margin = np.abs(signed_clearance(rest, eye, 12e-3)) < 0.3e-3
        assert gap[margin].min() > 0.0
        assert np.median(gap[margin]) < 0.35e-3


@pytest.mark.parametrize("seed", range(4))
def test_teeth_stay_behind_the_face_of_random_heads(template, seed):
    from mien.geometry.raster import rasterize

    placed = place_parts(template, random_head(template, seed))
    mouth = template.landmarks.on(placed, template.topology)[62]
    pixels = (placed[:, :2] - mouth[:2] + 0.035) / 0.07 * 300
    skin = split_quads(template.topology.quads[: template.part("eye_socket_left").quads.start])
    parts = [template.topology.quads[template.part(n).quads] for n in UPPER_PARTS + LOWER_PARTS]
    everything = np.concatenate([skin, split_quads(np.concatenate(parts))])
    seen = rasterize(pixels, -placed[:, 2], everything, 300, 300).triangle
    away = np.abs(np.arange(300) - 150) > 18  # rows off the line of the lips, which may part a little
    assert (seen[away] >= len(skin)).mean() < 2e-3


def test_bite_is_kept(template):
    """Upper and lower teeth move as one with closed lips."""
    placed = place_parts(template, random_head(template, 5))
    names = ("teeth_upper", "teeth_lower")
    before = np.concatenate([template.vertices[rows(template, n)] for n in names])
    after = np.concatenate([placed[rows(template, n)] for n in names])
    assert np.abs(fit_similarity(before, after)(before) - after).max() < 0.4e-3


def test_open_mouth_opens_the_lower_teeth(template):
    opened = template.vertices + 0.6 * template.shapes[SHAPE_INDEX["jawOpen"]]
    placed = place_parts(template, opened)
    fall = (template.vertices - placed)[rows(template, "teeth_lower"), 1].mean()
    assert fall > 4e-3
    assert np.abs((placed - template.vertices)[rows(template, "teeth_upper")]).max() < 4e-3


def test_lashes_follow_a_blink(template):
    skin = skin_rows(template)
    delta = np.zeros_like(template.vertices)
    delta[skin] = template.shapes[SHAPE_INDEX["eyeBlinkLeft"]][skin]
    followed = follow_shape(template, delta)
    assert np.array_equal(followed[skin], delta[skin])
    hairs = followed[rows(template, "lashes_left")].reshape(-1, HAIR_VERTICES, 3)
    assert hairs[:52, :2, 1].mean() < -3e-3  # the upper row comes down
    before = template.vertices[rows(template, "lashes_left")].reshape(-1, HAIR_VERTICES, 3)
    length = np.linalg.norm(before[:, -1] - before[:, 0], axis=1)
    new = before + hairs
    assert np.abs(np.linalg.norm(new[:, -1] - new[:, 0], axis=1) / length - 1).max() < 0.35
    assert np.abs(followed[rows(template, "lashes_right")]).max() < 0.2e-3
    assert np.array_equal(followed[rows(template, "eye_left")], delta[rows(template, "eye_left")])


def test_no_shape_moves_nothing(template):
    assert np.abs(follow_shape(template, np.zeros_like(template.vertices))).max() == 0.0


@pytest.mark.slow
def test_placing_is_fast(template):
    place_parts(template, template.vertices)
    start = time.perf_counter()
    for _ in range(5):
        place_parts(template, template.vertices)
    assert (time.perf_counter() - start) / 5 < 0.15


def test_the_mouths_walls_stay_behind_the_face():
    """Seen from the front with closed lips, at most a few pixels of the mouth show."""
    template = load_template()
    parts = [template.part(name) for name in ("face", "head", "mouth_socket")]
    triangles = [template.topology.triangles[2 * p.quads.start : 2 * p.quads.stop] for p in parts]
    first_wall = len(triangles[0]) + len(triangles[1])
    head = heads.random_head(3)  # its walls stood 5 mm before its cheeks
    pixels = np.c_[head[:, 0] + 0.1, 0.05 - head[:, 1]] / 0.0005
    seen = rasterize(pixels, -head[:, 2], np.concatenate(triangles), 400, 400).triangle
    assert (seen >= 0).sum() > 30_000
    assert (seen >= first_wall).sum() < 20
