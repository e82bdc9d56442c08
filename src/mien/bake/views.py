"""Colour from several photographs: who sees what, made equally bright, the best view foremost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import sparse

from mien.bake.photographs import Photograph
from mien.bake.ray_hits import TexelHits, carried, interpolated
from mien.bake.seam_levelling import solve_gains
from mien.bake.texture_filter import read_footprints
from mien.bake.texture_sampling import ColourSource, halvings
from mien.core.mesh import Scan
from mien.geometry.normals import vertex_normals
from mien.geometry.weights import smoothstep

FACING = (0.12, 0.45)  # cosine between the surface and the view: too grazing ... well seen
_FRAME = (2.0, 24.0)  # pixels from a photograph's border: not ... used
_SPREAD = 0.003  # metres over which what a view does not see takes its surroundings along
_DOMINANCE = 8.0  # exponent: the better view has nearly all the weight
_AVERAGING = 0.004  # metres over which colour is compared between views
_BLANK = 0.15  # share of a texture in exactly one colour: painted over, not photographed
_LIFT = 0.0005  # metres above the surface from which the camera is looked for


@dataclass(frozen=True)
class PhotographSource(ColourSource):
    """A `ColourSource` that reads each place from all photographs that see it.

    `seen` says how well, 0..1, `shares` sum to one over the photographs where any sees the vertex;
    `view_gains` are log gains (linear light). All per photograph and scan vertex.
    """

    photographs: tuple[Photograph, ...] = ()
    seen: Float[np.ndarray, "K V"] | None = None
    shares: Float[np.ndarray, "K V"] | None = None
    view_gains: Float[np.ndarray, "K V 3"] | None = None

    def read(
        self,
        triangle: Int[np.ndarray, " N"],
        barycentric: Float[np.ndarray, "N 3"],
        texel_metres: Float[np.ndarray, " N"] | None = None,
    ) -> Float[np.ndarray, "N 3"]:
        """As `ColourSource.read`; the average is over a square of `texel_metres` on the surface."""
        corners = self.scan.vertices[self.scan.triangles[triangle]]
        points = np.einsum("nk,nkd->nd", barycentric, corners)
        size = np.full(len(triangle), 1e-5) if texel_metres is None else texel_metres
        along = corners[:, 1] - corners[:, 0]
        along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
        normal = np.cross(along, corners[:, 2] - corners[:, 0])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        across = np.cross(normal, along)
        return self._blend(triangle, barycentric, points, size[:, None] * along, size[:, None] * across)

    def read_hits(self, hits: TexelHits) -> Float[np.ndarray, "N 3"]:
        """Linear colour through each texel's own footprint; NaN where no photograph sees it."""
        points, along_x, along_y = carried(hits, self._corners)
        return self._blend(hits.triangle, hits.barycentric, points, along_x, along_y)

    @cached_property
    def _corners(self) -> Float[np.ndarray, "M 3 3"]:
        return self.scan.vertices[self.scan.triangles].astype(np.float32)

    def well_seen(
        self, triangle: Int[np.ndarray, " N"], barycentric: Float[np.ndarray, "N 3"]
    ) -> Float[np.ndarray, " N"]:
        """How well the best photograph sees a place, 0..1."""
        assert self.seen is not None
        best = self.seen.max(axis=0)[self.scan.triangles[triangle]]
        return np.einsum("nk,nk->n", barycentric, best).astype(np.float32)

    def _blend(self, triangle, barycentric, points, along_x, along_y) -> np.ndarray:  # type: ignore[no-untyped-def]
        assert self.shares is not None
        total = np.zeros(len(triangle), np.float32)
        out = np.zeros((len(triangle), 3), np.float32)
        for k in range(len(self.photographs)):
            share = interpolated(triangle, barycentric, self.scan.triangles, self.shares[k][:, None])[:, 0]
            rows = np.flatnonzero(share > 0.004)
            if len(rows) == 0:
                continue
            colour = self._one(k, points[rows], along_x[rows], along_y[rows])
            if self.view_gains is not None:
                gain = self.view_gains[k]
                colour *= np.exp(interpolated(triangle[rows], barycentric[rows], self.scan.triangles, gain))
            out[rows] += share[rows, None] * colour
            total[rows] += share[rows]
        out /= np.maximum(total, 1e-6)[:, None]
        out[total == 0] = np.nan
        return out

    def _one(self, k: int, points: np.ndarray, along_x: np.ndarray, along_y: np.ndarray) -> np.ndarray:
        photograph = self.photographs[k]
        places = photograph.project_steps(points, along_x, along_y)
        return read_footprints(self._photo_pyramid(photograph.texture), *places)

    def _photo_pyramid(self, t: int) -> list[np.ndarray]:
        if not self.prepared:
            self.prepared.extend(halvings(texture) for texture in self.scan.textures)
        return self.prepared[t]


