"""Makes examples/demo_scan.glb: a person who does not exist, as a scanner would have seen them.

A head of the template's identity basis, not quite symmetric, with a trace of expression and generated
skin; then what scanners do to heads: one irregular triangle mesh with the eyes fused to the lids, noise,
holes at the crown, behind the ears and under the chin, an open neck, a cylindrical texture with its own
seam, centimetres, and a head that is not quite upright. The same bytes on every run.

    python -m tools.make_demo_scan OUT.glb
    python -m tools.build_assets demo_scan    # puts it among the examples
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pygltflib as gltf
from scipy import sparse

from mien.anatomy.eyeball import IRIS_RADIUS, PUPIL_RADIUS, SCLERA_RADIUS, surface_radius
from mien.anatomy.parts import place_parts
from mien.bake.colour_confidence import openness
from mien.bake.texture_sampling import read_bilinear
from mien.core.conventions import linear_to_srgb, shape_weights, srgb_to_linear, uv_to_pixel
from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.closest import ClosestPoint
from mien.geometry.laplacian import graph_laplacian
from mien.geometry.normals import vertex_normals
from mien.geometry.raster import rasterize
from mien.geometry.solve import SpdSolver
from mien.geometry.uvspace import fill_gutter
from mien.template.load import load_template
from mien.textures.eyes import IRIS_COLOURS
from mien.textures.invented_skin import GeneratedLook, generated_skin

SEED = 7
TONE = 0.3
LOOK = GeneratedLook(masculine=0.45, stubble=0.0, freckles=0.4)
EXPRESSION = {"mouthSmileLeft": 0.12, "mouthSmileRight": 0.06, "browInnerUp": 0.1, "eyeSquintLeft": 0.12}
TRIANGLES = 40_000
NOISE = 0.0001  # metres
TEXTURE = (1024, 2048)  # rows, columns
JPEG_QUALITY = 88
_EYE_ROWS = 9


@dataclass(frozen=True)
class Surface:
    """A coloured triangle mesh: per triangle either a tile with UVs, or an eye."""

    vertices: np.ndarray
    triangles: np.ndarray
    uvs: np.ndarray  # (T, 3, 2); NaN on eyes
    tile: np.ndarray  # 0 face, 1 head, 2 eye


def person(template: Template, rng: np.random.Generator) -> np.ndarray:
    """Identity, asymmetry and a trace of expression; (V, 3) metres."""
    modes = template.identity.modes
    weights = rng.normal(0, 1, len(modes)) * np.where(np.arange(len(modes)) < 12, 0.75, 0.55)
    head = template.identity.heads(template.vertices, weights)
    head = head + _asymmetry(template, head, rng)
    head += np.tensordot(shape_weights(EXPRESSION), template.shapes, axes=1)
    return place_parts(template, head)


def _asymmetry(template: Template, head: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Smooth offsets of about half a millimetre that are no mirror image of themselves."""
    n = template.topology.n_vertices
    smooth = SpdSolver(sparse.identity(n) + 300.0 * graph_laplacian(n, template.topology.edges))
    field = smooth.solve(smooth.solve(rng.standard_normal((n, 3))))
    skin = template.vertex_mask("face", "head")
    odd = np.where(skin[:, None], field - field[template.mirror] * [-1, 1, 1], 0.0)
    return 0.0005 * odd / odd[skin].std()


def visible_surface(template: Template, head: np.ndarray) -> Surface:
    """Skin that light reaches, and the eyes between the lids, sewn together."""
    topology = template.topology
    rows, tile = [], []
    for k, name in enumerate(("face", "head")):
        quads = template.part(name).quads
        rows.append(np.arange(2 * quads.start, 2 * quads.stop))
        tile.append(np.full(len(rows[-1]), k))
    chosen, tiles = np.concatenate(rows), np.concatenate(tile)
    open_enough = openness(template, head)[topology.triangles[chosen]].min(axis=1) > 0.12
    lid = np.zeros(len(head), bool)
    for loop in template.loops:
        if loop.startswith("lid_"):
            lid[template.loops[loop]] = True
    open_enough |= lid[topology.triangles[chosen]].any(axis=1)
    chosen, tiles = chosen[open_enough], tiles[open_enough]
    vertices, triangles = [head], [topology.triangles[chosen]]
    for side in ("left", "right"):
        points, faces = _eye_patch(template, head, side, sum(len(v) for v in vertices))
        vertices.append(points)
        triangles.append(faces)
    n_eyes = sum(len(t) for t in triangles[1:])
    uvs = topology.uvs[topology.triangle_uvs[chosen]]
    return Surface(
        np.concatenate(vertices),
        np.concatenate(triangles),
        np.concatenate([uvs, np.full((n_eyes, 3, 2), np.nan)]),
        np.concatenate([tiles, np.full(n_eyes, 2)]),
    )


