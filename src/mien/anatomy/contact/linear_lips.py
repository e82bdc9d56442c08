"""Lips in contact on heads of the template's topology: no solves, a fixed matrix made on the template."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from mien.anatomy.contact.lips import LIP_GAP, TemplateLips
from mien.anatomy.contact.seam import Seam
from mien.anatomy.contact.spread import spread_weights
from mien.core.face import Template
from mien.geometry.weights import smoothstep

# Chosen by eye, metres where nothing else is said:
_AT_EASE, _LEFT_OPEN = 0.25e-3, 0.3  # that lips at rest lie open; share left of what is beyond
_LIP_REACH = (2.0e-3, 12.0e-3)  # from the seam, over which the skin's share fades out
_CORNER = 0.93  # share of half the mouth's width beyond which skin belongs to both lips
_WAY = 0.05  # along the skin: what is farther from both lips takes no part
_PRESSED = 0.8  # share of the opening at rest that lips pressed on each other lose
_PART_ROUNDS, _CLAMP_ROUNDS = 4, 6
_PARTED, _CLAMPED = 1e-6, 5e-6  # lack at which rounds end


class LinearLips:
    """Both lips on the template, whose skin are its first `n_skin` vertices: what other heads follow.

    `seam_upper` and `seam_lower` are the inner lines, right corner to left.
    """

    def __init__(self, template: Template, n_skin: int) -> None:
        self.seam_upper, self.seam_lower = (template.loops[f"lips_inner_{lip}"] for lip in ("upper", "lower"))
        seam = template.vertices[self.seam_upper]
        self._rows, self._weights = spread_weights(template.vertices[:n_skin], seam, _LIP_REACH)
        above = _nearer(template, n_skin, self.seam_upper[1:-1], self.seam_lower[1:-1])[self._rows]
        x = np.abs(template.vertices[self._rows, 0])
        inside = 1 - smoothstep(x, _CORNER * seam[:, 0].max(), seam[:, 0].max())
        self._sign = np.where(above, 1.0, -1.0) * inside
        self.asked = TemplateLips(template)

    def opening(
        self, posed: Float[np.ndarray, "S 3"], rest: Float[np.ndarray, "S 3"] | None = None
    ) -> Float[np.ndarray, " U"]:
        """Signed metres of height between the seams, at the upper one's vertices; negative: crossed.

        Points over each other are those of the head at rest, which `posed` is where none is given.
        """
        return self._paired(posed if rest is None else rest).opening(posed)

    def settle(self, out: Float[np.ndarray, "S 3"]) -> None:
        """Lips at rest, in place: a wide opening mostly closed, crossings parted."""
        self.close(out)
        self.part(out)

    def close(self, out: Float[np.ndarray, "S 3"]) -> None:
        """Lips at rest lie together: most of a wider opening is closed, by either half of it, in place."""
        beyond = np.maximum(self.opening(out) - _AT_EASE, 0.0)
        self.move(out, (_LEFT_OPEN - 1.0) * beyond)

    def part(self, out: Float[np.ndarray, "S 3"]) -> None:
        """Parts crossed lips, each by half, in place."""
        for _ in range(_PART_ROUNDS):
            lack = np.maximum(LIP_GAP - self.opening(out), 0.0)
            lack[[0, -1]] = 0.0
            if lack.max() <= _PARTED:
                return
            self.move(out, _wide(lack))

    def move(self, out: Float[np.ndarray, "S 3"], apart: Float[np.ndarray, " U"]) -> None:
        """Moves the lips' skin so far apart along the upper seam (metres, negative: together), in place."""
        out[self._rows, 1] += 0.5 * self._sign * (self._weights @ apart)

    def on(self, rest: Float[np.ndarray, "S 3"]) -> LinearLipContact:
        """These lips on another head at rest (metres)."""
        return LinearLipContact(self, rest, self._paired(rest))

    def _paired(self, rest: Float[np.ndarray, "S 3"]) -> Seam:
        return Seam.paired(self.seam_upper, self.seam_lower, rest)


@dataclass(frozen=True)
class LinearLipContact:
    """Both lips of a head at rest (metres)."""

    lips: LinearLips
    rest: Float[np.ndarray, "S 3"]
    seam: Seam

    def gap(self, offsets: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, " U"]:
        """See `Contact.gap`: the height between the lips' inner lines."""
        return self.seam.opening(self.rest + offsets)

    def enforce(
        self, offsets: Float[np.ndarray, "S 3"], weights: Float[np.ndarray, "52"]
    ) -> Float[np.ndarray, "S 3"]:
        """See `Contact.enforce`: crossed lips part, and lips close where the template's do."""
        asked = self.lips.asked
        sealed, pressed = asked.sealed(weights), asked.pressed(weights)
        before = np.maximum(self.seam.opening(self.rest), LIP_GAP)
        allowed = before * (1 - _PRESSED * pressed) + LIP_GAP * pressed
        out = self.rest + offsets
        for done in range(_CLAMP_ROUNDS):
            lack = self._lack(out, allowed, sealed)
            if np.abs(lack).max() < _CLAMPED:
                return out - self.rest if done else offsets
            self.lips.move(out, lack)
        return out - self.rest

    def _lack(
        self,
        posed: Float[np.ndarray, "S 3"],
        allowed: Float[np.ndarray, " U"],
        sealed: Float[np.ndarray, " U"],
    ) -> Float[np.ndarray, " U"]:
        """How much farther apart (negative: nearer) the lips must be, metres; nothing at the corners."""
        opening = self.seam.opening(posed)
        crossed = _wide(np.maximum(LIP_GAP - opening, 0.0))
        return self.lips.asked.ramp * (crossed - sealed * np.maximum(opening - allowed, 0.0))


def _wide(lack: Float[np.ndarray, " U"]) -> Float[np.ndarray, " U"]:
    """Neighbours give way too: no ripples in the seam."""
    return np.maximum.reduce([lack, np.roll(lack, 1), np.roll(lack, -1)])


def _nearer(
    template: Template, n_skin: int, one: Int[np.ndarray, " A"], other: Int[np.ndarray, " B"]
) -> Bool[np.ndarray, " S"]:
    """True where the way along the skin to `one` is shorter than that to `other`."""
    edges = template.topology.edges
    edges = edges[(edges < n_skin).all(axis=1)]
    length = np.linalg.norm(template.vertices[edges[:, 0]] - template.vertices[edges[:, 1]], axis=1)
    graph = sparse.coo_matrix((length, (edges[:, 0], edges[:, 1])), (n_skin, n_skin)).tocsr()
    ways = [dijkstra(graph, directed=False, indices=ids, min_only=True, limit=_WAY) for ids in (one, other)]
    return ways[0] <= ways[1]
