"""How much of a surface a geometry image keeps, beside rasterised positions (paper 1 §3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt

from mien.core.conventions import MILLIMETRES_PER_METRE, uv_to_pixel
from mien.geoimage.codec import GeometryImageCodec
from mien.geometry.raster import rasterize

POINTS = 50_000


def surface_errors(
    codec: GeometryImageCodec,
    offsets: Iterable[Float[np.ndarray, "V 3"]],
    *,
    rasterised: bool = False,
    chosen: Bool[np.ndarray, " T"] | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Distance between offsets (metres) and what comes back, millimetres: mean, 99.9th percentile, worst.

    At the vertices and at random points inside the triangles, pooled over all heads. `rasterised` encodes
    as paper 1 does: each texel takes the position of the surface at its centre (whose codec should be that
    of the plain texture layout). `chosen` are the codec's triangles that are measured on, all when left out.
    """
    rng = np.random.default_rng(seed)
    encode = _rasteriser(codec) if rasterised else codec.encode
    asked = np.arange(len(codec.triangles)) if chosen is None else np.flatnonzero(chosen)
    used = np.unique(codec.triangles[asked])
    at_vertices, inside = [], []
    for offset in offsets:
        image = encode(offset)
        at_vertices.append(np.linalg.norm(codec.decode(image) - offset, axis=1)[used])
        triangle = asked[rng.integers(len(asked), size=POINTS)]
        weights = rng.dirichlet(np.ones(3), POINTS)
        true = np.einsum("nk,nkd->nd", weights, offset[codec.triangles[triangle]])
        inside.append(np.linalg.norm(codec.sample(image, triangle, weights) - true, axis=1))
    return _summary("vertices", at_vertices) | _summary("inside", inside)


def _summary(where: str, errors: list[np.ndarray]) -> dict[str, float]:
    error = np.concatenate(errors) * MILLIMETRES_PER_METRE
    return {
        f"{where}_mean_mm": float(error.mean()),
        f"{where}_p99.9_mm": float(np.percentile(error, 99.9)),
        f"{where}_worst_mm": float(error.max()),
    }


def _rasteriser(codec: GeometryImageCodec) -> Callable[[np.ndarray], np.ndarray]:
    """Paper 1's encoder: the surface at each covered texel's centre, its border repeated outwards."""
    size = codec.resolution
    pixels = uv_to_pixel(codec.corner_uvs.reshape(-1, 2), size, size)
    faces = np.arange(len(pixels)).reshape(-1, 3)
    raster = rasterize(pixels, np.zeros(len(pixels)), faces, size, size)
    row, column = distance_transform_edt(~raster.covered, return_distances=False, return_indices=True)

    def encode(offset: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "R R 3"]:
        return raster.interpolate(offset[codec.triangles])[row, column].astype(np.float64)

    return encode
