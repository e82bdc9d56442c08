"""Soft regions of the skin: vertex weights in 0..1 by name, symmetric."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import cv2
import numpy as np
import scipy.sparse as sp
from scipy.spatial import cKDTree

from mien.core.face import SurfacePoints
from mien.core.mesh import split_quads
from tools.build_template.edgeloops import QuadGraph, ring_edges
from tools.build_template.source import Source
from tools.build_template.types import Skin

# Upper limits of beard and lower limits of scalp hair, as polylines (metres, template space).
_BEARD_LINE = (
    (0, -0.0535),
    (0.012, -0.0535),
    (0.022, -0.062),
    (0.034, -0.071),
    (0.05, -0.066),
    (0.066, -0.03),
    (0.09, 0.0),
)  # |x|, y
_HAIR_LINE = (
    (-0.19, -0.078), (-0.14, -0.072), (-0.11, -0.035), (-0.09, 0.015), (-0.062, 0.0), (-0.045, 0.01),
    (-0.03, 0.05), (-0.02, 0.065), (0.0, 0.079), (0.03, 0.1),
)  # z, y  # fmt: skip
_NECK_LINE = (
    (-0.19, -0.085),
    (-0.11, -0.085),
    (-0.06, -0.085),
    (-0.03, -0.112),
    (0.0, -0.121),
    (0.05, -0.124),
)
_BELOW_BROW_EDGE = 0.003  # metres: the landmarks follow the upper edge of a brow
_NOSE_HALF_WIDTH = (
    (-0.058, 0.012),
    (-0.05, 0.019),
    (-0.036, 0.02),
    (-0.02, 0.014),
    (-0.005, 0.009),
    (0.01, 0.009),
)


class RegionBuilder:
    """What several regions share: distances, floods and blurs on one skin."""

    def __init__(self, skin: Skin, landmarks: SurfacePoints):
        self.skin = skin
        self.v = skin.vertices
        corners = self.v[split_quads(skin.quads)[landmarks.triangle]]
        self.landmarks = np.einsum("lk,lkd->ld", landmarks.barycentric, corners)
        self.x, self.y, self.z = np.abs(self.v[:, 0]), self.v[:, 1], self.v[:, 2]

    @cached_property
    def graph(self) -> QuadGraph:
        return QuadGraph(self.skin.quads)

    @cached_property
    def _mean(self) -> sp.csr_matrix:
        q, n = self.skin.quads, len(self.v)
        pairs = np.concatenate([q[:, [i, (i + 1) % 4]] for i in range(4)])
        graph = sp.csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (n, n))
        graph = graph + graph.T
        return sp.diags(0.5 / np.asarray(graph.sum(axis=1)).ravel()) @ graph + 0.5 * sp.eye(n)

    def blur(self, weight: np.ndarray, rounds: int = 2) -> np.ndarray:
        for _ in range(rounds):
            weight = self._mean @ weight
        return weight

    def part(self, *names: str) -> np.ndarray:
        out = np.zeros(len(self.v))
        for part in self.skin.parts:
            if part.name in names:
                out[part.vertices] = 1.0
        return out

    def near(self, points: np.ndarray, full: float, none: float) -> np.ndarray:
        """1 within `full` metres of the points, 0 beyond `none`."""
        distance, _ = cKDTree(points).query(self.v)
        return 1 - smooth_step(distance, full, none)

    def loop(self, *names: str) -> np.ndarray:
        return np.concatenate([self.v[self.skin.loops[name]] for name in names])

    def inside(self, seed: int, *rings: list[int]) -> np.ndarray:
        """1 at the vertices of the quads reached from `seed` without crossing the rings."""
        faces = self.graph.flood(self.graph.face_with(seed), ring_edges(*rings))
        out = np.zeros(len(self.v))
        out[self.skin.quads[faces].ravel()] = 1.0
        return out

    def ring(self, upper: str, lower: str) -> list[int]:
        """Two loops with shared ends as one closed ring."""
        return [*self.skin.loops[upper].tolist(), *self.skin.loops[lower][-2:0:-1].tolist()]


def smooth_step(value: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _below(
    line: tuple[tuple[float, float], ...], at: np.ndarray, value: np.ndarray, soft: float
) -> np.ndarray:
    """1 where the value lies below the polyline at `at`, 0 above, over 2 `soft`."""
    knots = np.array(line)
    return 1 - smooth_step(value - np.interp(at, knots[:, 0], knots[:, 1]), -soft, soft)


def build_regions(skin: Skin, source: Source, landmarks: SurfacePoints) -> dict[str, np.ndarray]:
    """All regions on the skin's vertices."""
    b = RegionBuilder(skin, landmarks)
    face, head = b.part("face"), b.part("head")
    out = {"face": face}
    out |= _lips(b)
    out |= _lids(b)
    nostrils = _nostril(b, "left") + _nostril(b, "right")
    ears = b.blur((_mask(skin, source, "ears") > 0.5).astype(float), 2) * head
    out["nostrils"] = b.blur(nostrils, 1)
    out |= _pairs(b, "ear", ears, lambda side: side * b.v[:, 0] > 0)
    outer = 1 - b.part("mouth_socket", "eye_socket_left", "eye_socket_right")
    inner_lips = b.inside(
        int(b.skin.loops["lips_inner_upper"][24]), b.ring("lips_front_upper", "lips_front_lower")
    )
    rims = out["eye_rim_left"] + out["eye_rim_right"]
    deep = np.maximum.reduce([inner_lips, nostrils, _inner_ear(b, ears), (rims > 0.9).astype(float)])
    out["measured"] = outer * (1 - np.clip(b.blur(deep, 1), 0, 1)) * (deep < 1)
    width = np.array(_NOSE_HALF_WIDTH)
    half = np.interp(b.y, width[:, 0], width[:, 1])
    along = smooth_step(b.y, -0.056, -0.051) * (1 - smooth_step(b.y, -0.004, 0.008))
    out["nose"] = face * (1 - smooth_step(b.x, half - 0.002, half + 0.004)) * along * (b.z > 0.012)
    brow = {1: b.landmarks[22:27], -1: b.landmarks[17:22]}
    for name, side in (("left", 1), ("right", -1)):
        middle = _dense(brow[side]) - [0, _BELOW_BROW_EDGE, 0]
        out[f"brow_{name}"] = face * b.near(middle, 0.0035, 0.008)
        out[f"cheek_{name}"] = face * b.near(np.array([[side * 0.046, -0.04, 0.012]]), 0.014, 0.036)
    out["chin"] = face * b.near(b.landmarks[[8]] + [0, 0.012, 0.004], 0.011, 0.027) * (1 - out["lips"])
    brows = np.interp(b.x, b.landmarks[22:27, 0], b.landmarks[22:27, 1])
    out["scalp"] = (face + head) * (1 - ears) * (1 - _below(_HAIR_LINE, b.z, b.y, 0.007))
    out["forehead"] = face * smooth_step(b.y - brows, 0.002, 0.012) * (1 - out["scalp"])
    out["neck"] = head * _below(_NECK_LINE, b.z, b.y, 0.01) * (1 - ears)
    out["beard"] = _beard(b, face + head, out, ears)
    return {name: np.clip(_symmetric(b, out, name), 0, 1) for name in sorted(out)}


