"""Filling what was not measured: low frequencies on the mesh, detail in the tiles.

The skin's low-frequency colour is one field over the mesh of face and head together, so that no edge can
show between the tiles. It follows the measurement where there is one; elsewhere its gradients are those
of the other side of the face, mirrored, or else of the regional prior (Perez et al. 2003, "Poisson image
editing", eq. 3, on a mesh). Detail is the mirrored side's or noise with this skin's own spectrum.
All colours here are logarithms of linear light.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float
from scipy import sparse

from mien.bake.colour_confidence import skin_index, skin_triangles
from mien.bake.grain import SolidGrain, even_noise, plainest_patch
from mien.core.conventions import linear_to_srgb
from mien.core.face import Template
from mien.core.mesh import Image
from mien.geometry.laplacian import cotangent_laplacian, lumped_mass
from mien.geometry.solve import SpdSolver
from mien.geometry.uvspace import Tile, at_texels_of, blur_within, fill_gutter, smooth_gutter
from mien.geometry.weights import smoothstep

OFFSET = 0.004  # added before the logarithm: black stays finite
LIGHT_MEMORY = 0.07  # metres: how far the measured border's deviation in lightness from t is carried on
HUE_MEMORY = 0.3  # the same in hue: all of the head has that of the skin beside it
_CARRIED = (0.4, 0.95)  # trust in an observed colour: without weight ... all of it
_DATA = 40.0  # weight of the measurement against smoothness, per vertex
_LEEWAY = (0.9, 0.4)  # of log light, and of hue (each channel's log light less their mean)
_PATCH = 0.022  # metres: side of the patch that the grain is learned from
_TREND = 0.004  # metres: what varies more slowly is no grain
_SEARCH = 1024  # texels of the tile on which a plain patch is looked for
_PERIOD = 1024  # texels after which synthetic grain may repeat itself
THREADS = 2  # pieces of a tile worked on at once; the result does not depend on it
_ROWS = 256  # rows of a tile that are composed at a time
_STRAND = 0.15  # of log light below the base: darker detail is a hair, not skin
_MAX_GRAIN = 0.07  # standard deviation of log light: more is hair or noise, not skin


@dataclass(frozen=True)
class TileColour:
    """One tile while it is filled: what was measured beyond the base (log colour), and its confidence."""

    tile: Tile
    detail: Float[np.ndarray, "R R 3"]
    confidence: Float[np.ndarray, "R R"]


def to_log(linear: np.ndarray) -> np.ndarray:
    """log(linear + offset)."""
    return np.log(np.maximum(linear, 0.0) + np.float32(OFFSET))


def from_log(log_colour: np.ndarray) -> np.ndarray:
    """The inverse of `to_log`, clipped to 0.001..1: skin is nowhere black."""
    return np.clip(np.exp(log_colour) - OFFSET, 0.001, 1.0)


def base_colour(
    template: Template,
    vertices: Float[np.ndarray, "V 3"],
    observed: Float[np.ndarray, "V 3"],
    weight: Float[np.ndarray, " V"],
    prior: Float[np.ndarray, "V 3"],
) -> Float[np.ndarray, "V 3"]:
    """The low-frequency log colour over face and head.

    Minimises sum w |x - observed|^2 + |grad x - grad t|^2 + |x - t|^2 / m^2, where t is the mirrored
    observation where that is known and the prior elsewhere; m is `LIGHT_MEMORY` for the channels' mean and
    `HUE_MEMORY` for what they differ by.
    """
    skin, triangles = skin_index(template), skin_triangles(template)
    position = vertices[skin]
    stiffness = _monotone(cotangent_laplacian(position, triangles, max_cotangent=3.0))
    mass = lumped_mass(position, triangles)
    # Steep: half-trusted colour at the rim of the measurement (hair, a collar) should not be carried on.
    w = smoothstep(weight, *_CARRIED)[skin]
    w_mirror = smoothstep(weight, *_CARRIED)[template.mirror][skin]
    mirrored = observed[template.mirror][skin]
    right = _guided(stiffness, prior[skin], mirrored, w_mirror)
    target = prior[skin] + w_mirror[:, None] * (mirrored - prior[skin])
    right = right + (_DATA * w[:, None] * observed[skin])
    solution = np.zeros_like(right)
    for memory, part in ((LIGHT_MEMORY, _lightness), (HUE_MEMORY, _hue)):
        screen = mass / memory**2
        solver = SpdSolver(stiffness + sparse.diags(screen + _DATA * w + 1e-9))
        solution += solver.solve(part(right + screen[:, None] * target))
    out = np.array(prior, float)
    out[skin] = _bounded(solution, observed[skin], target, w)
    return out


def _lightness(log_colour: np.ndarray) -> np.ndarray:
    return np.repeat(log_colour.mean(axis=1, keepdims=True), 3, axis=1)


def _hue(log_colour: np.ndarray) -> np.ndarray:
    return log_colour - log_colour.mean(axis=1, keepdims=True)


def _bounded(x: np.ndarray, observed: np.ndarray, target: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Where little was measured the field may leave its target by `_LEEWAY` at most: guidance that
    contradicts the measurement at its rim must not flare up. Lightness and hue are bounded each by itself:
    channel by channel, what is cut off would change the hue."""
    free = smooth01(w)[:, None]
    out = np.zeros_like(x)
    for leeway, part in zip(_LEEWAY, (_lightness, _hue), strict=True):
        low, high = part(target) - leeway, part(target) + leeway
        low = np.minimum(low, free * part(observed) + (1 - free) * low)
        high = np.maximum(high, free * part(observed) + (1 - free) * high)
        out += np.clip(part(x), low, high)
    return out


