"""Lips in contact on any head, mesh and shape: the skin round the seam solved for as a thin plate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mien.anatomy.contact.lips import SEAL_SHARE, LipMargins, TemplateLips, rolled_in, seals
from mien.anatomy.contact.spread import SolvedSpread

REACH = 34e-3  # metres round the lips in which the seal's correction may be felt; chosen by eye


class LipPatch:
    """Both lips of a head at rest (metres), and the skin round them. `loops` are a template's."""

    def __init__(
        self,
        vertices: Float[np.ndarray, "S 3"],
        triangles: Int[np.ndarray, "T 3"],
        loops: dict[str, Int[np.ndarray, " _"]],
    ) -> None:
        self.vertices = vertices
        self.margins = LipMargins(loops, vertices)
        self._least = float(self.margins.opening(vertices).min())
        self._spread = SolvedSpread(vertices, triangles, self.margins.held, REACH)

    def settle(self) -> Float[np.ndarray, "S 3"]:
        """Offsets that bring lips which cross at rest back to meeting; zero where they do not."""
        still = np.zeros_like(self.vertices)
        return still if self._least >= 0 else self._parted(still, 0.5)

    def seal(
        self, open_jaw: Float[np.ndarray, "S 3"], close: Float[np.ndarray, "S 3"]
    ) -> Float[np.ndarray, "S 3"]:
        """mouthClose's offsets such that together with `open_jaw` (both at full weight) the lips meet."""
        return self.meet(close, base=open_jaw, upper_share=SEAL_SHARE)

    def meet(
        self,
        offsets: Float[np.ndarray, "S 3"],
        base: Float[np.ndarray, "S 3"] | float = 0.0,
        upper_share: float = 0.5,
        *,
        in_depth: bool = True,
    ) -> Float[np.ndarray, "S 3"]:
        """A shape's offsets with lips that touch all along, over `base`: see `LipMargins.meeting_moves`."""
        posed = self.vertices + base + offsets
        return offsets + self._spread(self.margins.meeting_moves(posed, upper_share, in_depth=in_depth))

    def part(self, offsets: Float[np.ndarray, "S 3"], upper_share: float = 0.5) -> Float[np.ndarray, "S 3"]:
        """A shape's offsets with lips that cross, more than at rest, brought back to meeting.

        `upper_share` says how much of the way the upper lip gives; what does not cross stays as it is.
        """
        if self.margins.opening(self.vertices + offsets).min() >= min(0.0, self._least):
            return offsets
        return self._parted(offsets, upper_share)

    def _parted(self, offsets: Float[np.ndarray, "S 3"], upper_share: float) -> Float[np.ndarray, "S 3"]:
        posed = self.vertices + offsets
        return offsets + self._spread(self.margins.parting_moves(posed, upper_share))


@dataclass(frozen=True)
class ExactLips:
    """The lips of one head, asked to touch where the template's do. The patch may be of any topology."""

    patch: LipPatch
    asked: TemplateLips

    def gap(self, offsets: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, " U"]:
        """See `Contact.gap`: between the lips' inner lines."""
        return self.patch.margins.opening(self.patch.vertices + offsets)

    def enforce(
        self,
        offsets: Float[np.ndarray, "S 3"],
        weights: Float[np.ndarray, "52"],
        base: Float[np.ndarray, "S 3"] | float = 0.0,
    ) -> Float[np.ndarray, "S 3"]:
        """See `Contact.enforce`. `base` are offsets on top of which a seal's own are counted."""
        if seals(weights):
            return self.patch.meet(offsets, base, SEAL_SHARE)
        if not self.asked.concern(weights):
            return offsets
        if self.patch.margins.closed(self.patch.vertices) and self.asked.closed(weights):
            return self.patch.meet(offsets, base, in_depth=not rolled_in(weights))
        return self.patch.part(offsets)
