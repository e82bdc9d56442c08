"""Automatic landmarks: find the face, look at it from many sides, put the points on the surface."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from mien.core.errors import MienError
from mien.core.mesh import Scan
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import triangle_areas, triangle_cross
from mien.scan.clean import select_faces
from mien.scan.decimate import light_scan
from mien.scan.extent import LIES_APART, about_the_head, pieces, size_in_words
from mien.scan.landmarks.colour_check import colours_upside_down
from mien.scan.landmarks.combine import fused_by_both
from mien.scan.landmarks.face_points import multi_pie, what_is_no_face
from mien.scan.landmarks.fuse import FusedFace, fuse_picture_views
from mien.scan.landmarks.mediapipe import face_mesh, has_network_files, network_files, networks_can_be_read
from mien.scan.landmarks.networks import shipped
from mien.scan.landmarks.orthographic import Canvas, draw, make_canvas, scan_vertex_colours
from mien.scan.landmarks.parts_search import find_another_face, find_face_in_parts
from mien.scan.landmarks.picture_search import FacePose, find_face_in_pictures, frontal_view
from mien.scan.landmarks.shape_search import Budget, find_face_by_shape, fuse_network_views

NETWORKS = "both"  # or "mien", or "mediapipe": the networks used unless told otherwise
COARSE_TRIANGLES = 40_000
FINE_TRIANGLES = 120_000
MOST_PIECES, LOOKS_APART = 3, 24  # pieces looked at, and looks at each after the largest
LOOSE = 4  # times as many as asked for: what cannot be simplified is no surface
HEAD_LENGTHS = 2.5  # radius around the face that close views can show, in face lengths
MAX_SPREAD = 0.06  # face lengths (4 mm): views of a real face agree better, of anything else worse
JAW_CONFIDENCE = 0.2
GREY_BROW_CONFIDENCE = 0.4  # without colour a brow is guessed from the bone beneath it

NOT_READ = "landmarks from the shape alone: this version of OpenCV does not read MediaPipe's networks"
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
    scan, light, pose, found_so = _find(scan, networks)
    notes = (*notes, *found_so)
    head = _neighbourhood(light, pose.centre, HEAD_LENGTHS * pose.length)
    turn_over = colours_upside_down if ours else _texture_upside_down
    if head.textures and turn_over(head, pose):
        head = _flip_textures(head)
        notes = (*notes, UPSIDE_DOWN)
    fused, grey = _fuse(head, pose, networks)
    _refuse_no_face(scan, fused, pose)
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
    if networks == "both" and not networks_can_be_read():
        return "mien", (NOT_READ,)
    if networks != "mien":
        network_files()
    return networks, ()


def _find(scan: Scan, networks: str) -> tuple[Scan, Scan, FacePose, tuple[str, ...]]:
    """The part of the scan that shows the face, as given; its light copy with the faces outward; the face;
    and notes."""
    for piece in islice(pieces(scan), MOST_PIECES):
        found = _find_wound(light_scan(piece), networks, Budget() if piece is scan else Budget(LOOKS_APART))
        if found is None:
            continue
        pose, notes = found
        near, large = about_the_head(piece, pose.centre, pose.length)
        light = flip_winding(light_scan(near)) if INSIDE_OUT in notes else light_scan(near)
        apart = () if piece is scan else (LIES_APART,)
        return near, light, pose, (*notes, *apart, *large)
    raise _no_face(scan, "no face was found from any side, at any scale")


def _find_wound(scan: Scan, networks: str, budget: Budget) -> tuple[FacePose, tuple[str, ...]] | None:
    """The first face found: in the whole of a light scan, then in its parts; with the winding as it is, then
    turned round. And notes on that, and on a second face."""
    light = simplify(scan, COARSE_TRIANGLES)
    outward = _outwardness(light)
    windings = (False, True) if outward >= 0 else (True, False)
    ways = {f: flip_winding(light) if f else light for f in windings[: 2 if abs(outward) < 0.3 else 1]}
    for search in (_find_in_all, _find_in_parts):
        for flipped, candidate in ways.items():
            pose = search(candidate, scan.has_colour, networks, budget)
            if pose is not None:
                return pose, (*(INSIDE_OUT,) * flipped, *_second_face(candidate, pose, networks, budget))
    return None


def _find_in_all(scan: Scan, coloured: bool, networks: str, budget: Budget) -> FacePose | None:
    """By our networks in the shape, by MediaPipe's in grey, then in colour."""
    canvas = make_canvas(scan, grey=True)
    pose = find_face_by_shape(canvas, budget) if networks != "mediapipe" else None
    if pose is None and networks != "mien":
        pose = find_face_in_pictures(canvas)
        if pose is None and coloured:
            pose = find_face_in_pictures(make_canvas(scan, grey=False))
    return pose


def _find_in_parts(scan: Scan, _coloured: bool, networks: str, budget: Budget) -> FacePose | None:
    """By our networks alone, which are quick."""
    return None if networks == "mediapipe" else find_face_in_parts(make_canvas(scan, grey=True), budget)


def _second_face(scan: Scan, pose: FacePose, networks: str, budget: Budget) -> tuple[str, ...]:
    """A note where the scan shows another face than the one that was found first."""
    if networks == "mediapipe":
        return ()
    other = find_another_face(make_canvas(scan, grey=True), pose, budget)
    if other is None:
        return ()
    here, there = (", ".join(f"{x:.4g}" for x in one.centre) for one in (pose, other))
    return (
        f"two faces are in the scan: the one about ({here}) was taken, not the one about ({there}); "
        "cut the scan to one head to choose",
    )


def _no_face(scan: Scan, why: str) -> MienError:
    return MienError(
        f"{scan.name}: {why}, expected a scan of one head; it is {size_in_words(scan)} large: cut off what "
        "is below the neck and round the head, or give --landmarks FILE"
    )


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
    if len(triangles) > LOOSE * target:  # they hang together nowhere: some stand for all
        triangles = triangles[:: len(triangles) // target]
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
        return fuse_network_views(make_canvas(simplify(head, COARSE_TRIANGLES), grey=True), pose)

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


def _refuse_no_face(scan: Scan, fused: FusedFace, pose: FacePose) -> None:
    if not np.isfinite(fused.points).all():
        raise _no_face(scan, "parts of the face are missing from every view")
    if wrong := what_is_no_face(fused.points):
        raise _no_face(scan, f"what looked like a face has {wrong}")
    spread = float(np.median(fused.spread[17:])) / pose.length
    if spread > MAX_SPREAD or fused.presence < 0.5:
        raise _no_face(scan, f"views from different sides do not agree on a face (by {spread:.0%} of it)")


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
