"""What is given beside a scan: landmarks and masks."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import cv2
import numpy as np

from tools.mutate_inputs.seeds.parts import Seed, face_points, picture, sheet, text
from tools.mutate_inputs.seeds.ply import XYZ, ply_bytes

_LABELS = {"chin": 17, "leyebrow": 5, "reyebrow": 5, "nose": 9, "leye": 6, "reye": 6, "mouth": 20}


def landmark_seeds() -> Iterator[Seed]:
    """JSON of four kinds, text, NumPy."""
    points = face_points().round(5)
    listed = points.tolist()
    starts = np.cumsum([0, *_LABELS.values()]).tolist()
    labels = [
        {"label": name, "mask": list(range(at, at + n))}
        for (name, n), at in zip(_LABELS.items(), starts, strict=False)
    ]
    group = {"landmarks": {"points": listed}, "labels": labels}
    for name, content in (
        ("own.json", {"scan": listed, "found": listed, "confidence": [0.9] * 68}),
        ("list.json", listed),
        ("51.json", {"landmarks": listed[17:]}),
        ("menpo.ljson", {"version": 2, "groups": {"PTS": group}}),
    ):
        yield Seed(f"landmarks, {name}", "landmarks", {name: json.dumps(content).encode()})
    rows = [" ".join(map(str, p)) for p in listed]
    yield Seed("landmarks, .txt", "landmarks", {"l.txt": text(["# points", *rows])})
    yield Seed("landmarks, .csv", "landmarks", {"l.csv": text([row.replace(" ", ", ") for row in rows])})
    stream = io.BytesIO()
    np.save(stream, points)
    yield Seed("landmarks, .npy", "landmarks", {"l.npy": stream.getvalue()})


def mask_seeds() -> Iterator[Seed]:
    """An image, one that is painted by erasing, painted vertices."""
    grey = np.full((16, 16), 255, np.uint8)
    grey[:4] = 0
    yield Seed("mask, .png", "mask", {"m.png": cv2.imencode(".png", grey)[1].tobytes()})
    yield Seed("mask, .png erased", "mask", {"m.png": picture(".png", channels=4)})
    rows = [[*p, *[255 * (i > 4)] * 3] for i, p in enumerate(sheet()[0].tolist())]
    properties = [*XYZ, "uchar red", "uchar green", "uchar blue"]
    for form in ("ascii", "binary_little_endian"):
        painted = ply_bytes([("vertex", properties, rows)], form)
        yield Seed(f"mask, .ply {form}", "mask", {"m.ply": painted})
