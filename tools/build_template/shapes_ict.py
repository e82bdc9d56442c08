"""ICT-FaceKit's expressions carried to the skin: our skin is laid over ICT's mean head, and each of its
vertices takes the motion of the point it lies on (ICT-FaceKit Light, MIT, USC Institute for Creative
Technologies). Only offsets derived so are kept; no file of ICT-FaceKit ships.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int

from mien.core.mesh import split_quads
from mien.geometry.align import Similarity, fit_similarity
from mien.geometry.closest import ClosestPoint
from mien.geometry.laplacian import cotangent_laplacian, lumped_mass
from mien.geometry.normals import vertex_normals
from mien.geometry.solve import SpdSolver
from tools.build_template.edgeloops import boundary_loops
from tools.build_template.shapes_mouth import at_corners, inner_walls
from tools.build_template.types import Skin

# Vertex ranges of the published file (its README): face, then head and neck, end here.
_FACE_END, _SKIN_END = 9409, 11248
_LOWER_TEETH = slice(19247, 21451)
JAW_SHAPES = ("jawOpen", "jawLeft", "jawRight", "jawForward")
_LID_BACK_RING, _LID_FRONT_RING = 1, 4  # rings of vertices out from the border of face and eye socket
_LIPS_RING = 7  # ... and of face and mouth socket: where the lips touch
# Multi-PIE landmarks of the vermilion border, the subject's right corner to the left (README of ICT-FaceKit).
_VERMILION_UPPER = (48, 49, 50, 51, 52, 53, 54)
_VERMILION_LOWER = (48, 59, 58, 57, 56, 55, 54)


@dataclass(frozen=True)
class IctHead:
    """The mean head (metres), its skin as quads, expressions by ARKit-like name, curves to match,
    the 68 landmarks of Multi-PIE as published."""

    vertices: Float[np.ndarray, "N 3"]
    quads: Int[np.ndarray, "F 4"]
    expressions: dict[str, Float[np.ndarray, "N 3"]]
    curves: dict[str, Float[np.ndarray, "_ 3"]]
    jaw: dict[str, Similarity]  # rigid motions of the lower teeth, by expression
    landmarks: Float[np.ndarray, "68 3"]


@cache
def load_ict() -> IctHead:
    """Reads `$MIEN_DATA/ict-facekit/ict_facekit.npz`."""
    folder = os.environ.get("MIEN_DATA")
    if not folder:
        raise FileNotFoundError("set MIEN_DATA to the folder that holds ict-facekit/ict_facekit.npz")
    path = Path(folder) / "ict-facekit"
    with np.load(path / "ict_facekit.npz") as file:
        vertices = file["vertices"].astype(float) * 0.01
        faces = file["faces"].astype(np.int64)
        offsets, names = file["expression_deltas"], [str(n) for n in file["expression_names"]]
    moves = {n: o.astype(float) * 0.01 for n, o in zip(names, offsets, strict=True)}
    expressions = {name: move[:_SKIN_END] for name, move in moves.items()}
    teeth = vertices[_LOWER_TEETH]
    jaw = {n: fit_similarity(teeth, teeth + moves[n][_LOWER_TEETH], with_scale=False) for n in JAW_SHAPES}
    quads = faces[(faces.max(axis=1) < _SKIN_END) & (faces.min(axis=1) >= 0)]
    vertices = vertices[:_SKIN_END]
    landmarks = _published_landmarks(path / "README.md")
    curves = _curves(vertices, quads, landmarks)
    return IctHead(vertices, quads, expressions, curves, jaw, vertices[landmarks])


def _published_landmarks(readme: Path) -> Int[np.ndarray, "68"]:
    text = readme.read_text().split("Multi-PIE 68 point facial landmarks indices:")[1]
    numbers = text.strip().split("\n")[0].replace(" ", "").strip(",").split(",")
    return np.array([int(n) for n in numbers[:68]])


def _curves(
    vertices: np.ndarray, quads: np.ndarray, landmarks: np.ndarray
) -> dict[str, Float[np.ndarray, "_ 3"]]:
    face = quads[quads.max(axis=1) < _FACE_END]
    curves = {}
    for name, ring in (("lid_inner", _LID_BACK_RING), ("lid", _LID_FRONT_RING)):
        loop = _ring(vertices, face, ring, near=np.array([0.032, 0.035, 0.09]))
        inner, outer = int(np.argmin(vertices[loop, 0])), int(np.argmax(vertices[loop, 0]))
        upper, lower = _two_ways(vertices, loop, inner, outer)
        for side, flip in (("left", [1, 1, 1]), ("right", [-1, 1, 1])):
            curves[f"{name}_upper_{side}"], curves[f"{name}_lower_{side}"] = upper * flip, lower * flip
    loop = _ring(vertices, face, _LIPS_RING, near=np.array([0.0, -0.034, 0.104]))
    right, left = int(np.argmin(vertices[loop, 0])), int(np.argmax(vertices[loop, 0]))
    curves["lips_inner_upper"], curves["lips_inner_lower"] = _two_ways(vertices, loop, right, left)
    curves["lips_outer_upper"] = vertices[landmarks[list(_VERMILION_UPPER)]]
    curves["lips_outer_lower"] = vertices[landmarks[list(_VERMILION_LOWER)]]
    return curves


def _ring(vertices: np.ndarray, quads: np.ndarray, ring: int, near: np.ndarray) -> np.ndarray:
    """The border loop near a point after `ring` rows of vertices have been peeled off the borders."""
    for _ in range(ring):
        border = np.concatenate(boundary_loops(quads))
        quads = quads[~np.isin(quads, border).any(axis=1)]
    loops = boundary_loops(quads)
    return min(loops, key=lambda loop: float(np.linalg.norm(vertices[loop].mean(axis=0) - near)))


def _two_ways(vertices: np.ndarray, loop: np.ndarray, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions along a closed loop from start to end, the upper way first."""
    turned = np.roll(loop, -start)
    cut = (end - start) % len(loop)
    one, other = vertices[turned[: cut + 1]], vertices[np.append(turned[cut:], turned[0])][::-1]
    return (one, other) if one[:, 1].mean() > other[:, 1].mean() else (other, one)