def photograph_source(scan: Scan, photographs: tuple[Photograph, ...]) -> PhotographSource:
    """Sees who sees what and levels the views against one another over all they have in common."""
    painted = [_painted(texture) for texture in scan.textures]
    seen = np.stack([_seen_by(scan, one, painted[one.texture]) for one in photographs]).astype(np.float32)
    strength = seen**_DOMINANCE
    shares = strength / np.maximum(strength.sum(axis=0), 1e-9)
    alone = PhotographSource(scan, photographs=photographs, seen=seen, shares=shares)
    gains = _levelled(alone, seen)
    return PhotographSource(
        scan, prepared=alone.prepared, photographs=photographs, seen=seen, shares=shares, view_gains=gains
    )


def _seen_by(scan: Scan, photograph: Photograph, painted: np.ndarray | None) -> Float[np.ndarray, " V"]:
    """0..1 per vertex: facing the camera, within the frame, nothing in between, nor close beside."""
    from embreex import rtcore_scene
    from embreex.mesh_construction import TriangleMesh

    normals = vertex_normals(scan.vertices, scan.triangles)
    toward = photograph.toward(scan.vertices)
    facing = np.einsum("vd,vd->v", normals, toward)
    scene = rtcore_scene.EmbreeScene()
    TriangleMesh(scene, scan.vertices[scan.triangles].astype(np.float32))
    origin = scan.vertices + _LIFT * normals
    hidden = scene.run(origin.astype(np.float32), toward.astype(np.float32), query="OCCLUDED") >= 0
    free = (facing > FACING[0]) & ~hidden
    around = _spread(scan, free.astype(float))
    pixel = photograph.project(scan.vertices)
    framed = smoothstep(photograph.inside(pixel), *_FRAME)
    if painted is not None:
        height, width = painted.shape
        column = np.clip(pixel[:, 0].astype(np.int64), 0, width - 1)
        framed *= painted[np.clip(pixel[:, 1].astype(np.int64), 0, height - 1), column]
    return smoothstep(facing, *FACING) * free * smoothstep(around, 0.5, 0.95) * framed


def _painted(texture: UInt8[np.ndarray, "H W 3"]) -> Bool[np.ndarray, "H W"] | None:
    """Where a photograph was kept, for software that paints over what no triangle uses; None where it was
    not painted over."""
    code = texture.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    values, counts = np.unique(code[::4, ::4], return_counts=True)
    if counts.max() < _BLANK * counts.sum():
        return None
    kept = (code != values[counts.argmax()]).astype(np.uint8)
    return cv2.erode(kept, np.ones((9, 9), np.uint8)) > 0


def _spread(scan: Scan, values: np.ndarray) -> np.ndarray:
    """The mean over about `_SPREAD` along the mesh's edges."""
    pairs = _edges(scan)
    length = np.linalg.norm(scan.vertices[pairs[:, 0]] - scan.vertices[pairs[:, 1]], axis=1)
    weight = np.exp(-((length / _SPREAD) ** 2)) + 1e-3
    n = len(scan.vertices)
    half = sparse.coo_matrix((weight, pairs.T), shape=(n, n)).tocsr()
    graph = half + half.T + sparse.identity(n)
    total = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-9)
    for _ in range(int(np.clip(np.ceil(_SPREAD / max(float(np.median(length)), 1e-5)), 1, 8))):
        values = (graph @ values) / total
    return values


def _edges(scan: Scan) -> Int[np.ndarray, "E 2"]:
    return np.unique(np.sort(scan.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)


def _levelled(source: PhotographSource, seen: np.ndarray) -> Float[np.ndarray, "K V 3"]:
    """Smooth log gains per photograph that make views agree wherever two see the same."""
    scan, count = source.scan, len(source.photographs)
    n = len(scan.vertices)
    colour = np.zeros((count, n, 3))
    normals = vertex_normals(scan.vertices, scan.triangles)
    helper = np.where(np.abs(normals[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    along = np.cross(normals, helper)
    along *= _AVERAGING / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    for k in range(count):
        rows = np.flatnonzero(seen[k] > 0)
        read = source._one(k, scan.vertices[rows], along[rows], np.cross(normals[rows], along[rows]))
        colour[k, rows] = np.log(read + 0.01)
    pairs = [
        np.column_stack([a * n + both, b * n + both])
        for a in range(count)
        for b in range(a + 1, count)
        if len(both := np.flatnonzero(np.minimum(seen[a], seen[b]) > 0.1))
    ]
    if not pairs:
        return np.zeros((count, n, 3))
    edges = np.concatenate([_edges(scan) + k * n for k in range(count)])
    gains = solve_gains(colour.reshape(-1, 3), seen.ravel(), np.concatenate(pairs), edges)
    return gains.reshape(count, n, 3)