def _symmetric(b: RegionBuilder, out: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Left and right regions are mirror images, the others symmetric in themselves."""
    twin = name
    if name.endswith("_left"):
        twin = name.removesuffix("left") + "right"
    elif name.endswith("_right"):
        twin = name.removesuffix("right") + "left"
    return (out[name] + out[twin][b.skin.mirror]) / 2


def _pairs(
    b: RegionBuilder, name: str, weight: np.ndarray, chosen: Callable[[int], np.ndarray]
) -> dict[str, np.ndarray]:
    return {f"{name}_left": weight * chosen(1), f"{name}_right": weight * chosen(-1)}


def _lips(b: RegionBuilder) -> dict[str, np.ndarray]:
    """The red of the lips, from the vermilion border to the wet inside."""
    seed = int(b.skin.loops["lips_front_upper"][24])
    red = b.inside(seed, b.ring("lips_outer_upper", "lips_outer_lower")) * b.part("face")
    to_upper = cKDTree(b.loop("lips_front_upper", "lips_outer_upper", "lips_inner_upper")).query(b.v)[0]
    to_lower = cKDTree(b.loop("lips_front_lower", "lips_outer_lower", "lips_inner_lower")).query(b.v)[0]
    upper = red * (to_upper <= to_lower)
    lower = red * (to_upper >= to_lower)
    soft = b.blur(red, 1)
    return {"lips": soft, "upper_lip": soft * b.blur(upper, 1), "lower_lip": soft * b.blur(lower, 1)}


def _lids(b: RegionBuilder) -> dict[str, np.ndarray]:
    out = {}
    for side in ("left", "right"):
        upper, lower = b.loop(f"lid_upper_{side}"), b.loop(f"lid_lower_{side}")
        to_upper, to_lower = cKDTree(upper).query(b.v)[0], cKDTree(lower).query(b.v)[0]
        is_upper = 1 - smooth_step(to_upper - to_lower, -0.0004, 0.0004)
        face = b.part("face")
        out[f"upper_lid_{side}"] = face * is_upper * (1 - smooth_step(to_upper, 0.006, 0.012))
        out[f"lower_lid_{side}"] = face * (1 - is_upper) * (1 - smooth_step(to_lower, 0.006, 0.012))
        ring = b.ring(f"lid_upper_{side}", f"lid_lower_{side}")
        seed = int(b.skin.loops[f"lid_inner_upper_{side}"][14])
        out[f"eye_rim_{side}"] = b.inside(seed, ring) * face
    return out


def _nostril(b: RegionBuilder, side: str) -> np.ndarray:
    """Inside of the nostril's rim."""
    ring = b.skin.loops[f"nostril_{side}"].tolist()
    pools = [b.graph.flood(f, ring_edges(ring)) for f in b.graph.faces_of_edge[_edge(ring)]]
    pool = min(pools, key=len)
    out = np.zeros(len(b.v))
    out[b.skin.quads[pool].ravel()] = 1.0
    return out


def _edge(ring: list[int]) -> tuple[int, int]:
    return (min(ring[0], ring[1]), max(ring[0], ring[1]))


def _inner_ear(b: RegionBuilder, ears: np.ndarray) -> np.ndarray:
    """The ear canal: ear vertices far inside the ear's outline."""
    return (ears > 0.5) * (b.x < 0.0715 + 0 * b.x)


def _beard(b: RegionBuilder, skin: np.ndarray, out: dict[str, np.ndarray], ears: np.ndarray) -> np.ndarray:
    upper = _below(_BEARD_LINE, b.x, b.y, 0.004)
    lower = smooth_step(b.y, -0.15, -0.122)
    front = smooth_step(b.z, -0.075, -0.05)
    return (
        skin * upper * lower * front * (1 - np.clip(out["lips"], 0, 1)) * (1 - ears) * (1 - out["nostrils"])
    )


def _dense(points: np.ndarray) -> np.ndarray:
    t = np.linspace(0, len(points) - 1, 40)
    return np.stack([np.interp(t, np.arange(len(points)), points[:, k]) for k in range(3)], axis=1)


def _mask(skin: Skin, source: Source, name: str) -> np.ndarray:
    """MPFB's painted mask (CC0) of a region, sampled at the cage's vertices and subdivided."""
    path = source.folder / f"mpfb2/textures/mpfb_{name}.jpg"
    painted = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if painted is None:
        raise FileNotFoundError(f"{path}: no picture can be read there")
    image = painted / 255.0
    uv, count = source.texture_coordinates[skin.cage_ids], image.shape[0]
    column = np.clip((uv[:, 0] * count).astype(int), 0, count - 1)
    row = np.clip(((1 - uv[:, 1]) * count).astype(int), 0, count - 1)
    return skin.subdivision @ image[row, column]
