"""Where a geometry image holds each point of a mesh: its texture coordinates, spread out where they crowd.

A texel cannot hold several vertices, nor a crease inside it. The whole square is warped a little, so that
such places get more texels: everything else of the layout moves with it, islands stay apart, nothing folds.
Needs numpy and scipy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import load_file, save_file
from scipy import sparse
from scipy.ndimage import gaussian_filter
from scipy.sparse.linalg import splu

from mien.core.assets import asset_path
from mien.core.errors import MienError
from mien.core.face import Template
from mien.geometry.uv import signed_uv_area

PLACES = "places.safetensors"
LAYOUT_RESOLUTION = 256  # at which "crowded" is judged; the places serve any resolution
LEAST_SPACING = 0.3  # texels between vertices, whatever they do
BEND = 0.9e-3  # metres a texel by which an offset's slope may jump across an edge
LARGEST = 3.0  # times longer than it was, what a triangle may ask for
_STEPS = 3
_CLING = 0.02  # to the own place, against the stiffness of a texel: keeps the warp local (some 7 texels)
_BLUR = 0.7  # texels
_SMALLEST = 0.1  # of its area, what a triangle must keep in one step
_FLAT = 1e-9  # texels², a triangle with no side to keep and no wish


def sampling_places(
    triangles: Int[np.ndarray, "T 3"],
    corner_uvs: Float[np.ndarray, "T 3 2"],
    examples: Sequence[Float[np.ndarray, "V 3"]] = (),
    resolution: int = LAYOUT_RESOLUTION,
) -> Float[np.ndarray, "T 3 2"]:
    """Texture coordinates (T, 3, 2) in 0..1 for a geometry image of a layout, a few texels off the layout's.

    `examples` are offsets (metres) like those to be stored: places grow where their slopes jump across edges
    (root mean square over the examples), besides where vertices crowd. Each step solves div(grad p / w) = 0
    on the texel grid, w the wished growth and p the new place, with the square's border fixed: such maps do
    not fold (Alessandrini & Nesi 2001, "Univalent sigma-harmonic mappings"; for grids Tutte 1963). What
    clinging and interpolation add is checked: a step that would turn a triangle over is not taken whole.
    """
    start = corner_uvs * resolution
    own = _areas(start)
    slopes = offset_bends(triangles, start, examples)
    wished = np.maximum(own * np.clip(slopes / BEND, 1.0, LARGEST) ** 2, LEAST_SPACING**2 / 2)
    wished[own < _FLAT] = 0.0
    places = start
    for _ in range(_STEPS):
        growth = np.sqrt(wished / np.maximum(_areas(places), _FLAT)).clip(1.0, LARGEST)
        warp = _warp(_splat(places.mean(axis=1), growth, resolution))
        places = _unfolded(places, _moved(places, warp))
    return places / resolution


def offset_bends(
    triangles: Int[np.ndarray, "T 3"],
    corner_places: Float[np.ndarray, "T 3 2"],
    examples: Sequence[Float[np.ndarray, "V 3"]],
) -> Float[np.ndarray, " T"]:
    """How far the slopes of offsets (metres a texel) jump across a triangle's worst edge; RMS of examples."""
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    shared = np.flatnonzero((edges[order[1:]] == edges[order[:-1]]).all(axis=1))
    left, right = order[shared] // 3, order[shared + 1] // 3
    flat = np.stack([corner_places[:, k] - corner_places[:, 0] for k in (1, 2)], axis=2)
    inverse = np.linalg.pinv(flat)
    jumps = np.zeros(len(left))
    for offset in examples:
        corners = offset[triangles]
        sides = np.stack([corners[:, k] - corners[:, 0] for k in (1, 2)], axis=2)
        slope = sides @ inverse
        jumps += ((slope[left] - slope[right]) ** 2).sum(axis=(1, 2)) / len(examples)
    out = np.zeros(len(triangles))
    for side in (left, right):
        np.maximum.at(out, side, jumps)
    return np.sqrt(out)


def shift_texels(
    places: Float[np.ndarray, "T 3 2"],
    corner_uvs: Float[np.ndarray, "T 3 2"],
    resolution: int = LAYOUT_RESOLUTION,
) -> Float[np.ndarray, " N"]:
    """How far each corner's place lies from its texture coordinates, texels."""
    return np.linalg.norm((places - corner_uvs).reshape(-1, 2), axis=1) * resolution


