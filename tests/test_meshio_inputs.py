"""What studios' scans hold: UDIM tiles, repeats, odd images, millions of lines; and what of it is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import MienError
from mien.core.mesh import Scan
from mien.geometry.cluster import (
    cluster_vertices,
    cluster_vertices_plain,
    connected_pieces,
    first_of_each,
    first_of_each_plain,
)
from mien.meshio.images import read_image, to_rgb8
from mien.meshio.load import load_scan
from mien.meshio.obj_fast import tokenize
from mien.meshio.obj_plain import read_plain
from mien.scan.clean import clean_scan
from mien.scan.decimate import light_scan
from mien.scan.landmarks.orthographic import sample_texture
from scan_files import glb, gltf_document, grid, obj_text

COLOURS = {(0, 0): (200, 30, 40), (1, 0): (20, 180, 60), (0, 1): (10, 40, 220)}


def write_png(path, pixels):
    import cv2

    path.write_bytes(cv2.imencode(path.suffix, np.ascontiguousarray(pixels[..., ::-1]))[1].tobytes())
    return path


def flat(colour, size=8):
    return np.full((size, size, 3), colour, np.uint8)


def tiled_sheet(tmp_path, mtl="", tiles=COLOURS):
    """A sheet in three pieces, one in each UDIM tile, with the tiles' pictures beside it."""
    vertices, triangles, uvs = grid(5)
    parts = [(vertices + [2.0 * i, 0, 0], 0.1 + 0.8 * uvs + t) for i, t in enumerate(COLOURS)]
    every = np.concatenate([p for p, _ in parts])
    faces = np.concatenate([triangles + i * len(vertices) for i in range(len(parts))])
    head = "mtllib m.mtl\nusemtl skin" if mtl else ""
    text = obj_text(every, faces, np.concatenate([t for _, t in parts]), head=head)
    (tmp_path / "s.obj").write_text(text)
    if mtl:
        (tmp_path / "m.mtl").write_text(f"newmtl skin\nmap_Kd {mtl}\n")
    for (u, v), colour in tiles.items():
        write_png(tmp_path / f"skin.{1001 + u + 10 * v}.png", flat(colour))
    return tmp_path / "s.obj"


def colour_at(scan, x):
    """The scan's colour (0..255) at the triangle whose middle is nearest to (x, 0.5)."""
    middle = scan.vertices[scan.triangles].mean(axis=1)
    t = int(np.argmin(np.abs(middle[:, :2] - [x, 0.5]).sum(axis=1)))
    uv = scan.corner_uvs[t].mean(axis=0)[None]
    assert (uv >= 0).all()
    assert (uv <= 1).all()
    return sample_texture(scan.textures[scan.triangle_texture[t]], uv)[0] * 255


@pytest.mark.parametrize(
    ("mtl", "albedo"),
    [
        ("skin.<UDIM>.png", None),
        ("skin.1001.png", None),
        ("", "skin.<UDIM>.png"),
        ("", "skin.1001.png"),
        ("other.png", "skin.1002.png"),  # any tile of the set will do
    ],
)
def test_each_udim_tile_has_its_own_image(tmp_path, mtl, albedo):
    path = tiled_sheet(tmp_path, mtl)
    scan = load_scan(path, tmp_path / albedo if albedo else None)
    for i, colour in enumerate(COLOURS.values()):
        np.testing.assert_allclose(colour_at(scan, 2 * i + 0.5), colour, atol=0.5)
    assert any("read as UDIM tiles 1001, 1011, 1002" in note for note in scan.notes)
    assert len(scan.sources) == 4 + bool(mtl and not albedo)


