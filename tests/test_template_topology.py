import numpy as np
import pytest

from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES, mirrored_shape
from mien.core.face import Template
from mien.template.load import load_template

SKIN = ("face", "head", "mouth_socket", "eye_socket_left", "eye_socket_right")


@pytest.fixture(scope="module")
def template() -> Template:
    return load_template()


def skin_quads(template: Template) -> np.ndarray:
    return np.concatenate([template.topology.quads[template.part(name).quads] for name in SKIN])


def edge_counts(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sides = np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2)
    return np.unique(np.sort(sides, axis=1), axis=0, return_counts=True)


def test_mirror_is_an_involution_that_maps_quads_to_quads(template: Template):
    mirror = template.mirror
    assert (mirror[mirror] == np.arange(len(mirror))).all()
    quads = {tuple(sorted(q)) for q in template.topology.quads.tolist()}
    flipped = {tuple(sorted(q)) for q in mirror[template.topology.quads].tolist()}
    assert quads == flipped


def test_positions_are_symmetric(template: Template):
    flipped = template.vertices[template.mirror] * [-1, 1, 1]
    assert np.abs(flipped - template.vertices).max() < 2e-7


def test_parts_tile_the_arrays(template: Template):
    ends = [0, 0]
    for part in template.parts:
        assert [part.vertices.start, part.quads.start] == ends, part.name
        ends = [part.vertices.stop, part.quads.stop]
    assert ends == [template.topology.n_vertices, len(template.topology.quads)]
    assert len({part.name for part in template.parts}) == len(template.parts)


def test_skin_is_manifold_with_the_neck_as_its_only_border(template: Template):
    quads = skin_quads(template)
    edges, counts = edge_counts(quads)
    assert counts.max() == 2
    border = edges[counts == 1]
    assert set(border.ravel().tolist()) == set(template.loops["neck"].tolist())
    assert len(border) == len(template.loops["neck"])


def test_every_part_is_manifold_and_consistently_wound(template: Template):
    for part in template.parts:
        quads = template.topology.quads[part.quads]
        assert edge_counts(quads)[1].max() <= 2, part.name
        directed = np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2)
        assert len(np.unique(directed, axis=0)) == len(directed), part.name


def test_no_vertex_is_unused_and_no_quad_degenerate(template: Template):
    quads = template.topology.quads
    assert len(np.unique(quads)) == template.topology.n_vertices
    assert all(len(set(q)) == 4 for q in quads.tolist())
    p = template.vertices[quads]
    diagonal = np.cross(p[:, 2] - p[:, 0], p[:, 3] - p[:, 1])
    assert np.linalg.norm(diagonal, axis=1).min() > 0


def test_loops_are_edge_paths_with_shared_ends(template: Template):
    edges = {tuple(e) for e in template.topology.edges.tolist()}
    for name, loop in template.loops.items():
        for a, b in zip(loop[:-1].tolist(), loop[1:].tolist(), strict=True):
            assert (min(a, b), max(a, b)) in edges, name
    for stem in ("lid_{}_left", "lid_inner_{}_right", "lips_inner_{}", "lips_outer_{}"):
        upper, lower = (template.loops[stem.format(row)] for row in ("upper", "lower"))
        assert upper[0] == lower[0]
        assert upper[-1] == lower[-1]
    left, right = template.loops["lid_upper_left"], template.loops["lid_upper_right"]
    assert (template.mirror[left] == right).all()


def test_sizes_are_those_of_an_adult(template: Template):
    on = template.landmarks.on(template.vertices, template.topology)
    assert 0.028 < on[42, 0] - on[39, 0] < 0.040  # between the inner eye corners
    assert 0.085 < on[45, 0] - on[36, 0] < 0.105
    joints = {joint.name: joint.position for joint in template.joints}
    assert 0.060 < joints["eye_left"][0] - joints["eye_right"][0] < 0.067
    skin = template.vertices[template.vertex_mask("face", "head")]
    assert 0.21 < skin[:, 1].max() - on[8, 1] < 0.25


def test_joints_and_weights(template: Template):
    names = [joint.name for joint in template.joints]
    assert names[:3] == ["neck", "head", "jaw"]
    for joint in template.joints:
        assert joint.parent is None or names.index(joint.parent) < names.index(joint.name)
    weights = template.joint_weights
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-9)
    left, right = names.index("eye_left"), names.index("eye_right")
    swapped = np.arange(len(names))
    swapped[[left, right]] = right, left
    assert np.abs(weights[template.mirror][:, swapped] - weights).max() < 2e-3


def test_shapes_are_mirror_images(template: Template):
    for name in SHAPE_NAMES:
        shape = template.shapes[SHAPE_INDEX[name]]
        twin = template.shapes[SHAPE_INDEX[mirrored_shape(name)]]
        worst = np.abs(shape[template.mirror] * [-1, 1, 1] - twin).max()
        assert worst < 3e-6, name


def test_lips_touch_without_crossing(template: Template):
    upper = template.vertices[template.loops["lips_inner_upper"]]
    lower = template.vertices[template.loops["lips_inner_lower"]]
    x = np.linspace(-0.019, 0.019, 60)
    gap = np.interp(x, upper[:, 0], upper[:, 1]) - np.interp(x, lower[:, 0], lower[:, 1])
    assert gap.min() >= 0
    assert gap.max() < 2e-4


def test_regions(template: Template):
    expected = {
        "measured", "face", "lips", "upper_lip", "lower_lip", "nose", "nostrils", "chin", "forehead", "scalp",
        "neck", "beard",
        *(f"{n}_{s}" for n in ("upper_lid", "lower_lid", "brow", "ear", "cheek", "eye_rim") for s in ("left", "right")),
    }  # fmt: skip
    assert expected <= set(template.regions)
    for name, weight in template.regions.items():
        assert weight.shape == (template.topology.n_vertices,)
        assert weight.min() >= 0
        assert weight.max() > 0.5, name
        twin = name.replace("left", "right") if "left" in name else name.replace("right", "left")
        assert np.abs(weight[template.mirror] - template.regions[twin]).max() < 0.01, name
    hidden = template.vertex_mask("mouth_socket", "eye_socket_left", "eye_socket_right")
    assert template.regions["measured"][hidden].max() == 0