@dataclass(frozen=True)
class Overlay:
    """Our skin laid over ICT's head: where each vertex lies, and which lie on the surface reliably."""

    vertices: Float[np.ndarray, "V 3"]
    on_surface: Bool[np.ndarray, " V"]
    carry: sp.csr_matrix  # V x N: barycentric interpolation from ICT's vertices
    pose: Similarity  # our head to ICT's
    fill: Callable[[np.ndarray], np.ndarray]
    fill_to_walls: Callable[[np.ndarray], np.ndarray]
    fill_to_still_walls: Callable[[np.ndarray], np.ndarray]

    def offsets(
        self, ict_offsets: Float[np.ndarray, "N 3"], walls: Float[np.ndarray, "V 3"] | None = None
    ) -> Float[np.ndarray, "V 3"]:
        """ICT's offsets on our skin: taken over on the surface, continued smoothly in mouth and sockets.

        `walls` gives what the inner walls do, deep in mouth and sockets, where the jaw moves them.
        """
        outside = self.carry @ ict_offsets @ self.pose.rotation / self.pose.scale
        if walls is None:
            return self.fill(outside)
        fill = self.fill_to_walls if walls.any() else self.fill_to_still_walls
        return fill(np.where(self.on_surface[:, None], outside, walls))


def lay_over(skin: Skin, ict: IctHead) -> Overlay:
    """Non-rigid fit of the skin to ICT's mean head, guided by the lids' and lips' curves."""
    triangles, ict_triangles = split_quads(skin.quads), split_quads(ict.quads)
    surface = ClosestPoint(ict.vertices, ict_triangles)
    ids, targets, hold = _curve_pairs(skin, ict)
    pose = fit_similarity(skin.vertices[ids], targets)
    rest = pose(skin.vertices)
    outside = _outer_skin(skin)
    bending = _bending(rest, triangles)
    now = rest.copy()
    for stiffness in np.geomspace(1.0, 1e-4, 14):
        goal, trust = _surface_goal(surface, now, triangles, outside, reach=0.006 + 0.02 * stiffness**0.5)
        pull = np.where(trust, 1.0, 0.0)
        goal[ids], pull[ids] = targets, hold
        mass = lumped_mass(rest, triangles) + 1e-12
        system = 2e-9 * stiffness * 1e4 * bending + sp.diags(mass * pull)
        right = (mass * pull)[:, None] * (goal - rest)
        now = rest + SpdSolver(system + 1e-9 * sp.diags(mass)).solve(right)
        now = (now + now[skin.mirror] * [-1, 1, 1]) / 2
    return _overlay(surface, skin, now, outside, len(ict.vertices), pose)


def jaw_motions(skin: Skin) -> dict[str, Similarity]:
    """Rigid motions of the lower jaw at full weight in our own space, from ICT's lower teeth."""
    ict = load_ict()
    ids, targets, _ = _curve_pairs(skin, ict)
    pose = fit_similarity(skin.vertices[ids], targets)
    motions = {name: pose.inverse().after(motion).after(pose) for name, motion in ict.jaw.items()}
    return motions | {"jawRight": _mirror_image(motions["jawLeft"])}


