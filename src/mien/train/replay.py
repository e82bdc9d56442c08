"""Pictures kept and learned from again, each time mixed, mirrored, turned and shifted anew."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from mien.scan.landmarks.face_points import MIRROR_68

Fields = tuple[np.ndarray, ...]  # pictures, truths, presence
TURN, SHIFT = 10.0, 0.05  # most degrees, and half image widths
NARROWER, WIDER = 1.1, 0.97


class Pool:
    """The last `size` of what was put in; draws without order."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.fields: list[np.ndarray] = []
        self.count = 0

    def put(self, fields: Fields) -> None:
        """Adds rows; the oldest make room."""
        if self.size == 0:
            self.fields = list(fields)
            return
        if not self.fields:
            self.fields = [np.empty((self.size, *f.shape[1:]), f.dtype) for f in fields]
        rows = (self.count + np.arange(len(fields[0]))) % self.size
        for mine, new in zip(self.fields, fields, strict=True):
            mine[rows] = new
        self.count += len(rows)

    def draw(self, count: int, rng: np.random.Generator) -> Fields:
        """Random rows, each at most once."""
        if count == 0:
            return tuple(self.fields)
        rows = rng.choice(min(self.count, self.size), count, replace=False)
        return tuple(field[rows] for field in self.fields)


def replayed(
    fresh: Iterator[tuple[Fields, Fields]], seed: int, batches: int, times: int
) -> Iterator[tuple[Fields, Fields]]:
    """For each fresh batch of crops and wholes `times` batches drawn from the last `batches`."""
    pools: tuple[Pool, Pool] | None = None
    for number, batch in enumerate(fresh):
        sizes = [len(fields[0]) for fields in batch]
        pools = pools or (Pool(sizes[0] * batches), Pool(sizes[1] * batches))
        for pool, fields in zip(pools, batch, strict=True):
            pool.put(fields)
        for time in range(times):
            rng = np.random.default_rng([seed, number, time])
            crops, points, presence = pools[0].draw(sizes[0], rng)
            wholes, poses, head = pools[1].draw(sizes[1], rng)
            yield (
                (*varied(crops, points.reshape(len(points), 3 * 68), rng, points=True), presence),
                (*varied(wholes, poses, rng, points=False), head),
            )


def varied(
    images: Int[np.ndarray, "B 5 H H"],
    truths: Float[np.ndarray, "B K"],
    rng: np.random.Generator,
    *,
    points: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Each picture mirrored or not, turned, shifted and scaled a little; the truths (68 points, or the
    finder's ten numbers) likewise."""
    count = len(images)
    if count == 0:
        return images, truths.reshape(0, 68, 3) if points else truths
    mirror = rng.random(count) < 0.5
    images, truths = images.copy(), truths.copy()
    images[mirror] = flipped(images[mirror])
    truths[mirror] = (mirrored_points if points else mirrored_poses)(truths[mirror])
    angle = np.radians(rng.uniform(-TURN, TURN, count)) * (rng.random(count) < 0.6)
    scale = rng.uniform(WIDER, NARROWER, count)
    shift = rng.uniform(-SHIFT, SHIFT, (count, 2))
    moved = np.stack([_moved(im, *how) for im, *how in zip(images, angle, scale, shift, strict=True)])
    c, s = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], 1)  # x right, y down
    if points:
        places = truths.reshape(count, 68, 3) * scale[:, None, None]
        places[..., :2] = np.einsum("bij,bkj->bki", turn, places[..., :2]) + shift[:, None]
        return moved, places.astype(np.float32)
    poses = truths.astype(np.float64)
    poses[:, :3] *= scale[:, None]
    poses[:, :2] = np.einsum("bij,bj->bi", turn, poses[:, :2]) + shift
    poses[:, 3] += np.log(scale)
    upward = turn * np.array([[1, -1], [-1, 1]])  # axes count y upward
    for first in (4, 7):
        poses[:, first : first + 2] = np.einsum("bij,bj->bi", upward, poses[:, first : first + 2])
    return moved, poses.astype(np.float32)


def flipped(images: Int[np.ndarray, "B 5 H H"]) -> Int[np.ndarray, "B 5 H H"]:
    """Left is right; normals too."""
    images = images[..., ::-1].copy()
    images[:, 0] = -images[:, 0]
    return images


def mirrored_points(points: Float[np.ndarray, "B 204"]) -> Float[np.ndarray, "B 204"]:
    """The subject's left is his right."""
    return (points.reshape(-1, 68, 3)[:, MIRROR_68] * np.array([-1, 1, 1], np.float32)).reshape(-1, 204)


def mirrored_poses(poses: Float[np.ndarray, "B 10"]) -> Float[np.ndarray, "B 10"]:
    """Centre x; the left axis keeps its x but turns its y and z; the up axis turns its x."""
    return poses * np.array([-1, 1, 1, 1, 1, -1, -1, -1, 1, 1], np.float32)


def _moved(
    image: Int[np.ndarray, "5 H H"], angle: float, scale: float, shift: Float[np.ndarray, "2"]
) -> Int[np.ndarray, "5 H H"]:
    """Turned (x right toward y down), scaled about the middle, shifted by half image widths; what comes in
    from outside is empty. Coverage is kept sharp, normals and depth follow."""
    import cv2

    size = image.shape[1]
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    middle = size / 2 - 0.5
    x = middle - c * middle + s * middle + shift[0] * size / 2
    y = middle - s * middle - c * middle + shift[1] * size / 2
    matrix = np.array([[c, -s, x], [s, c, y]])
    raw = image.transpose(1, 2, 0).astype(np.float32)
    out = cv2.warpAffine(raw[..., :4], matrix, (size, size), flags=cv2.INTER_LINEAR)
    cover = cv2.warpAffine(np.ascontiguousarray(raw[..., 4]), matrix, (size, size), flags=cv2.INTER_LINEAR)
    share = np.maximum(cover / 127.0, 0.5)
    nx, ny, nz, depth = (out[..., i] / share for i in range(4))
    turned = np.stack([(c * nx + s * ny) / scale, (c * ny - s * nx) / scale, nz, depth * scale], 0)
    moved = np.concatenate([turned, np.full((1, size, size), 127.0, np.float32)]) * (cover > 63.5)
    return np.clip(np.round(moved), -127, 127).astype(np.int8)
