"""Pictures of random scans with the truth: what the landmark networks learn from.

Scan number `index` of seed `seed` is always the same, so training can go on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from mien.geometry.normals import vertex_normals
from mien.geometry.raster import Raster
from mien.scan.landmarks.geometry_picture import (
    CLOSER,
    FINDER_SIZE,
    LANDMARK_SIZE,
    FaceFrame,
    crop_view,
    face_frame_of,
    geometry_image,
)
from mien.scan.landmarks.orthographic import OrthographicView
from mien.synth.scans.clutter import Mesh, cut, merged, no_head, roughen_head, things, waves
from mien.synth.scans.linear_heads import LinearHeads, linear_heads, posed, random_expression, random_identity
from mien.template.load import load_template

HELD_OUT_SEED = 987_654  # scans of this seed are measured on only
CROPS = 6  # close views of a scan
WHOLES = 8  # views of the whole scan
NO_HEAD = 0.1
SEEN_DEPTH = 0.006  # a landmark this far behind the surface (metres) is hidden
VISIBLE, HIDDEN = 0.35, 0.12  # shares of inner points seen: above, a face; below, none; between, no matter


@dataclass(frozen=True)
class RandomScan:
    """A scan, its normals, and its landmarks (None where it shows no head)."""

    vertices: Float[np.ndarray, "N 3"]
    normals: Float[np.ndarray, "N 3"]
    triangles: Int[np.ndarray, "M 3"]
    landmarks: Float[np.ndarray, "68 3"] | None


@lru_cache(maxsize=1)
def _model() -> LinearHeads:
    return linear_heads(load_template())


def random_scan(seed: int, index: int) -> RandomScan:
    """A random scan, in metres, upright."""
    rng = np.random.default_rng([seed, index])
    if rng.random() < NO_HEAD:
        vertices, triangles = no_head(rng)
        return RandomScan(vertices, vertex_normals(vertices, triangles), triangles, None)
    (vertices, triangles), landmarks = _head(rng)
    return RandomScan(vertices, vertex_normals(vertices, triangles), triangles, landmarks)


def _head(rng: np.random.Generator) -> tuple[Mesh, Float[np.ndarray, "68 3"]]:
    model = _model()
    level = model.levels[rng.choice(len(model.levels), p=[0.25, 0.3, 0.25, 0.2])]
    identity, expression = random_identity(rng, len(level.modes)), random_expression(rng)
    vertices, landmarks = posed(level, identity, expression), posed(model.landmarks, identity, expression)
    vertices = _lips_relieved(vertices, landmarks, rng)
    vertices, landmarks = _warped(vertices, landmarks, rng)
    vertices = roughen_head(level, vertices, rng)
    triangles = cut(vertices, level.without(*_not_scanned(rng)), landmarks, rng)
    return merged([(vertices, triangles), *things(landmarks, rng)]), landmarks


def _not_scanned(rng: np.random.Generator) -> tuple[str, ...]:
    """Often no scanner sees the teeth, and the mouth is a hole; sometimes the eyes are holes."""
    kind = rng.random()
    mouth: tuple[str, ...] = ()
    if kind < 0.4:
        mouth = ("teeth_upper", "teeth_lower", "tongue")
    if kind < 0.2:
        mouth = (*mouth, "mouth_socket")
    return (*mouth, "eye_left", "eye_right") if rng.random() < 0.06 else mouth


def _lips_relieved(
    vertices: Float[np.ndarray, "N 3"], landmarks: Float[np.ndarray, "68 3"], rng: np.random.Generator
) -> Float[np.ndarray, "N 3"]:
    """The relief about the lips shifted up and down against the landmarks. A lip's red ends somewhere on its
    roll, mostly within; the template's ends where the roll does, always."""
    near = np.linalg.norm(vertices - landmarks[[48, 54]].mean(axis=0), axis=1) < 0.06
    part = vertices[near]
    shifts = (slice(49, 54), 1.0, 0.0006, 0.001), (slice(55, 60), -1.0, 0.0013, 0.0018)
    moved = part.copy()
    for border, outward, mean, deviation in shifts:
        shift = np.clip(rng.normal(mean, deviation), -0.002, 0.0045)
        points = landmarks[border] + [0.0, outward * 0.002, 0.0]
        away = np.linalg.norm(part[:, None] - points, axis=2).min(axis=1)
        moved[:, 1] += outward * shift * np.exp(-0.5 * (away / 0.006) ** 2)
    vertices = vertices.copy()
    vertices[near] = moved
    return vertices


