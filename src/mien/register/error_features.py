"""What is known about each vertex of a fit from which its error can be told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.spatial import cKDTree

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.geometry.normals import vertex_normals
from mien.geometry.solve import SpdSolver
from mien.register.fitted_skin import FittedSkin
from mien.register.scan_surface import ScanSurface, pair

# Chosen by eye, lengths at the template's size:
REACH = 0.006  # metres: farther away nothing counts as measured
AROUND = 0.004  # metres over which residuals and noise are averaged
SURELY = 0.5  # raw weight from which a vertex counts as measured when gaps are taken
FEATURES = (
    "measured",  # 0..1: pair weight, bareness and the template's own "a scanner sees this"
    "distance",  # to the scan, averaged over the surroundings
    "gap",  # to the nearest vertex that is surely measured
    "spacing",  # edge length of the scan here
    "noise",  # of the scan here: vertices about the mean of their neighbours
    "moved",  # by the non-rigid fit: what the linear model could not explain
    "stretch",  # natural logarithm of edge lengths against the linear fit
    "uncovered",  # 0..1: share of the head within 50 mm that is not measured
)


@dataclass(frozen=True)
class Evidence:
    """Per skin vertex: `raw` weight 0..1 with which the scan was measured, `distance` to it (metres),
    and the features, lengths in millimetres at the template's size."""

    raw: Float[np.ndarray, " S"]
    distance: Float[np.ndarray, " S"]
    features: Float[np.ndarray, "S F"]


def evidence(
    skin: FittedSkin,
    fitted: Float[np.ndarray, "S 3"],
    start: Float[np.ndarray, "S 3"],
    surface: ScanSurface,
    bare: Float[np.ndarray, " S"],
    size: float,
) -> Evidence:
    """Gathers `FEATURES` for a fit `fitted` that began at the linear fit `start`; `size` is the head's scale.

    `bare` is 0 where hair or cloth hides the skin.
    """
    normals = vertex_normals(fitted, skin.triangles)
    pairs = pair(surface, fitted, normals, reach=REACH * size, min_cosine=0.4)
    raw = np.clip(pairs.weight * bare * skin.measured, 0.0, 1.0)
    millimetres = MILLIMETRES_PER_METRE / size
    spread = _Averages(skin)
    near = np.minimum(pairs.hits.distance, REACH * size) * millimetres
    spacing, noise = scan_quality(surface.vertices, surface.triangles)
    at = lambda values: surface.closest.interpolate(pairs.hits, values) * millimetres  # noqa: E731
    columns = (
        raw,
        spread.over(AROUND, near, raw),
        _gap(fitted, raw) * millimetres,
        spread.over(AROUND, at(spacing), raw),
        spread.over(AROUND, at(noise), raw),
        np.linalg.norm(fitted - start, axis=1) * millimetres,
        spread.over(AROUND, _stretch(skin, fitted, start, size)),
        1.0 - spread.over(0.05, np.minimum(2.0 * raw, 1.0)),
    )
    return Evidence(raw, pairs.hits.distance, np.stack(columns, axis=1))


def scan_quality(
    vertices: Float[np.ndarray, "N 3"], triangles: Int[np.ndarray, "M 3"]
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Per scan vertex the mean edge length, and the noise's standard deviation along the normal.

    Noise is told from form by taking the neighbours' mean away twice: the second difference of a smooth
    surface is small against its spacing, that of white noise is not. Same unit as the vertices.
    """
    n = len(vertices)
    pairs = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    graph = sparse.coo_matrix((np.ones(len(pairs)), pairs.T), shape=(n, n)).tocsr()
    graph = graph + graph.T  # an inner edge counts twice, one at a border once
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1.0)
    length = np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1)
    total = np.bincount(pairs.ravel(), np.repeat(length, 2), n)
    average = sparse.diags(1.0 / degree) @ graph
    normals = vertex_normals(vertices, triangles)
    once = np.einsum("nd,nd->n", vertices - average @ vertices, normals)
    twice = once - average @ once
    # White noise of deviation 1 leaves about 1 + 3/d in the second difference at d neighbours.
    spread = np.sqrt(average @ (average @ twice**2) / (1.0 + 6.0 / degree))
    return total / degree, spread


def _gap(points: np.ndarray, raw: np.ndarray) -> Float[np.ndarray, " S"]:
    """Straight-line distance to the nearest vertex surely measured."""
    sure = raw > SURELY
    if not sure.any():
        return np.full(len(points), 0.2)
    return cKDTree(points[sure]).query(points)[0]


def _stretch(skin: FittedSkin, fitted: np.ndarray, start: np.ndarray, size: float) -> Float[np.ndarray, " S"]:
    """Mean of |log(length / length in the linear fit)| over the edges of a vertex."""
    floor = 1e-4 * size
    before, after = (
        np.linalg.norm(v[skin.edges[:, 0]] - v[skin.edges[:, 1]], axis=1) + floor for v in (start, fitted)
    )
    change = np.abs(np.log(after / before))
    count = np.bincount(skin.edges.ravel(), minlength=skin.n)
    return np.bincount(skin.edges.ravel(), np.repeat(change, 2), skin.n) / np.maximum(count, 1)


class _Averages:
    """Averages along the surface; each radius is factored once."""

    def __init__(self, skin: FittedSkin) -> None:
        self._skin = skin
        self._solvers: dict[float, SpdSolver] = {}

    def over(self, radius: float, values: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
        if radius not in self._solvers:
            system = sparse.diags(self._skin.mass) + radius**2 * self._skin.stiffness
            self._solvers[radius] = SpdSolver(system)
        solver = self._solvers[radius]
        mass = self._skin.mass * (1.0 if weight is None else weight + 1e-3)
        return solver.solve(mass * values) / np.maximum(solver.solve(mass), 1e-12)
