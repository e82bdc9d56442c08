"""Texture files of any kind as sRGB uint8."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8

from mien.core.conventions import linear_to_srgb, srgb_to_linear
from mien.core.errors import MienError
from mien.meshio.image_size import claimed_size, is_cut_off
from mien.meshio.magic_bytes import kind_of
from mien.meshio.tga import decode_tga, tga_size

_EXR = b"\x76\x2f\x31\x01"
_MOST_PIXELS = 1 << 28  # 16384 x 16384
_PIXELS_PER_BYTE = 10_000  # deflate packs one bit a pixel 8000 times
_BITS_IN_16 = (255, 1023, 4095)
_BLOCK = 512  # rows converted at a time: an 8K image in floats would take a gigabyte


def read_image(path: Path, asked_for_by: str, *, alpha: bool = True) -> UInt8[np.ndarray, "H W 3"]:
    """An image file as sRGB uint8 (H, W, 3), row 0 at the top; refused if missing or unreadable.

    Without `alpha` an alpha channel means nothing: it may hold anything where the format does not use it.

    JPEG, PNG, TIFF, BMP, WebP, AVIF (by OpenCV), TGA and OpenEXR; grey, with alpha, of 8 or 16 bit or in
    floats. What is none of them is refused as what it is.
    """
    place = "place it beside the scan or give --albedo IMAGE"
    if asked_for_by == "--albedo":
        place = "give the path of a PNG, JPEG, TIFF or EXR"
    if not os.path.isfile(path):  # False, too, for names that no file can have
        raise MienError(f"{path}: the texture named by {asked_for_by} does not exist; {place}")
    data = path.read_bytes()
    pixels = _read_exr(path) if data.startswith(_EXR) else decode_image(data)
    if pixels is None:
        raise MienError(
            f"{path}: the texture named by {asked_for_by} is {what_it_is(data)}; "
            "save it as PNG or JPEG, or give another --albedo IMAGE"
        )
    return to_rgb8(pixels, 0.0 if alpha else None)


def what_it_is(data: bytes | memoryview) -> str:
    """What to call bytes that `decode_image` makes nothing of."""
    size, kind = claimed_size(data), kind_of(bytes(data[:64]))
    if size is not None and not _plausible(size, len(data)):
        return f"an image of {size[0]} x {size[1]} pixels in {len(data)} bytes, too large or cut off"
    if tga_size(bytes(data[:64])) is not None:
        return "a TGA image that is cut off"
    if kind is None:
        return "not a readable image"
    return f"{kind} that is cut off" if is_cut_off(data) else f"{kind} that cannot be read"


def decode_image(data: bytes | memoryview) -> np.ndarray | None:
    """An encoded image's pixels in OpenCV's order (BGR), without turning it by EXIF; None if it is none."""
    import cv2

    size = claimed_size(data)
    if not len(data) or (size is not None and not _plausible(size, len(data))) or is_cut_off(data):
        return None
    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)  # the refusal says it in one line
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    finally:
        log.setLogLevel(level)
    return decode_tga(bytes(data)) if pixels is None else pixels


def _plausible(size: tuple[int, int], n_bytes: int) -> bool:
    """Whether an image may be that large: nothing is set aside for what a damaged header claims."""
    return size[0] * size[1] <= min(_MOST_PIXELS, _PIXELS_PER_BYTE * n_bytes)


def _read_exr(path: Path) -> np.ndarray | None:
    """The colour channels of an OpenEXR file's first part as float BGR(A), in OpenCV's order."""
    import OpenEXR

    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = {name: np.asarray(c.pixels, np.float32) for name, c in file.channels().items()}
    except (RuntimeError, OSError, ValueError, TypeError):
        return None
    short = {name.rsplit(".", 1)[-1].upper(): pixels for name, pixels in channels.items()}
    if "Y" in short and "R" not in short:
        short |= dict.fromkeys("RGB", short["Y"])
    if not all(c in short for c in "RGB"):
        return None
    colour = np.stack([short[c] for c in "BGR"], axis=2)
    if "A" not in short:
        return colour
    alpha = short["A"][..., None]  # OpenEXR's colour is multiplied by its alpha
    return np.concatenate([colour / np.maximum(alpha, 1e-6) * (alpha > 0), alpha], axis=2)


def has_alpha(pixels: Shaped[np.ndarray, "H W *C"]) -> bool:
    """Whether the last channel of decoded pixels is alpha."""
    return pixels.ndim == 3 and pixels.shape[2] in (2, 4)


def tinted(rgb: UInt8[np.ndarray, "H W 3"], factor: tuple[float, float, float]) -> UInt8[np.ndarray, "H W 3"]:
    """sRGB pixels times a factor in linear light."""
    if factor == (1.0, 1.0, 1.0):
        return rgb
    linear = srgb_to_linear(np.arange(256) / 255.0)[:, None] * np.array(factor)
    table = (linear_to_srgb(np.clip(linear, 0.0, 1.0)) * 255 + 0.5).astype(np.uint8)
    return np.stack([table[:, c][rgb[..., c]] for c in range(3)], axis=2)


def to_rgb8(pixels: Shaped[np.ndarray, "H W *C"], cutoff: float | None = 0.0) -> UInt8[np.ndarray, "H W 3"]:
    """Decoded pixels (grey, grey and alpha, BGR or BGRA) as sRGB uint8.

    Integers are taken as sRGB of their full range (16 bits also as the 10 or 12 of a camera, where nothing is
    brighter), floats as linear light. Pixels that are fully transparent,
    or whose alpha (0..1) is below `cutoff`, take the colour of the nearest opaque one: what lies under them
    is no colour of the surface. With `cutoff` None alpha means nothing.
    """
    import cv2

    if pixels.ndim == 2:
        pixels = pixels[..., None]
    opaque = _opaque(pixels[..., -1], cutoff) if cutoff is not None and has_alpha(pixels) else None
    channels = [0, 0, 0] if pixels.shape[2] < 3 else [2, 1, 0]
    if pixels.dtype == np.uint8 and pixels.shape[2] >= 3:
        out = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGB)
    else:
        out = np.empty((*pixels.shape[:2], 3), np.uint8)
        top = _top(pixels[..., : 3 if pixels.shape[2] >= 3 else 1])
        for row in range(0, len(out), _BLOCK):
            out[row : row + _BLOCK] = _eight_bit(pixels[row : row + _BLOCK], top)[..., channels]
    if opaque is not None and opaque.any() and not opaque.all():
        from mien.geometry.uvspace import fill_gutter

        out = fill_gutter(out, opaque)
    return out


def _opaque(alpha: np.ndarray, cutoff: float) -> np.ndarray:
    top = np.iinfo(alpha.dtype).max if np.issubdtype(alpha.dtype, np.integer) else 1.0
    return (alpha > 0) & (alpha >= cutoff * top) if cutoff > 0 else alpha > 0


def _top(pixels: np.ndarray) -> int:
    """The number that is white in integer pixels: their type's, or that of 8, 10 or 12 bits in 16."""
    if not np.issubdtype(pixels.dtype, np.integer):
        return 1
    top = int(np.iinfo(pixels.dtype).max)
    brightest = int(pixels.max(initial=0))
    if top < 2**15 - 1 or brightest > _BITS_IN_16[-1] or not (pixels % 257).any():  # 257: widened from 8 bits
        return top
    return next(t for t in _BITS_IN_16 if brightest <= t)


def _eight_bit(pixels: np.ndarray, top: int) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    if np.issubdtype(pixels.dtype, np.integer):
        return (np.clip(pixels, 0, top) * (255.0 / top) + 0.5).astype(np.uint8)
    linear = np.nan_to_num(pixels.astype(np.float64), nan=0.0, posinf=1.0)
    return (linear_to_srgb(np.clip(linear, 0.0, 1.0)) * 255 + 0.5).astype(np.uint8)
