"""Which draws are refused: the stated bounds of what people look like, and broken surfaces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.core.face import Template
from mien.core.mesh import split_quads

# Distances between Multi-PIE landmarks (0-based), millimetres: limits beyond what adults measure
# (about four standard deviations of Farkas 1994, wider where our landmarks are not his).
LIMITS: dict[str, tuple[int, int, float, float]] = {
    "between the outer eye corners": (36, 45, 74.0, 108.0),
    "between the inner eye corners": (39, 42, 24.0, 47.0),
    "length of the left eye fissure": (42, 45, 21.0, 37.0),
    "length of the right eye fissure": (36, 39, 21.0, 37.0),
    "width of the nose": (31, 35, 18.0, 42.0),
    "height of the nose": (27, 33, 37.0, 66.0),
    "depth of the nose": (33, 30, 9.0, 34.0),
    "width of the mouth": (48, 54, 36.0, 66.0),
    "from the nose to the upper lip": (33, 51, 5.0, 26.0),
    "height of both lips": (51, 57, 5.0, 34.0),
    "from the lower lip to the chin": (57, 8, 17.0, 52.0),
    "width of the jaw": (4, 12, 84.0, 150.0),
    "width of the head at the ears": (0, 16, 118.0, 180.0),
    "height of the left eye opening": (43, 47, 3.0, 14.5),
    "height of the right eye opening": (38, 40, 3.0, 14.5),
}
MAHALANOBIS = 11.3  # of the 100 stage weights: 9.2 on average, three standard deviations more
TURNED = 14  # triangles of the seen face that may be turned over (creases; of about 13,000)
LIP_CROSSING, LIP_OPENING = 0.5, 3.2  # millimetres
_UNEVEN_FEATURE = 0.16  # share by which left and right eye fissure may differ


@dataclass(frozen=True)
class HeadChecks:
    """The checks, bound to one template and mean skin."""

    template: Template
    triangles: np.ndarray
    rest: Float[np.ndarray, "T 3"]

    @classmethod
    def of(cls, template: Template, mean: Float[np.ndarray, "S 3"]) -> HeadChecks:
        """`mean` is the skin against whose normals a surface counts as turned over."""
        quads = template.topology.quads[template.part("face").quads]
        triangles = split_quads(quads[(template.regions["measured"][quads] > 0.9).all(axis=1)])
        return cls(template, triangles, _crosses(mean.astype(np.float32), triangles))

    def faults(
        self, skin: Float[np.ndarray, "S 3"], stage: Float[np.ndarray, " K"], lips: Float[np.ndarray, " U"]
    ) -> list[str]:
        """Why a head is refused, in words; empty for a plausible one. `lips` is their opening in metres."""
        out = []
        if np.linalg.norm(stage) > MAHALANOBIS:
            out.append(f"stage weights {np.linalg.norm(stage):.1f} standard deviations from the mean")
        turned = self.turned(skin)
        if turned > TURNED:
            out.append(f"{turned} triangles turned over")
        opening = 1e3 * lips
        if opening.min() < -LIP_CROSSING or opening.max() > LIP_OPENING:
            out.append(f"lips open {opening.min():.1f} to {opening.max():.1f} mm")
        return out + self._measures(skin)

    def turned(self, skin: Float[np.ndarray, "S 3"]) -> int:
        """Triangles of the seen face whose normal looks away from the mean's."""
        cross = _crosses(skin.astype(np.float32), self.triangles)
        return int((np.einsum("td,td->t", cross, self.rest) < 0).sum())

    def _measures(self, skin: Float[np.ndarray, "S 3"]) -> list[str]:
        points = self.template.landmarks
        corners = self.template.topology.triangles[points.triangle]
        marks = np.einsum("lk,lkd->ld", points.barycentric, skin[corners])
        out, sizes = [], {}
        for name, (a, b, low, high) in LIMITS.items():
            sizes[name] = size = 1e3 * float(np.linalg.norm(marks[a] - marks[b]))
            if not low <= size <= high:
                out.append(f"{name} {size:.1f} mm")
        left, right = (sizes[f"length of the {side} eye fissure"] for side in ("left", "right"))
        if abs(left / right - 1) > _UNEVEN_FEATURE:
            out.append(f"eye fissures of {left:.1f} and {right:.1f} mm")
        return out


def _crosses(vertices: Float[np.ndarray, "S 3"], triangles: np.ndarray) -> Float[np.ndarray, "T 3"]:
    a = vertices[triangles[:, 0]]
    return np.cross(vertices[triangles[:, 1]] - a, vertices[triangles[:, 2]] - a)
