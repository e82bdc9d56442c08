"""Lips on one head: sealed by mouthClose over an open jaw, never through each other."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from mien.rig.patch import Patch

REACH = 0.034  # metres round the lips in which the seal's correction may be felt
GAP = 0.05e-3  # left between touching lips: what a neutral template has
_MEETING = 0.75  # share of the seam's height taken from the upper lip: the lower one travels farther


class Lips:
    """Both lips of a head at rest. `loops` are a template's."""

    def __init__(
        self,
        vertices: Float[np.ndarray, "V 3"],
        triangles: Int[np.ndarray, "T 3"],
        loops: dict[str, Int[np.ndarray, "_"]],
    ) -> None:
        self.vertices = vertices
        self.inner = (loops["lips_inner_upper"], loops["lips_inner_lower"])
        self.front = (loops["lips_front_upper"], loops["lips_front_lower"])
        self.held = np.unique(np.concatenate([*self.inner, *self.front]))
        self._slot = np.zeros(len(vertices), np.int64)
        self._slot[self.held] = np.arange(len(self.held))
        self.share = tuple(self._shares(loop) for loop in self.inner)
        self._rest_opening = self.opening(vertices)
        self._patch = Patch(vertices, triangles, _near(vertices, self.held, REACH), self.held)

    def opening(self, posed: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, " L"]:
        """Signed metres between the lips' inner lines, upward from the lower one, at the upper's vertices.

        Pairs are those of the rest pose; negative means that the lips have crossed.
        """
        upper, lower = (posed[loop] for loop in self.inner)
        below = _at(lower, self.share[1], self.share[0])
        return (upper - below) @ self._up(posed)

    def seal(
        self, open_jaw: Float[np.ndarray, "V 3"], close: Float[np.ndarray, "V 3"]
    ) -> Float[np.ndarray, "V 3"]:
        """mouthClose's offsets such that together with `open_jaw` (both at full weight) the lips meet."""
        posed = self.vertices + open_jaw + close
        upper, lower = (posed[loop] for loop in self.inner)
        shares = self.share
        moves = np.zeros((len(self.held), 3))
        at_upper = _at(lower, shares[1], shares[0])
        at_lower = _at(upper, shares[0], shares[1])
        rest_upper, rest_lower = self._rest_gap()
        moves[self._slot[self.inner[0]]] = (1 - _MEETING) * (at_upper + rest_upper - upper)
        moves[self._slot[self.inner[1]]] = _MEETING * (at_lower - rest_lower - lower)
        for front, inner, share in zip(self.front, self.inner, shares, strict=True):
            along = moves[self._slot[inner]]
            moves[self._slot[front]] = _at(along, share, self._shares(front))
        for loop in (*self.front, *self.inner):  # corners are shared: what was written last holds for both
            moves[self._slot[loop[[0, -1]]]] = 0.0
        return close + self._patch.correct(moves, len(posed))

    def part(self, offsets: Float[np.ndarray, "V 3"], upper_share: float = 0.5) -> Float[np.ndarray, "V 3"]:
        """A shape's offsets with lips that cross, more than at rest, brought back to meeting.

        `upper_share` says how much of the way the upper lip gives; what does not cross stays as it is.
        """
        posed = self.vertices + offsets
        if self.opening(posed).min() >= min(0.0, float(self._rest_opening.min())):
            return offsets
        return self._parted(offsets, upper_share)

    def _parted(self, offsets: Float[np.ndarray, "V 3"], upper_share: float) -> Float[np.ndarray, "V 3"]:
        posed = self.vertices + offsets
        lack = np.maximum(GAP - self.opening(posed), 0.0) * _inside(self.share[0])
        lack = _broadened(lack)
        up = self._up(posed)
        moves = np.zeros((len(self.held), 3))
        ways = (upper_share, upper_share - 1.0)
        for front, inner, way in zip(self.front, self.inner, ways, strict=True):
            for loop in (front, inner):
                size = np.interp(self._shares(loop), self.share[0], lack)
                moves[self._slot[loop]] = way * size[:, None] * up
                moves[self._slot[loop[[0, -1]]]] = 0.0
        return offsets + self._patch.correct(moves, len(posed))

    def uncross(self) -> Float[np.ndarray, "V 3"]:
        """Offsets that bring lips which cross at rest back to meeting; zero where they do not."""
        still = np.zeros_like(self.vertices)
        return still if self._rest_opening.min() >= 0 else self._parted(still, 0.5)

    def _rest_gap(self) -> tuple[Float[np.ndarray, "A 3"], Float[np.ndarray, "B 3"]]:
        """The vectors from lower to upper lip that are kept between sealed lips, at each line's vertices."""
        up = self._up(self.vertices)
        return tuple(np.where(_inside(s)[:, None], GAP * up, 0.0) for s in self.share)  # type: ignore[return-value]

    def _up(self, posed: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "3"]:
        """Up on this head: square to the line between the mouth's corners, as near to +Y as can be."""
        corners = posed[self.inner[0][[0, -1]]]
        across = corners[1] - corners[0]
        up = np.array([0.0, 1.0, 0.0])
        up = up - across * (up @ across) / (across @ across)
        return up / np.linalg.norm(up)

    def _shares(self, loop: Int[np.ndarray, " L"]) -> Float[np.ndarray, " L"]:
        """0 at the right corner to 1 at the left one, along the line between them, at rest."""
        corners = self.vertices[self.inner[0][[0, -1]]]
        chord = corners[1] - corners[0]
        share = np.clip((self.vertices[loop] - corners[0]) @ chord / (chord @ chord), 0.0, 1.0)
        return np.maximum.accumulate(share)


def _inside(share: Float[np.ndarray, " L"]) -> Bool[np.ndarray, " L"]:
    return (share > 0) & (share < 1)


def _broadened(lack: Float[np.ndarray, " L"]) -> Float[np.ndarray, " L"]:
    """A smooth curve that is nowhere less: so that lips give way without a dent."""
    wide = np.maximum.reduce([np.roll(np.pad(lack, 2), k)[2:-2] for k in (-2, -1, 0, 1, 2)])
    for _ in range(2):
        padded = np.pad(wide, 1, mode="edge")
        wide = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return np.maximum(wide, lack)


def _near(
    vertices: Float[np.ndarray, "V 3"], ids: Int[np.ndarray, " H"], reach: float
) -> Bool[np.ndarray, " V"]:
    return cKDTree(vertices[ids]).query(vertices, distance_upper_bound=reach)[0] < reach


def _at(
    curve: Float[np.ndarray, "N 3"], knots: Float[np.ndarray, " N"], share: Float[np.ndarray, " M"]
) -> Float[np.ndarray, "M 3"]:
    return np.stack([np.interp(share, knots, curve[:, k]) for k in range(3)], axis=-1)
