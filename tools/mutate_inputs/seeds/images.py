"""Images of every kind that textures come in."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tools.mutate_inputs.seeds.parts import Seed, picture


def image_seeds() -> Iterator[Seed]:
    """What OpenCV writes, TGA and OpenEXR."""
    for form, channels in ((".png", 4), (".jpg", 3), (".tiff", 3), (".bmp", 3), (".webp", 4)):
        yield Seed(f"image, {form}", "image", {f"i{form}": picture(form, channels=channels)})
    yield Seed("image, .png of 16 bit", "image", {"i.png": picture(".png", dtype=np.uint16)})
    yield Seed("image, .tiff in floats", "image", {"i.tiff": picture(".tiff", dtype=np.float32)})
    yield Seed("image, .tga plain", "image", {"i.tga": _tga(2, 24, bytes(range(192)))})
    runs = b"\x87\1\2\3\4" * 4 + b"\x1f" + bytes(range(128))
    yield Seed("image, .tga in runs", "image", {"i.tga": _tga(10, 32, runs, b"abc")})
    mapped = bytes(range(12)) + bytes([0, 1, 2, 3] * 16)
    yield Seed("image, .tga with a palette", "image", {"i.tga": _tga(1, 8, mapped, palette=4)})
    yield Seed("image, .exr", "image", {"i.exr": _exr()})


def _tga(kind: int, bits: int, body: bytes, label: bytes = b"", palette: int = 0) -> bytes:
    """8 x 8 pixels, row 0 at the bottom."""
    entry = 24 if palette else 0
    head = (len(label), int(palette > 0), kind, 0, palette, entry, 0, 0, 8, 8, bits, 8 * (bits == 32))
    return struct.pack("<BBBHHBHHHHBB", *head) + label + body


def _exr() -> bytes:
    import OpenEXR

    y, x = np.mgrid[0:8, 0:8].astype(np.float32) / 8
    with TemporaryDirectory() as folder:
        path = Path(folder) / "i.exr"
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        pixels = np.ascontiguousarray(np.stack([x, y, x * y, np.ones_like(x)], axis=-1))
        OpenEXR.File(header, {"RGBA": pixels}).write(str(path))
        return path.read_bytes()