def _warped(
    vertices: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Stretched and bent a little, as no mode does."""
    both = np.concatenate([vertices, landmarks])
    bend = np.stack([waves(both, rng, 0.04, 0.15) for _ in range(3)], axis=1)
    both = both * (rng.uniform(0.9, 1.1) * rng.uniform(0.96, 1.04, 3)) + 0.0012 * rng.random() * bend
    return both[: len(vertices)], both[len(vertices) :]


@dataclass(frozen=True)
class LandmarkBatch:
    """Pictures as int8 (127 is one) and the truth. `presence` is 1, 0, or -1 where either would do."""

    crops: Int[np.ndarray, "C 5 128 128"]
    points: Float[np.ndarray, "C 68 3"]
    presence: Float[np.ndarray, " C"]
    wholes: Int[np.ndarray, "W 5 64 64"]
    poses: Float[np.ndarray, "W 10"]
    head: Float[np.ndarray, " W"]


def draw_batch(seed: int, index: int, crops: int = CROPS, wholes: int = WHOLES) -> LandmarkBatch:
    """So many views of scan `index`, close and whole."""
    scan = random_scan(seed, index)
    rng = np.random.default_rng([seed, index, 1])
    near = [_crop(scan, rng) for _ in range(crops)]
    rng = np.random.default_rng([seed, index, 2])
    far = [_whole(scan, rng) for _ in range(wholes)]
    return LandmarkBatch(
        *_stacked(near, ((5, LANDMARK_SIZE, LANDMARK_SIZE), (68, 3), ())),
        *_stacked(far, ((5, FINDER_SIZE, FINDER_SIZE), (10,), ())),
    )  # type: ignore[arg-type]


def _stacked(rows: list[tuple], shapes: tuple[tuple[int, ...], ...]) -> list[np.ndarray]:
    kinds = (np.int8, np.float32, np.float32)
    return [
        np.array([row[i] for row in rows], kind).reshape(len(rows), *shape)
        for i, (shape, kind) in enumerate(zip(shapes, kinds, strict=True))
    ]


def _softened(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """At random blurred, as by a scanner that smooths."""
    if rng.random() > 0.45:
        return image
    import cv2

    inside = image[4] > 0
    blurred = cv2.GaussianBlur(image[:3].transpose(1, 2, 0), (0, 0), rng.uniform(0.5, 2.0)).transpose(2, 0, 1)
    blurred = blurred / np.maximum(np.linalg.norm(blurred, axis=0), 1e-6)
    return np.concatenate([np.where(inside, blurred, 0.0), image[3:]])


def _sealed(
    image: Float[np.ndarray, "5 H H"], projected: Float[np.ndarray, "68 2"], rng: np.random.Generator
) -> np.ndarray:
    """At random what lies between the lips, or the lids, is smoothed over from round about, as scanners do
    that cannot look in there or see only a shine."""
    openings = [slice(60, 68)] * (rng.random() < 0.35)
    openings += [slice(36, 42), slice(42, 48)] * (rng.random() < 0.2)
    if not openings:
        return image
    import cv2

    drawn = np.zeros(image.shape[1:], np.uint8)
    for opening in openings:
        corners = np.round(projected[opening] * 16 - 8).astype(np.int32)
        cv2.fillPoly(drawn, [corners], 1, shift=4)
    hole = cv2.dilate(drawn, np.ones((3, 3), np.uint8)) > 0
    around = (image[4] > 0) & ~hole
    spread = (0, 0), rng.uniform(1.5, 4.0)
    weight = cv2.GaussianBlur(around.astype(np.float32), *spread)
    filled = cv2.GaussianBlur((image[:4] * around).transpose(1, 2, 0), *spread).transpose(2, 0, 1)
    filled /= np.maximum(weight, 1e-6)
    filled[:3] /= np.maximum(np.linalg.norm(filled[:3], axis=0), 1e-6)
    hole &= weight > 0.02
    return np.concatenate([np.where(hole, filled, image[:4]), np.where(hole, 1.0, image[4:])])


def _packed(image: np.ndarray) -> np.ndarray:
    return np.round(image * 127.0).astype(np.int8)


def _crop(scan: RandomScan, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.float32]:
    frame = face_frame_of(scan.landmarks) if scan.landmarks is not None else _any_frame(scan, rng)
    image, raster, view = _looked(scan, _jittered_view(frame, rng))
    if scan.landmarks is None:
        return _packed(_softened(image, rng)), np.zeros((68, 3), np.float32), np.float32(0)
    projected = view.project(scan.landmarks)
    image = _softened(_sealed(image, projected[:, :2], rng), rng)
    points = in_half_widths(projected, view)
    seen = _seen_share(projected, raster.depth)
    presence = 1.0 if seen > VISIBLE else 0.0 if seen < HIDDEN else -1.0
    return _packed(image), points.astype(np.float32), np.float32(presence)


def _looked(scan: RandomScan, view: OrthographicView) -> tuple[np.ndarray, Raster, OrthographicView]:
    image, raster = geometry_image(scan.vertices, scan.normals, scan.triangles, view)
    return image, raster, view


def in_half_widths(projected: Float[np.ndarray, "*N 3"], view: OrthographicView) -> Float[np.ndarray, "*N 3"]:
    """Pixels and depth as the networks count: x right, y down, z toward the viewer, from the middle."""
    half = view.size / 2
    return np.concatenate([projected[..., :2] / half - 1.0, -projected[..., 2:] / view.reach], axis=-1)


def _seen_share(projected: np.ndarray, depth: np.ndarray) -> float:
    cell = np.floor(projected[17:, :2]).astype(int)
    inside = ((cell >= 0) & (cell < len(depth))).all(axis=1)
    cell = np.clip(cell, 0, len(depth) - 1)
    surface = depth[cell[:, 1], cell[:, 0]]
    return float((inside & (np.abs(projected[17:, 2] - surface) < SEEN_DEPTH)).mean())


def _jittered_view(frame: FaceFrame, rng: np.random.Generator) -> OrthographicView:
    kind = rng.random()
    if kind < 0.06:  # from anywhere: backs of heads, ears
        yaw, pitch, roll = rng.uniform(-np.pi, np.pi), rng.uniform(-1.3, 1.3), rng.uniform(-np.pi, np.pi)
    elif kind < 0.22:
        yaw, pitch, roll = np.radians(rng.uniform(-1, 1, 3) * [80, 50, 50])
    else:
        yaw, pitch, roll = np.radians(rng.normal(size=3) * [20, 12, 7])
    far = rng.random() < 0.2  # as the finder's first guesses are
    reach = rng.uniform(0.15, 0.4) if far else rng.uniform(0, 0.12)
    shift = rng.normal(size=3) * frame.length * reach
    length = frame.length * np.exp(rng.normal() * (0.2 if far else 0.07))
    return crop_view(FaceFrame(frame.axes, frame.centre + shift, float(length)), yaw, pitch, roll)


def _any_frame(scan: RandomScan, rng: np.random.Generator) -> FaceFrame:
    where = scan.vertices[rng.integers(len(scan.vertices))] * rng.uniform(0, 1)
    size = float(np.ptp(scan.vertices, axis=0).max())
    return FaceFrame(random_rotation(rng), where, size * rng.uniform(0.1, 0.5))


def random_rotation(rng: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    """Uniform over all rotations."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


def _whole(scan: RandomScan, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.float32]:
    view = _whole_view(scan, rng)
    image, _ = geometry_image(scan.vertices, scan.normals, scan.triangles, view)
    if scan.landmarks is None:
        return _packed(image), np.zeros(10, np.float32), np.float32(0)
    frame = face_frame_of(scan.landmarks)
    place = in_half_widths(view.project(frame.centre), view)
    turn = frame.axes[:2] @ view.axes.T
    pose = np.concatenate([place, [np.log(frame.length / view.reach)], turn.ravel()])
    return _packed(image), pose.astype(np.float32), np.float32(1)


def _whole_view(scan: RandomScan, rng: np.random.Generator) -> OrthographicView:
    """From all round and far enough off that the search's first views are among them; as often near the face
    and nearly upright, as its later ones are."""
    axes = random_rotation(rng)
    if scan.landmarks is not None and rng.random() < 0.5:
        frame = face_frame_of(scan.landmarks)
        if rng.random() < 0.7:
            axes = crop_view(frame, *np.radians(rng.normal(size=3) * [30, 25, 30])).axes
        centre = frame.centre + rng.normal(size=3) * frame.length * rng.uniform(0, 0.8)
        return OrthographicView(
            axes, centre, frame.length * CLOSER * np.exp(rng.normal() * 0.25), FINDER_SIZE
        )
    low, high = scan.vertices.min(axis=0), scan.vertices.max(axis=0)
    if rng.random() < 0.5:  # as if more of a bust, or of clutter, were there
        low, high = low - 0.12 * rng.random(3) ** 2, high + 0.12 * rng.random(3) ** 2
    reach = float(np.linalg.norm(high - low)) / 2 * rng.uniform(0.75, 1.1)
    centre = (low + high) / 2 + rng.normal(size=3) * reach * 0.08
    return OrthographicView(axes, centre, reach, FINDER_SIZE)


assert LANDMARK_SIZE == 128  # the shapes above
