"""How lids and lips touch: one mechanism.

A contact is a signed distance in metres along a margin: positive apart, zero touching, negative through each
other. It is judged at its worst along the margin, in either direction, and reported in millimetres.

    what             measured by            where                               asked for
    lid to lid       LidMargins.gap         front edges, across the line        0 in a blink, else >= 0
    lid to eyeball   LidMargins.over_ball   back edges, on rays from the        at rest 0.05 to 0.25 mm,
                                            ball's centre                       in motion as at rest
    lip to lip       LipMargins.opening     inner lines, along the mouth's up   0.05 mm closed, else >= 0
    wall to skin     BehindSkin.depth       along the skin's normals            as at rest, 2.5 mm at most

What is asked for is stated once, as the places where the margins' own vertices go: in `lids.py` for lids and
in `lips.py` for lips, both over `seam.py`, two lines that close. Change how lids close or lips seal there.
How the skin round the margins follows has two forms, which are one `Contact` and pass the same tests:

    exact_lids.py, exact_lips.py     A thin plate solved on the very head (`spread.SolvedSpread`): any mesh
                                     and shape, margins exactly where they are asked to be. The
                                     specification. Rigs are made with it.
    linear_lids.py, linear_lips.py   A matrix made on the template (`spread.LinearSpread`): its topology
                                     alone, poses by the thousand. The face database is made with it.

The two differ in more than speed where a pose is a mixture: exact lids close in a full blink and slide
otherwise, linear ones close by the share that the template's close; exact lips meet all along or not at all,
linear ones point by point. `tests/test_anatomy_contact.py` holds how far apart they may be.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from mien.core.conventions import MILLIMETRES_PER_METRE


@runtime_checkable
class Contact(Protocol):
    """Lids and their ball, or lips and each other, on one head at rest. Offsets are counted from there."""

    def gap(self, offsets: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, " N"]:
        """Signed metres along the margin in a pose: positive open, negative crossed."""

    def enforce(
        self, offsets: Float[np.ndarray, "S 3"], weights: Float[np.ndarray, "52"]
    ) -> Float[np.ndarray, "S 3"]:
        """The offsets (metres) of a pose, corrected; `weights` of the 52 shapes say what it is meant to be.

        Offsets that touch nothing they should not, and move no margin, come back as they are.
        """


def worst(distances: Float[np.ndarray, " N"]) -> tuple[float, float]:
    """The largest and the smallest distance of a margin, in millimetres."""
    return (
        float(distances.max()) * MILLIMETRES_PER_METRE,
        float(distances.min()) * MILLIMETRES_PER_METRE,
    )
