"""The eye sockets behind the lids: a thin bag round each eyeball, which goes where the ball goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from mien.core.face import Template
from mien.geometry.weights import smoothstep

# Metres; chosen by eye.
THICKNESS = 1.5e-3  # of the bag over the ball; more than the cornea's bulge
_DEPTH = (0.5e-3, 5e-3)  # distance from the lid's back edge over which skin becomes bag


@dataclass(frozen=True)
class SocketBinding:
    """A socket's `rows` and the `share` in which each goes with the ball rather than with the lids."""

    rows: Int[np.ndarray, " S"]
    share: Float[np.ndarray, " S"]

    def placed(
        self, lids: Float[np.ndarray, "S 3"], ball: Float[np.ndarray, "S 3"]
    ) -> Float[np.ndarray, "S 3"]:
        """Between where the skin round it went (`lids`) and where the ball went (`ball`)."""
        return lids + self.share[:, None] * (ball - lids)


def bind_socket(template: Template, side: str) -> SocketBinding:
    """Reads the socket behind the lids of one side off the template."""
    part = template.part(f"eye_socket_{side}").vertices
    rows = np.arange(part.start, part.stop)
    rim = np.concatenate([template.loops[f"lid_inner_{lid}_{side}"] for lid in ("upper", "lower")])
    return SocketBinding(rows, socket_share(template.vertices[rows], template.vertices[rim]))


def socket_share(points: Float[np.ndarray, "S 3"], rim: Float[np.ndarray, "R 3"]) -> Float[np.ndarray, " S"]:
    """0 at the back edges of the lids (`rim`), 1 from 5 mm behind them."""
    distance, _ = cKDTree(rim).query(points)
    return smoothstep(distance, *_DEPTH)


def tucked(
    points: Float[np.ndarray, "S 3"],
    share: Float[np.ndarray, " S"],
    centre: Float[np.ndarray, "3"],
    radius: float,
) -> Float[np.ndarray, "S 3"]:
    """The points drawn toward the ball, so that in depth the bag is `THICKNESS` thick at most."""
    ray = points - centre
    distance = np.linalg.norm(ray, axis=1)
    wanted = np.minimum(distance, radius + THICKNESS)
    return points + (share * (wanted / distance - 1.0))[:, None] * ray
