"""Masks: every form says the same, wrong ones are refused, what is masked is not followed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial import cKDTree

from mien.core.errors import MienError
from mien.core.face import PreparedScan
from mien.core.mesh import Scan
from mien.export.write_masks import _painted_ply
from mien.geometry.normals import vertex_normals
from mien.register.run import linear_fit, register
from mien.scan.mask import check_mask_file, draw_masks, mask_at, mask_shares, unwanted, wanted, with_mask
from mien.synth.scans.beards import Bearded, bearded, error_under
from mien.synth.scans.synthetic_scan import Recipe, synthetic
from mien.template.load import load_template

SIDE = 21


def sheet(textures: int = 1) -> PreparedScan:
    """A square of triangles in the plane, UVs as positions; with two textures the upper half has the second."""
    xs, ys = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE))
    vertices = np.stack([xs, ys, 0 * xs], -1).reshape(-1, 3)
    index = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    a, b, c, d = (m.ravel() for m in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    corner_uvs = vertices[triangles][..., :2]
    upper = corner_uvs[..., 1].mean(axis=1) > 0.5
    texture = np.where(upper & (textures > 1), 1, 0)
    blank = np.zeros((64, 64, 3), np.uint8)
    scan = Scan("sheet", vertices, triangles, corner_uvs, texture, (blank,) * textures)
    return PreparedScan(scan, np.eye(4), np.zeros((68, 3)), np.ones(68), "metres")


def save(path: Path, pixels: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), pixels)
    return path


def left_black(value: int = 0, kind: type = np.uint8) -> np.ndarray:
    top = np.iinfo(kind).max
    image = np.full((100, 100), top, kind)
    image[:, :50] = value
    return image


def with_alpha(mask: np.ndarray) -> np.ndarray:
    return np.dstack([np.full((*mask.shape, 3), 77, np.uint8), mask])


@pytest.mark.parametrize(
    "image",
    [left_black(), np.dstack([left_black()] * 3), left_black(kind=np.uint16), with_alpha(left_black())],
    ids=["grey", "colour", "16 bit", "transparency"],
)
def test_black_is_ignored_and_white_followed(tmp_path: Path, image: np.ndarray) -> None:
    mask = with_mask(sheet(), save(tmp_path / "mask.png", image)).scan.vertex_mask
    assert mask is not None
    x = sheet().scan.vertices[:, 0]
    assert (unwanted(mask[x < 0.45]) == 1).all()
    assert (wanted(mask[x > 0.55]) == 1).all()


def test_grey_is_left_to_mien(tmp_path: Path) -> None:
    mask = with_mask(sheet(), save(tmp_path / "mask.png", left_black(128))).scan.vertex_mask
    assert mask is not None
    grey = mask[sheet().scan.vertices[:, 0] < 0.45]
    assert (wanted(grey) == 0).all()
    assert (unwanted(grey) == 0).all()


@pytest.mark.parametrize(
    ("suffix", "image"),
    [
        (".png", left_black() // 255),
        (".png", np.dstack([left_black() // 255] * 3)),
        (".png", left_black(kind=np.uint16) // 257),
        (".tif", (left_black() / 255.0).astype(np.float32)),
        (".tif", left_black().astype(np.float32)),
        (".tif", left_black(kind=np.uint16).astype(np.float32)),
        (".png", np.dstack([np.full((100, 100, 3), 65535, np.uint16), left_black(kind=np.uint16)])),
    ],
    ids=["labels", "coloured labels", "8 bit in 16", "floats", "floats to 255", "floats to 65535", "16 bit alpha"],
)  # fmt: skip
def test_a_mask_is_read_by_its_range_and_not_by_its_type(
    tmp_path: Path, suffix: str, image: np.ndarray
) -> None:
    mask = with_mask(sheet(), save(tmp_path / f"mask{suffix}", image)).scan.vertex_mask
    assert mask is not None
    x = sheet().scan.vertices[:, 0]
    assert (mask[x < 0.45] == 0).all()
    assert (mask[x > 0.55] == 1).all()


def test_a_few_transparent_pixels_do_not_undo_what_is_painted(tmp_path: Path) -> None:
    image = np.dstack([left_black()] * 3 + [np.full((100, 100), 255, np.uint8)])
    image[:30, 90:, 3] = 0  # erased: ignored, too
    mask = with_mask(sheet(), save(tmp_path / "mask.png", image)).scan.vertex_mask
    assert mask is not None
    x, y = sheet().scan.vertices[:, 0], sheet().scan.vertices[:, 1]
    assert (mask[x < 0.45] == 0).all()
    assert (mask[(x > 0.55) & (x < 0.85)] == 1).all()
    assert (mask[(x > 0.95) & (y > 0.75)] == 0).all()


def test_a_photograph_with_what_is_not_wanted_erased_is_a_mask(tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (100, 100, 3)).astype(np.uint8)
    image = np.dstack([photo, left_black()])
    mask = with_mask(sheet(), save(tmp_path / "mask.png", image)).scan.vertex_mask
    assert mask is not None
    x = sheet().scan.vertices[:, 0]
    assert (mask[x < 0.45] == 0).all()
    assert (mask[x > 0.55] == 1).all()


def test_masks_of_a_folder_are_found_in_any_case(tmp_path: Path) -> None:
    save(tmp_path / "Mask.0.PNG", left_black())
    save(tmp_path / "mask.1.png", left_black())
    check_mask_file(tmp_path)
    assert len(with_mask(sheet(textures=2), tmp_path).scan.masks) == 2


def test_a_painted_ply_may_hold_points_without_coordinates(tmp_path: Path) -> None:
    scan = sheet().scan
    values = (scan.vertices[:, 0] > 0.5).astype(float)
    holes = np.where(np.arange(len(values))[:, None] == 7, np.nan, scan.vertices)
    (tmp_path / "m.ply").write_bytes(_painted_ply(holes, scan, values))
    mask = with_mask(sheet(), tmp_path / "m.ply").scan.vertex_mask
    assert mask is not None
    np.testing.assert_array_equal(np.delete(mask, 7), np.delete(values, 7))


def test_the_images_origin_is_the_textures(tmp_path: Path) -> None:
    image = np.full((100, 100), 255, np.uint8)
    image[:30] = 0  # the top of the image: high v
    mask = with_mask(sheet(), save(tmp_path / "mask.png", image)).scan.vertex_mask
    assert mask is not None
    y = sheet().scan.vertices[:, 1]
    assert (mask[y > 0.75] == 0).all()
    assert (mask[y < 0.65] == 1).all()


def test_what_is_drawn_is_read_back(tmp_path: Path) -> None:
    prepared = sheet(textures=2)
    values = np.where(np.linalg.norm(prepared.scan.vertices[:, :2] - 0.5, axis=1) < 0.3, 0.0, 1.0)
    for number, image in enumerate(draw_masks(prepared.scan, values)):
        save(tmp_path / f"mask.{number}.png", image)
    masked = with_mask(prepared, tmp_path).scan
    assert masked.vertex_mask is not None
    clear = np.abs(np.linalg.norm(prepared.scan.vertices[:, :2] - 0.5, axis=1) - 0.3) > 0.06
    np.testing.assert_array_equal(masked.vertex_mask[clear] > 0.5, values[clear] > 0.5)
    rows = np.arange(len(masked.triangles))
    middle = mask_at(masked, rows, np.full((len(rows), 3), 1 / 3))
    np.testing.assert_allclose(middle, values[masked.triangles].mean(axis=1), atol=0.7)


def test_a_painted_ply_is_found_by_position(tmp_path: Path) -> None:
    prepared = replace(sheet(), transform=np.diag([0.1, 0.1, 0.1, 1.0]))
    prepared = replace(prepared, scan=replace(prepared.scan, vertices=0.1 * prepared.scan.vertices))
    values = (prepared.scan.vertices[:, 0] > 0.05).astype(float)
    order = np.random.default_rng(0).permutation(len(values))  # another program's vertex order
    there = np.argsort(order)
    shuffled = Scan("x", prepared.scan.vertices[order], there[prepared.scan.triangles])
    (tmp_path / "m.ply").write_bytes(_painted_ply(10 * shuffled.vertices, shuffled, values[order]))
    np.testing.assert_array_equal(with_mask(prepared, tmp_path / "m.ply").scan.vertex_mask, values)
    (tmp_path / "far.ply").write_bytes(_painted_ply(shuffled.vertices + 99, shuffled, values[order]))
    with pytest.raises(MienError, match="own coordinates"):
        with_mask(prepared, tmp_path / "far.ply")


def test_wrong_masks_are_refused(tmp_path: Path) -> None:
    black = save(tmp_path / "black.png", np.zeros((10, 10), np.uint8))
    with pytest.raises(MienError, match="invert it"):
        with_mask(sheet(), black)
    with pytest.raises(MienError, match=r"1 mask images, but sheet has 2 textures"):
        with_mask(sheet(textures=2), black)
    bare = replace(sheet(), scan=replace(sheet().scan, corner_uvs=None, triangle_texture=None, textures=()))
    with pytest.raises(MienError, match=r"no texture coordinates.*mask\.ply"):
        with_mask(bare, black)
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(MienError, match="not a readable image"):
        with_mask(sheet(), tmp_path / "broken.png")
    with pytest.raises(MienError, match="not a readable image"):
        check_mask_file(tmp_path / "broken.png")
    for path, words in (("none.png", "no such file"), (".", r"mask\.png"), ("a.txt", "file ending")):
        (tmp_path / "a.txt").write_text("1")
        with pytest.raises(MienError, match=words):
            check_mask_file(tmp_path / path)


def test_what_is_no_mask_is_refused_and_another_shape_told(tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (100, 100, 3)).astype(np.uint8)
    with pytest.raises(MienError, match=r"is coloured, expected a mask"):
        with_mask(sheet(), save(tmp_path / "photo.png", photo))
    grey = np.dstack([np.tile(np.linspace(0, 255, 100).astype(np.uint8), (100, 1))] * 3)
    with pytest.raises(MienError, match=r"tones between, expected a mask"):
        with_mask(sheet(), save(tmp_path / "grey.png", grey))
    told = with_mask(sheet(), save(tmp_path / "wide.png", np.tile(left_black(), (1, 2)))).notes
    assert "200 x 100, not of the shape of the texture (64 x 64)" in told[-1]
    assert with_mask(sheet(), save(tmp_path / "square.png", left_black())).notes == ()


def test_shares_of_a_mask() -> None:
    assert mask_shares(np.array([1.0, 1.0, 0.0, 0.5])) == (0.5, 0.25)


@pytest.fixture(scope="module")
def hairy() -> Bearded:
    template = load_template()
    made = synthetic(template, 0, Recipe(triangles=15_000, holes=0, clutter=0, expression=0.0))
    return bearded(template, made, seed=0)


def test_the_linear_fit_tells_a_beard_with_a_mask_and_without(hairy: Bearded) -> None:
    template = load_template()
    truth = vertex_normals(hairy.made.truth, template.topology.triangles)
    under = (hairy.under > 0.5) & (template.regions["measured"] > 0.5) & (template.regions["scalp"] < 0.1)
    outward, bare = {}, {}
    white = replace(hairy.masked, scan=_all_white(hairy.made.prepared.scan))
    for way, prepared in (("mask", hairy.masked), ("guess", hairy.made.prepared), ("followed", white)):
        fit = linear_fit(template, prepared, lambda _: None)
        outward[way] = 1000 * np.median(((fit.vertices - hairy.made.truth) * truth).sum(axis=1)[under])
        bare[way] = np.zeros(len(template.vertices))
        bare[way][fit.skin.index] = fit.bare
    assert abs(outward["mask"]) < 1.0  # of lumps that stand off 8 mm
    assert outward["guess"] < 0.8 * outward["followed"]
    for way in ("mask", "guess"):
        assert np.median(bare[way][under]) < 0.05
        assert np.median(bare[way][_cheek(template)]) > 0.9
    assert bare["followed"][under].min() > 0.99


def test_a_mask_on_the_forehead_leaves_the_rest_of_the_head() -> None:
    template = load_template()
    made = synthetic(template, 3, Recipe(triangles=15_000, holes=0, clutter=0, expression=0.0))
    scan = made.prepared.scan
    up = scan.vertices - made.prepared.landmarks[17:27].mean(axis=0)
    forehead = (np.abs(up[:, 0]) < 0.045) & (up[:, 1] > 0.008) & (up[:, 1] < 0.05) & (up[:, 2] > -0.04)
    assert forehead.mean() > 0.01
    masked = replace(made.prepared, scan=replace(scan, vertex_mask=np.where(forehead, 0.0, 0.5)))
    plain, hidden = (linear_fit(template, p, lambda _: None) for p in (made.prepared, masked))
    away = cKDTree(scan.vertices[forehead]).query(plain.start)[0] > 0.015
    measured = away & (plain.bare > 0.5) & (plain.skin.measured > 0.5)
    moved = np.linalg.norm(hidden.start - plain.start, axis=1)[measured]
    assert 1000 * moved.max() < 0.3
    assert abs(hidden.head.pose.scale / plain.head.pose.scale - 1) < 0.001
    assert (hidden.bare > 0.5)[measured].mean() > 0.995
    assert hidden.bare[~away].min() < 0.05


@pytest.mark.slow
def test_under_a_beard_the_face_comes_back_with_a_mask_and_nearly_so_without() -> None:
    template = load_template()
    case = bearded(template, synthetic(template, 0), seed=0)
    guessed, masked = register(template, case.made.prepared), register(template, case.masked)
    followed = register(template, replace(case.masked, scan=_all_white(case.made.prepared.scan)))
    errors = [error_under(template, found, case) for found in (masked, guessed, followed)]
    given, auto, none = (e["under_beard_median_mm"] for e in errors)
    assert given < 1.2
    assert auto < 1.8
    assert none > 4.0
    under = (case.under > 0.5) & (template.regions["measured"] > 0.5)
    assert masked.confidence[under].mean() < 0.4 < 0.8 < masked.confidence[_cheek(template)].mean()


def _all_white(scan: Scan) -> Scan:
    return replace(scan, vertex_mask=np.ones(len(scan.vertices)))


def _cheek(template) -> np.ndarray:  # type: ignore[no-untyped-def]
    return (template.regions["cheek_left"] > 0.9) & (template.regions["beard"] < 0.1)