def _monotone(stiffness: sparse.csr_matrix) -> sparse.csr_matrix:
    """Every edge at least a little positive: then nothing overshoots, even where lids are crumpled."""
    edges = sparse.triu(stiffness, k=1).tocoo()
    weight = np.maximum(-edges.data, 0.05)
    half = sparse.coo_matrix((weight, (edges.row, edges.col)), shape=stiffness.shape)
    adjacency = (half + half.T).tocsr()
    return (sparse.diags(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency).tocsr()


def _guided(
    stiffness: sparse.csr_matrix, target: np.ndarray, mirrored: np.ndarray, trust: np.ndarray
) -> np.ndarray:
    """Divergence of the guidance: per edge the mirrored difference or the target's, mixed by trust."""
    edges = sparse.triu(stiffness, k=1).tocoo()
    i, j, k = edges.row, edges.col, -edges.data
    mix = np.minimum(trust[i], trust[j])[:, None]
    step = mix * (mirrored[i] - mirrored[j]) + (1 - mix) * (target[i] - target[j])
    flow = k[:, None] * step
    out = np.zeros_like(target)
    np.add.at(out, i, flow)
    np.add.at(out, j, -flow)
    return out


def fill_tile(
    vertices: Float[np.ndarray, "V 3"],
    normals: Float[np.ndarray, "V 3"],
    data: TileColour,
    base: Float[np.ndarray, "V 3"],
    grain: Grain | None,
    seed: int,
) -> Image:
    """The finished albedo of the tile (sRGB), its gutter filled.

    Where measurement and filling meet, their details are cross-faded with constant variance over the
    common base, so that neither a step nor a band of blur shows.
    """
    tile = data.tile
    out = np.zeros_like(data.detail)
    noise = (
        None
        if grain is None
        else SolidGrain(grain.for_tile(tile, vertices, seed), typical_texel(tile, vertices))
    )
    done = np.concatenate([[0], np.cumsum(tile.covered.sum(axis=1))])

    def compose(top: int) -> None:
        rows = slice(top, min(top + _ROWS, tile.resolution))
        covered = tile.covered[rows]
        texels = slice(int(done[rows.start]), int(done[rows.stop]))
        low, points, facing = (at_texels_of(tile, values, texels) for values in (base, vertices, normals))
        synthetic = np.zeros((*covered.shape, 3), np.float32)
        if noise is not None:
            synthetic[covered] = noise.at(points, facing)
        mixed = _mixed_detail(data, rows, synthetic)
        out[rows][covered] = linear_to_srgb(from_log(low + mixed[covered]))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(compose, range(0, tile.resolution, _ROWS)))
    return Image(smooth_gutter(fill_gutter(out, tile.covered), tile.covered), "srgb")


