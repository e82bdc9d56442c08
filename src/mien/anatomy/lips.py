"""Lips on one head: sealed by mouthClose over an open jaw, never through each other."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from mien.geometry.patch import Patch
from mien.geometry.polyline import points_at

REACH = 0.034  # metres round the lips in which the seal's correction may be felt
GAP = 0.05e-3  # left between touching lips: what a neutral template has
_SEAL_SHARE = 0.25  # how far the upper lip comes down to an open jaw's lower lip, which travels farther


class Lips:
    """Both lips of a head at rest. `loops` are a template's."""

    def __init__(
        self,
        vertices: Float[np.ndarray, "V 3"],
        triangles: Int[np.ndarray, "T 3"],
        loops: dict[str, Int[np.ndarray, " _"]],
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
        below = points_at(lower, self.share[1], self.share[0])
        return (upper - below) @ self._up(posed)

    def seal(
        self, open_jaw: Float[np.ndarray, "V 3"], close: Float[np.ndarray, "V 3"]
    ) -> Float[np.ndarray, "V 3"]:
        """mouthClose's offsets such that together with `open_jaw` (both at full weight) the lips meet."""
        return self.meet(close, base=open_jaw, upper_share=_SEAL_SHARE)

    def meet(
        self,
        offsets: Float[np.ndarray, "V 3"],
        base: Float[np.ndarray, "V 3"] | float = 0.0,
        upper_share: float = 0.5,
        *,
        in_depth: bool = True,
    ) -> Float[np.ndarray, "V 3"]:
        """A shape's offsets with lips that touch all along, over `base`; the upper lip gives its share.

        Without `in_depth` they meet in height alone: a lip rolled in stays behind the other.
        """
        posed = self.vertices + base + offsets
        upper, lower = (posed[loop] for loop in self.inner)
        gap_upper, gap_lower = (np.where(_inside(s)[:, None], GAP * self._up(posed), 0.0) for s in self.share)
        way_down = points_at(lower, self.share[1], self.share[0]) + gap_upper - upper
        way_up = points_at(upper, self.share[0], self.share[1]) - gap_lower - lower
        if not in_depth:
            up = self._up(posed)
            way_down, way_up = np.outer(way_down @ up, up), np.outer(way_up @ up, up)
        moves = np.zeros((len(self.held), 3))
        for front, inner, share, way in zip(
            self.front,
            self.inner,
            self.share,
            (upper_share * way_down, (1 - upper_share) * way_up),
            strict=True,
        ):
            moves[self._slot[inner]] = way
            moves[self._slot[front]] = points_at(way, share, self._shares(front))
        self._keep_corners(moves)
        return offsets + self._patch.correct(moves, len(posed))

    def _keep_corners(self, moves: Float[np.ndarray, "H 3"]) -> None:
        for loop in (*self.front, *self.inner):
            moves[self._slot[loop[[0, -1]]]] = 0.0

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
        self._keep_corners(moves)
        return offsets + self._patch.correct(moves, len(posed))

    def uncross(self) -> Float[np.ndarray, "V 3"]:
        """Offsets that bring lips which cross at rest back to meeting; zero where they do not."""
        still = np.zeros_like(self.vertices)
        return still if self._rest_opening.min() >= 0 else self._parted(still, 0.5)

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
