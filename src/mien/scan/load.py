"""A scan file of any kind as one `Scan`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from mien.core.errors import MienError
from mien.core.mesh import Scan
from mien.scan.gltf import read_gltf
from mien.scan.mesh_file import RawMesh, merge_positions, read_image
from mien.scan.obj import read_obj
from mien.scan.ply_stl import read_ply, read_stl

READERS = {".obj": read_obj, ".ply": read_ply, ".stl": read_stl, ".gltf": read_gltf, ".glb": read_gltf}


def load_scan(path: Path, albedo: Path | None = None) -> Scan:
    """Reads OBJ (+MTL), PLY, STL or glTF/GLB (Draco too) into triangles, in the file's own coordinates.

    Vertices at equal positions are merged, so that the surface is connected across texture seams;
    `corner_uvs` keep the seams (origin bottom-left). `albedo` replaces every texture and needs a scan
    with UVs. `sha256` covers the scan and every file that it drew from. Refuses with `MienError`: a
    file that is missing, empty, cut off, of another format, without faces, with NaN or infinite
    coordinates, or whose texture is missing.
    """
    path = Path(path)
    _check_file(path)
    raw = READERS[path.suffix.lower()](path, ignore_textures=albedo is not None)
    _check_mesh(path, raw)
    if albedo is not None:
        _override_textures(path, raw, Path(albedo))
    if raw.corner_uvs is not None:
        raw.corner_uvs = _into_unit_tile(raw.corner_uvs)
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
    )


def _check_file(path: Path) -> None:
    if path.suffix.lower() not in READERS:
        raise MienError(
            f"{path}: {path.suffix or 'no'} file ending, expected one of {', '.join(READERS)}; "
            "export the scan in one of these formats"
        )
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
    check_finite(str(path), raw.vertices)
    low, high = int(raw.triangles.min()), int(raw.triangles.max())
    if low < 0 or high >= len(raw.vertices):
        raise MienError(
            f"{path}: a face names vertex {high if low >= 0 else low} but there are only "
            f"{len(raw.vertices)} (counted from 0); the file looks cut off, export or copy it again"
        )


def check_finite(name: str, vertices: np.ndarray) -> None:
    """Refuses NaN and infinite coordinates, with their count and the first vertex."""
    bad = np.flatnonzero(~np.isfinite(vertices).all(axis=1))
    if len(bad):
        raise MienError(
            f"{name}: {len(bad)} of {len(vertices)} vertices have NaN or infinite coordinates (the first "
            f"is vertex {bad[0]}, counted from 0), expected finite numbers; repair or re-export the scan"
        )


def _override_textures(path: Path, raw: RawMesh, albedo: Path) -> None:
    image = read_image(albedo, "--albedo")
    if raw.corner_uvs is None:
        raise MienError(
            f"{path}: has no texture coordinates, so --albedo {albedo.name} cannot be placed on it; "
            "export the scan with UVs or leave --albedo out"
        )
    raw.textures = [image]
    raw.triangle_texture = np.where(np.isfinite(raw.corner_uvs).all(axis=(1, 2)), 0, -1)
    raw.read.append(albedo)


def _into_unit_tile(corner_uvs: np.ndarray) -> np.ndarray:
    """Whole triangles moved by whole tiles into 0..1 (UDIM tiles, repeats); unknown (NaN) becomes 0."""
    corner_uvs = np.nan_to_num(corner_uvs)
    outside = (corner_uvs < 0).any(axis=(1, 2)) | (corner_uvs > 1).any(axis=(1, 2))
    corner_uvs[outside] -= np.floor(corner_uvs[outside].mean(axis=1, keepdims=True))
    return corner_uvs


def _combined_hash(paths: list[Path]) -> str:
    """SHA-256 of the one file, or of the digests of several in reading order."""
    digests = [hashlib.sha256(p.read_bytes()).digest() for p in paths]
    return digests[0].hex() if len(digests) == 1 else hashlib.sha256(b"".join(digests)).hexdigest()
