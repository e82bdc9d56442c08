"""Offsets of a mesh to a square image in UV by least squares, and back by bilinear sampling.

Needs numpy and scipy only: training runs it where nothing else is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.ndimage import distance_transform_edt
from scipy.sparse.linalg import splu

from mien.core.face import Template
from mien.geoimage.operator import local_operator
from mien.geoimage.sampling import bilinear_weights, surface_samples
from mien.geoimage.sampling_places import face_places

RESOLUTION = 256
SMOOTHNESS = 1e-4  # of the thin-plate energy against one sample a texel: fills gaps, hardly smooths
NEAR = 3.0  # texels round the tile that continue it smoothly
VERTEX_WEIGHT = 2.0  # of a vertex against a point inside a triangle, which is on average a texel apart


@dataclass(frozen=True)
class GeometryImageCodec:
    """A codec between values at the vertices of one UV tile and an image of them.

    `triangles` (T, 3) are rows of the vertex array that is encoded, `corner_uvs` (T, 3, 2) their places in
    the image, 0..1 (origin bottom-left; row 0 of an image is the top, v = 1): texture coordinates, or
    better `sampling_places` of these. Vertices that no triangle has are ignored in `encode` and come back as
    zero from `decode`.
    """

    n_vertices: int
    triangles: Int[np.ndarray, "T 3"]
    corner_uvs: Float[np.ndarray, "T 3 2"]
    resolution: int = RESOLUTION

    def encode(self, offsets: Float[np.ndarray, "*B V C"]) -> Float[np.ndarray, "*B R R C"]:
        """The image whose bilinear surface is closest to the offsets, at vertices and inside triangles.

        Exact least squares through a factored system. Texels farther than `NEAR` off the tile repeat the
        nearest ones.
        """
        batch, channels = offsets.shape[:-2], offsets.shape[-1]
        columns = np.moveaxis(offsets.reshape(-1, self.n_vertices, channels), 1, 0)
        right = self._gather @ columns.reshape(self.n_vertices, -1).astype(np.float64)
        texels = self._factor.solve(right)[self._near][self._source]
        texels = texels.reshape(self.resolution**2, -1, channels)
        return np.moveaxis(texels, 0, 1).reshape(*batch, self.resolution, self.resolution, channels)

    def encode_fast(self, offsets: Float[np.ndarray, "*B V C"]) -> Float[np.ndarray, "*B R R C"]:
        """`encode` through its sparse local operator: single precision, for thousands of heads."""
        batch, channels = offsets.shape[:-2], offsets.shape[-1]
        flat = offsets.reshape(-1, self.n_vertices, channels).astype(np.float32)
        out = np.stack([(self.operator @ head)[self._source] for head in flat])
        return out.reshape(*batch, self.resolution, self.resolution, channels)

    def decode(self, image: Float[np.ndarray, "*B R R C"]) -> Float[np.ndarray, "*B V C"]:
        """The image sampled at the vertices (averaged where a vertex has several texture coordinates)."""
        batch, channels = image.shape[:-3], image.shape[-1]
        flat = image.reshape(-1, self.resolution**2, channels)
        out = np.stack([self.vertex_sampler @ one for one in flat])
        return out.reshape(*batch, self.n_vertices, channels)

    def sample(
        self,
        image: Float[np.ndarray, "R R C"],
        triangle: Int[np.ndarray, " N"],
        barycentric: Float[np.ndarray, "N 3"],
    ) -> Float[np.ndarray, "N C"]:
        """The image at points of the surface, given by a row of `triangles` and barycentric weights."""
        uvs = np.einsum("nk,nkd->nd", barycentric, self.corner_uvs[triangle])
        return bilinear_weights(uvs, self.resolution) @ image.reshape(self.resolution**2, -1)

    @cached_property
    def vertex_sampler(self) -> sparse.csr_matrix:
        """V x R²: the bilinear weights of each vertex's texture coordinates."""
        corners = bilinear_weights(self.corner_uvs.reshape(-1, 2), self.resolution)
        vertex = self.triangles.ravel()
        count = np.bincount(vertex, minlength=self.n_vertices)
        share = 1.0 / np.maximum(count[vertex], 1)
        mean = sparse.csr_matrix(
            (share, (vertex, np.arange(len(vertex)))), shape=(self.n_vertices, len(vertex))
        )
        return (mean @ corners).tocsr()

    @cached_property
    def operator(self) -> sparse.csr_matrix:
        """N x V, float32: `encode` at the texels on and near the tile as a sparse matrix (takes a while)."""
        known = np.unique(self.triangles)
        row, column = np.divmod(np.arange(self.resolution**2), self.resolution)
        centre = self.vertex_sampler @ np.stack([row, column], axis=1).astype(float)
        own = np.zeros(self.n_vertices)
        for a, b in ((0, 1), (1, 2), (2, 0)):
            edge = np.linalg.norm(self.corner_uvs[:, a] - self.corner_uvs[:, b], axis=1) * self.resolution
            np.maximum.at(own, self.triangles[:, a], edge)
            np.maximum.at(own, self.triangles[:, b], edge)
        return local_operator(
            self._factor.solve, self._gather, centre[known], own[known], known, self._near, self.resolution
        )

    @cached_property
    def covered(self) -> Bool[np.ndarray, "R R"]:
        """Texels that touch the tile: those that some point of its surface reads."""
        image, _, _ = self._samples
        return (np.asarray(image.sum(axis=0)).ravel() > 0).reshape(self.resolution, self.resolution)

    @cached_property
    def _near(self) -> Int[np.ndarray, " N"]:
        return np.flatnonzero(distance_transform_edt(~self.covered).ravel() <= NEAR)

    @cached_property
    def _source(self) -> Int[np.ndarray, " R2"]:
        """For each texel of the square the row of `_near` whose value it has."""
        near = np.zeros(self.resolution**2, bool)
        near[self._near] = True
        square = near.reshape(self.resolution, self.resolution)
        row, column = distance_transform_edt(~square, return_distances=False, return_indices=True)
        number = np.cumsum(near) - 1
        return number[(row * self.resolution + column).ravel()]

    @cached_property
    def _samples(self) -> tuple[sparse.csr_matrix, sparse.csr_matrix, np.ndarray]:
        triangle, barycentric, weight = surface_samples(self.corner_uvs, self.resolution, VERTEX_WEIGHT)
        uvs = np.einsum("nk,nkd->nd", barycentric, self.corner_uvs[triangle])
        image = bilinear_weights(uvs, self.resolution)
        n = len(triangle)
        rows = np.repeat(np.arange(n), 3)
        mesh = sparse.csr_matrix(
            (barycentric.ravel(), (rows, self.triangles[triangle].ravel())), shape=(n, self.n_vertices)
        )
        return image, mesh, weight

    @cached_property
    def _gather(self) -> sparse.csr_matrix:
        image, mesh, weight = self._samples
        return (image.T @ sparse.diags(weight) @ mesh).tocsr()

    @cached_property
    def _factor(self):
        image, _, weight = self._samples
        system = image.T @ sparse.diags(weight) @ image + SMOOTHNESS * thin_plate(self.resolution)
        return splu(
            system.tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )


def thin_plate(resolution: int) -> sparse.csr_matrix:
    """Sum of squared second differences of a square grid, with natural borders: zero on linear images."""
    n = resolution
    identity = sparse.identity(n)
    first = sparse.diags([-1.0, 1.0], [0, 1], shape=(n - 1, n))
    second = sparse.diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(n - 2, n))
    along = sparse.kron(second, identity)
    across = sparse.kron(identity, second)
    mixed = sparse.kron(first, first)
    return (along.T @ along + across.T @ across + 2.0 * mixed.T @ mixed).tocsr()


def face_codec(
    template: Template, resolution: int = RESOLUTION, *, spread: bool = True
) -> GeometryImageCodec:
    """The codec of the template's face tile; encodes arrays over all of the template's vertices.

    With `spread` at the places that ship (`face_places`), up to two texels off the texture's at 256²;
    without, texel for texel in the texture's layout.
    """
    topology, quads = template.topology, template.part("face").quads
    triangles = slice(2 * quads.start, 2 * quads.stop)
    uvs = face_places(template) if spread else topology.uvs
    return GeometryImageCodec(
        topology.n_vertices,
        topology.triangles[triangles],
        uvs[topology.triangle_uvs[triangles]],
        resolution,
    )
