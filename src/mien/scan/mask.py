"""Masks of a scan: 1 skin, to be followed and baked; 0 hair, cloth or clutter; about a half undecided.

A mask is an image in the scan's own UV, one for each texture, or a PLY with vertex colours for scans
without UVs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.spatial import cKDTree

from mien.core.conventions import uv_to_pixel
from mien.core.errors import MienError
from mien.core.face import PreparedScan
from mien.core.mesh import Scan
from mien.geometry.align import transformed
from mien.geometry.raster import rasterize
from mien.geometry.uvspace import fill_gutter
from mien.geometry.weights import smoothstep
from mien.meshio.images import decode_image
from mien.meshio.ply_stl import read_ply

UNDECIDED = 0.5
IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
LEAST_USED = 0.05  # of the vertices: a mask that leaves less is inverted or another scan's
LARGEST = 2048  # pixels: a mask that is written is no larger
COLOURFUL = 0.08  # mean of (largest - smallest) over red, green and blue: a mask is grey
MIDDLING = 0.35  # of a mask's pixels may be neither white, black nor the middle grey
_LEAST_PAINTED = 0.01  # of black and of white: below, transparency is the mask
ASPECT = 0.02  # by which width over height may differ from the texture's
_INWARD = 0.1  # corners are looked up this share of the way to their triangle's middle, off the island's rim
_GUTTER = 8  # pixels that islands are drawn wider than they are
_FAR = 0.02  # of the scan's diagonal: a painted PLY that lies farther away is another scan's


def wanted(mask: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N"]:
    """1 where a mask says "follow"."""
    return smoothstep(mask, 0.6, 0.8)


def unwanted(mask: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N"]:
    """1 where a mask says "ignore"."""
    return 1.0 - smoothstep(mask, 0.2, 0.4)


def with_mask(prepared: PreparedScan, path: Path) -> PreparedScan:
    """The scan with the user's mask: an image, a folder of images by texture number, or a painted PLY.

    White (or opaque, where the image has transparency) is followed, black ignored, grey left to Mien.
    Refuses with `MienError` what cannot be read, is no mask, does not fit the scan or masks nearly all of it.
    A note is made where an image is not of the texture's shape.
    """
    scan, notes = prepared.scan, prepared.notes
    if path.suffix.lower() == ".ply":
        scan = replace(scan, vertex_mask=_from_ply(path, prepared))
    else:
        masks = _read_images(path, scan)
        scan = replace(scan, masks=masks)
        notes = (*notes, *_shape_notes(scan))
        scan = replace(scan, vertex_mask=_at_vertices(scan))
    assert scan.vertex_mask is not None
    used = float((unwanted(scan.vertex_mask) < 0.5).mean())
    if used < LEAST_USED:
        raise MienError(
            f"{path}: ignores {1 - used:.0%} of the scan, expected white where skin is and black where "
            "hair or cloth is; invert it, or give the mask that was made for this scan"
        )
    return replace(prepared, scan=scan, notes=notes)


def mask_shares(mask: Float[np.ndarray, " N"]) -> tuple[float, float]:
    """Shares of the vertices that a mask says to follow and to ignore."""
    return float((wanted(mask) > 0.5).mean()), float((unwanted(mask) > 0.5).mean())


def _shape_notes(scan: Scan) -> list[str]:
    """What to say of masks whose shape is not their texture's: perhaps they are another scan's."""
    notes = []
    for mask, texture in zip(scan.masks, scan.textures, strict=False):
        (h, w), (height, width) = mask.shape, texture.shape[:2]
        if abs(w * height / (h * width) - 1) > ASPECT:
            notes.append(f"the mask is {w} x {h}, not of the shape of the texture ({width} x {height})")
    return notes


def _refuse_picture(path: Path, colours: Float[np.ndarray, "*N 3"]) -> None:
    """Refuses a photograph or a map: masks are black, white and the grey between."""
    if what := _is_picture(colours):
        raise MienError(
            f"{path}: is {what}, expected a mask of black, white and middle grey; paint on a copy of the "
            "mask that Mien wrote into scan/"
        )


def _is_picture(colours: Float[np.ndarray, "*N 3"]) -> str:
    """What makes these colours no mask; empty where they may be one."""
    if not len(colours):
        return ""
    if float(np.ptp(colours, axis=-1).mean()) > COLOURFUL:
        return "coloured"
    grey = colours.mean(axis=-1)
    middling = float((((grey > 0.1) & (grey < 0.4)) | ((grey > 0.6) & (grey < 0.9))).mean())
    return f"to {middling:.0%} of tones between" if middling > MIDDLING else ""


def check_mask_file(path: Path) -> None:
    """Refuses early what is no mask by its name."""
    if path.is_dir():
        if not _numbered(path):
            raise MienError(
                f"{path}: holds no mask.png or mask.0.png; give the folder that Mien wrote as scan/"
            )
    elif not path.is_file():
        raise MienError(f"{path}: no such file; check the path given to --mask")
    elif path.suffix.lower() not in (*IMAGES, ".ply"):
        raise MienError(
            f"{path}: {path.suffix or 'no'} file ending, expected an image ({', '.join(IMAGES)}) in the "
            "scan's UV, or a .ply with vertex colours"
        )
    for file in mask_files(path):
        if file.suffix.lower() != ".ply" and not cv2.haveImageReader(str(file)):
            raise MienError(f"{file}: is not a readable image; give a PNG in the scan's UV")


def mask_files(path: Path) -> list[Path]:
    """The files that a `--mask` names."""
    return _numbered(path) if path.is_dir() else [path]


def mask_at(
    scan: Scan, triangle: Int[np.ndarray, " N"], barycentric: Float[np.ndarray, "N 3"]
) -> Float[np.ndarray, " N"]:
    """The user's mask at points on the scan, 0..1; undecided everywhere where there is none."""
    if scan.masks and scan.corner_uvs is not None:
        uv = np.einsum("nk,nkd->nd", barycentric, scan.corner_uvs[triangle])
        return _look_up(scan, triangle, uv)
    if scan.vertex_mask is not None:
        return np.einsum("nk,nk->n", barycentric, scan.vertex_mask[scan.triangles[triangle]])
    return np.full(len(triangle), UNDECIDED)


