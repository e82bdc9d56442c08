"""A base mesh: reading it, its adapter, and a person on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.anatomy.parts import place_parts
from mien.bake.colour import tile_of
from mien.basemesh.asset import on_base_mesh
from mien.basemesh.attach import attach, normals_of
from mien.basemesh.base_mesh import BaseMesh, read_base_mesh
from mien.basemesh.bind import BoundMesh, bind_base_mesh
from mien.basemesh.carry import carry
from mien.basemesh.fit_quality import residual
from mien.basemesh.ict import ict_folder
from mien.basemesh.loops import margins
from mien.basemesh.maps import _split_tile
from mien.basemesh.shapes import carried_shapes
from mien.core.conventions import SHAPE_INDEX
from mien.core.errors import MienError
from mien.core.face import Template
from mien.core.mesh import Image, PolygonMesh, Polygons
from mien.evaluate.measures.coarse_mesh import PLACED, make_coarse_identity, write_coarse_obj
from mien.export.obj import write_obj as export_obj
from mien.meshio.polygon_mesh import read_polygon_mesh
from mien.rigging.head import RiggedHead
from mien.rigging.personal import build_rig
from mien.rigging.rig import Rig
from mien.template.load import load_template


@pytest.fixture(scope="module")
def template() -> Template:
    return load_template()


@pytest.fixture(scope="module")
def person(template: Template) -> Rig:
    weights = np.zeros(len(template.identity.modes))
    weights[:4] = (-0.8, 0.5, 0.6, -0.4)
    head = template.identity.heads(template.vertices, weights).astype(float)
    return build_rig(template, head)


def _as_base_mesh(template: Template) -> BaseMesh:
    """The template as a studio would bring it: centimetres, a file's own material names."""
    quads, quad_uvs = template.topology.quads, template.topology.quad_uvs
    materials = tuple(dict.fromkeys(part.material for part in template.parts))
    index = np.zeros(len(quads), int)
    for part in template.parts:
        index[part.quads] = materials.index(part.material)
    polygons = Polygons(np.full(len(quads), 4), quads.ravel(), quad_uvs.ravel())
    return BaseMesh(
        PolygonMesh("own", template.vertices * 100.0, template.topology.uvs, polygons, index, materials)
    )


@pytest.fixture(scope="module")
def own(template: Template) -> BoundMesh:
    return bind_base_mesh(template, _as_base_mesh(template))


@pytest.fixture(scope="module")
def coarse(template: Template, tmp_path_factory: pytest.TempPathFactory) -> BoundMesh:
    """The coarse head, its true registration given: the test is of the adapter."""
    base = read_base_mesh(write_coarse_obj(tmp_path_factory.mktemp("mesh") / "coarse.obj", template))
    truth = place_parts(template, make_coarse_identity(template))
    back = PLACED.inverse().matrix @ np.diag([0.01, 0.01, 0.01, 1.0])
    fit = (truth, back, template.landmarks.on(truth, template.topology))
    return bind_base_mesh(template, base, fit=fit)


def test_the_template_as_base_mesh_gives_back_the_same_head_and_shapes(
    template: Template, own: BoundMesh, person: Rig
) -> None:
    loops = margins(template, own)
    carried = carry(template, own, person.neutral, loops)
    shapes = carried_shapes(template, own, carried, person, loops)
    weld = own.base.weld
    np.testing.assert_allclose(carried.vertices[weld], person.neutral, atol=1e-6)
    np.testing.assert_allclose(shapes[:, weld], person.shapes, atol=2e-6)
    assert carried.flipped == 0


def test_a_coarse_mesh_lies_on_the_person_and_keeps_its_faces(
    template: Template, coarse: BoundMesh, person: Rig
) -> None:
    carried = carry(template, coarse, person.neutral, margins(template, coarse))
    measured = residual(template, coarse, carried, person.neutral)
    assert measured["mesh_to_person_median"] < 0.12
    assert measured["mesh_to_person_p95"] < 0.6
    assert carried.flipped == 0


