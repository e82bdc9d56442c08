"""Finding the face: landmarks, orientation, unit, and refusals, on Mien's own head and on what is none."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import MienError
from mien.core.mesh import Scan
from mien.meshio.load import load_scan
from mien.scan.clean import clean_scan
from mien.scan.landmarks import mediapipe as nets
from mien.scan.landmarks.detect import SHAPE_ALONE, UPSIDE_DOWN, detect_landmarks, flip_winding, simplify
from mien.scan.landmarks.face_points import MIRROR_68, face_axes, multi_pie, what_is_no_face
from mien.scan.landmarks.file import read_landmarks
from mien.scan.landmarks.fuse import robust_mean
from mien.scan.landmarks.orthographic import OrthographicView, draw, make_canvas
from mien.scan.prepare import prepare_scan

MEASURED_WELL = np.r_[27:68]  # nose, eyes, mouth: without colour a brow is a guess


@pytest.fixture(scope="module")
def head():
    """The template's skin and eyes as a grey scan in metres, and its landmarks."""
    from mien.template.load import load_template

    template = load_template()
    quads = np.concatenate(
        [template.topology.quads[template.part(n).quads] for n in ("face", "head", "eye_left", "eye_right")]
    )
    triangles = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3).astype(np.int64)
    scan = clean_scan(Scan("head", template.vertices.astype(np.float64), triangles))
    return simplify(scan, 20_000), template.landmarks.on(template.vertices, template.topology)


def have_networks() -> bool:
    try:
        nets.network_files()
    except MienError:
        return False
    return True


needs_networks = pytest.mark.skipif(
    not have_networks(), reason="needs the face networks: pip install --no-deps mediapipe==0.10.21"
)


@pytest.fixture(scope="module")
def prepared(head):
    if not have_networks():
        pytest.skip("needs the face networks: pip install --no-deps mediapipe==0.10.21")
    return prepare_scan(head[0])


def rotation(seed: int) -> np.ndarray:
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return q * np.sign(np.linalg.det(q))


def in_file_space(prepared) -> np.ndarray:
    """The landmarks in the coordinates of the scan that was given."""
    inverse = np.linalg.inv(prepared.transform)
    return prepared.landmarks @ inverse[:3, :3].T + inverse[:3, 3]


def test_landmarks_lie_where_the_template_says(head, prepared):
    error = 1000 * np.linalg.norm(in_file_space(prepared) - head[1], axis=1)
    assert error[MEASURED_WELL].mean() < 4.0
    assert error[[36, 39, 42, 45, 30]].max() < 5.0
    assert (prepared.landmark_confidence[:17] < 0.25).all()
    assert prepared.landmark_confidence[MEASURED_WELL].mean() > 0.5


