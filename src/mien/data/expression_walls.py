"""The mouth's walls kept behind the cheeks and lips that move in front of them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.spatial import cKDTree

from mien.core.face import Template
from mien.geometry.weights import smoothstep

THICKNESS = 2.5e-3  # metres kept between cheek and wall, where there was as much at rest
NEIGHBOURS = 6  # points of skin that a point of the wall must stay behind
SMOOTH = 2.5e-3  # metres over which a push is spread
LARGEST = 3e-3  # metres a round
LINING = (2e-3, 6e-3)  # metres from the lips' seam: what lines the lips goes with them
_ROUNDS = 2


class MouthWalls:
    """Which skin lies before each point of the mouth's walls, bound to one template."""

    def __init__(self, template: Template) -> None:
        face, wall = template.part("face").vertices, template.part("mouth_socket").vertices
        points = template.vertices
        cheek = (template.regions["measured"][face] > 0.5) & (template.regions["lips"][face] < 0.1)
        skin = np.flatnonzero(cheek) + face.start
        self.wall = wall
        self._near = skin[cKDTree(points[skin]).query(points[wall], k=NEIGHBOURS)[1]]
        distance, index = cKDTree(points[wall]).query(points[wall], k=12)
        weight = np.exp(-0.5 * (distance / SMOOTH) ** 2)
        weight /= weight.sum(axis=1, keepdims=True)
        seam = np.concatenate([template.loops["lips_inner_upper"], template.loops["lips_inner_lower"]])
        self._share = smoothstep(cKDTree(points[seam]).query(points[wall])[0], *LINING)
        starts = np.arange(0, index.size + 1, index.shape[1])
        self._mean = sparse.csr_matrix((weight.ravel(), index.ravel(), starts), (len(index), len(index)))

    def depth(
        self, skin: Float[np.ndarray, "S 3"], normals: Float[np.ndarray, "F 3"]
    ) -> Float[np.ndarray, "W K"]:
        """Metres of each point of the wall behind the skin before it (along that skin's normal)."""
        way = skin[self._near] - skin[self.wall][:, None]
        return np.einsum("wkd,wkd->wk", way, normals[self._near])

    def keep_behind(
        self,
        out: Float[np.ndarray, "S 3"],
        normals: Float[np.ndarray, "F 3"],
        at_rest: Float[np.ndarray, "W K"],
    ) -> None:
        """Pushes the walls of a moved skin inward where they come too near its surface, in place."""
        wanted = np.minimum(at_rest, THICKNESS)
        inward = -normals[self._near].mean(axis=1)
        inward /= np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-9)
        for _ in range(_ROUNDS):
            lack = np.maximum(wanted - self.depth(out, normals), 0.0).max(axis=1)
            if lack.max() < 1e-5:
                return
            lack = np.minimum(lack, LARGEST)
            push = self._mean @ (self._share * lack)
            out[self.wall] += np.maximum(push, self._share * lack)[:, None] * inward
