"""A scan file of any kind as one `Scan`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from mien.core.errors import MienError
from mien.core.files import sha256_of
from mien.core.mesh import Scan
from mien.meshio.colour_named import colour_named
from mien.meshio.gltf import read_gltf
from mien.meshio.obj import read_obj
from mien.meshio.ply_stl import read_ply, read_stl
from mien.meshio.raw_mesh import RawMesh, merge_positions
from mien.meshio.udim import place_textures, tiles_of
from mien.meshio.unread_formats import what_to_do

READERS = {".obj": read_obj, ".ply": read_ply, ".stl": read_stl, ".gltf": read_gltf, ".glb": read_gltf}


def load_scan(path: Path, albedo: Path | None = None) -> Scan:
    """Reads OBJ (+MTL), PLY, STL or glTF/GLB (Draco too) into triangles, in the file's own coordinates.

    Vertices at equal positions are merged, so that the surface is connected across texture seams;
    `corner_uvs` keep the seams (origin bottom-left). `albedo` replaces every texture and needs a scan
    with UVs. `sha256` covers the scan and every file that it drew from. Refuses with `MienError`: a
    file that is missing, empty, cut off, of another format, without faces, with NaN or infinite
    coordinates of vertices that faces use, or whose texture is missing.
    """
    path = Path(path)
    _check_file(path)
    raw = READERS[path.suffix.lower()](path, ignore_textures=albedo is not None)
    _check_mesh(path, raw)
    if albedo is not None:
        _override_textures(path, raw, Path(albedo))
    elif raw.vertex_colours is None and not raw.textures:
        _note_colour_left_out(path, raw)
    if raw.corner_uvs is not None:
        _into_unit_tile(raw)
    kept, remap = merge_positions(raw.vertices)
    return Scan(
        name=path.stem,
        vertices=raw.vertices[kept],
        triangles=remap[raw.triangles],
        corner_uvs=raw.corner_uvs,
        triangle_texture=raw.triangle_texture,
        textures=tuple(raw.textures),
        vertex_colours=None if raw.vertex_colours is None else raw.vertex_colours[kept],
        sha256=_combined_hash([path, *raw.read]),
        unit_metres=raw.unit_metres,
        sources=(path, *raw.read),
        notes=tuple(raw.notes),
    )


def _check_file(path: Path) -> None:
    if path.suffix.lower() not in READERS:
        what, advice = what_to_do(path.suffix)
        raise MienError(f"{path}: is {what}, expected one of {', '.join(READERS)}; {advice}")
    if not path.is_file():
        raise MienError(f"{path}: no such file; check the path of the scan")
    if path.stat().st_size == 0:
        raise MienError(f"{path}: is empty (0 bytes), expected a scan; export or copy it again")


def _check_mesh(path: Path, raw: RawMesh) -> None:
    if not len(raw.triangles):
        raise MienError(
            f"{path}: holds {len(raw.vertices)} vertices and 0 faces, expected a mesh; "
            "export the scan with faces (a point cloud must be meshed first)"
        )
    low, high = int(raw.triangles.min()), int(raw.triangles.max())
    if low < 0 or high >= len(raw.vertices):
        raise MienError(
            f"{path}: a face names vertex {high if low >= 0 else low} but there are only "
            f"{len(raw.vertices)} (counted from 0); the file looks cut off, export or copy it again"
        )
    used = used_vertices(len(raw.vertices), raw.triangles)
    check_finite(str(path), raw.vertices, used)
    _drop_holes(raw, used)


def _note_colour_left_out(path: Path, raw: RawMesh) -> None:
    """The general check behind every reader: a scan without colour whose file names some says so."""
    named = colour_named(path)
    if named:
        more = f" and {len(named) - 3} more" if len(named) > 3 else ""
        raw.notes.append(
            f"the file names colour ({', '.join(named[:3])}{more}), but none of it could be read"
        )


def _drop_holes(raw: RawMesh, used: Bool[np.ndarray, " N"]) -> None:
    """Takes out points without finite coordinates, which no face uses: the holes of depth cameras."""
    finite = np.isfinite(raw.vertices).all(axis=1)
    if finite.all():
        return
    raw.notes.append(f"{(~finite).sum()} points without coordinates, which no face uses, were left out")
    raw.vertices, raw.triangles = raw.vertices[finite], (np.cumsum(finite) - 1)[raw.triangles]
    if raw.vertex_colours is not None:
        raw.vertex_colours = raw.vertex_colours[finite]


def used_vertices(n_vertices: int, triangles: Int[np.ndarray, "M 3"]) -> Bool[np.ndarray, " N"]:
    """Which vertices any triangle has."""
    used = np.zeros(n_vertices, bool)
    used[triangles] = True
    return used


def check_finite(name: str, vertices: np.ndarray, used: np.ndarray | None = None) -> None:
    """Refuses NaN and infinite coordinates (of vertices in use), with their count and the first vertex."""
    finite = np.isfinite(vertices).all(axis=1)
    bad = np.flatnonzero(~finite if used is None else ~finite & used)
    if len(bad):
        raise MienError(
            f"{name}: {len(bad)} of {len(vertices)} vertices have NaN or infinite coordinates (the first "
            f"is vertex {bad[0]}, counted from 0), expected finite numbers; repair or re-export the scan"
        )


def _override_textures(path: Path, raw: RawMesh, albedo: Path) -> None:
    if raw.corner_uvs is None:
        raise MienError(
            f"{path}: has no texture coordinates, so --albedo {albedo.name} cannot be placed on it; "
            "export the scan with UVs or leave --albedo out"
        )
    place_textures(raw, np.zeros(len(raw.triangles), np.int64), [albedo], "--albedo")


def _into_unit_tile(raw: RawMesh) -> None:
    """Whole triangles moved by whole tiles into 0..1 (a texture repeats); unknown UVs (NaN) become 0."""
    assert raw.corner_uvs is not None
    tile = tiles_of(raw.corner_uvs)
    if tile is not None:
        raw.corner_uvs -= tile[:, None, :]
        if raw.textures:
            raw.notes.append("UVs reach beyond 0..1: the texture repeats")
    np.nan_to_num(raw.corner_uvs, copy=False)


def _combined_hash(paths: list[Path]) -> str:
    """SHA-256 of the one file, or of the digests of several in reading order."""
    digests = [sha256_of(p) for p in paths]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256(b"".join(bytes.fromhex(d) for d in digests)).hexdigest()
