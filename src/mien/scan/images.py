"""Texture files of any kind as sRGB uint8."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8

from mien.core.conventions import linear_to_srgb
from mien.core.errors import MienError

_BLOCK = 512  # rows converted at a time: an 8K image in floats would take a gigabyte


def read_image(path: Path, asked_for_by: str, *, alpha: bool = True) -> UInt8[np.ndarray, "H W 3"]:
    """An image file as sRGB uint8 (H, W, 3), row 0 at the top; refused if missing or unreadable.

    Without `alpha` an alpha channel means nothing: it may hold anything where the format does not use it.

    JPEG, PNG, TIFF, BMP, WebP, TGA (by OpenCV) and OpenEXR; grey, with alpha, of 8 or 16 bit or in floats.
    """
    advice = "place it beside the scan or give --albedo IMAGE"
    if asked_for_by == "--albedo":
        advice = "give the path of a PNG, JPEG, TIFF or EXR"
    if not os.path.isfile(path):  # False for names that no file can have, too
        raise MienError(f"{path}: the texture named by {asked_for_by} does not exist; {advice}")
    pixels = _read_exr(path) if path.suffix.lower() == ".exr" else decode_image(path.read_bytes())
    if pixels is None:
        raise MienError(f"{path}: the texture named by {asked_for_by} is not a readable image; {advice}")
    return to_rgb8(pixels if alpha else _without_alpha(pixels))


def _without_alpha(pixels: np.ndarray) -> np.ndarray:
    has_alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    return np.ascontiguousarray(pixels[..., :-1]) if has_alpha else pixels


def decode_image(data: bytes) -> np.ndarray | None:
    """What OpenCV makes of an encoded image (BGR order), without turning it by EXIF; None if nothing."""
    import cv2

    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except cv2.error:
        return None


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


def to_rgb8(pixels: Shaped[np.ndarray, "H W *C"]) -> UInt8[np.ndarray, "H W 3"]:
    """Decoded pixels (grey, grey and alpha, BGR or BGRA) as sRGB uint8.

    Integers are taken as sRGB of their full range, floats as linear light. Fully transparent pixels take
    the colour of the nearest opaque one: what lies under them is no colour of the surface.
    """
    import cv2

    if pixels.ndim == 2:
        pixels = pixels[..., None]
    opaque = pixels[..., -1] > 0 if pixels.shape[2] in (2, 4) else None
    channels = [0, 0, 0] if pixels.shape[2] < 3 else [2, 1, 0]
    if pixels.dtype == np.uint8 and pixels.shape[2] >= 3:
        out = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGB)
    else:
        out = np.empty((*pixels.shape[:2], 3), np.uint8)
        for row in range(0, len(out), _BLOCK):
            out[row : row + _BLOCK] = _eight_bit(pixels[row : row + _BLOCK])[..., channels]
    if opaque is not None and opaque.any() and not opaque.all():
        from mien.geometry.uvspace import fill_gutter

        out = fill_gutter(out, opaque)
    return out


def _eight_bit(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    if np.issubdtype(pixels.dtype, np.integer):
        top = np.iinfo(pixels.dtype).max
        return (np.clip(pixels, 0, top) * (255.0 / top) + 0.5).astype(np.uint8)
    linear = np.nan_to_num(pixels.astype(np.float64), nan=0.0, posinf=1.0)
    return (linear_to_srgb(np.clip(linear, 0.0, 1.0)) * 255 + 0.5).astype(np.uint8)