def write_face_places(path: Path, uvs: Float[np.ndarray, "N 2"]) -> None:
    """Writes the places of the face tile's texture coordinates, in the order of `face_rows`."""
    save_file({"uvs": uvs.astype(np.float32)}, path)
    path.chmod(0o644)


def face_places(template: Template) -> Float[np.ndarray, "U 2"]:
    """The template's texture coordinates with the face tile's at their places in a geometry image.

    They ship (`python -m tools.build_assets places`), since a network that learnt geometry images is bound to
    them.
    """
    rows, found = face_rows(template), load_file(asset_path(PLACES))["uvs"].astype(np.float64)
    if len(found) != len(rows):
        raise MienError(
            f"{PLACES}: has places of {len(found)} texture coordinates, the template's face tile has "
            f"{len(rows)}; run `python -m tools.build_assets places`"
        )
    out = template.topology.uvs.copy()
    out[rows] = found
    return out


def face_rows(template: Template) -> Int[np.ndarray, " N"]:
    """The rows of the template's texture coordinates that its face tile uses."""
    return np.unique(template.topology.quad_uvs[template.part("face").quads])


def _areas(places: Float[np.ndarray, "T 3 2"]) -> Float[np.ndarray, " T"]:
    return np.abs(signed_uv_area(places)) / 2.0


def _splat(
    middles: Float[np.ndarray, "T 2"], growth: Float[np.ndarray, " T"], resolution: int
) -> Float[np.ndarray, "R R"]:
    """The largest growth that a texel's triangles ask for, smoothed; rows count upwards, as v does."""
    out = np.ones((resolution, resolution))
    column, row = np.clip(middles.astype(int), 0, resolution - 1).T
    np.maximum.at(out, (row, column), growth)
    return np.exp(gaussian_filter(np.log(out), _BLUR))


def _warp(growth: Float[np.ndarray, "R R"]) -> Float[np.ndarray, "N N 2"]:
    """New places (x, y; texels) of the texels' corners, N = R + 1."""
    n = len(growth) + 1
    stiff = np.pad(1.0 / growth, 1, mode="edge")
    along = (stiff[:-1, 1:-1] + stiff[1:, 1:-1]) / 2
    across = (stiff[1:-1, :-1] + stiff[1:-1, 1:]) / 2
    number = np.arange(n * n).reshape(n, n)
    first = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    second = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    weight = np.concatenate([along.ravel(), across.ravel()])
    half = sparse.csr_matrix((weight, (first, second)), shape=(n * n, n * n))
    both = half + half.T
    laplacian = (sparse.diags(np.asarray(both.sum(axis=1)).ravel()) - both).tocsr()
    places = np.stack(np.divmod(np.arange(n * n), n)[::-1], axis=1).astype(float)
    inner = number[1:-1, 1:-1].ravel()
    system = (laplacian + _CLING * sparse.identity(n * n)).tocsr()[inner][:, inner].tocsc()
    factor = splu(system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    places[inner] -= factor.solve((laplacian @ places)[inner])
    return places.reshape(n, n, 2)


def _moved(
    places: Float[np.ndarray, "T 3 2"], warp: Float[np.ndarray, "N N 2"]
) -> Float[np.ndarray, "T 3 2"]:
    """Places carried by the warp, bilinear in a texel; what lies outside the square stays."""
    size = len(warp) - 1
    inside = ((places >= 0) & (places <= size)).all(axis=-1)
    x, y = places[inside].T
    column, row = np.minimum(x.astype(int), size - 1), np.minimum(y.astype(int), size - 1)
    fx, fy = (x - column)[:, None], (y - row)[:, None]
    low = (1 - fx) * warp[row, column] + fx * warp[row, column + 1]
    high = (1 - fx) * warp[row + 1, column] + fx * warp[row + 1, column + 1]
    out = places.copy()
    out[inside] = (1 - fy) * low + fy * high
    return out


def _unfolded(
    before: Float[np.ndarray, "T 3 2"], after: Float[np.ndarray, "T 3 2"]
) -> Float[np.ndarray, "T 3 2"]:
    """The longest of the whole, half, quarter ... step in which every triangle keeps its side."""
    area = signed_uv_area(before)
    least = np.where(np.abs(area) < _FLAT, -np.inf, _SMALLEST * np.abs(area))
    for step in (1.0, 0.5, 0.25, 0.125):
        tried = before + step * (after - before)
        if (np.sign(area) * signed_uv_area(tried) >= least).all():
            return tried
    return before