def test_lids_close_and_lips_seal_on_the_coarse_mesh(
    template: Template, coarse: BoundMesh, person: Rig
) -> None:
    loops = margins(template, coarse)
    carried = carry(template, coarse, person.neutral, loops)
    shapes = carried_shapes(template, coarse, carried, person, loops)[:, coarse.skin]
    skin = carried.vertices[coarse.skin]
    blink = skin + shapes[SHAPE_INDEX["eyeBlinkLeft"]]
    upper, lower = blink[loops["lid_upper_left"]], blink[loops["lid_lower_left"]]
    open_now = np.linalg.norm(skin[loops["lid_upper_left"]].mean(0) - skin[loops["lid_lower_left"]].mean(0))
    assert np.linalg.norm(upper.mean(0) - lower.mean(0)) < 0.15 * open_now
    sealed = skin + shapes[SHAPE_INDEX["jawOpen"]] + shapes[SHAPE_INDEX["mouthClose"]]
    opened = skin + shapes[SHAPE_INDEX["jawOpen"]]
    middle = [loops[f"lips_inner_{lip}"][len(loops[f"lips_inner_{lip}"]) // 2] for lip in ("upper", "lower")]
    assert np.linalg.norm(opened[middle[0]] - opened[middle[1]]) > 0.015
    assert np.linalg.norm(sealed[middle[0]] - sealed[middle[1]]) < 0.003
    x = coarse.attachment.of(template.vertices[:, 0])
    assert np.abs(shapes[SHAPE_INDEX["mouthSmileLeft"]][x < -0.010]).max() < 2e-5


def test_polygons_and_vertex_order_survive_the_export(
    template: Template, coarse: BoundMesh, person: Rig, tmp_path: Path
) -> None:
    asset = on_base_mesh(RiggedHead("head", template, person, {}), coarse, 64)
    export_obj(asset, tmp_path)
    written, source = read_polygon_mesh(tmp_path / "head.obj"), coarse.base.mesh
    assert np.array_equal(written.polygons.corners, source.polygons.corners)
    assert np.array_equal(written.polygons.counts, source.polygons.counts)
    assert np.array_equal(written.polygons.corner_uvs, source.polygons.corner_uvs)
    assert written.polygons.statements == source.polygons.statements
    np.testing.assert_allclose(written.uvs, source.uvs, atol=1e-6)
    np.testing.assert_allclose(written.vertices, asset.rig.neutral, atol=1e-6)
    assert len(asset.rig.neutral) == len(source.vertices)
    np.testing.assert_allclose(asset.rig.joint_weights.sum(axis=1), 1.0)


def test_colour_comes_back_through_the_adapter(template: Template, own: BoundMesh) -> None:
    """On the template's own UVs a map is read at its own texel centres."""
    rng = np.random.default_rng(0)
    maps = {
        f"{name}_albedo": Image(rng.random((64, 64, 3)).astype(np.float32), "srgb")
        for name in ("face", "head")
    }
    rig = build_rig(template, template.vertices)
    asset = on_base_mesh(RiggedHead("head", template, rig, maps), own, 64)
    for name in ("face", "head"):
        inside = tile_of(template, name, 64).covered
        error = np.abs(asset.maps[f"{name}_albedo"].pixels - maps[f"{name}_albedo"].pixels)[inside]
        assert np.percentile(error, 99) < 1 / 255, name


def test_confidence_of_face_and_head_is_carried(template: Template, coarse: BoundMesh, person: Rig) -> None:
    seen, albedo = Image(np.ones((32, 32, 1), np.float32)), Image(np.ones((32, 32, 3), np.float32), "srgb")
    maps = {"face_albedo": albedo, "head_albedo": albedo, "head_confidence": seen}
    asset = RiggedHead("head", template, person, maps, confidence=seen)
    carried = on_base_mesh(asset, coarse, 64).maps
    for index, number in enumerate((1001, 1002)):
        tile, welded = _split_tile(coarse, coarse.base.quad_set == index, number, 64)
        weights = np.isin(welded, np.flatnonzero(coarse.pieces.kind == "skin")).astype(float)
        skin = tile.image(tile.at_texels(weights)) > 0.99
        assert skin.any()
        # the rest lies on lips and sockets, which have no confidence
        assert (carried[f"skin.{number}_confidence"].pixels[..., 0][skin] > 0.999).mean() > 0.97


def test_a_smooth_colour_survives_other_uvs(template: Template, coarse: BoundMesh, person: Rig) -> None:
    """A colour that is a function of the place on the person is found again in turned UVs and UDIM tiles."""
    low, high = person.neutral.min(axis=0), person.neutral.max(axis=0)
    colour = (person.neutral - low) / (high - low)
    maps = {}
    for name in ("face", "head"):
        tile = tile_of(template, name, 256)
        maps[f"{name}_albedo"] = Image(tile.image(tile.at_texels(colour)).astype(np.float32), "linear")
    asset = on_base_mesh(RiggedHead("head", template, person, maps), coarse, 128)
    assert {"skin.1001_albedo", "skin.1002_albedo"} <= set(asset.maps)
    assert asset.maps["skin.1001_albedo"].pixels.min() > 0  # gutters are filled
    base = coarse.base
    tile, welded = _split_tile(coarse, base.quad_set == 0, 1001, 128)
    weld_place = np.zeros((len(base.welded_first), 3))
    weld_place[base.weld] = asset.rig.neutral
    expected = (tile.at_texels(weld_place[welded]) - low) / (high - low)
    error = np.abs(asset.maps["skin.1001_albedo"].pixels[tile.covered] - expected)
    assert np.median(error) < 0.005
    assert np.percentile(error, 95) < 0.03


def test_attached_points_move_rigidly_with_their_surface() -> None:
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), -1).reshape(-1, 2)
    vertices = np.c_[grid, 0.2 * np.sin(grid).sum(axis=1)] * 0.01
    cell = np.arange(35)[np.arange(35) % 6 != 5][:25]
    triangles = np.concatenate([np.c_[cell, cell + 1, cell + 7], np.c_[cell, cell + 7, cell + 6]])
    points = vertices[triangles].mean(axis=1)[::3] + rng.normal(0, 5e-4, (17, 3))
    hung = attach(points, np.tile([0.0, 0, 1], (17, 1)), vertices, triangles)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    moved = vertices @ turn.T + [0.1, -0.2, 0.3]
    result = hung.moved(moved, normals_of(moved, triangles), hung.offset)
    np.testing.assert_allclose(result, points @ turn.T + [0.1, -0.2, 0.3], atol=1e-12)


