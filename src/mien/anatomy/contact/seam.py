"""A seam: two lines of vertices between the same two corners, which may open and close.

Each eye has two, the front and the back edges of its lids; the mouth has one, the inner lines of its lips.
Points of one line and places of the other belong together by their share of the way from corner to corner,
told once, at rest: so a pose cannot change what lies over what.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from mien.geometry.polyline import points_at, share_within

UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class Seam:
    """Vertices of both lines from corner to corner, and their shares of the way (0 to 1)."""

    upper: Int[np.ndarray, " U"]
    lower: Int[np.ndarray, " L"]
    upper_share: Float[np.ndarray, " U"]
    lower_share: Float[np.ndarray, " L"]

    @classmethod
    def paired(
        cls, upper: Int[np.ndarray, " U"], lower: Int[np.ndarray, " L"], rest: Float[np.ndarray, "V 3"]
    ) -> Seam:
        """The seam of two lines, paired as they lie in `rest` (metres)."""
        corners = rest[upper[[0, -1]]]
        return cls(upper, lower, share_within(rest[upper], corners), share_within(rest[lower], corners))

    @property
    def lines(self) -> tuple[Int[np.ndarray, " U"], Int[np.ndarray, " L"]]:
        """The upper line, then the lower one."""
        return self.upper, self.lower

    @property
    def shares(self) -> tuple[Float[np.ndarray, " U"], Float[np.ndarray, " L"]]:
        """The upper line's, then the lower one's."""
        return self.upper_share, self.lower_share

    def within(self, ids: Int[np.ndarray, " H"]) -> Seam:
        """The same seam in the numbering of a sorted choice of vertices."""
        return replace(self, upper=np.searchsorted(ids, self.upper), lower=np.searchsorted(ids, self.lower))

    def on_lower(self, posed: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "U 3"]:
        """The places of the lower line that belong to the upper one's vertices."""
        return points_at(posed[self.lower], self.lower_share, self.upper_share)

    def on_upper(self, posed: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, "L 3"]:
        """The places of the upper line that belong to the lower one's vertices."""
        return points_at(posed[self.upper], self.upper_share, self.lower_share)

    def opening(
        self, posed: Float[np.ndarray, "V 3"], up: Float[np.ndarray, "3"] = UP
    ) -> Float[np.ndarray, " U"]:
        """Signed metres along `up` from the lower line to the upper one's vertices; negative: crossed."""
        return (posed[self.upper] - self.on_lower(posed)) @ up

    def height(self, posed: Float[np.ndarray, "V 3"]) -> Float[np.ndarray, " U"]:
        """The opening in +Y of lines that slid along each other: paired anew, as they lie in `posed`."""
        return Seam.paired(self.upper, self.lower, posed).opening(posed)
