"""The secondary parts of the shipped template: whole meshes, symmetric, and each where it belongs."""

from collections import Counter

import igl
import numpy as np
import pytest

from mien.anatomy.eyeball import (
    IRIS_RADIUS,
    SCLERA_RADIUS,
    SEEN_ANGLE,
    UV_IRIS_RADIUS,
    angle_of_uv_radius,
    signed_clearance,
    surface_radius,
    uv_radius_of_angle,
)
from mien.anatomy.lid_riders import HAIR_VERTICES
from mien.anatomy.skin_mesh import SKIN_PARTS
from mien.core.mesh import split_quads
from mien.geometry.raster import rasterize
from mien.template.load import load_template

SIDED = ("eye", "cornea", "eye_occlusion", "eye_blend", "lacrimal", "lashes")
MIDDLE = ("teeth_upper", "teeth_lower", "gums_upper", "gums_lower", "tongue")
NAMES = (*(f"{name}_{side}" for name in SIDED for side in ("left", "right")), *MIDDLE)
CLOSED = ("eye_left", "eye_right", "tongue")


@pytest.fixture(scope="module")
def template():
    return load_template()


def mesh(template, name):
    part = template.part(name)
    return template.vertices[part.vertices], template.topology.quads[part.quads] - part.vertices.start


def eye_centre(template, side):
    return next(joint.position for joint in template.joints if joint.name == f"eye_{side}")


def skin_triangles(template):
    quads = np.concatenate([template.topology.quads[template.part(n).quads] for n in SKIN_PARTS])
    return split_quads(quads)


def test_budget(template):
    count = sum(len(mesh(template, name)[0]) for name in NAMES)
    assert count <= 12_000


@pytest.mark.parametrize("name", NAMES)
def test_quads_are_valid(template, name):
    vertices, quads = mesh(template, name)
    assert set(quads.ravel()) == set(range(len(vertices)))
    assert all(len(set(quad)) == 4 for quad in quads.tolist())
    a, b, c, d = (vertices[quads[:, k]] for k in range(4))
    area = 0.5 * np.linalg.norm(np.cross(c - a, d - b), axis=1)
    assert area.min() > 1e-11  # square metres
    directed = Counter(
        (int(p), int(q)) for quad in quads for p, q in zip(quad, np.roll(quad, -1), strict=True)
    )
    assert max(directed.values()) == 1  # every edge at most once a direction: manifold, oriented alike
    if name in CLOSED:
        assert all((q, p) in directed for p, q in directed)


@pytest.mark.parametrize("name", NAMES)
def test_uvs_lie_in_the_tile_and_are_not_flipped(template, name):
    part = template.part(name)
    corners = template.topology.uvs[template.topology.quad_uvs[part.quads]]
    assert corners.min() >= -1e-6
    assert corners.max() <= 1 + 1e-6
    p, q = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
    area = p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]
    if "teeth" not in name and "tongue" not in name:  # their two halves share or mirror their cells
        assert (area > -1e-9).all() or (area < 1e-9).all()


def test_parts_are_mirror_images(template):
    start = template.part(NAMES[0]).vertices.start
    rows = np.arange(start, template.topology.n_vertices)
    mirrored = template.vertices[template.mirror[rows]] * [-1, 1, 1]
    assert np.array_equal(mirrored, template.vertices[rows])


def test_thirty_two_separate_teeth(template):
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    for name in ("teeth_upper", "teeth_lower"):
        vertices, quads = mesh(template, name)
        i, j = quads[:, :3].ravel(), quads[:, 1:].ravel()
        graph = coo_matrix((np.ones(len(i)), (i, j)), shape=(len(vertices),) * 2)
        assert connected_components(graph, directed=False)[0] == 16


def test_widths_of_the_front_teeth(template):
    # Upper central incisors are about 8.5 mm wide, lower ones 5 mm (Wheeler).
    for name, wanted in (("teeth_upper", 8.5), ("teeth_lower", 5.1)):
        vertices, _ = mesh(template, name)
        tooth = vertices.reshape(16, -1, 3)[0] * 1e3
        assert np.ptp(tooth[:, 0]) == pytest.approx(wanted, abs=0.6)
        assert abs(tooth[:, 0].min()) < 0.3  # no gap in the middle


