"""`scan/`: what was measured, in the scan's own coordinates and unit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.face import PreparedScan, Registration, Template
from mien.export.images import encode_png
from mien.geometry.align import transformed


def write_scan_folder(
    template: Template,
    scan: PreparedScan,
    registration: Registration,
    folder: Path,
    error_picture: np.ndarray | None = None,
) -> None:
    """registered.ply, landmarks.json and, if given, error.png (uint8 or 0..1, sRGB) into `folder`."""
    folder.mkdir()
    (folder / "registered.ply").write_bytes(registered_ply(template, scan, registration))
    (folder / "landmarks.json").write_text(json.dumps(landmarks_json(scan), indent=1) + "\n")
    if error_picture is not None:
        (folder / "error.png").write_bytes(encode_png(error_picture))


def registered_ply(template: Template, scan: PreparedScan, registration: Registration) -> bytes:
    """Binary PLY of the head as scanned: quads of the template with distance_mm (NaN where not measured),
    expected_error_mm and expected_slip_mm (off the true surface and along it; NaN off the skin), confidence
    (1 measured ... 0 template), skin (1, and 0 under hair and cloth) and part (numbers named in the header's
    comments)."""
    vertices = np.empty(len(registration.vertices), _VERTEX)
    in_scan = to_scan(scan, registration.vertices)
    for k, axis in enumerate("xyz"):
        vertices[axis] = in_scan[:, k]
    vertices["distance_mm"] = registration.distance_mm
    unknown = np.full(len(vertices), np.nan)
    for name in ("expected_error_mm", "expected_slip_mm"):
        values = getattr(registration, name)
        vertices[name] = unknown if values is None else values
    vertices["confidence"] = registration.confidence
    vertices["skin"] = 1.0 if registration.bare is None else registration.bare
    for number, part in enumerate(template.parts):
        vertices["part"][part.vertices] = number
    return _ply_header(template).encode() + vertices.tobytes() + _ply_faces(template)


def landmarks_json(scan: PreparedScan) -> dict[str, object]:
    """The 68 landmarks in both spaces; one that was not seen is null there.

    "scan" may be edited and given back with --landmarks; "found" stays, to tell which points were moved.
    """
    seen = scan.landmark_confidence > 0
    in_scan = _points(to_scan(scan, scan.landmarks), seen)
    found = list(in_scan)
    if scan.found is not None and scan.placed is not None:
        before = _points(to_scan(scan, scan.found), ~np.isnan(scan.found).any(axis=1))
        found = [
            b if moved or p is None else p for p, b, moved in zip(in_scan, before, scan.placed, strict=True)
        ]
    return {
        "scheme": "Multi-PIE 68",
        "scan": in_scan,
        "found": found,
        "asset_metres": _points(scan.landmarks, seen),
        "confidence": [round(float(c), 4) for c in scan.landmark_confidence],
    }


def to_scan(scan: PreparedScan, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    """Points of Mien's space (metres) in the scan's own coordinates."""
    return transformed(np.linalg.inv(scan.transform), points)


def _ply_faces(template: Template) -> bytes:
    """Each face's count and corners; somebody else's mesh keeps its own polygons."""
    polygons = template.topology.polygons
    if polygons is None:
        faces = np.empty(len(template.topology.quads), _FACE)
        faces["count"], faces["corners"] = 4, template.topology.quads
        return faces.tobytes()
    starts = np.cumsum(polygons.counts) - polygons.counts
    runs = zip(starts.tolist(), polygons.counts.tolist(), strict=True)
    corners = polygons.corners.astype("<i4")
    return b"".join(bytes([count]) + corners[at : at + count].tobytes() for at, count in runs)


_LENGTHS = ("x", "y", "z", "distance_mm", "expected_error_mm", "expected_slip_mm", "confidence", "skin")
_VERTEX = np.dtype([*((name, "<f4") for name in _LENGTHS), ("part", "u1")])
_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 4)])


def _ply_header(template: Template) -> str:
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        "comment Mien: template topology, the scan's coordinates",
    ]
    lines += [f"comment part {i} {part.name}" for i, part in enumerate(template.parts)]
    lines.append(f"element vertex {template.topology.n_vertices}")
    kinds = {"<f4": "float", "|u1": "uchar"}
    lines += [f"property {kinds[_VERTEX[name].str]} {name}" for name in _VERTEX.names or ()]
    polygons = template.topology.polygons
    count = len(template.topology.quads) if polygons is None else len(polygons.counts)
    lines += [f"element face {count}", "property list uchar int vertex_indices"]
    return "\n".join([*lines, "end_header\n"])


def _points(points: Float[np.ndarray, "N 3"], seen: np.ndarray) -> list[list[float] | None]:
    return [
        [round(float(v), 7) for v in point] if there else None
        for point, there in zip(points, seen, strict=True)
    ]
