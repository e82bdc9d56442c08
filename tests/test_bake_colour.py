"""Baking onto the template from scans of known colour."""

from dataclasses import replace
from functools import cache

import igl
import numpy as np
import pytest

from mien.bake.colour import bake_colour, tile_of
from mien.bake.colour_confidence import skin_index, skin_triangles
from mien.bake.skin_prior import tone_colour
from mien.core.conventions import linear_to_srgb, srgb_to_linear, uv_to_pixel
from mien.core.errors import MienError
from mien.core.face import PreparedScan
from mien.core.mesh import Scan
from mien.template.load import load_template

TEMPLATE = load_template()
RESOLUTION = 256


def truth(points: np.ndarray) -> np.ndarray:
    """Skin with waves of 25 to 60 mm in it: linear colour as a function of place, symmetric in x."""
    x, y = np.abs(points[..., 0]), points[..., 1]
    wave = 0.12 * np.sin(180 * x) * np.cos(140 * y) + 0.08 * np.sin(110 * y + 1.0)
    return tone_colour(0.25) * np.exp(wave[..., None] * np.array([0.6, 1.0, 1.1]))


@cache
def scan_mesh() -> tuple[np.ndarray, np.ndarray]:
    """The template's skin, tessellated otherwise."""
    vertices = TEMPLATE.vertices[skin_index(TEMPLATE)]
    fine, triangles = igl.loop(vertices, skin_triangles(TEMPLATE).astype(np.int64), 1)
    rng = np.random.default_rng(0)
    return fine, triangles[rng.permutation(len(triangles))].astype(np.int64)


def prepared(vertices: np.ndarray, triangles: np.ndarray, **colour: object) -> PreparedScan:
    landmarks = TEMPLATE.landmarks.on(TEMPLATE.vertices, TEMPLATE.topology)
    scan = Scan("known", vertices, triangles, **colour)  # type: ignore[arg-type]
    return PreparedScan(scan, np.eye(4), landmarks, np.ones(68), "metres")


@cache
def coloured() -> PreparedScan:
    vertices, triangles = scan_mesh()
    return prepared(vertices, triangles, vertex_colours=linear_to_srgb(truth(vertices)))


@cache
def half() -> PreparedScan:
    """The same, without the subject's left beyond 6 mm off the middle."""
    vertices, triangles = scan_mesh()
    kept = triangles[vertices[triangles][..., 0].max(axis=1) < 0.006]
    return prepared(vertices, kept, vertex_colours=linear_to_srgb(truth(vertices)))


@cache
def baked(which: str):
    scan = {"whole": coloured, "half": half}[which]()
    return bake_colour(TEMPLATE, TEMPLATE.vertices, scan, RESOLUTION)


def place_of(tile: str) -> tuple[np.ndarray, np.ndarray]:
    t = tile_of(TEMPLATE, tile, RESOLUTION)
    return t.covered, t.at_texels(TEMPLATE.vertices)


@pytest.mark.parametrize("tile", ["face", "head"])
def test_a_known_colour_comes_back(tile):
    result = baked("whole")
    covered, points = place_of(tile)
    sure = getattr(result, f"{tile}_confidence").pixels[covered][:, 0] > 0.99
    found = getattr(result, f"{tile}_albedo").pixels[covered][sure]
    error = np.abs(found - linear_to_srgb(truth(points[sure])))
    assert sure.mean() > (0.6 if tile == "face" else 0.75)
    assert np.median(error) < 0.002
    assert np.quantile(error, 0.999) < 0.02


def test_a_texture_comes_back_sharp_and_without_its_black_background():
    """A photograph from the front on black; stripes of 3 mm must keep their contrast."""
    vertices, triangles = scan_mesh()
    low, size = vertices[:, :2].min(axis=0) - 0.01, 0.36
    rows, columns = np.mgrid[0:1440, 0:1440]
    x = low[0] + (columns + 0.5) / 1440 * size
    y = low[1] + (1 - (rows + 0.5) / 1440) * size

    def stripes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        wave = 0.1 * np.sin(2 * np.pi * y / 0.003)
        return tone_colour(0.25) * np.exp(wave)[..., None]

    texture = np.round(255 * linear_to_srgb(stripes(x, y))).astype(np.uint8)
    uvs = (vertices[triangles][..., :2] - low) / size
    inside = np.zeros((1440, 1440), np.uint8)
    import cv2

    front = np.cross(*(vertices[triangles[:, k]] - vertices[triangles[:, 0]] for k in (1, 2)))[:, 2] > 0
    for corner in np.round(uv_to_pixel(uvs[front], 1440, 1440)).astype(np.int32):
        cv2.fillConvexPoly(inside, corner, 1)
    texture[inside == 0] = 0
    scan = prepared(
        vertices,
        triangles[front],
        corner_uvs=uvs[front],
        triangle_texture=np.zeros(front.sum(), np.int64),
        textures=(texture,),
    )
    result = bake_colour(TEMPLATE, TEMPLATE.vertices, scan, 512)
    tile = tile_of(TEMPLATE, "face", 512)
    points = tile.at_texels(TEMPLATE.vertices)
    middle = (np.abs(points[:, 0]) < 0.03) & (np.abs(points[:, 1] - 0.05) < 0.015)
    sure = (result.face_confidence.pixels[tile.covered][:, 0] > 0.99) & middle
    found = np.log(srgb_to_linear(result.face_albedo.pixels[tile.covered][sure]).mean(axis=1))
    ideal = np.log(stripes(points[sure, 0], points[sure, 1]).mean(axis=1))
    assert sure.sum() > 500
    gain = np.polyfit(ideal - ideal.mean(), found - found.mean(), 1)[0]
    assert gain > 0.8
    for tile_name in ("face", "head"):
        assert getattr(result, f"{tile_name}_albedo").pixels.min() > 0.03