def test_udim_colours_survive_cleaning_and_baking_reads_them(tmp_path):
    from mien.bake.texture_sampling import ColourSource

    scan = clean_scan(load_scan(tiled_sheet(tmp_path, "skin.<UDIM>.png")))
    middle = np.full((len(scan.triangles), 3), 1 / 3)
    from mien.core.conventions import linear_to_srgb

    read = 255 * linear_to_srgb(ColourSource(scan).read(np.arange(len(scan.triangles)), middle))
    x = scan.vertices[scan.triangles].mean(axis=1)[:, 0]
    for i, colour in enumerate(COLOURS.values()):
        mine = (x > 2 * i) & (x < 2 * i + 1)
        assert mine.any()
        np.testing.assert_allclose(read[mine], np.tile(colour, (mine.sum(), 1)), atol=1.0)


def test_a_single_image_repeats_and_says_so(tmp_path):
    path = tiled_sheet(tmp_path, "one.png")
    write_png(tmp_path / "one.png", flat((50, 60, 70)))
    scan = load_scan(path)
    assert scan.triangle_texture.tolist() == [0] * len(scan.triangles)
    assert any("repeats" in note for note in scan.notes)
    np.testing.assert_allclose(colour_at(scan, 4.5), (50, 60, 70), atol=0.5)


def test_a_tile_without_image_has_no_colour_and_is_named(tmp_path):
    path = tiled_sheet(tmp_path, "skin.<UDIM>.png", {k: v for k, v in COLOURS.items() if k != (1, 0)})
    scan = load_scan(path)
    assert (scan.triangle_texture == -1).sum() == len(scan.triangles) // 3
    assert any("no image for 1002" in note for note in scan.notes)


def test_a_pattern_without_any_tile_is_refused(tmp_path):
    path = tiled_sheet(tmp_path, tiles={})
    with pytest.raises(MienError, match=r"none of its UDIM tiles.*1001"):
        load_scan(path, tmp_path / "skin.<UDIM>.png")


def test_gltf_with_several_materials_reads_each_image(tmp_path):
    vertices, triangles, uvs = grid(4)
    down = uvs * [1, -1] + [0, 1]
    png = write_png(tmp_path / "a.png", flat((200, 10, 20))).read_bytes()
    document, binary = gltf_document(vertices, triangles, down, image=png)
    other = write_png(tmp_path / "b.png", flat((10, 200, 20)))
    document["images"].append({"uri": other.name})
    document["textures"].append({"source": 1})
    document["materials"].append({"pbrMetallicRoughness": {"baseColorTexture": {"index": 1}}})
    second = {**document["meshes"][0]["primitives"][0], "material": 1}
    document["meshes"].append({"primitives": [second]})
    document["nodes"].append({"mesh": 1, "translation": [2, 0, 0]})
    document["scenes"][0]["nodes"] = [0, 1]
    (tmp_path / "s.glb").write_bytes(glb(document, binary))
    scan = load_scan(tmp_path / "s.glb")
    np.testing.assert_allclose(colour_at(scan, 0.5), (200, 10, 20), atol=0.5)
    np.testing.assert_allclose(colour_at(scan, 2.5), (10, 200, 20), atol=0.5)


@pytest.mark.parametrize(("mode", "expected"), [(33071, 1.0), (33648, 0.75), (10497, 0.25)])
def test_gltf_samplers_clamp_mirror_or_repeat(tmp_path, mode, expected):
    vertices, triangles, uvs = grid(4)
    png = write_png(tmp_path / "a.png", flat((200, 10, 20))).read_bytes()
    document, binary = gltf_document(
        vertices, triangles, np.full_like(uvs, 1.25) * [1, 0] + [0, 0.5], image=png
    )
    document["textures"][0]["sampler"] = 0
    document["samplers"] = [{"wrapS": mode}]
    (tmp_path / "s.glb").write_bytes(glb(document, binary))
    scan = load_scan(tmp_path / "s.glb")
    np.testing.assert_allclose(scan.corner_uvs[..., 0], expected, atol=1e-6)
    np.testing.assert_allclose(scan.corner_uvs[..., 1], 0.5, atol=1e-6)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bit_images_are_scaled_to_eight(tmp_path, suffix, channels):
    import cv2

    values = np.array([0, 257 * 10, 257 * 128 + 100, 65535], np.uint16)
    pixels = np.repeat(np.tile(values, (2, 1))[..., None], channels, axis=2)
    if channels == 4:
        pixels[..., 3] = 65535
    (tmp_path / f"i{suffix}").write_bytes(cv2.imencode(suffix, pixels.squeeze())[1].tobytes())
    read = read_image(tmp_path / f"i{suffix}", "--albedo")
    assert read.shape == (2, 4, 3)
    assert read[0, :, 0].tolist() == [0, 10, 128, 255]