def test_prepared_space_is_metric_and_upright(prepared):
    points = prepared.landmarks
    assert prepared.unit_note.startswith("unit m")
    np.testing.assert_allclose(points[[36, 39, 42, 45]].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(face_axes(points), np.eye(3), atol=1e-9)
    assert points[30, 2] > points[27, 2] > points[36, 2]
    assert points[8, 1] < points[57, 1] < points[30, 1] < 0 < points[19, 1]
    assert (points[MIRROR_68, 0] - points[:, 0])[36] > 0.07


def test_turned_shrunk_and_inside_out_gives_the_same_face(head, prepared):
    turn = rotation(4)
    moved = flip_winding(replace(head[0], vertices=100 * head[0].vertices @ turn.T + [40.0, -7.0, 12.0]))
    other = prepare_scan(moved)
    assert other.unit_note.startswith("unit cm")
    difference = 1000 * np.linalg.norm(other.landmarks - prepared.landmarks, axis=1)
    assert difference[17:].mean() < 1.0
    normals = np.cross(*(np.diff(other.scan.vertices[other.scan.triangles], axis=1).transpose(1, 0, 2)))
    front = other.scan.vertices[other.scan.triangles].mean(axis=1)[:, 2] > -0.01
    assert normals[front, 2].mean() > 0
    assert other.notes


def test_the_same_scan_gives_the_same_bytes(head, prepared):
    again = prepare_scan(head[0])
    assert again.landmarks.tobytes() == prepared.landmarks.tobytes()
    assert again.transform.tobytes() == prepared.transform.tobytes()


def test_a_small_decimation_with_a_hole_is_still_a_face(head, prepared):
    rough = simplify(head[0], 2500)
    middle = in_file_space(prepared)[36:42].mean(axis=0)
    far = np.linalg.norm(rough.vertices - middle, axis=1) > 0.012
    torn = clean_scan(replace(rough, triangles=rough.triangles[far[rough.triangles].all(axis=1)]))
    other = prepare_scan(torn)
    error = 1000 * np.linalg.norm(in_file_space(other) - in_file_space(prepared), axis=1)
    assert error[42:68].mean() < 5.0


def test_units(head, prepared, tmp_path):
    (tmp_path / "points.json").write_text(json.dumps((in_file_space(prepared) * 7).tolist()))
    odd = replace(head[0], vertices=7 * head[0].vertices)
    free = prepare_scan(odd, landmarks=tmp_path / "points.json")
    assert "no unit fits" in free.unit_note
    assert np.linalg.norm(free.landmarks[39] - free.landmarks[42]) == pytest.approx(0.0369)
    forced = prepare_scan(odd, units="m", landmarks=tmp_path / "points.json")
    np.testing.assert_allclose(forced.landmarks, 7 * prepared.landmarks, atol=1e-9)
    with pytest.raises(MienError, match="--units inch: unknown"):
        prepare_scan(odd, units="inch", landmarks=tmp_path / "points.json")


def test_given_landmarks_need_no_network_and_are_checked(head, prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(nets.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MienError, match=r"pip install --no-deps mediapipe.*--landmarks"):
        detect_landmarks(head[0], networks="mediapipe")
    alone = prepare_scan(head[0])
    assert SHAPE_ALONE in alone.notes
    assert np.linalg.norm(alone.landmarks - prepared.landmarks, axis=1)[17:].mean() < 0.004
    monkeypatch.setattr("mien.scan.landmarks.detect.shipped", lambda: pytest.fail("landmarks are given"))
    points = in_file_space(prepared)
    np.save(tmp_path / "given.npy", points)
    given = prepare_scan(flip_winding(head[0]), landmarks=tmp_path / "given.npy")
    np.testing.assert_allclose(given.landmarks, prepared.landmarks, atol=1e-9)
    assert given.notes
    np.save(tmp_path / "mixed.npy", points[::-1])
    with pytest.raises(MienError, match="make no face"):
        prepare_scan(head[0], landmarks=tmp_path / "mixed.npy")
    np.save(tmp_path / "off.npy", points + np.array([0, 0, 0.1]))
    with pytest.raises(MienError, match="off the scan"):
        prepare_scan(head[0], landmarks=tmp_path / "off.npy")


def blobs(*parts) -> Scan:
    """Ellipsoids (centre, radii) as one scan: a sketch of an animal."""
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=3)
    vertices = [ball.vertices * radii + centre for centre, radii in parts]
    triangles = [ball.faces + i * len(ball.vertices) for i in range(len(parts))]
    return Scan("blobs", np.concatenate(vertices), np.concatenate(triangles).astype(np.int64))


def bunny() -> Scan:
    return blobs(
        ((0, 0, 0), (0.6, 0.5, 0.8)), ((0, 0.5, 0.7), (0.3, 0.3, 0.35)), ((0, 0.45, 1.05), (0.1, 0.08, 0.08)),
        ((-0.12, 0.95, 0.6), (0.07, 0.35, 0.1)), ((0.12, 0.95, 0.6), (0.07, 0.35, 0.1)),
        ((-0.2, 0.6, 0.95), (0.05, 0.05, 0.05)), ((0.2, 0.6, 0.95), (0.05, 0.05, 0.05)),
    )  # fmt: skip


def snowman() -> Scan:
    return blobs(
        ((0, 0, 0), (1, 1, 1)), ((0, 1.4, 0), (0.7, 0.7, 0.7)), ((0, 1.4, 0.75), (0.08, 0.08, 0.3)),
        ((-0.25, 1.6, 0.6), (0.1, 0.1, 0.1)), ((0.25, 1.6, 0.6), (0.1, 0.1, 0.1)), ((0, 1.1, 0.62), (0.3, 0.05, 0.05)),
    )  # fmt: skip


def cube() -> Scan:
    import trimesh

    box = trimesh.creation.box()
    return Scan("cube", np.array(box.vertices), np.array(box.faces))


@needs_networks
@pytest.mark.parametrize("make", [bunny, snowman, cube, lambda: blobs(((0, 0, 0), (1, 1, 1)))])
def test_what_is_no_face_is_refused(make):
    with pytest.raises(
        MienError, match="no face was found from any side, at any scale, expected a scan of one head"
    ):
        prepare_scan(clean_scan(make()))


def test_the_back_of_a_head_is_refused(head, prepared):
    from mien.scan.clean import select_faces

    behind = prepared.scan.vertices[:, 2] < -0.07
    back = select_faces(head[0], behind[head[0].triangles].all(axis=1))
    with pytest.raises(MienError, match="expected a scan of one head"):
        prepare_scan(clean_scan(back))


def test_proportions_tell_a_face_from_its_flat_and_hollow_twins(head):
    face = head[1]
    assert what_is_no_face(face) == ""
    assert what_is_no_face(face * 250 @ rotation(1).T) == ""
    assert "nose" in what_is_no_face(face * [1, 1, 0.1])
    assert "nose" in what_is_no_face(face * [1, 1, -1])
    assert what_is_no_face(face * [2.5, 1, 1]) != ""


def test_mesh_rows_are_mirror_twins():
    """Under the network's own symmetry the 68 rows map onto each other: blends on both sides are the same."""
    rng = np.random.default_rng(0)
    mesh = rng.normal(size=(468, 3))
    shares = np.array([multi_pie(np.eye(468)[:, i : i + 1])[:, 0] for i in range(468)]).T
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    np.testing.assert_allclose(shares @ mesh, multi_pie(mesh))
    np.testing.assert_allclose(np.sort(shares, axis=1), np.sort(shares[MIRROR_68], axis=1))


def test_view_lifts_what_it_projects():
    view = OrthographicView(rotation(2), np.array([1.0, 2.0, 3.0]), 0.7, 200)
    points = np.random.default_rng(1).normal(size=(20, 3))
    projected = view.project(points)
    np.testing.assert_allclose(view.lift(projected[:, :2], projected[:, 2]), points, atol=1e-12)


def test_surfaces_seen_from_behind_are_dark():
    square = Scan(
        "s", np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]), np.array([[0, 1, 2], [0, 2, 3]])
    )
    view = OrthographicView(np.eye(3), np.zeros(3), 1.5, 64)
    canvas = make_canvas(replace(square, vertex_colours=np.ones((4, 3))))
    front = draw(canvas, view).image[32, 32]
    flat = draw(canvas, view, flat=True)
    assert flat.raster.triangle[32, 32] >= 0
    assert flat.raster.triangle[2, 2] == -1
    assert front.min() > 180
    from mien.scan.landmarks.orthographic import _light

    assert _light(np.array([[0.0, 0, -1]]))[0] < 0.2 < 0.8 < _light(np.array([[0.0, 0, 1]]))[0]


