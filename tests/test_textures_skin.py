"""Static skin maps, normals from displacement, generated skin."""

from functools import cache

import numpy as np
import pytest

from mien.bake.colour import tile_of
from mien.bake.skin_prior import cheek_vertices
from mien.core.conventions import srgb_to_linear, uv_to_pixel
from mien.core.mesh import Image, Topology
from mien.geometry.uvspace import locate_texels
from mien.synth.skin.for_scans import synthetic_skin
from mien.template.load import load_template
from mien.template.regions import region
from mien.textures.brow_strokes import brow_strokes
from mien.textures.invented_skin import GeneratedLook, generated_skin
from mien.textures.skin import regional_fields, static_maps
from mien.textures.tangent import normal_from_displacement

TEMPLATE = load_template()


@cache
def skin(tone: float = 0.3, seed: int = 1, resolution: int = 256) -> dict[str, Image]:
    return generated_skin(TEMPLATE, tone, seed, resolution, GeneratedLook(stubble=0.5))


@cache
def maps() -> dict[str, Image]:
    return static_maps(TEMPLATE, TEMPLATE.vertices, skin())


@pytest.mark.parametrize("shear", [0.0, 0.6])
def test_normals_of_a_bump_on_a_plane(shear):
    """A Gaussian bump of known slope on a plane with a sheared, stretched UV."""
    vertices = np.array([[0, 0, 0], [0.2, 0, 0], [0.2 + 0.1 * shear, 0.1, 0], [0.1 * shear, 0.1, 0.0]])
    uvs = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
    quad = np.array([[0, 1, 2, 3]])
    topology = Topology(4, quad, uvs, quad)
    tile = locate_texels(topology, np.ones(1, bool), 400)
    place = tile.at_texels(vertices)[:, :2].astype(float)
    centre, sigma, height = vertices.mean(axis=0)[:2], 0.012, 0.002
    away = place - centre
    bump = height * np.exp(-(away**2).sum(axis=1) / (2 * sigma**2))
    slope = -bump[:, None] * away / sigma**2  # along x and y; T is x, B is y
    expected = np.column_stack([-slope, np.ones(len(slope))])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    displacement = Image(tile.image(1000 * bump)[..., None].astype(np.float32), "linear", "mm")
    normals = normal_from_displacement(displacement, tile, vertices, topology.triangles).pixels
    inner = tile.image((np.abs(away) < 0.03).all(axis=1)) > 0
    error = np.abs(2 * normals[inner] - 1 - expected[inner[tile.covered]])
    assert error.max() < 0.003
    assert np.abs(slope).max() > 0.09  # the bump is steep enough for the test to mean something


def test_flat_displacement_gives_flat_normals():
    for tile in ("face", "head"):
        np.testing.assert_array_equal(maps()[f"{tile}_displacement"].pixels, 0)
        flat = np.broadcast_to([0.5, 0.5, 1.0], maps()[f"{tile}_normal"].pixels.shape)
        np.testing.assert_allclose(maps()[f"{tile}_normal"].pixels, flat, atol=1e-6)


def test_the_maps_are_complete_and_in_range():
    kinds = {"albedo": 3, "specular": 1, "roughness": 1, "scatter": 1, "displacement": 1, "normal": 3}
    assert sorted(maps()) == sorted(f"{tile}_{kind}" for tile in ("face", "head") for kind in kinds)
    for name, image in maps().items():
        kind = name.split("_")[1]
        assert image.pixels.shape == (256, 256, kinds[kind])
        assert image.colour_space == ("srgb" if kind == "albedo" else "linear")
        assert image.unit == ("mm" if kind == "displacement" else "")
        assert np.isfinite(image.pixels).all()
        assert image.pixels.min() >= 0
        assert image.pixels.max() <= 1