def test_the_missing_half_is_the_mirrored_other():
    result, whole = baked("half"), baked("whole")
    covered, points = place_of("face")
    confidence = result.face_confidence.pixels[..., 0]
    gone = (confidence[covered] < 0.01) & (confidence[:, ::-1][covered] > 0.99) & (points[:, 0] > 0.015)
    assert gone.mean() > 0.2
    filled = result.face_albedo.pixels[covered][gone]
    error = np.abs(filled - whole.face_albedo.pixels[covered][gone])
    assert np.median(error) < 0.006
    assert np.quantile(error, 0.99) < 0.04


def test_confidence_is_zero_where_nothing_was_scanned():
    result = baked("half")
    for tile in ("face", "head"):
        covered, points = place_of(tile)
        beyond = points[:, 0] > 0.009
        assert getattr(result, f"{tile}_confidence").pixels[covered][beyond].max() == 0


@pytest.mark.parametrize("which", ["whole", "half"])
def test_every_texel_is_filled_and_none_is_black(which):
    result = baked(which)
    for tile in ("face", "head"):
        pixels = getattr(result, f"{tile}_albedo").pixels
        assert np.isfinite(pixels).all()
        assert pixels.min() > 0.05
        assert pixels.max() <= 1


@pytest.mark.parametrize("which", ["whole", "half"])
def test_no_step_between_face_and_head(which):
    result = baked(which)
    colours = {}
    topology = TEMPLATE.topology
    for tile in ("face", "head"):
        quads = TEMPLATE.part(tile).quads
        vertex, uv = topology.quads[quads].ravel(), topology.quad_uvs[quads].ravel()
        pixel = np.floor(uv_to_pixel(topology.uvs[uv], RESOLUTION, RESOLUTION)).astype(int)
        pixel = np.clip(pixel, 0, RESOLUTION - 1)
        colour = getattr(result, f"{tile}_albedo").pixels[pixel[:, 1], pixel[:, 0]]
        colours[tile] = dict(zip(vertex.tolist(), colour, strict=True))
    shared = sorted(colours["face"].keys() & colours["head"].keys())
    assert len(shared) > 50
    step = np.array([np.abs(colours["face"][v] - colours["head"][v]).max() for v in shared])
    assert np.median(step) < 0.015
    assert np.quantile(step, 0.95) < 0.06


def test_the_same_bytes_twice():
    again = bake_colour(TEMPLATE, TEMPLATE.vertices, half(), RESOLUTION)
    for name in ("face_albedo", "head_albedo", "face_confidence", "head_confidence"):
        assert getattr(again, name).pixels.tobytes() == getattr(baked("half"), name).pixels.tobytes()


def test_hair_on_the_scalp_and_a_green_shirt_are_not_baked():
    scan = coloured()
    colours = scan.scan.vertex_colours.copy()
    vertices = scan.scan.vertices
    colours[vertices[:, 1] > 0.075] = [0.12, 0.08, 0.05]
    colours[vertices[:, 1] < -0.15] = [0.6, 0.9, 0.7]
    dressed = replace(scan, scan=replace(scan.scan, vertex_colours=colours))
    result = bake_colour(TEMPLATE, TEMPLATE.vertices, dressed, RESOLUTION)
    for tile in ("face", "head"):
        covered, points = place_of(tile)
        other = (points[:, 1] > 0.083) | (points[:, 1] < -0.158)
        assert getattr(result, f"{tile}_confidence").pixels[covered][other].max() < 0.2
        pixels = getattr(result, f"{tile}_albedo").pixels[covered][other]
        assert (pixels[:, 0] > pixels[:, 1]).mean() > 0.99  # skin is redder than green
        assert np.median(pixels[:, 0]) > 0.4


def test_a_scan_without_colour_is_refused():
    vertices, triangles = scan_mesh()
    with pytest.raises(MienError, match=r"no colour .*--albedo"):
        bake_colour(TEMPLATE, TEMPLATE.vertices, prepared(vertices, triangles), 64)
