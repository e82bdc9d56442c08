"""The mouth's walls and gums kept behind the cheeks and lips that move in front of them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.spatial import cKDTree

from mien.core.face import Template
from mien.geometry.weights import smoothstep

# Chosen by eye, metres where nothing else is said:
WALL, GUM = 2.5e-3, 1.0e-3  # kept behind the skin, where there was as much at rest
NEIGHBOURS, APART = 12, 4  # points of skin, every fourth of the nearest, that a point must stay behind
NEAR = 16e-3  # behind the skin: deeper points are out of its reach
SMOOTH = 2.5e-3  # standard deviation of the Gaussian that spreads a push
LARGEST = 3e-3  # push a round
LINING = (0.5e-3, 3e-3)  # from the lips' seam: what lines the lips goes with them
_LACK = 1e-5  # depth that may be missing
_ROUNDS = 4


class BehindSkin:
    """Which skin lies before each of some `rows` inside the mouth, bound to one template."""

    def __init__(self, template: Template, parts: tuple[str, ...], thickness: float) -> None:
        face, points = template.part("face").vertices, template.vertices
        cheek = (template.regions["measured"][face] > 0.5) & (template.regions["lips"][face] < 0.5)
        skin = np.flatnonzero(cheek) + face.start
        rows = np.flatnonzero(template.vertex_mask(*parts))
        away, near = cKDTree(points[skin]).query(points[rows], k=NEIGHBOURS * APART)
        close = away[:, 0] < NEAR
        self.rows: Int[np.ndarray, " W"] = rows[close]
        self._near, self._thickness = skin[near[close, ::APART]], thickness
        distance, index = cKDTree(points[self.rows]).query(points[self.rows], k=12)
        weight = np.exp(-0.5 * (distance / SMOOTH) ** 2)
        weight /= weight.sum(axis=1, keepdims=True)
        seam = np.concatenate([template.loops["lips_inner_upper"], template.loops["lips_inner_lower"]])
        self._share = smoothstep(cKDTree(points[seam]).query(points[self.rows])[0], *LINING)
        starts = np.arange(0, index.size + 1, index.shape[1])
        self._mean = sparse.csr_matrix((weight.ravel(), index.ravel(), starts), (len(index), len(index)))

    def depth(
        self, head: Float[np.ndarray, "V 3"], normals: Float[np.ndarray, "F 3"]
    ) -> Float[np.ndarray, "W K"]:
        """Metres of each row behind the skin before it (along that skin's normal)."""
        way = head[self._near] - head[self.rows][:, None]
        return np.einsum("wkd,wkd->wk", way, normals[self._near])

    def keep(
        self,
        out: Float[np.ndarray, "V 3"],
        normals: Float[np.ndarray, "F 3"],
        at_rest: Float[np.ndarray, "W K"],
    ) -> None:
        """Pushes the rows of a moved head inward where they come too near its skin, in place."""
        wanted = np.minimum(at_rest, self._thickness)
        outward = normals[self._near]
        behind = np.einsum("wkd,wkd->wk", out[self._near] - out[self.rows][:, None], outward)
        lack = np.maximum(wanted - behind, 0.0).max(axis=1)
        if lack.max() < _LACK:
            return
        inward = -outward.mean(axis=1)
        inward /= np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-9)
        deeper = -np.einsum("wd,wkd->wk", inward, outward)
        pushed = np.zeros(len(lack))
        for _ in range(_ROUNDS):
            lack = self._share * np.minimum(lack, LARGEST)
            pushed += np.maximum(self._mean @ lack, lack)
            lack = np.maximum(wanted - behind - pushed[:, None] * deeper, 0.0).max(axis=1)
            if lack.max() < _LACK:
                break
        out[self.rows] += pushed[:, None] * inward


def mouth_walls(template: Template) -> BehindSkin:
    """The mouth socket behind cheeks and lips."""
    return BehindSkin(template, ("mouth_socket",), WALL)


def gums(template: Template) -> BehindSkin:
    """Gums behind cheeks, lips and chin."""
    return BehindSkin(template, ("gums_upper", "gums_lower"), GUM)
