import subprocess
import sys

import cv2
import numpy as np
import pytest

from mien.bake.skin_prior import cheek_vertices
from mien.core.conventions import linear_to_srgb, srgb_to_linear
from mien.synth.skin.biophysics import SkinComposition, colour, typology_angle
from mien.synth.skin.brows import Hairs, brow_hairs
from mien.synth.skin.colouring import Texels, coloured, coloured_plain, encode_srgb
from mien.synth.skin.fast import albedo_256
from mien.synth.skin.grid import SIZE, grid
from mien.synth.skin.look import draw_look
from mien.synth.skin.maps import skin_maps
from mien.synth.skin.strokes import draw_hairs, draw_hairs_plain
from mien.synth.skin.tint import tint_of
from mien.synth.skin.volume import mottle
from mien.synth.subject import draw_subject

INDICES = (18, 39, 40)


@pytest.fixture(scope="module")
def subjects():
    return {i: draw_subject(1, i) for i in INDICES}


@pytest.fixture(scope="module")
def faces(subjects):
    return {i: skin_maps(draw_look(s), 512, ("face",)) for i, s in subjects.items()}


def test_a_look_gives_the_same_pixels_always(subjects, faces):
    again = skin_maps(draw_look(draw_subject(1, 39)), 512, ("face",))
    for name, image in faces[39].items():
        np.testing.assert_array_equal(image.pixels, again[name].pixels)
    look = draw_look(subjects[39])
    np.testing.assert_array_equal(albedo_256(look), albedo_256(look))


def test_maps_are_within_what_skin_is(faces):
    for maps in faces.values():
        assert all(np.isfinite(image.pixels).all() for image in maps.values())
        assert maps["face_albedo"].pixels.min() >= 0.0
        assert maps["face_albedo"].pixels.max() <= 1.0
        height = maps["face_displacement"].pixels  # millimetres
        assert 0.01 < height.std() < 0.08
        assert np.abs(height).max() < 1.2
        assert maps["face_displacement"].unit == "mm"


def _at_seam(part, pixels):
    """Values of a map at the vertices that the tiles of face and head share, in the order of vertices."""
    places = {name: grid(name) for name in ("face", "head")}
    seam = np.intersect1d(*(np.unique(p.triangles) for p in places.values()))
    ids, first = np.unique(places[part].triangles, return_index=True)
    uv = places[part].corner_uvs.reshape(-1, 2)[first][np.isin(ids, seam)]
    size = pixels.shape[0]
    column, row = (np.clip((c * size).astype(int), 0, size - 1) for c in (uv[:, 0], 1 - uv[:, 1]))
    return pixels[row, column]


def test_the_tiles_of_face_and_head_meet(subjects, faces):
    look = draw_look(subjects[40])
    head = skin_maps(look, 512, ("head",))
    for kind, most in (("albedo", 0.012), ("roughness", 0.02), ("displacement", 0.03)):
        ours = _at_seam("face", faces[40][f"face_{kind}"].pixels)
        theirs = _at_seam("head", head[f"head_{kind}"].pixels)
        assert np.median(np.abs(ours - theirs)) < most, kind


