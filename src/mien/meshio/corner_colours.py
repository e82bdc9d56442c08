"""Colours of faces, or of their corners, brought onto the vertices."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.meshio.raw_mesh import merge_positions


def at_vertices(
    vertices: Float[np.ndarray, "N 3"],
    triangles: Int[np.ndarray, "M 3"],
    colours: Float[np.ndarray, "M 3 3"],
) -> Float[np.ndarray, "N 3"] | None:
    """The mean of the colours that a vertex has in its triangles; vertices at one place share theirs.

    Corners without a colour are NaN; vertices without any take the mean of all. None where there is none.
    """
    known = np.isfinite(colours).all(axis=2).ravel()
    if not known.any():
        return None
    place = merge_positions(vertices)[1]
    corner, values = place[triangles.ravel()[known]], colours.reshape(-1, 3)[known]
    count = np.bincount(corner, minlength=int(place.max()) + 1)
    sums = np.stack([np.bincount(corner, values[:, c], len(count)) for c in range(3)], axis=1)
    mean = np.where(count[:, None] > 0, sums / np.maximum(count, 1)[:, None], values.mean(axis=0))
    return np.asarray(mean[place])
