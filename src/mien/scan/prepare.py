"""A scan put upright, in metres, with its landmarks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.errors import MienError
from mien.core.face import PreparedScan
from mien.core.mesh import Scan
from mien.geometry.align import fit_similarity_robust, transformed
from mien.geometry.closest import ClosestPoint
from mien.scan.decimate import heaviness, light_scan
from mien.scan.extent import about_the_head, piece_with
from mien.scan.landmarks.colour_check import colours_upside_down
from mien.scan.landmarks.detect import INSIDE_OUT, UPSIDE_DOWN, detect_landmarks, turned
from mien.scan.landmarks.face_points import eyes_and_mouth, face_axes, face_length, what_is_no_face
from mien.scan.landmarks.file import GivenLandmarks, read_given
from mien.scan.landmarks.picture_search import FacePose
from mien.template.load import load_template

MISPLACED = 0.4  # face lengths (about 28 mm) off where a mean face has a landmark
FEW = 5  # points that may be named one by one; more of them make no face
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
# Distance of the inner eye corners (landmarks 39 and 42) on the mean head of ICT-FaceKit.
INNER_CANTHI_METRES = 0.0369
# Means by ancestry run from 31.2 to 38.5 mm, with standard deviations up to 3.2: Bouhadana et al. 2022
# (22,638 people in 67 studies, doi 10.1097/gox.0000000000004268). About three deviations beyond both.
INNER_CANTHI_RANGE = (0.022, 0.048)


def prepare_scan(
    scan: Scan, *, units: str = "auto", landmarks: Path | Float[np.ndarray, "68 3"] | None = None
) -> PreparedScan:
    """A clean scan in Mien's space: metres, +Y up, the face toward +Z, the origin between the eyes.

    Orientation and scale come from the 68 landmarks, which are detected, or given (a file or the points) in
    the scan's own coordinates. `units` is "auto", "m", "cm" or "mm". Refuses with `MienError` what is no
    face.
    """
    if units != "auto" and units not in UNITS:
        raise MienError(f"--units {units}: unknown, expected auto, {', '.join(UNITS)}")
    if landmarks is None:
        detected = detect_landmarks(scan)
        scan, notes = detected.scan, detected.notes
        given = GivenLandmarks(detected.landmarks, detected.confidence, np.zeros(68, bool))
    else:
        if isinstance(landmarks, Path):
            given = read_given(landmarks, scan)
        else:
            given = GivenLandmarks(landmarks, np.ones(68), np.zeros(68, bool))
        source = landmarks if isinstance(landmarks, Path) else scan.name
        scan, notes = _check_given(scan, given.points, given.confidence, source)
    points = given.points
    metres, unit_note, unit_known = choose_unit(scan, points, units)
    transform = _upright(points, metres)
    return PreparedScan(
        scan=replace(scan, vertices=transformed(transform, scan.vertices), unit_metres=1.0, apart=None),
        transform=transform,
        landmarks=transformed(transform, points),
        landmark_confidence=given.confidence,
        unit_note=unit_note,
        unit_known=unit_known,
        notes=(*scan.notes, *heaviness(scan), *notes),
        placed=given.placed,
        found=None if given.found is None else transformed(transform, given.found),
    )


def choose_unit(scan: Scan, landmarks: Float[np.ndarray, "68 3"], units: str) -> tuple[float, str, bool]:
    """Metres per unit of the file, one sentence on where that came from, and whether it is a unit at all."""
    distance = float(np.linalg.norm(landmarks[39] - landmarks[42]))
    if units != "auto":
        return UNITS[units], f"unit {units} as given", True
    low, high = INNER_CANTHI_RANGE
    if scan.unit_metres is not None and low <= distance * scan.unit_metres <= high:
        return scan.unit_metres, f"unit of {scan.unit_metres:g} m from the file", True
    for name, metres in UNITS.items():
        if low <= distance * metres <= high:
            found = distance * metres * 1000
            return metres, f"unit {name}: the inner eye corners are then {found:.1f} mm apart", True
    mean = INNER_CANTHI_METRES * 1000
    note = (
        f"no unit fits (inner eye corners {distance:.4g} apart): scaled so that they are {mean:.1f} mm apart"
    )
    return INNER_CANTHI_METRES / distance, note, False


def _upright(landmarks: Float[np.ndarray, "68 3"], metres: float) -> Float[np.ndarray, "4 4"]:
    transform = np.eye(4)
    transform[:3, :3] = metres * face_axes(landmarks)
    transform[:3, 3] = -transform[:3, :3] @ eyes_and_mouth(landmarks)[0]
    return transform


def _check_given(
    scan: Scan, points: Float[np.ndarray, "68 3"], confidence: Float[np.ndarray, "68"], path: Path | str
) -> tuple[Scan, tuple[str, ...]]:
    """Refuses landmarks that make no face, lie off the scan or are misplaced; turns round a scan that is
    inside out, and a texture that lies upside down."""
    _refuse_misplaced(points, confidence, path)
    if wrong := what_is_no_face(points):
        raise MienError(f"{path}: its landmarks make no face ({wrong}); expected Multi-PIE's order")
    scan, large = about_the_head(piece_with(scan, points[17:]), points[17:].mean(axis=0), face_length(points))
    light = light_scan(scan)
    surface = ClosestPoint(light.vertices, light.triangles)
    hits = surface.query(points[17:])
    gap = float(np.median(hits.distance)) / face_length(points)
    if gap > 0.15:
        raise MienError(
            f"{path}: the landmarks lie {gap:.0%} of the face's length off the scan, expected on it; "
            "give them in the scan file's own coordinates"
        )
    notes = large
    normals = surface.normals[surface.triangles[hits.triangle]].mean(axis=1)
    if (normals @ face_axes(points)[2]).mean() < 0:
        notes = (INSIDE_OUT, *notes)
    pose = FacePose(face_axes(points), points[17:].mean(axis=0), face_length(points), points, 1.0)
    if scan.textures and scan.corner_uvs is not None and colours_upside_down(light, pose):
        notes = (*notes, UPSIDE_DOWN)
    return turned(scan, notes), notes


def _refuse_misplaced(
    points: Float[np.ndarray, "68 3"], confidence: Float[np.ndarray, "68"], path: Path | str
) -> None:
    """A point that was dropped somewhere else on the face would bend the head there; the jaw may slide."""
    template = load_template()
    usual = template.landmarks.on(template.vertices, template.topology)
    weights = np.where(np.arange(68) < 17, 0.1, 1.0) * (confidence > 0)
    fit, _ = fit_similarity_robust(usual, points, weights)
    off = np.linalg.norm(fit(usual) - points, axis=1) / face_length(points)
    off[:17] = 0.0
    wrong = np.flatnonzero((off > MISPLACED) & (confidence > 0))
    if 0 < len(wrong) <= FEW:
        raise MienError(
            f"{path}: point {', '.join(map(str, wrong))} (counted from 0) lies {off[wrong].max():.0%} of the "
            "face's length from where faces have it; move it, or write null for a point that cannot be seen"
        )
