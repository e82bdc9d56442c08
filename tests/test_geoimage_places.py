import numpy as np
import pytest

from mien.core.errors import MienError
from mien.evaluate.geoimage import measure_surface_errors
from mien.geoimage import sampling_places as module
from mien.geoimage.codec import GeometryImageCodec, face_codec
from mien.geoimage.sampling_places import (
    face_places,
    face_rows,
    offset_bends,
    sampling_places,
    shift_texels,
    write_face_places,
)
from mien.geometry.uv import signed_uv_area
from mien.template.load import load_template

SIZE = 64


def grid(lines):
    """A mesh whose vertices stand on these lines across and up; texture coordinates."""
    n = len(lines)
    uvs = np.stack(np.meshgrid(lines, lines), axis=-1).reshape(-1, 2)
    a = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    triangles = np.concatenate([np.stack([a, a + 1, a + n + 1], 1), np.stack([a, a + n + 1, a + n], 1)])
    return uvs, triangles


def crowded():
    """Lines 4 texels apart, but 0.1 texels in the middle of 64²."""
    coarse = np.arange(4, 29, 4.0)
    return grid(np.concatenate([coarse, 32 + 0.1 * np.arange(-8, 9), SIZE - coarse[::-1]]) / SIZE)


def test_a_layout_that_is_coarse_enough_stays():
    uvs, triangles = grid(np.linspace(0.1, 0.9, 20))
    places = sampling_places(triangles, uvs[triangles], resolution=SIZE)
    np.testing.assert_allclose(places, uvs[triangles], atol=1e-12)


def test_crowded_vertices_get_room_and_nothing_folds():
    uvs, triangles = crowded()
    corners = uvs[triangles]
    places = sampling_places(triangles, corners, resolution=SIZE)
    before, after = signed_uv_area(corners), signed_uv_area(places)
    assert (after > 0).all()
    assert after.min() > 3 * before.min()
    shift = shift_texels(places, corners, SIZE)
    assert 0.3 < shift.max() < 3.0
    far = np.abs(corners.reshape(-1, 2) - 0.5).max(axis=1) > 0.35
    assert shift[far].max() < 0.1


def test_crowded_vertices_come_back_better():
    uvs, triangles = crowded()
    wave = np.cos(2 * np.pi * uvs * SIZE / 1.6).prod(axis=1)  # as wide as the crowd: three texels a wave
    wave *= np.abs(uvs - 0.5).max(axis=1) < 1.0 / SIZE
    offsets = [1e-3 * np.repeat(wave[:, None], 3, axis=1)]
    codecs = [
        GeometryImageCodec(len(uvs), triangles, corners, SIZE)
        for corners in (uvs[triangles], sampling_places(triangles, uvs[triangles], offsets, SIZE))
    ]
    plain, spread = (measure_surface_errors(codec, offsets)["vertices_mean_mm"] for codec in codecs)
    assert spread < 0.6 * plain


def test_bends_are_those_of_a_roof():
    uvs, triangles = grid(np.linspace(0.25, 0.75, 9))
    x = uvs[:, 0] * SIZE
    roof = np.zeros((len(uvs), 3))
    roof[:, 2] = 1e-3 * np.abs(x - 32)  # 1 mm a texel up, then down: the slope jumps by 2
    flat = np.c_[x, x, x] * 1e-3
    bends = offset_bends(triangles, uvs[triangles] * SIZE, [roof, flat])
    at_ridge = (np.abs(x[triangles] - 32) < 1e-9).sum(axis=1) == 2
    np.testing.assert_allclose(bends[at_ridge], 2e-3 / np.sqrt(2), rtol=1e-9)
    assert np.abs(bends[~at_ridge]).max() < 1e-12


def test_a_turned_or_flat_triangle_is_no_obstacle():
    uvs, triangles = crowded()
    corners = uvs[triangles]
    turned = np.concatenate([corners, corners[:1, ::-1], np.full((1, 3, 2), 0.4)])
    with_more = np.concatenate([triangles, triangles[:1, ::-1], triangles[:1]])
    places = sampling_places(with_more, turned, resolution=SIZE)
    alone = sampling_places(triangles, corners, resolution=SIZE)
    np.testing.assert_allclose(places[: len(corners)], alone, atol=1e-12)


def test_the_shipped_places_belong_to_the_template():
    template = load_template()
    spread, plain = face_codec(template), face_codec(template, spread=False)
    np.testing.assert_array_equal(spread.triangles, plain.triangles)
    shift = shift_texels(spread.corner_uvs, plain.corner_uvs)
    assert 0.05 < shift.mean() < 0.3
    assert shift.max() < 2.5
    ratio = signed_uv_area(spread.corner_uvs) / signed_uv_area(plain.corner_uvs)
    assert ratio.min() > 0.4
    vertex = np.full((template.topology.n_vertices, 2), np.nan)
    vertex[spread.triangles.ravel()] = spread.corner_uvs.reshape(-1, 2)
    face = np.unique(spread.triangles)
    mirrored = vertex[template.mirror[face]] * [-1, 1] + [1, 0]
    np.testing.assert_allclose(mirrored, vertex[face], atol=1e-6)


def test_places_of_another_template_are_refused(tmp_path, monkeypatch):
    template = load_template()
    write_face_places(tmp_path / "places.safetensors", np.zeros((len(face_rows(template)) - 1, 2)))
    monkeypatch.setattr(module, "asset_path", lambda name: tmp_path / name)
    with pytest.raises(MienError, match="build_assets places"):
        face_places(template)
