"""Maps to files: the one place that decides format, bit depth and colour space by a map's kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.core.conventions import linear_to_srgb, srgb_to_linear
from mien.core.errors import MienError
from mien.core.mesh import Image

_BAND = 32  # rows


@dataclass(frozen=True)
class MapKind:
    """How maps of a kind are stored. `bit_depth` of an EXR is that of its half or float samples."""

    suffix: str
    colour_space: str
    bit_depth: int
    unit: str = ""


MAP_KINDS: dict[str, MapKind] = {
    "albedo": MapKind(".png", "srgb", 8),
    "specular": MapKind(".png", "linear", 8),
    "roughness": MapKind(".png", "linear", 8),
    "scatter": MapKind(".png", "linear", 8),
    "alpha": MapKind(".png", "linear", 8),
    "normal": MapKind(".png", "linear", 16),
    "displacement": MapKind(".exr", "linear", 16, "mm"),
    "confidence": MapKind(".png", "linear", 8),
}
_TILED_KEY = re.compile(r"^(.+)\.(\d{4})_([a-z]+)$")
_TILED_STEM = re.compile(r"^(.+)_([a-z]+)\.(\d{4})$")


def map_kind(key: str) -> MapKind:
    """The kind of a map by its key, as "displacement" of "face_displacement"; raises `MienError`.

    A UDIM tile's map has the key "skin.1002_displacement" and is the file "skin_displacement.1002.exr".
    """
    kind = MAP_KINDS.get(map_key(key).rpartition("_")[2])
    if kind is None:
        raise MienError(
            f"map {key!r} is of no known kind, expected a name ending in {', '.join(MAP_KINDS)}; rename it"
        )
    return kind


def map_stem(key: str) -> str:
    """The file name, without its ending, of a map: tiles are numbered last, as UDIM readers want."""
    return _TILED_KEY.sub(r"\1_\3.\2", key)


def map_key(stem: str) -> str:
    """The key of the map in a file of this name (without its ending): the inverse of `map_stem`."""
    return _TILED_STEM.sub(r"\1.\3_\2", stem)


def write_map(key: str, image: Image, folder: Path) -> Path:
    """Writes one map as its kind is stored (8 or 16-bit PNG; EXR in mm, zero at 0); returns the path."""
    kind = map_kind(key)
    path = folder / f"{map_stem(key)}{kind.suffix}"
    if kind.suffix == ".exr":
        write_exr(image, path)
    else:
        path.write_bytes(encode_png(in_colour_space(image, kind.colour_space), kind.bit_depth))
    return path


def in_colour_space(image: Image, colour_space: str) -> np.ndarray:
    """The pixels as "srgb" or "linear"; alpha, where there is one, stays as it is."""
    if image.colour_space == colour_space:
        return image.pixels
    convert = linear_to_srgb if colour_space == "srgb" else srgb_to_linear
    colour = convert(image.pixels[..., :3])
    return np.concatenate([colour, image.pixels[..., 3:]], axis=-1)


def quantized(pixels: np.ndarray, bits: int) -> np.ndarray:
    """Floats in 0..1, rounded to 8 or 16-bit integers and clipped; NaN raises `MienError`."""
    top = (1 << bits) - 1
    whole = np.empty(pixels.shape, np.uint8 if bits == 8 else np.uint16)
    for start in range(0, len(pixels), _BAND):  # in bands that stay in the cache: three times as fast at 4K
        band = pixels[start : start + _BAND].astype(np.float32)
        band *= np.float32(top)
        band += np.float32(0.5)
        np.clip(band, 0, top, out=band)
        if np.isnan(band.sum()):
            raise MienError("a map holds NaN, expected numbers in 0..1; report this with the scan")
        whole[start : start + _BAND] = band
    return whole


def encode_png(pixels: np.ndarray, bits: int = 8) -> bytes:
    """PNG bytes of (H, W, 1|3|4) floats in 0..1, or of uint8 as they are."""
    data = pixels if pixels.dtype == np.uint8 else quantized(pixels, bits)
    return _encode(".png", data, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def encode_jpeg(pixels: np.ndarray, quality: int = 95) -> bytes:
    """JPEG bytes of (H, W, 1|3) floats in 0..1, full chroma."""
    flags = [
        cv2.IMWRITE_JPEG_QUALITY, quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]  # fmt: skip
    return _encode(".jpg", quantized(pixels, 8), flags)


def write_exr(image: Image, path: Path) -> None:
    """A one-channel half-float EXR (`Y`) of the image's first channel, in the image's own unit (mm)."""
    import OpenEXR

    if image.unit != "mm":
        raise MienError(f"{path.name}: unit {image.unit!r}, expected displacement in 'mm'; set Image.unit")
    OpenEXR.set_global_thread_count(2)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    samples = np.ascontiguousarray(image.pixels[..., 0], dtype=np.float16)
    OpenEXR.File(header, {"Y": samples}).write(str(path))


def _encode(suffix: str, data: np.ndarray, flags: list[int]) -> bytes:
    order = {1: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[data.shape[2]]
    done, encoded = cv2.imencode(suffix, data if order is None else cv2.cvtColor(data, order), flags)
    if not done:
        raise MienError(f"an image of {data.shape} could not be encoded as {suffix}; report this")
    return encoded.tobytes()
