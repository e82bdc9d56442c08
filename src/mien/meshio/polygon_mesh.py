"""A studio's mesh as its file has it: polygons, vertex order, texture coordinates, materials, groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.core.errors import MienError, readable
from mien.core.files import sha256_of
from mien.core.mesh import PolygonMesh, Polygons
from mien.meshio.gltf import read_bare_gltf
from mien.meshio.load import check_finite
from mien.meshio.obj_plain import read_text
from mien.meshio.obj_text import ObjText
from mien.meshio.raw_mesh import merge_positions

_STATEMENTS = (b"o", b"g", b"s", b"usemtl")
_PLAIN = "head"  # the material of faces that name none


def read_polygon_mesh(path: Path) -> PolygonMesh:
    """OBJ (polygons and order kept) or glTF/GLB (triangles, seams welded), in the file's own coordinates.

    Refuses with `MienError`: another format, a damaged file, no faces, faces without texture coordinates.
    """
    path = Path(path)
    readers = {".obj": _from_obj, ".glb": _from_gltf, ".gltf": _from_gltf}
    if path.suffix.lower() not in readers:
        raise MienError(
            f"{path}: {path.suffix or 'no'} file ending, expected a base mesh as .obj, .glb or .gltf; "
            "export it in one of these formats"
        )
    if not path.is_file():
        raise MienError(f"{path}: no such file; check the path given to --topology")
    mesh = readers[path.suffix.lower()](path)
    _check(path, mesh)
    return mesh


def _check(path: Path, mesh: PolygonMesh) -> None:
    if not len(mesh.polygons.counts):
        raise MienError(f"{path}: holds 0 faces, expected a base mesh; export it with faces")
    check_finite(str(path), mesh.vertices)
    bare = int((np.minimum.reduceat(mesh.polygons.corner_uvs, _starts(mesh.polygons)) < 0).sum())
    if bare:
        raise MienError(
            f"{path}: {bare} of {len(mesh.polygons.counts)} faces have no texture coordinates, expected them "
            "on every face; unwrap the base mesh and export it with UVs"
        )


def _starts(polygons: Polygons) -> np.ndarray:
    return np.cumsum(polygons.counts) - polygons.counts


def _from_obj(path: Path) -> PolygonMesh:
    text = ObjText.read(path)
    content, face_rows = read_text(text)
    statements = _statements(text, face_rows)
    uses = [(face, line.split(maxsplit=1)[1]) for face, line in statements if line.startswith("usemtl ")]
    names = [_PLAIN, *dict.fromkeys(name for _, name in uses)]
    start = np.array([0, *(face for face, _ in uses)])
    index = np.array([0, *(names.index(name, 1) for _, name in uses)])
    material = index[np.searchsorted(start, np.arange(len(content.counts)), side="right") - 1]
    vertex, uv = content.corners[:, 0].copy(), content.corners[:, 1].copy()
    return PolygonMesh(
        path.stem,
        np.ascontiguousarray(content.vertices[:, :3]),
        content.uvs,
        Polygons(content.counts, vertex, uv, tuple(statements)),
        material,
        tuple(names),
        sha256_of(path),
    )


def _statements(text: ObjText, face_rows: np.ndarray) -> list[tuple[int, str]]:
    """Object, group, smoothing and material lines, and the number of the face before which each stands."""
    rows = np.sort(np.concatenate([text.rows(keyword) for keyword in _STATEMENTS]))
    faces = np.searchsorted(face_rows, rows)
    return [(int(f), readable(text.line(r))) for f, r in zip(faces, rows.tolist(), strict=True)]


def _from_gltf(path: Path) -> PolygonMesh:
    """Vertices that were split at seams are welded; each corner keeps its own texture coordinate."""
    raw, parts = read_bare_gltf(path)
    runs = [(_material(name, i), count) for i, (name, count) in enumerate(parts)]
    kept, remap = merge_positions(raw.vertices)
    triangles = remap[raw.triangles]
    corner_uvs = np.full(triangles.size, -1)
    uvs = np.zeros((0, 2))
    if raw.corner_uvs is not None:
        flat = raw.corner_uvs.reshape(-1, 2)
        known = np.isfinite(flat).all(axis=1)
        uvs, inverse = np.unique(flat[known], axis=0, return_inverse=True)
        corner_uvs[known] = inverse.ravel()
    names = tuple(dict.fromkeys(name for name, _ in runs))
    material = np.repeat([names.index(n) for n, _ in runs], [count for _, count in runs])
    polygons = Polygons(np.full(len(triangles), 3), triangles.ravel(), corner_uvs)
    return PolygonMesh(
        path.stem,
        raw.vertices[kept],
        uvs,
        polygons,
        material,
        names,
        sha256_of(path),
    )


def _material(name: str | None, number: int) -> str:
    return _PLAIN if name is None else name or f"{_PLAIN}_{number}"
