"""Photographs found again in a scan's texture.

Many scanners write the photographs themselves as the texture and give each triangle to one of them. The
cameras then follow from the texture coordinates (direct linear transform; Hartley and Zisserman 2004,
section 7.1), and every place can be read from all photographs that see it, not only from the one that the
scanner chose, which is often the wrong one along the middle of the face.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from mien.bake.seam_levelling import chart_nodes
from mien.core.conventions import uv_to_pixel
from mien.core.mesh import Scan
from mien.geometry.normals import normalized

MOST_PHOTOGRAPHS = 24
_SMALLEST = 0.03  # share of the scan's corners that a chart has if it is tried as a photograph
_FIT = 6e-4  # of the texture's width: median error of a camera that explains its chart
_BELONGS = 3e-3  # of the texture's width: a corner this near is of the photograph
_EXPLAINED = 0.8  # share of all corners that the photographs must explain


@dataclass(frozen=True)
class Photograph:
    """One photograph: the texture it is part of, its camera and its frame there.

    `camera` takes homogeneous points (metres) to homogeneous pixels of the texture; `frame` is its left, top,
    right and bottom border there.
    """

    texture: int
    camera: Float[np.ndarray, "3 4"]
    frame: Float[np.ndarray, "4"]

    def project(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 2"]:
        """Pixels (continuous, centres at .5) of points."""
        image = points @ self.camera[:, :3].T + self.camera[:, 3]
        return image[:, :2] / image[:, 2:]

    def project_steps(
        self,
        points: Float[np.ndarray, "N 3"],
        first: Float[np.ndarray, "N 3"],
        second: Float[np.ndarray, "N 3"],
    ) -> tuple[Float[np.ndarray, "N 2"], Float[np.ndarray, "N 2"], Float[np.ndarray, "N 2"]]:
        """Pixels of points, and the pixels that two small steps go there: the projection's derivative."""
        out = tuple(np.empty((len(points), 2), np.float32) for _ in range(3))
        given = (np.ascontiguousarray(a, np.float32) for a in (points, first, second))
        _project(self.camera, *given, *out)
        return out[0], out[1], out[2]

    def toward(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
        """Unit directions from points to the camera (which may stand at infinity)."""
        centre = np.linalg.svd(self.camera)[2][-1]
        if abs(centre[3]) < 1e-6 * np.linalg.norm(centre[:3]):
            middle = points.mean(axis=0)
            return np.tile(self._front(middle, centre[:3]), (len(points), 1))
        return normalized(centre[:3] / centre[3] - points)

    def inside(self, pixel: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, " N"]:
        """Pixels from the nearest side of the frame, negative beyond it."""
        left, top, right, bottom = self.frame
        return np.minimum.reduce(
            [pixel[:, 0] - left, right - pixel[:, 0], pixel[:, 1] - top, bottom - pixel[:, 1]]
        )

    def _front(self, middle: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """The one of the two directions of an affine camera from which x right, y down is no mirror image."""
        axes = np.eye(3)
        _, steps, _ = self.project_steps(np.tile(middle, (3, 1)), axes, axes)
        outward = -np.cross(steps[:, 0], steps[:, 1])
        return normalized((direction * np.sign(direction @ outward))[None])[0]


@njit(cache=True, nogil=True)
@no_type_check
def _project(camera, points, first, second, pixel, by_first, by_second):
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        w = camera[2, 0] * x + camera[2, 1] * y + camera[2, 2] * z + camera[2, 3]
        for row in range(2):
            u = camera[row, 0] * x + camera[row, 1] * y + camera[row, 2] * z + camera[row, 3]
            pixel[n, row] = u / w
            for which in range(2):
                step = first[n] if which == 0 else second[n]
                du = camera[row, 0] * step[0] + camera[row, 1] * step[1] + camera[row, 2] * step[2]
                dw = camera[2, 0] * step[0] + camera[2, 1] * step[1] + camera[2, 2] * step[2]
                out = by_first if which == 0 else by_second
                out[n, row] = (du - u / w * dw) / w


def find_photographs(scan: Scan) -> tuple[Photograph, ...]:
    """The photographs that the texture consists of; none where it is an atlas, or where there is but one."""
    if not scan.textures or scan.corner_uvs is None:
        return ()
    node, vertex = chart_nodes(scan)
    texture = np.zeros(len(scan.triangles), np.int64)
    if scan.triangle_texture is not None:
        texture = scan.triangle_texture
    of_node, pixel = np.zeros(len(vertex), np.int64), np.zeros((len(vertex), 2))
    of_node[node.ravel()] = np.repeat(texture, 3)
    sizes = [t.shape[:2] for t in scan.textures]
    for t, (height, width) in enumerate(sizes):
        mine = texture == t
        pixel[node[mine].ravel()] = uv_to_pixel(scan.corner_uvs[mine].reshape(-1, 2), height, width)
    charts = _charts(node, len(vertex))
    explained = of_node < 0
    found: list[Photograph] = []
    points = scan.vertices[vertex]
    for chart in charts[:MOST_PHOTOGRAPHS]:
        t = int(of_node[chart[0]])
        photograph = _fitted(points[chart], pixel[chart], t, sizes[t][1]) if t >= 0 else None
        if photograph is not None:
            near = np.linalg.norm(photograph.project(points) - pixel, axis=1) < _BELONGS * sizes[t][1]
            explained |= near & (of_node == t)
            found.append(photograph)
    if len(found) < 2 or explained.mean() < _EXPLAINED:
        return ()
    return tuple(replace(one, frame=_whole_frame(one, found, sizes[one.texture])) for one in found)


def _whole_frame(one: Photograph, every: list[Photograph], size: tuple[int, ...]) -> Float[np.ndarray, "4"]:
    """A photograph goes on beyond the triangles that were given to it: as far as the texture, or half way to
    the next photograph."""
    frame = np.array([0.0, 0.0, size[1], size[0]])
    for other in every:
        if other is one or other.texture != one.texture:
            continue
        gaps = np.concatenate([one.frame[:2] - other.frame[2:], other.frame[:2] - one.frame[2:]])
        side = int(gaps.argmax())
        if gaps[side] < 0:
            return one.frame  # they overlap: no telling where one ends
        border = 0.5 * (one.frame[side] + other.frame[(side + 2) % 4])
        frame[side] = max(frame[side], border) if side < 2 else min(frame[side], border)
    return frame


def _charts(node: np.ndarray, count: int) -> list[Int[np.ndarray, " N"]]:
    """The larger connected pieces of the texture's layout, largest first."""
    pairs = np.concatenate([node[:, :2], node[:, 1:]])
    graph = sparse.csr_matrix((np.ones(len(pairs)), pairs.T), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    sizes = np.bincount(label)
    large = np.flatnonzero(sizes >= max(50, _SMALLEST * count))
    return [np.flatnonzero(label == k) for k in large[np.argsort(-sizes[large], kind="stable")]]


def _fitted(points: np.ndarray, pixel: np.ndarray, texture: int, width: int) -> Photograph | None:
    """A camera by least squares, refitted without outliers; None where none explains the chart."""
    kept = np.arange(len(points))
    for _ in range(4):
        camera = _direct_linear_transform(points[kept], pixel[kept])
        image = points @ camera[:, :3].T + camera[:, 3]
        if not (image[:, 2] > 0).all() and not (image[:, 2] < 0).all():
            return None
        error = np.linalg.norm(image[:, :2] / image[:, 2:] - pixel, axis=1)
        kept = np.flatnonzero(error <= max(3.0 * float(np.median(error)), 0.2))
        if len(kept) < 0.7 * len(points):
            return None
    if np.median(error) > _FIT * width:
        return None
    frame = np.concatenate([pixel[kept].min(axis=0), pixel[kept].max(axis=0)])
    return Photograph(texture, camera, frame)


def _direct_linear_transform(points: np.ndarray, pixel: np.ndarray) -> Float[np.ndarray, "3 4"]:
    """The 3x4 camera with least algebraic error, on normalised data (Hartley and Zisserman, eq. 7.2)."""
    mid_point, size = points.mean(axis=0), points.std()
    mid_pixel, scale = pixel.mean(axis=0), pixel.std()
    world = np.column_stack([(points - mid_point) / size, np.ones(len(points))])
    image = (pixel - mid_pixel) / scale
    none = np.zeros_like(world)
    rows = np.concatenate(
        [
            np.column_stack([world, none, -image[:, :1] * world]),
            np.column_stack([none, world, -image[:, 1:] * world]),
        ]
    )
    normalised = np.linalg.eigh(rows.T @ rows)[1][:, 0].reshape(3, 4)
    to_world = np.eye(4) / size
    to_world[3, 3] = 1.0
    to_world[:3, 3] = -mid_point / size
    to_pixel = np.array([[scale, 0, mid_pixel[0]], [0, scale, mid_pixel[1]], [0, 0, 1.0]])
    camera = to_pixel @ normalised @ to_world
    return camera / np.linalg.norm(camera[2])
