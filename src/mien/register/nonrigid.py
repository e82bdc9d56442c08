"""The non-rigid fit: a Laplacian deformation of the linear fit onto the scan, coarse to fine.

Minimises over the vertices v
    l^4 |M^-1/2 (L v - d(R))|^2 + m^2 (v - v0)' L (v - v0) + a |v - v0|^2_M
      + sum_k w_k (n_k . (B_k v - q_k))^2 + slide * sum_k w_k |B_k v - q_k|^2 + landmarks
with L the cotangent Laplacian, M the lumped mass, v0 the start, d(R) its Laplacian vectors turned by
local rotations R (as in ARAP, Sorkine and Alexa 2007), B_k barycentric rows. `l` is a length: details
smaller than about l stay as in the start. The system couples x, y and z only through the normals, so
it is solved by conjugate gradients with the scalar part, factored once a level, as preconditioner.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from mien.geometry.align import nearest_rotations
from mien.geometry.closest import ClosestPoint
from mien.geometry.normals import vertex_normals
from mien.geometry.sample import sample_surface
from mien.geometry.solve import SpdSolver
from mien.geometry.weights import smoothstep, tukey
from mien.register.fitted_skin import FittedSkin
from mien.register.scan_surface import ScanSurface, pair

# Chosen by eye:
MEMBRANE = 0.002  # metres: a weak membrane keeps unmeasured parts from overshooting
ANCHOR = 2e-4  # pull toward the start, relative to one measured pair
SLIDE = 0.02  # share of point-to-point in the data term
CG_STEPS = 6  # of conjugate gradients an iteration
NOMINAL = 0.4  # data weight that the preconditioner assumes where skin is measured


@dataclass(frozen=True)
class FitStage:
    """One level: stiffness length, pair reach (both metres), and where the pairs come from.

    `hold` pulls each vertex to where it was an iteration ago: once the shape is nearly right, this keeps
    vertices from drifting along the surface. `dense` adds template points inside triangles and scan
    points, so that the surface is right between the vertices too.
    """

    length: float
    reach: float
    min_cosine: float
    iterations: int
    landmark_weight: float = 0.0
    dense: bool = False
    hold: float = 0.0


# From stiff to soft; chosen by eye.
STAGES: tuple[FitStage, ...] = (
    FitStage(0.040, 0.015, 0.5, 2, 1.0),
    FitStage(0.020, 0.010, 0.5, 3, 0.6),
    FitStage(0.010, 0.006, 0.5, 3, 0.3),
    FitStage(0.005, 0.004, 0.5, 3, 0.1, dense=True, hold=0.1),
    FitStage(0.003, 0.003, 0.5, 3, 0.0, dense=True, hold=0.1),
)


@dataclass(frozen=True)
class Rows:
    """Data rows: barycentric selection B, target q, normal n and weight w (area, square metres)."""

    select: sparse.csr_matrix
    target: Float[np.ndarray, "P 3"]
    normal: Float[np.ndarray, "P 3"]
    weight: Float[np.ndarray, " P"]
    slide: float

    def apply(self, x: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "S 3"]:
        """The rows' normal matrix times x."""
        return self._back(self.select @ x)

    def right(self) -> Float[np.ndarray, "S 3"]:
        """The rows' right-hand side."""
        return self._back(self.target)

    def _back(self, y: np.ndarray) -> np.ndarray:
        along = np.einsum("pd,pd->p", self.normal, y)[:, None] * self.normal
        return self.select.T @ (self.weight[:, None] * (along + self.slide * y))


@dataclass(frozen=True)
class LandmarkPull:
    """Points on the skin that are drawn to places in space; weights are areas (square metres).

    `weight` fades from stage to stage, `lasting` (none where left out) does not.
    """

    triangle: Int[np.ndarray, " L"]
    barycentric: Float[np.ndarray, "L 3"]
    target: Float[np.ndarray, "L 3"]
    weight: Float[np.ndarray, " L"]
    lasting: Float[np.ndarray, " L"] | None = None


