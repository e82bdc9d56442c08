import numpy as np
import pytest

from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.raster import rasterize
from mien.geometry.uv import texels_per_vertex, uv_stretch
from mien.template.load import load_template

TILES = ("face", "head", "mouth_socket", "eye_socket_left", "eye_socket_right")


@pytest.fixture(scope="module")
def template() -> Template:
    return load_template()


def stretch(template: Template, name: str):
    run = template.part(name).quads
    t = template.topology
    return uv_stretch(template.vertices, split_quads(t.quads[run]), t.uvs, split_quads(t.quad_uvs[run]))


@pytest.mark.parametrize("name", TILES)
def test_no_flips_and_inside_the_tile(template: Template, name: str):
    assert stretch(template, name).uv_area.min() > 0
    used = template.topology.uvs[template.topology.quad_uvs[template.part(name).quads]]
    assert used.min() >= 0
    assert used.max() <= 1


@pytest.mark.parametrize("name", TILES)
def test_no_overlaps(template: Template, name: str):
    """The triangle that wins a texel when the first goes in front also wins when the last does."""
    triangles = split_quads(template.topology.quad_uvs[template.part(name).quads])
    assert overlapping_texels(template.topology.uvs, triangles) <= 4  # centres on an edge to the last bit


def overlapping_texels(uvs: np.ndarray, triangles: np.ndarray, size: int = 1024) -> int:
    pixels = uvs[triangles].reshape(-1, 2) * size
    own = np.arange(3 * len(triangles)).reshape(-1, 3)
    rank = np.repeat(np.arange(len(triangles)), 3).astype(float)
    first, last = (rasterize(pixels, depth, own, size, size).triangle for depth in (rank, -rank))
    return int((first != last).sum())


def test_an_overlap_is_seen():
    uvs = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]])
    assert overlapping_texels(uvs, np.array([[0, 1, 2], [1, 3, 2]])) <= 1024  # the shared edge at most
    assert overlapping_texels(uvs, np.array([[0, 1, 2], [0, 1, 3]])) > 10_000


def test_face_tile_is_well_used(template: Template):
    triangles = split_quads(template.topology.quad_uvs[template.part("face").quads])
    size = 256
    pixels = template.topology.uvs * size
    covered = rasterize(pixels, np.zeros(len(pixels)), triangles, size, size).covered
    assert covered.mean() >= 0.85


def test_two_texels_a_vertex_on_the_face(template: Template):
    quad_uvs = template.topology.quad_uvs[template.part("face").quads]
    texels = texels_per_vertex(template.topology.uvs, quad_uvs, 256)
    assert texels[np.unique(quad_uvs)].min() >= 2


@pytest.mark.parametrize("name", ["face", "head"])
def test_symmetric_about_the_middle(template: Template, name: str):
    quads = template.topology.quads[template.part(name).quads]
    uvs = template.topology.uvs[template.topology.quad_uvs[template.part(name).quads]]
    by_quad = {
        tuple(sorted(q)): dict(zip(q, uv, strict=True)) for q, uv in zip(quads.tolist(), uvs, strict=True)
    }
    worst = 0.0
    for quad, corner in zip(quads.tolist(), uvs, strict=True):
        twin = by_quad[tuple(sorted(template.mirror[quad].tolist()))]
        for vertex, uv in zip(quad, corner, strict=True):
            other = twin[int(template.mirror[vertex])]
            worst = max(worst, abs(uv[0] + other[0] - 1), abs(uv[1] - other[1]))
    assert worst < 3e-7


def test_face_stands_upright(template: Template):
    corner = np.argmax(template.landmarks.barycentric, axis=1)
    uv = template.topology.uvs[template.topology.triangle_uvs[template.landmarks.triangle, corner]]
    assert uv[27, 1] > uv[30, 1] > uv[51, 1] > uv[57, 1] > uv[8, 1]
    assert uv[45, 0] > uv[42, 0] > 0.5 > uv[39, 0] > uv[36, 0]


def test_stretch_of_the_face_tile(template: Template):
    measured = stretch(template, "face")
    low, high = measured.percentiles("area", 1.0, 99.0)
    assert low > 0.5
    assert high < 8
    assert measured.percentiles("angle", 99.0)[0] < 4


def test_stretch_of_a_scaled_rotated_patch_is_one():
    vertices = np.array([[0, 0, 0], [2, 0, 1], [2, 3, 1], [0, 3, 0]], float)
    along = np.hypot(2, 1)
    flat = np.array([[0, 0], [along, 0], [along, 3], [0, 3]])
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    measured = uv_stretch(vertices, triangles, 0.1 * flat @ turn.T, triangles)
    np.testing.assert_allclose(measured.area, 1, atol=1e-12)
    np.testing.assert_allclose(measured.angle, 1, atol=1e-9)
    sheared = uv_stretch(vertices, triangles, flat * [1, 0.5], triangles)
    np.testing.assert_allclose(sheared.angle, 2, atol=1e-9)


def test_a_flip_is_seen():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], float)
    triangles = np.array([[0, 1, 2]])
    assert uv_stretch(vertices, triangles, vertices[:, [1, 0]], triangles).uv_area[0] < 0
