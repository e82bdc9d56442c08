"""After the fit: what the scan did not show is completed, folds are opened, lips and lids kept in order."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from mien.core.face import Template
from mien.geometry.normals import triangle_normals
from mien.geometry.solve import SpdSolver
from mien.geometry.weights import smoothstep
from mien.register.fitted_skin import FittedSkin
from mien.register.surface_distance import flipped_triangles

# Chosen by eye:
STIFFNESS = 0.004  # metres: displacement is bridged this smoothly
ROUNDS = 5  # of unfolding, at most
CREASE = -0.2  # cosine between neighbouring triangles below which they fold onto each other
LIPS = (("lips_inner_upper", "lips_inner_lower"), ("lips_front_upper", "lips_front_lower"))
LIDS = (("lid_upper_left", "lid_lower_left"), ("lid_upper_right", "lid_lower_right"))
CONTACT = 0.0001  # metres: the gap that closed lids and inner lips may keep
CLOSED_MOUTH = 0.07  # inner lip gap over mouth width, from landmarks, below which the mouth is shut
COMPLETION = 0.010  # metres: beside hair the displacement from the linear fit bends no shorter than this
FADE = 1e-4  # weight of the linear fit, which returns far from all that was measured
SURE = (0.3, 0.95)  # trust in a measured vertex: none ... it stays where it is
DOUBT_SPREAD = 0.003  # metres over which lack of trust spreads to the neighbourhood
PULL = 300.0  # of an ordering constraint against keeping a vertex where it is


def completed(
    skin: FittedSkin,
    fitted: Float[np.ndarray, "S 3"],
    start: Float[np.ndarray, "S 3"],
    trust: Float[np.ndarray, " S"],
    zone: Float[np.ndarray, " S"],
) -> Float[np.ndarray, "S 3"]:
    """The fit with skin that was not surely seen completed from what was, without dents along hair.

    In `zone` (1 where that may happen, 0 on the face) the displacement d from the linear fit `start` becomes
    the smoothing spline argmin l^4 |M^-1/2 L d|^2 + |d - d_fit|^2_w + a |d|^2_M, whose weight w is very large
    at `trust` 1, so that such vertices stay, and zero at trust 0. Skin that no scan shows keeps its place.
    """
    spread = SpdSolver(sparse.diags(skin.mass) + DOUBT_SPREAD**2 * skin.stiffness).solve(skin.mass * trust)
    sure = smoothstep(np.minimum(trust, spread), *SURE)
    sure = np.where(skin.measured > 0.5, 1.0 - zone * (1.0 - sure), 1.0)
    weight = skin.mass * sure / (1.0 - sure + 1e-4)
    system = COMPLETION**4 * bending(skin) + sparse.diags(weight + FADE * skin.mass)
    return start + SpdSolver(system).solve(weight[:, None] * (fitted - start))


def unfolded(
    skin: FittedSkin, fitted: Float[np.ndarray, "S 3"], start: Float[np.ndarray, "S 3"]
) -> Float[np.ndarray, "S 3"]:
    """The fit without triangles that are flipped or folded against the linear fit `start`.

    Round each fault the displacement from the linear fit is bridged smoothly from its surroundings;
    the patch grows until the fault is gone.
    """
    neighbours = abs(skin.stiffness) > 0
    bad = np.zeros(skin.n, bool)
    for _ in range(ROUNDS):
        faults = np.union1d(flipped_triangles(skin, fitted, start), new_creases(skin, fitted, start))
        if len(faults) == 0:
            return fitted
        bad[skin.triangles[faults].ravel()] = True
        bad |= np.asarray(neighbours @ bad.astype(np.float64)).ravel() > 0
        fitted = start + _bridged(skin, fitted - start, bad)
    return fitted


def new_creases(
    skin: FittedSkin, fitted: Float[np.ndarray, "S 3"], start: Float[np.ndarray, "S 3"]
) -> Int[np.ndarray, " F"]:
    """Triangles that fold back onto a neighbour in `fitted` but not in `start`."""
    pairs = skin.triangle_pairs
    cosines = []
    for vertices in (fitted, start):
        normals = triangle_normals(vertices, skin.triangles)
        cosines.append(np.einsum("pd,pd->p", normals[pairs[:, 0]], normals[pairs[:, 1]]))
    folded = (
        (cosines[0] < CREASE) & (cosines[1] > 0.3) & (skin.measured[skin.triangles[pairs[:, 0]]] > 0.5).all(1)
    )
    return np.unique(pairs[folded])


def in_order(
    template: Template,
    skin: FittedSkin,
    fitted: Float[np.ndarray, "S 3"],
    start: Float[np.ndarray, "S 3"],
    shut: tuple[bool, bool, bool],
) -> Float[np.ndarray, "S 3"]:
    """Upper lips and lids are kept above the lower ones; where `shut` (mouth, left, right eye), they touch.

    Pairs that have crossed, or gape where shut, are moved by half the way each, smoothly. A template
    without the loops is left alone.
    """
    local = np.full(template.topology.n_vertices, -1)
    local[skin.index] = np.arange(skin.n)
    up = _up(fitted, template, skin)
    rows, shifts = [], []
    closing = dict(zip((LIPS[0], *LIDS), shut, strict=True))
    for upper, lower in (*LIPS, *LIDS):
        if upper not in template.loops or lower not in template.loops:
            continue
        difference = _pair_rows(start, local[template.loops[upper]], local[template.loops[lower]])
        gap = (difference @ fitted) @ up
        most = CONTACT if closing.get((upper, lower)) else np.inf
        needed = np.clip(gap, 0.0, most) - gap
        wrong = np.abs(needed) > 1e-6
        rows.append(difference[wrong])
        shifts.append(needed[wrong, None] * up)
    if sum(len(s) for s in shifts) == 0:
        return fitted
    select = sparse.vstack(rows).tocsr()
    strength = PULL * float(skin.mass.mean())
    system = STIFFNESS**4 * bending(skin) + sparse.diags(skin.mass) + strength * select.T @ select
    return fitted + SpdSolver(system).solve(strength * (select.T @ np.concatenate(shifts)))


def mouth_shut(landmarks: Float[np.ndarray, "68 3"], confidence: Float[np.ndarray, "68"]) -> bool:
    """True where the inner lip landmarks were seen and touch."""
    if (confidence[[48, 54, *range(60, 68)]] <= 0).any():
        return False
    gap = np.linalg.norm(landmarks[[61, 62, 63]] - landmarks[[67, 66, 65]], axis=1).mean()
    return bool(gap < CLOSED_MOUTH * np.linalg.norm(landmarks[54] - landmarks[48]))


def _pair_rows(
    start: np.ndarray, upper: Int[np.ndarray, " A"], lower: Int[np.ndarray, " B"]
) -> sparse.csr_matrix:
    """Upper minus lower at matching fractions of the two lines, without the shared corners."""
    fraction = _fractions(start[lower])[1:-1]
    along = _fractions(start[upper])
    after = np.clip(np.searchsorted(along, fraction), 1, len(upper) - 1)
    share = (fraction - along[after - 1]) / np.maximum(along[after] - along[after - 1], 1e-12)
    n = len(fraction)
    row = np.tile(np.arange(n), 3)
    column = np.concatenate([upper[after - 1], upper[after], lower[1:-1]])
    entry = np.concatenate([1 - share, share, -np.ones(n)])
    return sparse.csr_matrix((entry, (row, column)), shape=(n, len(start)))


def _fractions(line: np.ndarray) -> np.ndarray:
    steps = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    return steps / max(steps[-1], 1e-12)


def _up(fitted: np.ndarray, template: Template, skin: FittedSkin) -> Float[np.ndarray, "3"]:
    from mien.geometry.align import fit_similarity

    return fit_similarity(skin.rest, fitted, skin.measured + 1e-6).rotation @ np.array([0.0, 1.0, 0.0])


def _bridged(
    skin: FittedSkin, displacement: Float[np.ndarray, "S 3"], hole: Bool[np.ndarray, " S"]
) -> Float[np.ndarray, "S 3"]:
    """The displacement with its values in the hole replaced by the smoothest ones (least bending)."""
    energy = bending(skin)
    inside, outside = np.flatnonzero(hole), np.flatnonzero(~hole)
    block = energy[inside]
    inner = block[:, inside] + sparse.diags(1e-9 * energy.diagonal()[inside])
    out = displacement.copy()
    out[inside] = SpdSolver(inner).solve(-(block[:, outside] @ displacement[outside]))
    return out


def bending(skin: FittedSkin) -> sparse.csr_matrix:
    """L M^-1 L of the rest shape: x' B x is the bending energy of a field x."""
    return (skin.stiffness @ sparse.diags(1.0 / skin.mass) @ skin.stiffness).tocsr()
