"""`scan/mask.png`: where the scan was followed, as a picture to paint on and give back with `--mask`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.core.face import FaceAsset
from mien.core.mesh import Scan
from mien.export.images import encode_png
from mien.export.scanfiles import to_scan
from mien.register.hair import scan_bareness
from mien.scan.detect import simplify
from mien.scan.light import light_scan
from mien.scan.mask import draw_masks

PAINTED_TRIANGLES = 200_000  # a mask without UVs is found again by position, so it may be coarser


def write_masks(asset: FaceAsset, folder: Path) -> None:
    """The mask that the registration worked with: white skin, black hair, cloth and what lies off the
    head; grey is left to Mien.

    mask.png in the scan's UV (mask.0.png, mask.1.png, ... for several textures); mask.ply with vertex
    colours for a scan without UVs. Nothing where there is no registration.
    """
    if asset.scan is None or asset.registration is None or asset.registration.bare is None:
        return
    scan = light_scan(asset.scan.scan)
    if scan.corner_uvs is not None:
        images = draw_masks(scan, scan_bareness(asset.template, asset.registration, scan))
        for number, image in enumerate(images):
            name = "mask.png" if len(images) == 1 else f"mask.{number}.png"
            (folder / name).write_bytes(encode_png(image[..., None]))
        return
    light = simplify(scan, PAINTED_TRIANGLES)
    values = scan_bareness(asset.template, asset.registration, light)
    (folder / "mask.ply").write_bytes(_painted_ply(to_scan(asset.scan, light.vertices), light, values))


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