def test_fan_quads_cover_every_polygon() -> None:
    polygons = Polygons(np.array([3, 4, 5, 6, 7]), np.arange(25), np.arange(25))
    quads, face = polygons.fan_quads
    triangles = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    whole = triangles[(triangles[:, 1] != triangles[:, 2])]
    assert len(whole) == sum(n - 2 for n in polygons.counts)
    starts = np.cumsum(polygons.counts) - polygons.counts
    expected = [
        (s, s + k, s + k + 1) for s, n in zip(starts, polygons.counts, strict=True) for k in range(1, n - 1)
    ]
    assert sorted(map(tuple, whole.tolist())) == sorted(expected)
    assert np.bincount(face).tolist() == [1, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "have no texture coordinates"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\n", "0 faces"),
    ],
)
def test_meshes_that_cannot_be_used_are_refused(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "mesh.obj"
    path.write_text(text)
    with pytest.raises(MienError, match=expected) as refusal:
        read_base_mesh(path)
    assert "\n" not in str(refusal.value)


def test_other_files_and_folders_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MienError, match=r"\.obj, \.glb or \.gltf"):
        read_base_mesh(tmp_path / "mesh.fbx")
    with pytest.raises(MienError, match=r"generic_neutral_mesh\.obj"):
        read_base_mesh(tmp_path)
    monkeypatch.delenv("MIEN_ICT", raising=False)
    with pytest.raises(MienError, match="--ict-folder"):
        ict_folder(None)


def test_a_wrong_landmark_count_is_refused(template: Template, coarse: BoundMesh, tmp_path: Path) -> None:
    path = tmp_path / "points.txt"
    path.write_text("0 0 0\n" * 60)
    with pytest.raises(MienError, match="68 or 51") as refusal:
        bind_base_mesh(template, coarse.base, path)
    assert "\n" not in str(refusal.value)


def test_a_mesh_that_is_no_head_is_refused(template: Template, coarse: BoundMesh, tmp_path: Path) -> None:
    flat = replace(coarse.base.mesh, vertices=coarse.base.mesh.vertices * [1.0, 1.0, 0.01])
    points = tmp_path / "points.npy"
    truth = np.linalg.inv(coarse.transform)
    places = template.landmarks.on(coarse.registered, template.topology) @ truth[:3, :3].T + truth[:3, 3]
    np.save(points, places * [1.0, 1.0, 0.01])
    with pytest.raises(MienError) as refusal:
        bind_base_mesh(template, BaseMesh(flat), points)
    assert "--topology: the base mesh" in str(refusal.value)
    assert "--topology-landmarks" in str(refusal.value)
    assert "\n" not in str(refusal.value)
