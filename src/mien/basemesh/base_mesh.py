"""A base mesh as Mien sees it: quads, texture sets, welded seams, connected pieces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from mien.basemesh.ict import ict_landmarks, ict_mesh_file
from mien.core.mesh import PolygonMesh, Topology, safe_name
from mien.meshio.polygon_mesh import read_polygon_mesh
from mien.meshio.raw_mesh import merge_positions


@dataclass(frozen=True)
class BaseMesh:
    """A studio's mesh. `landmarks` are Multi-PIE's 68 in its own coordinates where they are known."""

    mesh: PolygonMesh
    landmarks: Float[np.ndarray, "68 3"] | None = None

    @cached_property
    def quad_set(self) -> Int[np.ndarray, " Q"]:
        """Texture set of each quad of `topology`, ascending; see `texture_sets`."""
        return np.sort(self._sets[1])

    @property
    def texture_sets(self) -> list[tuple[str, int]]:
        """Material and UDIM tile (1001, 1002, ...) of each texture set, in the order of first use."""
        return self._sets[0]

    @property
    def udim(self) -> bool:
        """Whether any face lies outside the first tile."""
        return any(tile != 1001 for _, tile in self.texture_sets)

    @cached_property
    def _sets(self) -> tuple[list[tuple[str, int]], Int[np.ndarray, " Q"]]:
        polygons = self.mesh.polygons
        face = polygons.fan_quads[1]
        starts = np.cumsum(polygons.counts) - polygons.counts
        middle = np.add.reduceat(self.mesh.uvs[polygons.corner_uvs], starts) / polygons.counts[:, None]
        tile = np.floor(np.clip(middle, 0.0, [9.999, 90.0])).astype(int)
        number = 1001 + tile[:, 0] + 10 * tile[:, 1]
        keys = np.stack([self.mesh.material, number], axis=1)
        unique, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        sets = [(self.mesh.materials[m], int(n)) for m, n in unique[order].tolist()]
        return sets, rank[inverse.ravel()][face]

    @cached_property
    def topology(self) -> Topology:
        """Quads sorted by texture set, vertices in the file's order, the polygons as they came."""
        polygons = self.mesh.polygons
        places = polygons.fan_quads[0][np.argsort(self._sets[1], kind="stable")]
        return Topology(
            n_vertices=len(self.mesh.vertices),
            quads=polygons.corners[places],
            uvs=self.mesh.uvs,
            quad_uvs=polygons.corner_uvs[places],
            polygons=polygons,
        )

    @cached_property
    def weld(self) -> Int[np.ndarray, " V"]:
        """Welded vertex of each vertex: border vertices at one place are one, so that seams hold together."""
        n = len(self.mesh.vertices)
        quads = self.topology.quads
        sides = np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
        sides = sides[sides[:, 0] != sides[:, 1]]
        edges, counts = np.unique(sides, axis=0, return_counts=True)
        border = np.zeros(n, bool)
        border[edges[counts == 1].ravel()] = True
        ids = np.flatnonzero(border)
        owner = np.arange(n)
        if len(ids):
            kept, remap = merge_positions(self.mesh.vertices[ids])
            owner[ids] = ids[kept[remap]]
        return np.unique(owner, return_inverse=True)[1].ravel()

    @cached_property
    def welded_first(self) -> Int[np.ndarray, " W"]:
        """One vertex of the file for each welded vertex."""
        return np.unique(self.weld, return_index=True)[1]

    @cached_property
    def triangles(self) -> Int[np.ndarray, "T 3"]:
        """Welded triangles, those without an area left out; `triangle_rows` says which they were."""
        return self.weld[self.topology.triangles][self.triangle_rows]

    @cached_property
    def triangle_rows(self) -> Int[np.ndarray, " T"]:
        """Rows of `topology.triangles` that `triangles` keeps."""
        t = self.weld[self.topology.triangles]
        return np.flatnonzero((t[:, 0] != t[:, 1]) & (t[:, 1] != t[:, 2]) & (t[:, 2] != t[:, 0]))

    @cached_property
    def pieces(self) -> Int[np.ndarray, " W"]:
        """Number of the connected piece that each welded vertex belongs to."""
        t, n = self.triangles, len(self.welded_first)
        pairs = t[:, [0, 1, 1, 2]].reshape(-1, 2)
        graph = sparse.coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
        return connected_components(graph, directed=False)[1].astype(np.int64)

    @cached_property
    def edges(self) -> Int[np.ndarray, "E 2"]:
        """Welded edges of the polygons (no diagonals of quads), each once."""
        quads = self.weld[self.topology.quads]
        sides = np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
        return np.unique(sides[sides[:, 0] != sides[:, 1]], axis=0)


def read_base_mesh(path: Path) -> BaseMesh:
    """A base mesh from OBJ or glTF/GLB, or ICT-FaceKit's generic head from its FaceXModel folder.

    ICT-FaceKit's landmarks are published with it, so they need not be given. Raises `MienError`.
    """
    path = Path(path)
    ict = ict_mesh_file(path)
    if ict is None:
        return BaseMesh(read_polygon_mesh(path))
    mesh = read_polygon_mesh(ict)
    return BaseMesh(mesh, ict_landmarks(ict, mesh))


def mesh_file(path: Path) -> Path:
    """The file that `read_base_mesh` reads for this path."""
    return ict_mesh_file(Path(path)) or Path(path)


def set_name(base: BaseMesh, index: int) -> str:
    """Name of a texture set in file names and asset.json: the material, and its tile where UDIM is used."""
    material, tile = base.texture_sets[index]
    return f"{safe_name(material)}.{tile}" if base.udim else safe_name(material)