def eye_centre(template: Template, head: np.ndarray, side: str) -> tuple[np.ndarray, float]:
    """Centre and radius of the sclera's sphere, from the back of the ball."""
    ball = head[template.part(f"eye_{side}").vertices]
    back = ball[ball[:, 2] < np.quantile(ball[:, 2], 0.5)]
    system = np.column_stack([2 * back, np.ones(len(back))])
    solution = np.linalg.lstsq(system, (back**2).sum(axis=1), rcond=None)[0]
    return solution[:3], float(np.sqrt(solution[3] + solution[:3] @ solution[:3]))


def _eye_patch(template: Template, head: np.ndarray, side: str, start: int) -> tuple[np.ndarray, np.ndarray]:
    """The ball between the lids' inner edges: new points, and triangles that share the lids' vertices."""
    upper = template.loops[f"lid_inner_upper_{side}"]
    lower = template.loops[f"lid_inner_lower_{side}"]
    centre, radius = eye_centre(template, head, side)
    t = np.linspace(0, 1, _EYE_ROWS + 2)[1:-1]
    inner = slice(1, len(upper) - 1)
    points = head[upper[inner]][None] * (1 - t)[:, None, None] + head[lower[inner]][None] * t[:, None, None]
    way = points - centre
    way /= np.linalg.norm(way, axis=2, keepdims=True)
    angle = np.arccos(np.clip(way[..., 2], -1, 1))
    points = centre + way * surface_radius(angle, radius)[..., None]
    columns = len(upper) - 2
    grid = np.empty((_EYE_ROWS + 2, columns + 2), np.int64)
    grid[0], grid[-1] = upper, lower
    grid[1:-1, 1:-1] = start + np.arange(_EYE_ROWS * columns).reshape(_EYE_ROWS, columns)
    grid[1:-1, 0], grid[1:-1, -1] = upper[0], upper[-1]
    quads = np.stack([grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]], axis=-1).reshape(-1, 4)
    triangles = split_quads(quads)
    proper = (np.diff(np.sort(triangles, axis=1), axis=1) > 0).all(axis=1)
    triangles = triangles[proper]
    every = np.concatenate([head, np.zeros((start - len(head), 3)), points.reshape(-1, 3)])
    corner = every[triangles]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    if (normal[:, 2]).sum() < 0:
        triangles = triangles[:, ::-1]
    return points.reshape(-1, 3), triangles