def draw_masks(scan: Scan, values: Float[np.ndarray, " N"]) -> list[UInt8[np.ndarray, "H W"]]:
    """Values of the scan's vertices (0..1) as black, white and grey images in its UV, one a texture."""
    assert scan.corner_uvs is not None
    sizes = [texture.shape[:2] for texture in scan.textures] or [(1024, 1024)]
    return [_draw(scan, values, number, size) for number, size in enumerate(sizes)]


def _draw(scan: Scan, values: np.ndarray, number: int, size: tuple[int, int]) -> np.ndarray:
    assert scan.corner_uvs is not None
    shrink = min(1.0, LARGEST / max(size))
    height, width = (max(1, round(side * shrink)) for side in size)
    ours = np.flatnonzero(_texture_of(scan) == number)
    corners = uv_to_pixel(scan.corner_uvs[ours].reshape(-1, 2), height, width)
    index = np.arange(len(corners)).reshape(-1, 3)
    raster = rasterize(corners, np.zeros(len(corners)), index, height, width)
    drawn = raster.interpolate(values[scan.triangles[ours]][..., None])[..., 0]
    image = np.select([drawn > 0.6, drawn < 0.4], [255, 0], 128).astype(np.uint8)
    near = cv2.dilate(raster.covered.astype(np.uint8), np.ones((2 * _GUTTER + 1,) * 2, np.uint8)) > 0
    return np.where(near, fill_gutter(image, raster.covered), 128).astype(np.uint8)


def _read_images(path: Path, scan: Scan) -> tuple[np.ndarray, ...]:
    if scan.corner_uvs is None:
        raise MienError(
            f"{path}: {scan.name} has no texture coordinates, so an image cannot be placed on it; paint the "
            "vertices of scan/mask.ply (white skin, black hair) and give that"
        )
    files, needed = mask_files(path), max(1, len(scan.textures))
    if len(files) != needed:
        raise MienError(
            f"{path}: {len(files)} mask images, but {scan.name} has {needed} textures; give a folder with "
            "an image for each, mask.0.png, mask.1.png, ... in the textures' order"
        )
    return tuple(_read_image(file) for file in files)


def _numbered(folder: Path) -> list[Path]:
    """mask.png, or mask.0.png, mask.1.png, ...; in any case."""
    names = {path.name.lower(): path for path in sorted(folder.iterdir(), reverse=True) if path.is_file()}
    if "mask.png" in names:
        return [names["mask.png"]]
    found: list[Path] = []
    while (file := f"mask.{len(found)}.png") in names:
        found.append(names[file])
    return found


