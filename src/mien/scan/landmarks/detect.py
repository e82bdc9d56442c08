"""Automatic landmarks: find the face, look at it from many sides, put the points on the surface."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from mien.core.errors import MienError
from mien.core.mesh import Scan
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import triangle_areas, triangle_cross
from mien.scan.clean import select_faces
from mien.scan.decimate import light_scan
from mien.scan.landmarks import network_search as own
from mien.scan.landmarks.colour_check import colours_upside_down
from mien.scan.landmarks.combine import fused_by_both
from mien.scan.landmarks.face_points import multi_pie, what_is_no_face
from mien.scan.landmarks.fuse import FusedFace, fuse_picture_views
from mien.scan.landmarks.mediapipe import face_mesh, has_network_files, network_files
from mien.scan.landmarks.networks import shipped
from mien.scan.landmarks.orthographic import Canvas, draw, make_canvas, scan_vertex_colours
from mien.scan.landmarks.search import FacePose, find_face_in_pictures, frontal_view

NETWORKS = "both"  # or "mien", or "mediapipe": the networks used unless told otherwise
COARSE_TRIANGLES = 40_000
FINE_TRIANGLES = 120_000
HEAD_LENGTHS = 2.5  # radius around the face that close views can show, in face lengths
MAX_SPREAD = 0.06  # face lengths (4 mm): views of a real face agree better, of anything else worse
JAW_CONFIDENCE = 0.2
GREY_BROW_CONFIDENCE = 0.4  # without colour a brow is guessed from the bone beneath it

INSIDE_OUT = "the faces were wound inside out: turned round"
UPSIDE_DOWN = "the texture lay upside down: v was flipped"
SHAPE_ALONE = "landmarks from the shape alone: MediaPipe's networks are not installed"


@dataclass(frozen=True)
class FoundFace:
    """Landmarks in the scan's coordinates with confidence (0 not seen ... 1), and the scan itself, whose
    winding and texture direction may have been turned round; `notes` say so."""

    scan: Scan
    landmarks: Float[np.ndarray, "68 3"]
    confidence: Float[np.ndarray, "68"]
    notes: tuple[str, ...]


def detect_landmarks(scan: Scan, *, networks: str = NETWORKS) -> FoundFace:
    """The 68 points of the one face in a clean scan, whatever its orientation, unit and colour.

    `networks` are "mien" (the shape alone), "mediapipe" (pictures of it) or "both": ours find the face, and
    the points are MediaPipe's in colour, the mean of both without. Refuses with `MienError` a scan in which
    no face is found, or whose views do not agree on one.
    """
    networks, notes = _installed(networks)  # refuse early where they are not
    ours = networks != "mediapipe"
    light, pose, windings = _find(light_scan(scan), networks)
    notes = (*notes, *windings)
    head = _neighbourhood(light, pose.centre, HEAD_LENGTHS * pose.length)
    turn_over = colours_upside_down if ours else _texture_upside_down
    if head.textures and turn_over(head, pose):
        head = _flip_textures(head)
        notes = (*notes, UPSIDE_DOWN)
    fused, grey = _fuse(head, pose, networks)
    _refuse_no_face(scan.name, fused, pose)
    landmarks = _onto_surface(head, fused.points, pose.length)
    return FoundFace(turned(scan, notes), landmarks, _confidence(fused, pose.length, grey), notes)


def turned(scan: Scan, notes: tuple[str, ...]) -> Scan:
    """The scan as given, turned as its light copy was."""
    if INSIDE_OUT in notes:
        scan = flip_winding(scan)
    return _flip_textures(scan) if UPSIDE_DOWN in notes else scan


def _installed(networks: str) -> tuple[str, tuple[str, ...]]:
    """The networks asked for; ours alone, and a note, for both where MediaPipe's are not installed."""
    if networks not in ("both", "mien", "mediapipe"):
        raise MienError(f"networks {networks!r}: unknown, expected both, mien or mediapipe")
    if networks != "mediapipe":
        shipped()
    if networks == "both" and not has_network_files():
        return "mien", (SHAPE_ALONE,)
    if networks != "mien":
        network_files()
    return networks, ()


def _find(scan: Scan, networks: str) -> tuple[Scan, FacePose, tuple[str, ...]]:
    """The first face found: by ours in the shape, by MediaPipe's in grey, then in colour; with the winding as
    it is, then turned round."""
    light = simplify(scan, COARSE_TRIANGLES)
    outward = _outwardness(light)
    windings = (False, True) if outward >= 0 else (True, False)
    for flipped in windings if abs(outward) < 0.3 else windings[:1]:
        candidate = flip_winding(light) if flipped else light
        pose = _find_wound(candidate, scan.has_colour, networks)
        if pose is not None:
            turned = (INSIDE_OUT,) if flipped else ()
            return flip_winding(scan) if flipped else scan, pose, turned
    raise _no_face(scan.name, "no face was found from any side")


def _find_wound(scan: Scan, coloured: bool, networks: str) -> FacePose | None:
    canvas = make_canvas(scan, grey=True)
    pose = own.find_face_by_shape(canvas) if networks != "mediapipe" else None
    if pose is None and networks != "mien":
        pose = find_face_in_pictures(canvas)
        if pose is None and coloured:
            pose = find_face_in_pictures(make_canvas(scan, grey=False))
    return pose


def _no_face(name: str, why: str) -> MienError:
    return MienError(f"{name}: {why}, expected a scan of one head; give a head scan, or --landmarks FILE")