def test_lips_and_nose_shine_more_than_cheeks_and_ears_scatter_most():
    specular, roughness, scatter = regional_fields(TEMPLATE).T

    def mean(field, name):
        return np.average(field, weights=region(TEMPLATE, name))

    for name in ("lips", "nose", "forehead"):
        assert mean(specular, name) > mean(specular, "cheek") > mean(specular, "brow")
        assert mean(roughness, name) < mean(roughness, "cheek")
    assert mean(scatter, "ear") > 0.9 > mean(scatter, "cheek")
    assert specular.max() <= 0.5


def test_fields_are_symmetric():
    fields = regional_fields(TEMPLATE)
    np.testing.assert_allclose(fields, fields[TEMPLATE.mirror], atol=1e-9)


def test_generated_skin_is_deterministic_and_follows_the_seed():
    again = generated_skin(TEMPLATE, 0.3, 1, 256, GeneratedLook(stubble=0.5))
    for tile in ("face", "head"):
        assert again[tile].pixels.tobytes() == skin()[tile].pixels.tobytes()
    assert (skin(seed=2)["face"].pixels != skin()["face"].pixels).any()


@pytest.mark.parametrize("generator", [generated_skin, synthetic_skin])
def test_both_generators_keep_to_the_one_interface(generator):
    pale, dark, other = (
        generator(TEMPLATE, tone, seed, 256) for tone, seed in ((0.1, 3), (0.9, 3), (0.1, 4))
    )
    assert sorted(pale) == ["face", "head"]
    for tile, image in pale.items():
        assert image.pixels.shape == (256, 256, 3)
        assert image.colour_space == "srgb"
        assert image.pixels.mean() > 1.2 * dark[tile].pixels.mean()
        assert (image.pixels != other[tile].pixels).any()
    again = generator(TEMPLATE, 0.1, 3, 256)
    assert all(again[tile].pixels.tobytes() == pale[tile].pixels.tobytes() for tile in pale)


def test_generated_skin_darkens_with_tone_and_is_never_black_nor_blue():
    tile = tile_of(TEMPLATE, "face", 256)
    cheek = tile.at_texels(cheek_vertices(TEMPLATE).astype(float)) > 0.5
    light = []
    for tone in (0.0, 0.3, 0.6, 1.0):
        pixels = srgb_to_linear(skin(tone)["face"].pixels)
        light.append(pixels[tile.covered][cheek].mean())
        assert (pixels[tile.covered][cheek][:, 0] > pixels[tile.covered][cheek][:, 2]).all()
        assert pixels.min() > 0.0005
    assert (np.diff(np.log(light)) < -0.3).all()


def test_no_step_between_face_and_head_in_generated_skin():
    topology = TEMPLATE.topology
    found = {}
    for tile in ("face", "head"):
        quads = TEMPLATE.part(tile).quads
        vertex, uv = topology.quads[quads].ravel(), topology.quad_uvs[quads].ravel()
        pixel = np.clip(np.floor(uv_to_pixel(topology.uvs[uv], 256, 256)).astype(int), 0, 255)
        found[tile] = dict(zip(vertex.tolist(), skin()[tile].pixels[pixel[:, 1], pixel[:, 0]], strict=True))
    shared = sorted(found["face"].keys() & found["head"].keys())
    step = np.array([found["face"][v] - found["head"][v] for v in shared])
    assert np.abs(step.mean(axis=0)).max() < 0.012
    assert np.quantile(np.abs(step), 0.95) < 0.12  # single hairs and pores, not a seam


def test_brows_lie_on_the_brows():
    tile = tile_of(TEMPLATE, "face", 512)
    hair = brow_strokes(TEMPLATE, 512, np.random.default_rng(0))[tile.covered]
    brow = tile.at_texels(region(TEMPLATE, "brow"))
    left = tile.at_texels(TEMPLATE.vertices)[:, 0] > 0
    assert hair[brow > 0.5].mean() > 0.3
    assert hair[brow > 0.02].sum() > 0.9 * hair.sum()
    assert hair[left].sum() == pytest.approx(hair[~left].sum(), rel=0.15)