class Deformer:
    """The stiffness terms for one start shape."""

    def __init__(self, skin: FittedSkin, start: Float[np.ndarray, "S 3"]) -> None:
        self.skin, self.start = skin, start
        stiff = skin.stiffness
        self._stiff = stiff
        self._bend = (stiff @ sparse.diags(1.0 / skin.mass) @ stiff).tocsr()
        coo = stiff.tocoo()
        off = coo.row != coo.col
        self._i, self._j, self._w = coo.row[off], coo.col[off], -coo.data[off]
        self._edge = start[self._i] - start[self._j]

    def matrix(self, stage: FitStage) -> sparse.csr_matrix:
        """The scalar part of the system, without data."""
        mass = sparse.diags(ANCHOR * self.skin.mass)
        return (stage.length**4 * self._bend + MEMBRANE**2 * self._stiff + mass).tocsr()

    def right(self, stage: FitStage, current: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "S 3"]:
        """The right-hand side of the stiffness terms, rotations taken from `current`."""
        turned = self._turned_laplacian(current)
        bend = self._stiff @ (turned / self.skin.mass[:, None])
        return stage.length**4 * bend + MEMBRANE**2 * turned + ANCHOR * self.skin.mass[:, None] * self.start

    def _turned_laplacian(self, current: np.ndarray) -> np.ndarray:
        rotations = self._rotations(current)
        mean = 0.5 * (rotations[self._i] + rotations[self._j])
        vectors = self._w[:, None] * np.einsum("eab,eb->ea", mean, self._edge)
        return _sum_at(self._i, vectors, len(current))

    def _rotations(self, current: np.ndarray) -> np.ndarray:
        moved = current[self._i] - current[self._j]
        outer = np.abs(self._w)[:, None, None] * moved[:, :, None] * self._edge[:, None, :]
        n = len(current)
        return nearest_rotations(_sum_at(self._i, outer.reshape(-1, 9), n).reshape(n, 3, 3))


def fit_nonrigid(
    skin: FittedSkin,
    start: Float[np.ndarray, "S 3"],
    surface: ScanSurface,
    trusted: Float[np.ndarray, " S"],
    landmarks: LandmarkPull,
    stages: tuple[FitStage, ...] = STAGES,
    progress: Callable[[str], None] | None = None,
    solvers: Sequence[SpdSolver] | None = None,
) -> Float[np.ndarray, "S 3"]:
    """Deforms `start` onto the scan.

    `trusted` is 1 at vertices that may follow the scan and 0 at those that must not (hair, cloth). `solvers`
    are the stages' preconditioners for these landmarks (`factor_stages`) where they were factored before.
    """
    deformer = Deformer(skin, start)
    solvers = factor_stages(skin, landmarks, stages) if solvers is None else solvers
    current = start
    for level, stage in enumerate(stages):
        if progress:
            progress(f"non-rigid fit, level {level + 1} of {len(stages)}")
        current = _fit_level(deformer, current, surface, trusted, landmarks, stage, solvers[level])
    return current


def _fit_level(
    deformer: Deformer,
    current: Float[np.ndarray, "S 3"],
    surface: ScanSurface,
    trusted: Float[np.ndarray, " S"],
    landmarks: LandmarkPull,
    stage: FitStage,
    solver: SpdSolver,
) -> Float[np.ndarray, "S 3"]:
    """One level: the preconditioner is given, pairs are found anew in each iteration."""
    skin = deformer.skin
    pull = landmark_rows(skin, landmarks, stage.landmark_weight)
    matrix = deformer.matrix(stage) + sparse.diags(stage.hold * skin.mass)
    for _ in range(stage.iterations):
        rows = [pull, *data_rows(skin, current, surface, trusted, stage)]
        hold = stage.hold * skin.mass[:, None]
        right = deformer.right(stage, current) + hold * current + sum(r.right() for r in rows)

        def apply(x: np.ndarray, rows: list[Rows] = rows) -> np.ndarray:
            return matrix @ x + sum(r.apply(x) for r in rows)

        current = conjugate_gradients(apply, right, current, solver)
    return current


def factor_stages(
    skin: FittedSkin, landmarks: LandmarkPull, stages: tuple[FitStage, ...] = STAGES
) -> list[SpdSolver]:
    """The preconditioner of each stage: stiffness, landmarks, and data as if all measured skin were paired.

    It depends on the landmarks alone, not on the scan's surface, so that it can be made while others work.
    """
    still = Deformer(skin, np.zeros((skin.n, 3)))
    nominal = sparse.diags(NOMINAL * skin.mass * skin.measured)
    solvers = []
    for stage in stages:
        pull = landmark_rows(skin, landmarks, stage.landmark_weight)
        held = still.matrix(stage) + sparse.diags(stage.hold * skin.mass)
        solvers.append(SpdSolver(held + nominal + pull.select.T @ sparse.diags(pull.weight) @ pull.select))
    return solvers