@pytest.mark.parametrize("top", [255, 1023, 4095, 65535])
def test_fewer_bits_in_sixteen_are_scaled_by_their_range(top):
    values = np.array([[0, top // 3, top]], np.uint16)
    assert to_rgb8(values)[0, :, 0].tolist() == [0, 85, 255]
    dark = (np.array([[3, 9, 15]]) * 257).astype(np.uint16)  # a dark image of 8 bits, widened
    assert to_rgb8(dark)[0, :, 0].tolist() == [3, 9, 15]
    assert to_rgb8(np.array([[0, 5000, 16384]], np.uint16))[0, 2, 0] == 64


def test_exr_is_linear_light(tmp_path):
    import OpenEXR

    linear = np.zeros((2, 3, 3), np.float32)
    linear[..., 0], linear[..., 1] = 0.21586, 1.7  # sRGB 128; brighter than white
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"RGB": linear}) as file:
        file.write(str(tmp_path / "i.exr"))
    assert read_image(tmp_path / "i.exr", "--albedo")[0, 0].tolist() == [128, 255, 0]
    (tmp_path / "bad.exr").write_bytes(b"no exr")
    with pytest.raises(MienError, match="not a readable image"):
        read_image(tmp_path / "bad.exr", "--albedo")


def test_transparent_pixels_take_the_nearest_opaque_colour():
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:, :2] = (30, 20, 10, 255)  # BGRA
    pixels[:, 2:] = (0, 0, 255, 0)
    assert (to_rgb8(pixels) == (10, 20, 30)).all()


def test_alpha_means_nothing_where_the_format_does_not_use_it(tmp_path):
    pixels = np.full((4, 4, 4), (255, 10, 20, 30), np.uint8)  # alpha, red, green, blue
    pixels[:, 2:] = (0, 255, 0, 0)
    write_png(tmp_path / "a.png", pixels)
    assert (read_image(tmp_path / "a.png", "--albedo") == (10, 20, 30)).all()
    assert (read_image(tmp_path / "a.png", "the MTL file", alpha=False)[:, 2:] == (255, 0, 0)).all()


def test_grey_with_alpha_and_plain_grey():
    assert to_rgb8(np.full((2, 2), 7, np.uint8)).tolist() == np.full((2, 2, 3), 7).tolist()
    both = np.stack([np.full((2, 2), 9, np.uint8), np.full((2, 2), 255, np.uint8)], axis=2)
    assert to_rgb8(both).tolist() == np.full((2, 2, 3), 9).tolist()


# The fast OBJ reader against its plain twin.

number = st.one_of(
    st.floats(-1e6, 1e6).map(lambda x: f"{x:.6g}"),
    st.integers(-9999, 9999).map(str),
    st.floats(1e-30, 1e30).map(repr),
    st.floats(-1, 1).map(lambda x: f"{x:.4e}"),
    st.sampled_from(["+1.5", "-.25", "3.", "0", "-0.0", "1E3", "12345678901234567890"]),
)


@st.composite
def obj_files(draw):
    n = draw(st.integers(3, 6))
    lines = ["# made", "o thing"]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    extra = draw(st.integers(0, 4))
    for _ in range(n):
        gap = draw(st.sampled_from([" ", "  ", "\t"]))
        lines.append(
            draw(st.sampled_from(["", " "])) + "v" + gap + gap.join(draw(number) for _ in range(3 + extra))
        )
        lines.append(f"vt {draw(number)} {draw(number)}" + draw(st.sampled_from(["", " 0", "  # note"])))
    for _ in range(draw(st.integers(1, 4))):
        lines.append(draw(st.sampled_from(["usemtl a", "g b", "s off", "", "vn 0 0 1", "# f 1 2"])))
        form = draw(st.sampled_from(["{0}", "{0}/{1}", "{0}//1", "{0}/{1}/1", "{0}/"]))
        sign = draw(st.sampled_from([1, -1]))
        corners = [draw(st.integers(1, n)) * sign for _ in range(draw(st.integers(3, 5)))]
        lines.append("f " + " ".join(form.format(c, c) for c in corners) + draw(st.sampled_from(["", " "])))
    return end.join(lines) + draw(st.sampled_from(["", end]))


