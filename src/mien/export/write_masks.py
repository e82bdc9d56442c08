"""`scan/mask.png`: where the scan was followed, as a picture to paint on and give back with `--mask`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from mien.core.mesh import Scan
from mien.export.images import encode_jpeg, encode_png
from mien.export.scanfiles import to_scan
from mien.register.hair import scan_bareness
from mien.rigging.head import RiggedHead
from mien.scan.decimate import light_scan
from mien.scan.landmarks.detect import simplify
from mien.scan.mask import draw_masks

OVERLAY = 1024  # pixels
TINTED = 0.4
FOLLOWED_TINT, IGNORED_TINT, LEFT_TINT = (0.3, 0.9, 0.4), (0.95, 0.1, 0.1), (0.5, 0.5, 0.5)  # sRGB
PAINTED_TRIANGLES = 200_000  # a mask without UVs is found again by position, so it may be coarser


def write_masks(asset: RiggedHead, folder: Path) -> None:
    """The mask that the registration worked with: white skin, black hair and cloth; grey,
    off the head too, is left to Mien.

    mask.png in the scan's UV (mask.0.png, mask.1.png, ... for several textures), and beside it
    mask_overlay.jpg, to look at: the texture, green where the mask is white and red where it is black.
    mask.ply with vertex colours for a scan without UVs. Nothing where there is no registration.
    """
    if asset.scan is None or asset.registration is None or asset.registration.bare is None:
        return
    scan = light_scan(asset.scan.scan)
    if scan.corner_uvs is not None:
        images = draw_masks(scan, scan_bareness(asset.template, asset.registration, scan))
        for number, image in enumerate(images):
            name = "mask.png" if len(images) == 1 else f"mask.{number}.png"
            (folder / name).write_bytes(encode_png(image[..., None]))
            if number < len(scan.textures):
                overlay = encode_jpeg(_overlay(scan.textures[number], image), 88)
                (folder / name.replace("mask", "mask_overlay").replace(".png", ".jpg")).write_bytes(overlay)
        return
    light = simplify(scan, PAINTED_TRIANGLES)
    values = scan_bareness(asset.template, asset.registration, light)
    (folder / "mask.ply").write_bytes(_painted_ply(to_scan(asset.scan, light.vertices), light, values))


def _overlay(
    texture: UInt8[np.ndarray, "H W 3"], mask: UInt8[np.ndarray, "h w"]
) -> Float[np.ndarray, "a b 3"]:
    """The texture (sRGB, 0..1, at most `OVERLAY` pixels wide or high), tinted by the mask."""
    shrink = min(1.0, OVERLAY / max(mask.shape))
    size = (max(1, round(mask.shape[1] * shrink)), max(1, round(mask.shape[0] * shrink)))
    photo = cv2.resize(texture, size, interpolation=cv2.INTER_AREA) / 255.0
    said = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    tint = np.array([FOLLOWED_TINT, IGNORED_TINT, LEFT_TINT])[np.select([said > 192, said < 64], [0, 1], 2)]
    return (1.0 - TINTED) * photo + TINTED * tint


def _painted_ply(points: np.ndarray, scan: Scan, values: np.ndarray) -> bytes:
    vertices = np.empty(len(points), _VERTEX)
    for axis, column in zip("xyz", points.T, strict=True):
        vertices[axis] = column
    for channel in ("red", "green", "blue"):
        vertices[channel] = np.round(255 * values)
    faces = np.empty(len(scan.triangles), _FACE)
    faces["count"], faces["corners"] = 3, scan.triangles
    header = [
        "ply",
        "format binary_little_endian 1.0",
        "comment Mien: paint white where skin is, black where hair or cloth is; give back with --mask",
        f"element vertex {len(vertices)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {channel}" for channel in ("red", "green", "blue")),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header\n",
    ]
    return "\n".join(header).encode() + vertices.tobytes() + faces.tobytes()


_VERTEX = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")])
_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])
