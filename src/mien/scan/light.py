"""A light copy of a scan of millions of triangles: for finding the face and for registration.

Colour and relief are read from the full scan.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.core.mesh import Scan
from mien.geometry.cluster import cluster_means, cluster_vertices, first_of_each
from mien.geometry.normals import fast_areas

# Fifteen times what the registered head has. A scan of this size follows the full one to a few hundredths
# of a millimetre: below the noise of scanners.
LIGHT_TRIANGLES = 400_000


def light_scan(scan: Scan, target: int = LIGHT_TRIANGLES) -> Scan:
    """A scan of about `target` triangles; a scan of up to twice as many comes back as it is.

    Vertices are averaged within small cells, colours and masks with them. Triangles keep the texture
    coordinates of one that they came from, which is off by half a cell at most.
    """
    if len(scan.triangles) <= 2 * target:
        return scan
    area = float(fast_areas(scan.vertices, scan.triangles).sum())
    cell = np.sqrt(
        2.4 * area / target
    )  # measured on heads: about 1.2 triangles for each half of a cell's face
    cluster = cluster_vertices(scan.vertices, scan.triangles, cell)
    triangles = cluster[scan.triangles]
    i, j, k = triangles.T
    proper = (i != j) & (j != k) & (k != i)
    kept = np.flatnonzero(first_of_each(triangles, proper, fold=True))
    return replace(
        scan,
        vertices=cluster_means(scan.vertices, cluster),
        triangles=triangles[kept],
        corner_uvs=None if scan.corner_uvs is None else scan.corner_uvs[kept],
        triangle_texture=None if scan.triangle_texture is None else scan.triangle_texture[kept],
        vertex_colours=None if scan.vertex_colours is None else cluster_means(scan.vertex_colours, cluster),
        vertex_mask=None
        if scan.vertex_mask is None
        else cluster_means(scan.vertex_mask[:, None], cluster)[:, 0],
    )