@pytest.mark.parametrize("index", INDICES)
def test_the_fast_albedo_is_the_mean_of_the_full_one(subjects, faces, index):
    full = srgb_to_linear(faces[index]["face_albedo"].pixels).astype(np.float32)
    mean = 255 * linear_to_srgb(cv2.resize(full, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
    inside = cv2.erode(grid("face").covered.astype(np.uint8), np.ones((3, 3))) > 0
    fast = albedo_256(draw_look(subjects[index])).astype(float)
    assert np.abs((fast - mean)[inside].mean(axis=0)).max() < 2.0
    for k in range(3):
        assert np.corrcoef(fast[inside][:, k], mean[inside][:, k])[0, 1] > 0.97


@pytest.mark.parametrize("index", range(60, 84))
def test_the_cheek_has_the_typology_angle_of_its_subject(index):
    subject = draw_subject(1, index)
    face = grid("face")
    cheek = face.at_texels(cheek_vertices(face.template).astype(float)) > 0.9
    # Without a beard's shadow, which is no tone of the skin.
    look = draw_look(subject)
    bare = type(look)(**{**vars(look), "shadow": 0.0, "stubble": 0.0})
    linear = srgb_to_linear(albedo_256(bare)[face.covered][cheek] / 255.0)
    angle = float(typology_angle(np.median(linear, axis=0)[None])[0])
    assert abs(angle - subject.ita) < 6.0


def test_the_fast_path_needs_neither_numba_nor_opencv():
    code = (
        "import sys; sys.modules['numba'] = sys.modules['cv2'] = None\n"
        "from mien.synth.skin.fast import albedo_256\n"
        "from mien.synth.skin.look import draw_look\n"
        "from mien.synth.subject import draw_subject\n"
        "assert albedo_256(draw_look(draw_subject(0, 0))).shape == (256, 256, 3)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_table_of_a_subject_is_the_formula():
    own = SkinComposition(0.05, 0.015, 0.75, 0.15, 2e-4)
    rng = np.random.default_rng(0)
    melanin, blood = 0.05 * np.exp(rng.uniform(-1.2, 2.0, 200)), 0.015 * np.exp(rng.uniform(-1.2, 2.0, 200))
    exact = colour(SkinComposition(melanin, blood, 0.75, 0.15, 2e-4))
    table = np.exp(tint_of(own).log_colour(np.log(melanin), np.log(blood)))
    np.testing.assert_allclose(linear_to_srgb(table), linear_to_srgb(exact), atol=0.006)


def test_maps_are_coloured_as_the_plain_twin_colours_them(subjects):
    rng = np.random.default_rng(3)
    look = draw_look(subjects[39])
    made = (rng.uniform(-0.8, 2, (40, 40)), np.log(look.blood) + rng.normal(0, 1, (40, 40)))
    fields = [rng.uniform(-0.1, 0.3, (40, 40)).astype(np.float32) for _ in range(4)]
    texels = Texels((made[0].astype(np.float32), made[1].astype(np.float32), fields[0]), *fields[1:])
    fast = coloured(look, texels)
    np.testing.assert_allclose(fast, coloured_plain(look, texels), rtol=1e-4)
    np.testing.assert_allclose(encode_srgb(fast), linear_to_srgb(fast), atol=3e-4)


def test_mottling_is_even_and_without_seams():
    rng = np.random.default_rng(1)
    points = rng.uniform(-400, 400, (60_000, 3))
    values = mottle(points, 2.4, 5)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=0.06)
    assert np.abs(mottle(points + 1e-3, 2.4, 5) - values).max() < 0.02
    assert abs(np.corrcoef(values[:, 0], mottle(points, 2.4, 6)[:, 0])[0, 1]) < 0.05
    near = mottle(points, 2.4, 5, nearest=True)
    assert np.corrcoef(near[:, 0], values[:, 0])[0, 1] > 0.97


def test_hairs_are_drawn_as_their_plain_twin_draws_them():
    rng = np.random.default_rng(2)
    start = rng.uniform(0.1, 0.9, (9, 1, 2))
    points = start + np.cumsum(rng.normal(0, 0.05, (9, 4, 2)), axis=1)
    hairs = Hairs(points, rng.uniform(0.02, 0.2, 9), rng.uniform(0.4, 1, 9), rng.random((9, 3)))
    fast, slow = np.full((48, 48, 3), 0.5, np.float32), np.full((48, 48, 3), 0.5)
    draw_hairs(fast, hairs, np.full(9, 10.0))
    draw_hairs_plain(slow, hairs, np.full(9, 10.0))
    np.testing.assert_allclose(fast, slow, atol=2e-3)
    assert np.abs(fast - 0.5).max() > 0.1


def test_brows_lie_on_the_face_and_differ_between_people(subjects):
    shapes = []
    for subject in subjects.values():
        hairs = brow_hairs(grid("face"), draw_look(subject))
        assert grid("face").on(hairs.points.reshape(-1, 2)).all()
        shapes.append((len(hairs.points), float(np.ptp(hairs.points[:, 0, 1]))))
    assert len(set(shapes)) == len(shapes)