def _read_image(path: Path) -> UInt8[np.ndarray, "H W"]:
    pixels = decode_image(path.read_bytes())
    if pixels is None:
        raise MienError(f"{path}: is not a readable image; give a PNG in the scan's UV")
    colours = (
        pixels[..., : pixels.shape[2] - 1 + pixels.shape[2] % 2] if pixels.ndim == 3 else pixels[..., None]
    )
    full = _full(colours)
    grey = _unit(colours.mean(axis=2, dtype=np.float32), full)
    few = np.clip(np.nan_to_num(colours[::4, ::4] / full), 0.0, 1.0)
    alpha = pixels[..., -1] if pixels.ndim == 3 and pixels.shape[2] in (2, 4) else None
    if alpha is not None and alpha.min() < alpha.max():
        grey = _with_erased(grey, _unit(alpha, _full(alpha)), few)
    elif pixels.ndim == 3:
        _refuse_picture(path, few)
    return (grey * 255 + 0.5).astype(np.uint8)


def _full(values: np.ndarray) -> float:
    """What stands for 1 in these values, by their range and not by their type: labels are 0 and 1 in any."""
    top = float(np.nanmax(values, initial=0))
    return next((full for full in (1.0, 255.0, 65535.0) if top <= full), top)


def _unit(values: np.ndarray, full: float) -> Float[np.ndarray, "H W"]:
    return np.clip(np.nan_to_num(values.astype(np.float32) / np.float32(full)), 0.0, 1.0)


def _with_erased(
    grey: Float[np.ndarray, "H W"], alpha: Float[np.ndarray, "H W"], few: Float[np.ndarray, "h w C"]
) -> Float[np.ndarray, "H W"]:
    """A mask with transparency: what is erased is ignored, the rest is as painted.

    Where the rest is not painted black and white (a copy of the texture, one colour), it is followed. `few`
    are the colours of every fourth pixel each way.
    """
    left = alpha > UNDECIDED
    painted = min((grey[left] < 0.25).mean(), (grey[left] > 0.75).mean()) if left.any() else 0.0
    if painted < _LEAST_PAINTED or _is_picture(few[left[::4, ::4]]):
        return alpha
    return grey * alpha


def _from_ply(path: Path, prepared: PreparedScan) -> Float[np.ndarray, " N"]:
    """The brightness of the nearest painted vertex: the file may have another order, or fewer vertices."""
    painted = read_ply(path, ignore_textures=True)
    finite = np.isfinite(painted.vertices).all(axis=1)
    if painted.vertex_colours is None or not finite.any():
        raise MienError(f"{path}: has no vertex colours; paint white where skin is and black where hair is")
    colours = painted.vertex_colours[finite]
    _refuse_picture(path, colours)
    vertices = transformed(prepared.transform, painted.vertices[finite])
    distance, nearest = cKDTree(vertices).query(prepared.scan.vertices)
    size = float(np.linalg.norm(np.ptp(prepared.scan.vertices, axis=0)))
    if not np.median(distance) <= _FAR * size:
        raise MienError(
            f"{path}: lies {np.median(distance) / size:.0%} of the scan's size away from it, expected the "
            "same surface; give it in the scan file's own coordinates"
        )
    return colours.mean(axis=1)[nearest]


def _at_vertices(scan: Scan) -> Float[np.ndarray, " N"]:
    """The images' values at the scan's vertices, averaged over their corners."""
    assert scan.corner_uvs is not None
    middle = scan.corner_uvs.mean(axis=1, keepdims=True)
    uv = (scan.corner_uvs + _INWARD * (middle - scan.corner_uvs)).reshape(-1, 2)
    values = _look_up(scan, np.repeat(np.arange(len(scan.triangles)), 3), uv)
    corners, n = scan.triangles.ravel(), len(scan.vertices)
    count = np.bincount(corners, minlength=n)
    return np.where(count > 0, np.bincount(corners, values, n) / np.maximum(count, 1), UNDECIDED)


def _look_up(scan: Scan, triangle: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """The nearest pixel's value, 0..1; undecided where a triangle has no texture."""
    out = np.full(len(triangle), UNDECIDED)
    which = _texture_of(scan)[triangle]
    for number, mask in enumerate(scan.masks):
        rows = np.flatnonzero(which == number)
        height, width = mask.shape
        pixel = uv_to_pixel(uv[rows], height, width).astype(np.int64)
        out[rows] = mask[np.clip(pixel[:, 1], 0, height - 1), np.clip(pixel[:, 0], 0, width - 1)] / 255.0
    return out


def _texture_of(scan: Scan) -> Int[np.ndarray, " M"]:
    """Each triangle's texture; a scan with UVs and no texture has one mask for all."""
    if scan.triangle_texture is None or not scan.textures:
        return np.zeros(len(scan.triangles), np.int64)
    return scan.triangle_texture