def scanned(surface: Surface, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Irregular triangles with noise and holes; metres."""
    import fast_simplification
    import igl

    used, compact = np.unique(surface.triangles, return_inverse=True)
    fine_v, fine_f = igl.loop(surface.vertices[used], compact.reshape(-1, 3).astype(np.int64), 1)
    # Noise first: smooth areas would otherwise be simplified to a few huge triangles.
    fine_v = fine_v + vertex_normals(fine_v, fine_f) * rng.normal(0, 0.7 * NOISE, (len(fine_v), 1))
    ratio = 1.0 - TRIANGLES / len(fine_f)
    v, f = fast_simplification.simplify(fine_v.astype(np.float32), fine_f.astype(np.int32), ratio, agg=4)
    v, f = v.astype(np.float64), f.astype(np.int64)
    v += vertex_normals(v, f) * rng.normal(0, NOISE, (len(v), 1))
    f = f[~_holes(v, f)]
    used, compact = np.unique(f, return_inverse=True)
    return v[used], compact.reshape(-1, 3)


def _holes(v: np.ndarray, f: np.ndarray) -> np.ndarray:
    """True where the cameras did not look: crown, behind the ears, under the chin."""
    centre = v[f].mean(axis=1)
    normal = np.cross(v[f[:, 1]] - v[f[:, 0]], v[f[:, 2]] - v[f[:, 0]])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    wobble = 0.004 * np.sin(170 * centre[:, 0] + 1.0) * np.cos(140 * centre[:, 2])
    top = v[:, 1].max()
    crown = np.hypot(centre[:, 0] - 0.004, centre[:, 2] + 0.085) < 0.026 + wobble
    crown &= centre[:, 1] > top - 0.04
    at_ear = (np.abs(centre[:, 0]) > 0.062) & (np.abs(centre[:, 1] + 0.03) < 0.032)
    behind = at_ear & (normal[:, 2] < -0.55) & (centre[:, 2] < -0.06) & (centre[:, 2] > -0.105)
    ragged = centre[:, 1] < v[:, 1].min() + 0.06 + 1.2 * wobble
    return crown | behind | ragged


def paint(template: Template, surface: Surface, head: np.ndarray, v: np.ndarray, f: np.ndarray) -> tuple:
    """Cylindrical texture (uint8 sRGB) and corner UVs (origin bottom-left) of the scanned mesh."""
    corner_uvs = _cylinder(v, f)
    rows, columns = TEXTURE
    pixel = uv_to_pixel(corner_uvs.reshape(-1, 2), rows, columns)
    radius = np.hypot(v[:, 0], v[:, 2] + 0.06)[f].ravel()
    ids = np.arange(3 * len(f)).reshape(-1, 3)
    raster = rasterize(pixel, -radius, ids, rows, columns)
    covered = raster.covered
    points = np.einsum("nk,nkd->nd", raster.barycentric[covered], v[f[raster.triangle[covered]]])
    image = np.zeros((rows, columns, 3), np.float32)
    image[covered] = _colour_at(template, surface, head, points)
    image = linear_to_srgb(fill_gutter(image, covered))
    return np.round(255 * image).astype(np.uint8), corner_uvs


def _cylinder(v: np.ndarray, f: np.ndarray) -> np.ndarray:
    """u round the vertical axis with the seam at the back, v along it."""
    angle = np.arctan2(v[:, 0], v[:, 2] + 0.06)[f]
    wraps = angle.max(axis=1) - angle.min(axis=1) > np.pi
    angle[wraps] = np.where(angle[wraps] < 0, angle[wraps] + 2 * np.pi, angle[wraps])
    u = 0.5 + angle / (2 * np.pi)
    u = 0.02 + 0.96 * u / max(1.0, float(u.max()))
    low, high = v[:, 1].min(), v[:, 1].max()
    return np.stack([u, 0.02 + 0.96 * ((v[:, 1] - low) / (high - low))[f]], axis=2)


def _colour_at(template: Template, surface: Surface, head: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Linear colour of the person at points near the surface."""
    skin = generated_skin(template, TONE, SEED, 2048, LOOK)
    images = [np.round(255 * skin[name].pixels).astype(np.uint8) for name in ("face", "head")]
    hits = ClosestPoint(surface.vertices, surface.triangles).query(points)
    uv = np.einsum("nk,nkd->nd", hits.barycentric, surface.uvs[hits.triangle])
    tile = surface.tile[hits.triangle]
    out = np.zeros((len(points), 3), np.float32)
    for k, image in enumerate(images):
        rows = tile == k
        out[rows] = read_bilinear(image, uv_to_pixel(uv[rows], *image.shape[:2]))
    eye = tile == 2
    out[eye] = _eye_colour(template, head, points[eye])
    return out


def _eye_colour(template: Template, head: np.ndarray, points: np.ndarray) -> np.ndarray:
    out = np.zeros((len(points), 3))
    for side, sign in (("left", 1), ("right", -1)):
        rows = np.sign(points[:, 0]) == sign
        centre, radius = eye_centre(template, head, side)
        from_axis = np.hypot(*(points[rows, :2] - centre[:2]).T) * SCLERA_RADIUS / radius
        iris = srgb_to_linear(np.array(IRIS_COLOURS["brown"]))
        sclera = srgb_to_linear(np.array([0.84, 0.80, 0.78]))
        lit = iris * (0.6 + 0.8 * np.clip(from_axis / IRIS_RADIUS, 0, 0.85))[:, None]
        lit = np.where(from_axis[:, None] < PUPIL_RADIUS, 0.012, lit)
        edge = np.clip((from_axis - IRIS_RADIUS) / 0.0007 + 0.5, 0, 1)[:, None]
        out[rows] = lit * (1 - edge) + sclera * edge
    return out


def write_glb(path: Path, v: np.ndarray, f: np.ndarray, corner_uvs: np.ndarray, texture: np.ndarray) -> None:
    """One mesh, one JPEG; vertices split where UVs differ."""
    key = np.column_stack([f.ravel(), np.round(corner_uvs.reshape(-1, 2) * 65535)]).astype(np.int64)
    unique, index = np.unique(key, axis=0, return_inverse=True)
    position = v[unique[:, 0]].astype(np.float32)
    uv = (unique[:, 1:] / 65535.0).astype(np.float32)
    uv[:, 1] = 1 - uv[:, 1]  # glTF's origin is at the top
    ok, jpeg = cv2.imencode(".jpg", texture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert ok
    chunks = [position.tobytes(), uv.tobytes(), index.astype(np.uint32).tobytes(), jpeg.tobytes()]
    blob, views = b"", []
    for chunk in chunks:
        views.append(gltf.BufferView(buffer=0, byteOffset=len(blob), byteLength=len(chunk)))
        blob += chunk + b"\0" * (-len(chunk) % 4)
    low, high = position.min(axis=0).tolist(), position.max(axis=0).tolist()
    accessors = [
        gltf.Accessor(bufferView=0, componentType=5126, count=len(position), type="VEC3", min=low, max=high),
        gltf.Accessor(bufferView=1, componentType=5126, count=len(uv), type="VEC2"),
        gltf.Accessor(bufferView=2, componentType=5125, count=index.size, type="SCALAR"),
    ]
    surface = gltf.PbrMetallicRoughness(
        baseColorTexture=gltf.TextureInfo(index=0), metallicFactor=0.0, roughnessFactor=0.7
    )
    attributes = gltf.Attributes(POSITION=0, TEXCOORD_0=1)
    scene = gltf.GLTF2(
        asset=gltf.Asset(version="2.0", generator="Mien make_demo_scan"),
        scene=0,
        scenes=[gltf.Scene(nodes=[0])],
        nodes=[gltf.Node(mesh=0, name="demo_scan")],
        meshes=[gltf.Mesh(primitives=[gltf.Primitive(attributes=attributes, indices=2, material=0)])],
        materials=[gltf.Material(pbrMetallicRoughness=surface)],
        textures=[gltf.Texture(source=0)],
        images=[gltf.Image(bufferView=3, mimeType="image/jpeg")],
        bufferViews=views,
        accessors=accessors,
        buffers=[gltf.Buffer(byteLength=len(blob))],
    )
    scene.set_binary_blob(blob)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(scene.save_to_bytes()))


def tilted_centimetres(v: np.ndarray) -> np.ndarray:
    """As the scanner's software left it: centimetres, turned a little, somewhere."""
    yaw, pitch, roll = np.radians([9.0, -6.0, 4.0])
    turn = cv2.Rodrigues(np.array([pitch, 0, 0]))[0] @ cv2.Rodrigues(np.array([0, yaw, 0]))[0]
    turn = turn @ cv2.Rodrigues(np.array([0, 0, roll]))[0]
    return 100.0 * v @ turn.T + [3.0, 151.0, -8.0]


def main(out: Path) -> None:
    template = load_template()
    rng = np.random.default_rng(SEED)
    head = person(template, rng)
    surface = visible_surface(template, head)
    v, f = scanned(surface, rng)
    texture, corner_uvs = paint(template, surface, head, v, f)
    write_glb(out, tilted_centimetres(v), f, corner_uvs, texture)
    print(out, f"{len(v)} vertices, {len(f)} triangles, {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