def simplify(scan: Scan, target: int) -> Scan:
    """About `target` triangles, with vertex colours in place of textures; a smaller scan as it is."""
    if len(scan.triangles) <= target:
        return scan
    import fast_simplification

    share = 1.0 - target / len(scan.triangles)
    points, triangles = fast_simplification.simplify(
        np.ascontiguousarray(scan.vertices, np.float64), np.ascontiguousarray(scan.triangles, np.int32), share
    )
    vertices = np.asarray(points, np.float64)
    colours = scan_vertex_colours(scan)
    if colours is not None:
        colours = colours[cKDTree(scan.vertices).query(vertices)[1]]
    return Scan(scan.name, vertices, np.asarray(triangles, np.int64), vertex_colours=colours)


def _outwardness(scan: Scan) -> float:
    """-1..1: how far the faces look away from the middle of the scan; open half shells do, too."""
    centres = scan.vertices[scan.triangles].mean(axis=1)
    area = triangle_areas(scan.vertices, scan.triangles)
    offset = centres - np.average(centres, axis=0, weights=area)
    away = (triangle_cross(scan.vertices, scan.triangles) * offset).sum(axis=1)
    return float(away.sum() / (2 * area * np.linalg.norm(offset, axis=1)).sum())


def flip_winding(scan: Scan) -> Scan:
    """Every face turned round."""
    uvs = None if scan.corner_uvs is None else np.ascontiguousarray(scan.corner_uvs[:, ::-1])
    return replace(scan, triangles=np.ascontiguousarray(scan.triangles[:, ::-1]), corner_uvs=uvs)


def _flip_textures(scan: Scan) -> Scan:
    assert scan.corner_uvs is not None
    return replace(scan, corner_uvs=scan.corner_uvs * [1.0, -1.0] + [0.0, 1.0])


def _neighbourhood(scan: Scan, centre: Float[np.ndarray, "3"], radius: float) -> Scan:
    near = ((scan.vertices - centre) ** 2).sum(axis=1) < radius**2
    return select_faces(scan, near[scan.triangles].any(axis=1))


def _texture_upside_down(head: Scan, pose: FacePose) -> bool:
    """Whether the colours show this face only once v is flipped.

    glTF counts v from the top, OBJ from the bottom, and a picture given beside a file may follow either.
    """
    as_is = _colour_error(make_canvas(head), pose)
    if as_is < 0.12:
        return False
    return _colour_error(make_canvas(_flip_textures(head)), pose) < min(0.12, 0.6 * as_is)


def _colour_error(canvas: Canvas, pose: FacePose) -> float:
    """Mean distance, in face lengths, between the face in the colours alone and the one in the shape."""
    view = frontal_view(pose)
    middle = np.full(2, view.size / 2)
    flat, presence = face_mesh(draw(canvas, view, flat=True).image, middle, float(view.size))
    if presence < 0.5:
        return np.inf
    difference = multi_pie(flat[:, :2]) - view.project(pose.landmarks)[:, :2]
    return float(np.linalg.norm(difference[17:], axis=1).mean() * 2 * view.reach / view.size / pose.length)


def _fuse(head: Scan, pose: FacePose, networks: str) -> tuple[FusedFace, bool]:
    """The points, and whether they were seen without colour."""
    if networks == "mediapipe":
        return _fuse_pictures(head, pose)

    def by_shape() -> FusedFace:
        return own.fuse_network_views(make_canvas(simplify(head, COARSE_TRIANGLES), grey=True), pose)

    if networks == "mien":
        return by_shape(), True
    with ThreadPoolExecutor(1) as beside:  # rasters and networks leave the interpreter free
        started = beside.submit(by_shape)
        pictures, grey = _fuse_pictures(head, pose)
        shape = started.result()
    return fused_by_both(shape, pictures, pose.length, coloured=not grey), grey


def _fuse_pictures(head: Scan, pose: FacePose) -> tuple[FusedFace, bool]:
    """Views in colour if there is colour that shows the face where the shape has it, in grey otherwise."""
    light = simplify(head, FINE_TRIANGLES)
    canvas = make_canvas(light)
    grey = not canvas.has_colour or _colour_error(canvas, pose) > 0.2
    return fuse_picture_views(make_canvas(light, grey=True) if grey else canvas, pose), grey


def _refuse_no_face(name: str, fused: FusedFace, pose: FacePose) -> None:
    if not np.isfinite(fused.points).all():
        raise _no_face(name, "parts of the face are missing from every view")
    if wrong := what_is_no_face(fused.points):
        raise _no_face(name, f"what looked like a face has {wrong}")
    spread = float(np.median(fused.spread[17:])) / pose.length
    if spread > MAX_SPREAD or fused.presence < 0.5:
        raise _no_face(name, f"views from different sides do not agree on a face (by {spread:.0%} of it)")


def _onto_surface(head: Scan, points: Float[np.ndarray, "68 3"], length: float) -> Float[np.ndarray, "68 3"]:
    """The closest points of the full-resolution surface; a point in a hole stays where it is."""
    near = cKDTree(points).query(head.vertices)[0] < 0.3 * length
    part = select_faces(head, near[head.triangles].any(axis=1))
    hits = ClosestPoint(part.vertices, part.triangles).query(points)
    return np.where((hits.distance < 0.1 * length)[:, None], hits.points, points)


def _confidence(fused: FusedFace, length: float, grey: bool) -> Float[np.ndarray, "68"]:
    """One where all views agree to well below 3 % of the face's length (2 mm); jaws and grey brows less."""
    spread = fused.spread / (0.03 * length)
    confidence = np.minimum(1.0, fused.seen / 0.7) / (1.0 + spread**2)
    confidence[:17] = JAW_CONFIDENCE / (1.0 + spread[:17] ** 2)
    if grey:
        confidence[17:27] *= GREY_BROW_CONFIDENCE
    return confidence