@settings(max_examples=60, deadline=None)
@given(obj_files())
def test_fast_obj_equals_plain(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.obj"
    path.write_bytes(text.encode())
    plain = read_plain(path)
    fast = tokenize(np.frombuffer(text.encode(), np.uint8))
    assert fast is not None
    np.testing.assert_allclose(fast.vertices[:, :3], plain.vertices[:, :3], rtol=3e-15)
    assert fast.vertices.shape == plain.vertices.shape
    np.testing.assert_allclose(fast.uvs, plain.uvs, rtol=3e-15)
    np.testing.assert_array_equal(fast.corners, plain.corners)
    np.testing.assert_array_equal(fast.counts, plain.counts)
    assert fast.words_face.tolist() == [face for _, face in plain.statements]


def test_short_decimals_are_read_to_the_last_bit():
    values = np.random.default_rng(0).normal(size=3000).round(9) * 100
    lines = [f"v {a:.9f} {b:.9g} {c:.6e}" for a, b, c in values.reshape(-1, 3)]
    data = ("\n".join(lines) + "\nf 1 2 3\n").encode()
    fast = tokenize(np.frombuffer(data, np.uint8))
    expected = [[float(x) for x in line.split()[1:]] for line in lines]
    np.testing.assert_array_equal(fast.vertices, expected)


@pytest.mark.parametrize(
    "line",
    ["v 1 2", "v 1 2 x", "v nan 0 0", "v 1e400 0 0", "f 1 2", "f 0 1 2", "f 1 2 9", "f 1/7 2 3", "f 1/2/3/4 2 3", "f -9 1 2", "vt 1", "v 0 0 \\"],
)  # fmt: skip
def test_the_fast_reader_leaves_odd_lines_to_the_plain_one(line):
    good = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1 2 3\n"
    assert tokenize(np.frombuffer(good.encode(), np.uint8)) is not None
    assert tokenize(np.frombuffer((good + line + "\n1\n").encode(), np.uint8)) is None


def test_huge_coordinates_keep_their_shape(tmp_path):
    vertices, triangles, _ = grid(6)
    far = 250_000 + 300 * vertices  # millimetres in a room's coordinates
    (tmp_path / "s.obj").write_text(obj_text(far, triangles))
    scan = clean_scan(load_scan(tmp_path / "s.obj"))
    assert len(scan.triangles) == len(triangles)
    np.testing.assert_allclose(scan.vertices, far, rtol=1e-8)


def test_several_loose_pieces_stay_and_dust_goes(tmp_path):
    vertices, triangles, _ = grid(8)
    n = len(vertices)
    body = np.concatenate([vertices, vertices + [0, 0, 0.3], [[0.5, 0.5, 9], [0.51, 0.5, 9], [0.5, 0.51, 9]]])
    faces = np.concatenate([triangles, triangles + n, [[2 * n, 2 * n + 1, 2 * n + 2]]])
    (tmp_path / "s.obj").write_text(obj_text(body, faces))
    assert len(clean_scan(load_scan(tmp_path / "s.obj")).triangles) == 2 * len(triangles)


def test_non_manifold_edges_stay(tmp_path):
    vertices, triangles, _ = grid(4)
    fin = np.concatenate([vertices, [[0.4, 0.4, 1.0]]])
    faces = np.concatenate([triangles, [[0, 1, len(vertices)]]])  # a third face on the edge 0 1
    (tmp_path / "s.obj").write_text(obj_text(fin, faces))
    assert len(clean_scan(load_scan(tmp_path / "s.obj")).triangles) == len(faces)


# Clustering, and the light copy made by it.


def ball(n=60, seed=0):
    """A closed ball with UVs by direction and a little noise."""
    rng = np.random.default_rng(seed)
    theta, phi = np.meshgrid(
        np.linspace(0.02, np.pi - 0.02, n), np.linspace(0, 2 * np.pi, 2 * n), indexing="ij"
    )
    points = np.stack([np.sin(theta) * np.cos(phi), np.cos(theta), np.sin(theta) * np.sin(phi)], axis=-1)
    grid_uv = np.stack([phi / (2 * np.pi), theta / np.pi], axis=-1)
    i = np.arange(n * 2 * n).reshape(n, 2 * n)
    wrap = i.copy()
    wrap[:, -1] = i[:, 0]  # the last column lies on the first
    quads = np.stack([i[:-1, :-1], i[:-1, 1:], i[1:, 1:], i[1:, :-1]], axis=-1).reshape(-1, 4)
    uv_triangles = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    triangles = wrap.ravel()[uv_triangles]
    vertices = points.reshape(-1, 3) * (1 + 0.0005 * rng.normal(size=(2 * n * n, 1)))
    return vertices, triangles, grid_uv.reshape(-1, 2)[uv_triangles]


@pytest.mark.parametrize("cell", [0.05, 0.3, 5.0])
def test_clusters_equal_components_of_edges_inside_cells(cell):
    vertices, triangles, _ = ball(20)
    fast = cluster_vertices(vertices, triangles, cell)
    np.testing.assert_array_equal(fast, cluster_vertices_plain(vertices, triangles, cell))
    pieces = connected_pieces(len(vertices) + 1, triangles)
    assert pieces.max() == len(np.setdiff1d(np.arange(len(vertices) + 1), triangles))


def test_sheets_that_touch_stay_apart():
    vertices, triangles, _ = grid(9)
    n = len(vertices)
    both = np.concatenate([vertices, vertices + [0, 0, 1e-4]])
    cluster = cluster_vertices(both, np.concatenate([triangles, triangles + n]), 0.3)
    assert not set(cluster[:n]) & set(cluster[n:])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_repeated_faces_equal_plain(seed, fold):
    rng = np.random.default_rng(seed)
    faces = np.array([rng.choice(5, 3, replace=False) for _ in range(30)])
    among = rng.random(30) < 0.8
    np.testing.assert_array_equal(
        first_of_each(faces, among, fold=fold), first_of_each_plain(faces, among, fold=fold)
    )


def test_a_light_copy_follows_surface_and_texture():
    vertices, triangles, uvs = ball(150)
    texture = np.zeros((512, 512, 3), np.uint8)
    texture[..., 0] = np.linspace(0, 255, 512)[None]
    texture[..., 1] = np.linspace(255, 0, 512)[:, None]
    scan = Scan(
        "ball", vertices, triangles, corner_uvs=uvs, textures=(texture,), vertex_mask=np.ones(len(vertices))
    )
    assert light_scan(scan, 60_000) is scan
    light = light_scan(scan, 6_000)
    assert 3_000 < len(light.triangles) < 10_000
    assert set(np.unique(light.triangles)) == set(range(len(light.vertices)))
    np.testing.assert_allclose(np.linalg.norm(light.vertices, axis=1), 1.0, atol=2e-3)
    # texture coordinates against the closed form at each corner, on both sides of the seam
    p = light.vertices[light.triangles]
    p = p / np.linalg.norm(p, axis=2, keepdims=True)
    inner = (np.abs(p[..., 1]) < 0.9).all(axis=1)
    u = (np.arctan2(p[..., 2], p[..., 0]) / (2 * np.pi)) % 1.0
    off = np.abs(light.corner_uvs[..., 0] - u)[inner]
    off = np.minimum(off, 1.0 - off)
    edge = np.sqrt(4 * np.pi / len(light.triangles)) / (2 * np.pi)
    assert np.percentile(off, 99) < 0.1 * edge
    span = np.ptp(light.corner_uvs[inner][..., 0], axis=1)
    assert (span < 0.5).all()  # no triangle is drawn across the whole texture at the seam
    v = np.arccos(p[..., 1]) / np.pi
    assert np.abs(light.corner_uvs[..., 1] - v)[inner].max() < 0.5 * edge
    assert (light.vertex_mask == 1).all()


def test_a_large_texture_is_carried_on_from_its_islands():
    from mien.bake.texture_sampling import bleed
    from mien.geometry.uvspace import fill_gutter

    rng = np.random.default_rng(0)
    texture = rng.integers(0, 255, (256, 256, 3)).astype(np.uint8)
    kept = np.zeros((64, 64), bool)
    kept[10:40, 12:50] = True
    whole = np.kron(kept, np.ones((4, 4), bool))
    out = bleed(texture, kept)
    np.testing.assert_array_equal(out[whole], texture[whole])
    exact = fill_gutter(texture, whole)
    beside = np.zeros_like(whole)
    beside[40:160, 48 - 8 : 48] = True  # left of the island, where rows lead to it
    np.testing.assert_array_equal(out[beside], exact[beside])
    far = out[200:, 220:].reshape(-1, 3)
    assert (np.abs(far.astype(int) - texture[whole].astype(int).mean(axis=0)) < 130).all()


def test_vertex_colours_of_a_dense_scan_are_read_through_its_light_copy():
    from mien.bake.texture_sampling import point_source
    from mien.core.conventions import linear_to_srgb, srgb_to_linear

    vertices, triangles, _ = ball(150)
    vertices *= 0.1
    colours = 0.5 + 0.4 * np.sin(60 * vertices / 0.1)  # waves finer than the light copy's edges can hold
    dense = Scan("ball", vertices, triangles, vertex_colours=colours)
    light = light_scan(dense, 6_000)
    middle = np.full((len(light.triangles), 3), 1 / 3)
    read = point_source(light, dense).read(np.arange(len(light.triangles)), middle)
    where = light.vertices[light.triangles].mean(axis=1)
    where *= 0.1 / np.linalg.norm(where, axis=1, keepdims=True)
    truth = srgb_to_linear(0.5 + 0.4 * np.sin(60 * where / 0.1))
    error = np.abs(linear_to_srgb(read.astype(float)) - linear_to_srgb(truth))
    through_light = np.abs(light.vertex_colours[light.triangles].mean(axis=1) - linear_to_srgb(truth))
    assert np.median(error) < 0.05
    assert np.median(error) < 0.5 * np.median(through_light)


def test_gains_of_many_nodes_are_those_of_the_direct_solution(monkeypatch):
    from mien.bake import seam_levelling as level

    n = 40  # two sheets of n x n nodes that meet at a seam, the second one brighter and shaded
    i = np.arange(n * n).reshape(n, n)
    edges = np.concatenate(
        [np.stack([i[:, :-1].ravel(), i[:, 1:].ravel()], 1), np.stack([i[:-1].ravel(), i[1:].ravel()], 1)]
    )
    edges = np.concatenate([edges, edges + n * n])
    pairs = np.stack([i[:, -1], i[:, 0] + n * n], 1)
    colour = np.zeros((2 * n * n, 3))
    colour[n * n :] = [0.3, 0.2, 0.1]
    colour[n * n :] += 0.1 * np.repeat(np.linspace(-1, 1, n), n)[:, None]
    trust = np.ones(2 * n * n)
    direct = level.solve_gains(colour, trust, pairs, edges)
    monkeypatch.setattr(level, "LARGE", 100)
    iterated = level.solve_gains(colour, trust, pairs, edges)
    assert np.abs(direct).max() > 0.1
    np.testing.assert_allclose(iterated, direct, atol=0.01 * np.abs(direct).max())
    closed = (colour + iterated)[pairs]
    assert np.abs(closed[:, 0] - closed[:, 1]).max() < 0.05