def data_rows(
    skin: FittedSkin,
    current: Float[np.ndarray, "S 3"],
    surface: ScanSurface,
    trusted: Float[np.ndarray, " S"],
    stage: FitStage,
) -> list[Rows]:
    """Pairs from the template's vertices (and centres of its triangles), and from scan points if dense."""
    normals = vertex_normals(current, skin.triangles)
    select = _vertex_and_centre_rows(skin) if stage.dense else sparse.identity(skin.n, format="csr")
    area = np.asarray(select.sum(axis=0)).ravel()
    share = select @ (skin.mass / area)
    points, around = select @ current, select @ normals
    around /= np.maximum(np.linalg.norm(around, axis=1, keepdims=True), 1e-9)
    pairs = pair(surface, points, around, reach=stage.reach, min_cosine=stage.min_cosine)
    weight = pairs.weight * share * (select @ skin.measured)
    weight *= select @ trusted
    forward = Rows(select, pairs.hits.points, pairs.normals, weight, SLIDE)
    if not stage.dense:
        return [forward]
    return [forward, _scan_rows(skin, current, surface, trusted, stage)]


def landmark_rows(skin: FittedSkin, landmarks: LandmarkPull, weight: float) -> Rows:
    """Landmarks as point-to-point rows."""
    select = _barycentric_rows(skin, landmarks.triangle, landmarks.barycentric)
    zeros = np.zeros_like(landmarks.target)
    lasting = 0.0 if landmarks.lasting is None else landmarks.lasting
    return Rows(select, landmarks.target, zeros, weight * landmarks.weight + lasting, 1.0)


def conjugate_gradients(
    apply: Callable[[np.ndarray], np.ndarray],
    right: Float[np.ndarray, "S 3"],
    x: Float[np.ndarray, "S 3"],
    preconditioner: SpdSolver,
    steps: int = CG_STEPS,
    tolerance: float = 1e-3,
) -> Float[np.ndarray, "S 3"]:
    """Preconditioned conjugate gradients from the guess x (Hestenes and Stiefel 1952)."""
    residual = right - apply(x)
    z = preconditioner.solve(residual)
    direction, energy = z, float(np.vdot(residual, z))
    first = energy
    for _ in range(steps):
        if energy <= tolerance**2 * first or energy <= 0.0:
            break
        image = apply(direction)
        step = energy / float(np.vdot(direction, image))
        x = x + step * direction
        residual = residual - step * image
        z = preconditioner.solve(residual)
        previous, energy = energy, float(np.vdot(residual, z))
        direction = z + energy / previous * direction
    return x


def _scan_rows(
    skin: FittedSkin,
    current: np.ndarray,
    surface: ScanSurface,
    trusted: np.ndarray,
    stage: FitStage,
) -> Rows:
    """Scan points paired with the closest points of the template: B holds where on the template."""
    density = 2 * skin.n
    samples = sample_surface(surface.vertices, surface.triangles, density, seed=0)
    template = ClosestPoint(current, skin.triangles)
    hits = template.query(samples.points)
    corners = surface.triangles[samples.triangle]
    blend = lambda values: np.einsum("sk,sk...->s...", samples.barycentric, values[corners])  # noqa: E731
    normals = blend(surface.closest.normals)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    agreement = np.einsum("sd,sd->s", normals, template.normals_at(hits))
    weight = tukey(hits.distance, stage.reach) * smoothstep(
        agreement, stage.min_cosine, stage.min_cosine + 0.25
    )
    at = lambda values: template.interpolate(hits, values)  # noqa: E731
    weight *= blend(surface.trust) * at(skin.measured * trusted)
    weight[template.on_border(hits)] = 0.0
    kept = weight > 0
    select = _barycentric_rows(skin, hits.triangle[kept], hits.barycentric[kept])
    area = _total_area(surface) / density
    return Rows(select, samples.points[kept], normals[kept], weight[kept] * area, SLIDE)


def _vertex_and_centre_rows(skin: FittedSkin) -> sparse.csr_matrix:
    n, m = skin.n, len(skin.quads)
    rows = np.repeat(np.arange(n, n + m), 4)
    entries = np.concatenate([np.ones(n), np.full(4 * m, 0.25)])
    where = (np.concatenate([np.arange(n), rows]), np.concatenate([np.arange(n), skin.quads.ravel()]))
    return sparse.csr_matrix((entries, where), shape=(n + m, n))


def _barycentric_rows(skin: FittedSkin, triangle: np.ndarray, barycentric: np.ndarray) -> sparse.csr_matrix:
    rows = np.repeat(np.arange(len(triangle)), 3)
    return sparse.csr_matrix(
        (barycentric.ravel(), (rows, skin.triangles[triangle].ravel())), shape=(len(triangle), skin.n)
    )


def _sum_at(index: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Rows of `values` summed at `index`."""
    gather = sparse.csr_matrix((np.ones(len(index)), (index, np.arange(len(index)))), shape=(n, len(index)))
    return gather @ values


def _total_area(surface: ScanSurface) -> float:
    from mien.geometry.normals import triangle_areas

    return float(triangle_areas(surface.vertices, surface.triangles).sum())
