"""Which texture a triangle reads: one image, one per UDIM tile, and what UVs beyond 0..1 then mean."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from mien.core.errors import MienError
from mien.meshio.images import read_image
from mien.meshio.raw_mesh import RawMesh

_NUMBER = re.compile(r"(?<!\d)1\d{3}(?!\d)")
_PLACEHOLDER = re.compile(r"<udim>", re.IGNORECASE)
_FARTHEST = 1e15  # no UV, but still an integer
_MUDBOX = re.compile(r"<uvtile>", re.IGNORECASE)

_FARTHEST = 1e6  # what lies beyond is no texture coordinate

_FileOfTile = Callable[[tuple[int, int]], Path]


def place_textures(
    raw: RawMesh,
    material: Int[np.ndarray, " M"],
    files: list[Path],
    asked_for_by: str,
    opaque: Collection[Path] = (),
) -> None:
    """Reads the textures that are used and says of each triangle which one; moves its UVs into 0..1.

    `material` is an index into `files`, or -1. A file is a set of UDIM tiles if its name holds `<UDIM>` (or
    Mudbox's `<UVTILE>`), or the number of a tile while its neighbours exist for the tiles that the UVs reach.
    Otherwise the image repeats, as OBJ and glTF say. The alpha of files in `opaque` means nothing.
    `raw.notes` tell what was decided.
    """
    assert raw.corner_uvs is not None
    tile = tiles_of(raw.corner_uvs)
    known = np.isfinite(raw.corner_uvs[:, 0, 0]) & np.isfinite(raw.corner_uvs).all(axis=(1, 2))
    texture = np.full(len(material), -1)
    for number, file in enumerate(files):
        rows = np.flatnonzero((material == number) & known)
        if len(rows):
            read = partial(_texture, raw, asked_for_by=asked_for_by, alpha=file not in opaque)
            texture[rows] = _place(raw, file, None if tile is None else tile[rows], read)
    raw.triangle_texture = texture
    if tile is not None:
        raw.corner_uvs -= tile[:, None, :]


def tiles_of(corner_uvs: Float[np.ndarray, "M 3 2"]) -> Int[np.ndarray, "M 2"] | None:
    """The (column, row) of the tile round each triangle's middle; None where all lie in the first.

    A triangle that touches the first tile's border from inside belongs to it; unknown UVs (NaN) do, too.
    Triangles with coordinates far beyond any tile become unknown in place.
    """
    low, high = np.nanmin(corner_uvs, initial=0.0), np.nanmax(corner_uvs, initial=1.0)
    if low < -_FARTHEST or high > _FARTHEST:
        corner_uvs[(np.abs(corner_uvs) > _FARTHEST).any(axis=(1, 2))] = np.nan
    if low >= 0.0 and high <= 1.0:
        return None
    outside = ((corner_uvs < 0.0) | (corner_uvs > 1.0)).any(axis=(1, 2))
    tile = np.zeros((len(corner_uvs), 2), np.int64)
    tile[outside] = np.floor(np.clip(np.nan_to_num(corner_uvs[outside]), -_FARTHEST, _FARTHEST).mean(axis=1))
    return tile if tile.any() else None


def _place(
    raw: RawMesh, file: Path, tile: np.ndarray | None, read: Callable[[Path], int]
) -> Int[np.ndarray, " K"] | int:
    """The texture of each triangle of one material; images are read once."""
    used = np.zeros((1, 2), int) if tile is None else np.unique(tile, axis=0)
    file_of = _tile_files(file, [(int(u), int(v)) for u, v in used])
    if file_of is None:
        if tile is not None and tile.any():
            raw.notes.append(f"UVs reach beyond 0..1 and {file.name} is one image: it repeats")
        return read(file)
    texture_of: dict[tuple[int, int], int] = {}
    missing = []
    for u, v in used.tolist():
        one = file_of((u, v)) if 0 <= u <= 9 and v >= 0 else None
        if one is not None and os.path.isfile(one):
            texture_of[u, v] = read(one)
        else:
            missing.append(tile_number((u, v)))
    if not texture_of:
        raise MienError(
            f"{file}: none of its UDIM tiles that the UVs use exists ({', '.join(missing[:4])}); place them "
            "beside each other or give another --albedo"
        )
    found = ", ".join(tile_number(t) for t in texture_of)
    without = f"; no image for {', '.join(missing)}: no colour there" if missing else ""
    raw.notes.append(f"{file.name}: read as UDIM tiles {found}{without}")
    if tile is None:
        return texture_of[0, 0]
    out = np.full(len(tile), -1)
    for (u, v), texture in texture_of.items():
        out[(tile[:, 0] == u) & (tile[:, 1] == v)] = texture
    return out


def tile_number(tile: tuple[int, int]) -> str:
    """1001 + column + 10 row; a tile off the UDIM grid by its place."""
    u, v = tile
    return str(1001 + u + 10 * v) if 0 <= u <= 9 and v >= 0 else f"u{u} v{v}"


def _tile_files(file: Path, used: list[tuple[int, int]]) -> _FileOfTile | None:
    """The file of each tile, or None where the name stands for a single image."""
    name = file.name
    if _PLACEHOLDER.search(name):
        return lambda tile: file.with_name(_PLACEHOLDER.sub(tile_number(tile), name))
    if _MUDBOX.search(name):
        return lambda tile: file.with_name(_MUDBOX.sub(f"u{tile[0] + 1}_v{tile[1] + 1}", name))
    numbers = list(_NUMBER.finditer(name))
    if not numbers:
        return None
    first, last = numbers[-1].span()

    def neighbour(tile: tuple[int, int]) -> Path:
        return file.with_name(name[:first] + tile_number(tile) + name[last:])

    beyond = [tile for tile in used if tile != (0, 0)]
    return neighbour if any(os.path.isfile(neighbour(tile)) for tile in beyond) else None


def _texture(raw: RawMesh, file: Path, asked_for_by: str, alpha: bool) -> int:
    if file in raw.texture_files:
        return raw.texture_files.index(file)
    raw.texture_files.append(file)
    raw.textures.append(read_image(file, asked_for_by, alpha=alpha))
    raw.read.append(file)
    return len(raw.textures) - 1