def jaw_hinge(skin: Skin) -> Float[np.ndarray, "3"]:
    """The fixed point of jawOpen on the midline: below the condyle, which slides as it turns."""
    motion = jaw_motions(skin)["jawOpen"]
    y, z = np.linalg.solve((np.eye(3) - motion.rotation)[1:, 1:], motion.translation[1:])
    return np.array([0.0, y, z])


def _mirror_image(motion: Similarity) -> Similarity:
    flip = np.diag([-1.0, 1.0, 1.0])
    return Similarity(motion.scale, flip @ motion.rotation @ flip, flip @ motion.translation)


def _outer_skin(skin: Skin) -> Bool[np.ndarray, " V"]:
    mask = np.zeros(len(skin.vertices), bool)
    names = [part.name for part in skin.parts]
    outer = np.isin(skin.part_of_quad, [names.index("face"), names.index("head")])
    mask[skin.quads[outer].ravel()] = True
    return mask


def _curve_pairs(skin: Skin, ict: IctHead) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loop vertices of ours, their points on ICT's curves by share of the arc length, and the weights.

    The vermilion borders meet the inner line at ICT's corners, ours do not: there they do not hold.
    """
    ids, targets, hold = [], [], []
    for name, curve in ict.curves.items():
        loop = skin.loops[name]
        share = arc_share(skin.vertices[loop])
        ids.append(loop)
        targets.append(resample(curve, share))
        taper = np.clip(np.minimum(share, 1 - share) / 0.2 - 0.5, 0.0, 1.0)
        hold.append(30.0 * (taper if name.startswith("lips_outer") else np.ones(len(loop))))
    unique, first = np.unique(np.concatenate(ids), return_index=True)
    return unique, np.concatenate(targets)[first], np.concatenate(hold)[first]


def arc_share(points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    """0 at the first point to 1 at the last, by length along the polyline."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    return along / along[-1]


def resample(curve: Float[np.ndarray, "N 3"], share: Float[np.ndarray, " M"]) -> Float[np.ndarray, "M 3"]:
    """Points of a polyline at shares of its length."""
    along = arc_share(curve)
    return np.stack([np.interp(share, along, curve[:, k]) for k in range(3)], axis=-1)


def _bending(vertices: np.ndarray, triangles: np.ndarray) -> sp.csr_matrix:
    laplacian = cotangent_laplacian(vertices, triangles, max_cotangent=10.0)
    mass = lumped_mass(vertices, triangles) + 1e-9
    return (laplacian.T @ sp.diags(1 / mass) @ laplacian).tocsr()


def _surface_goal(
    surface: ClosestPoint, now: np.ndarray, triangles: np.ndarray, outside: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    hits = surface.query(now)
    agree = np.einsum("nd,nd->n", surface.normals_at(hits), vertex_normals(now, triangles))
    trust = outside & (hits.distance < reach) & (agree > 0.6) & ~surface.on_border(hits)
    return hits.points, trust


def _overlay(
    surface: ClosestPoint, skin: Skin, now: np.ndarray, outside: np.ndarray, count: int, pose: Similarity
) -> Overlay:
    triangles = split_quads(skin.quads)
    goal, trust = _surface_goal(surface, now, triangles, outside, reach=0.002)
    hits = surface.query(now)
    rows = np.repeat(np.arange(len(now)), 3)
    columns = surface.triangles[hits.triangle].ravel()
    carry = sp.csr_matrix((hits.barycentric.ravel(), (rows, columns)), (len(now), count))
    known = trust & ~at_corners(skin)
    masks = (trust, known | inner_walls(skin, jaw=True), known | inner_walls(skin, jaw=False))
    fills = [Fill(skin, mask) for mask in masks]
    return Overlay(np.where(trust[:, None], goal, now), trust, carry, pose, *fills)


class Fill:
    """Values known on a part of the skin, continued over the rest as a thin plate; denoised a little."""

    def __init__(self, skin: Skin, known: Bool[np.ndarray, " V"]) -> None:
        triangles = split_quads(skin.quads)
        mass = lumped_mass(skin.vertices, triangles) + 1e-12
        self._weight = mass * known
        system = 1e-14 * _bending(skin.vertices, triangles) * 1e0 + sp.diags(self._weight + 1e-6 * mass)
        self._solver = SpdSolver(system)

    def __call__(self, values: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "V 3"]:
        return self._solver.solve(self._weight[:, None] * values)