def test_robust_mean_ignores_outliers():
    rng = np.random.default_rng(5)
    truth = rng.normal(size=(7, 3))
    samples = truth + 0.01 * rng.normal(size=(40, 7, 3))
    samples[:12] += 5.0
    weight = np.ones((40, 7))
    weight[:, 6] = 0.0
    centre, spread = robust_mean(samples, weight, 0.02)
    assert np.abs(centre[:6] - truth[:6]).max() < 0.01
    assert np.isnan(centre[6]).all()
    assert (spread[:6] < 0.05).all()


DATA = Path(os.environ.get("MIEN_DATA", "/nonexistent"))


@pytest.fixture(scope="module")
def james():
    folder = DATA / "scans" / "james"
    if not folder.is_dir():
        pytest.skip("MIEN_DATA does not point to the folder with scans/james")
    return clean_scan(load_scan(folder / "james.obj", folder / "james.jpg")), read_landmarks(
        folder / "james.ljson"
    )[0]


@needs_networks
@pytest.mark.data
@pytest.mark.parametrize("turned", [False, True])
def test_james(james, turned):
    scan, truth = james
    turn = rotation(11) if turned else np.eye(3)
    found = prepare_scan(replace(scan, vertices=scan.vertices @ turn.T))
    error = np.linalg.norm(in_file_space(found) - truth @ turn.T, axis=1)
    assert found.unit_note.startswith("unit mm")
    assert error[17:].mean() < 2.5  # millimetres


@needs_networks
@pytest.mark.data
def test_james_without_colour(james):
    scan, truth = james
    found = prepare_scan(replace(scan, textures=(), corner_uvs=None, triangle_texture=None))
    assert np.linalg.norm(in_file_space(found) - truth, axis=1)[17:].mean() < 3.6


@needs_networks
@pytest.mark.data
def test_lee_has_no_unit_and_its_picture_counts_v_from_the_bottom():
    folder = DATA / "scans" / "lee-perry-smith"
    if not folder.is_dir():
        pytest.skip("MIEN_DATA does not point to the folder with scans/lee-perry-smith")
    scan = clean_scan(load_scan(folder / "LeePerrySmith.glb", folder / "color.jpg"))
    found = prepare_scan(scan)
    assert "no unit fits" in found.unit_note
    assert found.notes == (UPSIDE_DOWN,)
    right_way = replace(scan, corner_uvs=scan.corner_uvs * [1.0, -1.0] + [0.0, 1.0])
    assert prepare_scan(right_way).notes == ()