def _mixed_detail(data: TileColour, rows: slice, synthetic: np.ndarray) -> Float[np.ndarray, "r R 3"]:
    """Measured, mirrored and synthetic detail by confidence, of constant variance."""
    a = data.confidence[rows]
    detail = _without_strands(data.detail[rows], a)
    mirrored = a[:, ::-1] * smooth01(a[:, ::-1])
    b = (1 - a) * mirrored
    c = (1 - a) * (1 - mirrored)
    norm = np.sqrt(a**2 + b**2 + c**2)
    a, b, c = ((w / np.maximum(norm, 1e-6))[..., None] for w in (a, b, c))
    return a * detail + b * detail[:, ::-1] + c * synthetic


def _without_strands(detail: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Where the measurement fades out, what is much darker than its surroundings (a strand) fades first."""
    excess = np.minimum(detail + _STRAND, 0.0)
    return detail - excess * (1.0 - confidence**3)[..., None]


def smooth01(x: np.ndarray) -> np.ndarray:
    """x^2 (3 - 2x) for x in 0..1."""
    return x * x * (3 - 2 * x)


@dataclass(frozen=True)
class Grain:
    """A patch of this person's bare skin: detail of log colour, and the size of its texels (metres)."""

    patch: Float[np.ndarray, "s s 3"]
    texel_metres: float

    def for_tile(
        self, tile: Tile, vertices: Float[np.ndarray, "V 3"], seed: int
    ) -> Float[np.ndarray, "P P 3"]:
        """A periodic square of grain for the tile, at the patch's own scale on the surface."""
        here = typical_texel(tile, vertices)
        side = max(8, round(self.patch.shape[0] * self.texel_metres / here))
        how = cv2.INTER_AREA if side < self.patch.shape[0] else cv2.INTER_CUBIC
        patch = cv2.resize(self.patch, (side, side), interpolation=how)
        return even_noise(patch, min(tile.resolution, _PERIOD), seed)


def measured_grain(
    data: TileColour, vertices: Float[np.ndarray, "V 3"], bare: Float[np.ndarray, " V"]
) -> Grain | None:
    """Learns the grain where the skin is bare and surely measured; None where there is no such place.

    The place is looked for on a tile of `_SEARCH` texels at most, and cut from the full one.
    """
    tile = data.tile
    factor = max(1, tile.resolution // _SEARCH)
    texel = typical_texel(tile, vertices)
    allowed = (data.confidence > 0.9) & (tile.image(tile.at_texels(bare)) > 0.5)
    allowed = allowed[::factor, ::factor]
    detail = _shrunk(np.where((data.confidence > 0)[..., None], data.detail, 0.0), factor)
    detail = detail - blur_within(detail, allowed, _TREND / (texel * factor))
    size = int(np.clip(_PATCH / (texel * factor), 12, detail.shape[0] // 4)) // 2 * 2
    for side in (size, size * 2 // 3, size // 2):
        corner = plainest_patch(np.where(allowed[..., None], detail, 0.0), allowed, side)
        if corner is not None:
            row, column = (factor * at for at in corner)
            patch = data.detail[row : row + factor * side, column : column + factor * side]
            patch = patch - blur_within(patch, np.ones(patch.shape[:2], bool), _TREND / texel)
            strength = min(1.0, _MAX_GRAIN / max(float(patch.mean(axis=2).std()), 1e-6))
            return Grain((patch * strength).astype(np.float32), texel)
    return None


def _shrunk(pixels: np.ndarray, factor: int) -> np.ndarray:
    size = (pixels.shape[1] // factor, pixels.shape[0] // factor)
    return pixels if factor == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def typical_texel(tile: Tile, vertices: Float[np.ndarray, "V 3"]) -> float:
    """Median side of a texel on the surface, metres."""
    area = tile.texel_area(vertices)
    return float(np.sqrt(np.median(area[area > 0])))