def test_upper_incisors_overlap_the_lower(template):
    upper, lower = (
        mesh(template, f"teeth_{jaw}")[0].reshape(16, -1, 3)[0] * 1e3 for jaw in ("upper", "lower")
    )
    assert 1.0 < lower[:, 1].max() - upper[:, 1].min() < 3.0  # overbite, mm
    assert 1.0 < upper[:, 2].max() - lower[:, 2].max() < 3.5  # overjet, mm


@pytest.mark.parametrize("name", ["teeth_upper", "teeth_lower", "tongue", "lashes_left", "eye_left"])
def test_parts_stay_clear_of_the_flesh(template, name):
    """Mouth and sockets are bags open to the air: what lies in them has winding number 0."""
    vertices, _ = mesh(template, name)
    if name == "lashes_left":
        vertices = vertices.reshape(-1, HAIR_VERTICES, 3)[:, 4:].reshape(-1, 3)  # roots stand in the lid
    winding = igl.fast_winding_number(template.vertices, skin_triangles(template), vertices)
    assert np.percentile(np.abs(winding), 99) < 0.5


def test_nothing_of_the_mouth_shows_at_rest(template):
    """Rays from the front meet skin before teeth, gums or tongue: no part pokes through lips or cheeks."""
    triangles = skin_triangles(template)
    points = template.vertices
    pixels = (points[:, :2] - [-0.04, -0.12]) / 0.08 * 400
    parts = np.concatenate([template.topology.quads[template.part(n).quads] for n in MIDDLE])
    everything = np.concatenate([triangles, split_quads(parts)])
    raster = rasterize(pixels, -points[:, 2], everything, 400, 400)
    seen = raster.triangle[raster.covered]
    assert (seen >= len(triangles)).mean() < 1e-3


@pytest.mark.parametrize("side", ["left", "right"])
def test_lids_rest_on_the_eye(template, side):
    centre = eye_centre(template, side)
    face = template.vertices[template.part("face").vertices]
    clearance = signed_clearance(face, centre, SCLERA_RADIUS)
    assert clearance.min() > 0.05e-3
    touching = clearance < 0.3e-3
    assert touching.sum() >= 40
    x = face[touching, 0] - centre[0]
    assert np.ptp(x) > 17e-3  # along the whole fissure, not only in the middle


@pytest.mark.parametrize("name", ["eye_occlusion", "eye_blend", "lacrimal"])
def test_strips_lie_on_the_eye(template, name):
    vertices, _ = mesh(template, f"{name}_left")
    clearance = signed_clearance(vertices, eye_centre(template, "left"), SCLERA_RADIUS)
    assert clearance.min() > 0.0
    inner_row = clearance[-48:]
    assert inner_row.max() < 0.1e-3


def test_eye_is_24_mm_with_an_iris_of_natural_size(template):
    vertices, _ = mesh(template, "eye_left")
    local = vertices - eye_centre(template, "left")
    assert np.linalg.norm(local, axis=1).max() == pytest.approx(SCLERA_RADIUS, rel=1e-3)
    assert 11.0e-3 < 2 * IRIS_RADIUS < 12.5e-3
    cornea, _ = mesh(template, "cornea_left")
    apex = np.linalg.norm(cornea - eye_centre(template, "left"), axis=1).max()
    assert 0.9e-3 < apex - SCLERA_RADIUS < 1.4e-3


def test_outer_surface_is_sphere_behind_and_cornea_in_front():
    assert surface_radius(np.array([np.pi / 2])) == pytest.approx(SCLERA_RADIUS, abs=5e-6)
    angle = np.radians(np.linspace(0, 15, 30))
    point = surface_radius(angle)[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    apex = point[0, 1]
    fitted = np.linalg.norm(point - [0, apex - 7.8e-3], axis=1)
    assert np.abs(fitted - 7.8e-3).max() < 0.05e-3
    assert surface_radius(angle, 2 * SCLERA_RADIUS) == pytest.approx(2 * surface_radius(angle))


def test_tile_radius_and_angle_are_inverse():
    angle = np.linspace(0, SEEN_ANGLE, 200)
    assert angle_of_uv_radius(uv_radius_of_angle(angle)) == pytest.approx(angle)
    assert uv_radius_of_angle(np.array([np.arcsin(IRIS_RADIUS / SCLERA_RADIUS)])) == pytest.approx(
        UV_IRIS_RADIUS
    )
