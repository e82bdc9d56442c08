"""The eyeball as a surface of revolution about its gaze: sizes of the average adult eye, in metres.

Sclera radius 12 mm, horizontal visible iris diameter 11.8 mm, corneal radius of curvature 7.8 mm,
anterior chamber about 3 mm deep (Bron, Tripathi & Tripathi, "Wolff's Anatomy of the Eye and Orbit";
Atchison, "Optics of the Human Eye"). Everything scales with the sclera's radius.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.geometry.normals import normalized

SIDES = ("left", "right")  # of the subject: left is +x

# Metres; from the books named above where nothing else is said.
SCLERA_RADIUS = 12.0e-3
IRIS_RADIUS = 5.9e-3  # half the visible diameter
PUPIL_RADIUS = 1.9e-3  # in daylight; chosen by eye
CORNEA_RADIUS = 7.8e-3  # of curvature
LIMBUS_ANGLE = float(np.arcsin(IRIS_RADIUS / SCLERA_RADIUS))
_CORNEA_CENTRE = SCLERA_RADIUS * np.cos(LIMBUS_ANGLE) - np.sqrt(CORNEA_RADIUS**2 - IRIS_RADIUS**2)
_LIMBUS_BLEND = 0.15e-3  # rounds the sulcus in which the two spheres meet; chosen by eye

# The eye's texture tile: an azimuthal map about the gaze. The iris fills a disc, the sclera the ring
# around it out to SEEN_ANGLE; what lies behind is never seen and has an island in a corner. Radii in units
# of the tile, chosen so that the iris gets a fifth of its width.
UV_IRIS_RADIUS = 0.20
UV_RADIUS = 0.47
SEEN_ANGLE = np.radians(136.0)  # from the gaze


def surface_radius(
    angle: Float[np.ndarray, "*N"], sclera_radius: float = SCLERA_RADIUS
) -> Float[np.ndarray, "*N"]:
    """Distance (metres) from the ball's centre to its outer surface, `angle` (radians) off the gaze.

    The sphere of the sclera, joined smoothly to the sphere of the cornea.
    """
    scale = sclera_radius / SCLERA_RADIUS
    sine, cosine = np.sin(angle), np.cos(angle)
    inside = np.maximum(CORNEA_RADIUS**2 - (_CORNEA_CENTRE * sine) ** 2, 0.0)
    over = _CORNEA_CENTRE * cosine + np.sqrt(inside) - SCLERA_RADIUS
    bulge = 0.5 * (over + np.sqrt(over**2 + (2 * _LIMBUS_BLEND) ** 2))
    return scale * (SCLERA_RADIUS + bulge)


def uv_radius_of_angle(angle: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N"]:
    """Distance from the tile's centre at which a direction `angle` off the gaze is mapped."""
    ring = (angle - LIMBUS_ANGLE) / (SEEN_ANGLE - LIMBUS_ANGLE)
    sclera = UV_IRIS_RADIUS + (UV_RADIUS - UV_IRIS_RADIUS) * ring
    return np.where(angle < LIMBUS_ANGLE, UV_IRIS_RADIUS * angle / LIMBUS_ANGLE, sclera)


def angle_of_uv_radius(radius: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N"]:
    """The inverse of `uv_radius_of_angle`, radians."""
    ring = (radius - UV_IRIS_RADIUS) / (UV_RADIUS - UV_IRIS_RADIUS)
    sclera = LIMBUS_ANGLE + (SEEN_ANGLE - LIMBUS_ANGLE) * ring
    return np.where(radius < UV_IRIS_RADIUS, LIMBUS_ANGLE * radius / UV_IRIS_RADIUS, sclera)


def signed_clearance(
    points: Float[np.ndarray, "N 3"],
    centre: Float[np.ndarray, "3"],
    sclera_radius: float,
    gaze: Float[np.ndarray, "3"] | None = None,
) -> Float[np.ndarray, " N"]:
    """Metres by which points lie outside the ball's outer surface, along the ray from its centre."""
    forward = np.array([0.0, 0.0, 1.0]) if gaze is None else gaze
    offset = points - centre
    distance = np.linalg.norm(offset, axis=-1)
    angle = np.arccos(np.clip(offset @ forward / np.maximum(distance, 1e-12), -1.0, 1.0))
    return distance - surface_radius(angle, sclera_radius)


@dataclass(frozen=True)
class Eyeball:
    """A ball in a head: centre, radius of the sclera (metres), rotation of its own axes."""

    centre: Float[np.ndarray, "3"]
    radius: float
    rotation: Float[np.ndarray, "3 3"]

    @property
    def gaze(self) -> Float[np.ndarray, "3"]:
        """Where it looks, unit length: its own third axis."""
        return self.rotation[:, 2]

    def clearance(
        self, points: Float[np.ndarray, "N 3"], gaze: Float[np.ndarray, "3"] | None = None
    ) -> Float[np.ndarray, " N"]:
        """Metres outside the ball (negative: inside), which looks along `gaze` (its own when left out)."""
        return signed_clearance(points, self.centre, self.radius, self.gaze if gaze is None else gaze)

    def at_clearance(
        self,
        points: Float[np.ndarray, "N 3"],
        clearance: Float[np.ndarray, " N"],
        gaze: Float[np.ndarray, "3"] | None = None,
    ) -> Float[np.ndarray, "N 3"]:
        """Points moved along their rays from the centre to the given clearance."""
        return self.between(points, clearance, clearance, gaze)

    def between(
        self,
        points: Float[np.ndarray, "N 3"],
        low: Float[np.ndarray, " N"] | float = -np.inf,
        high: Float[np.ndarray, " N"] | float = np.inf,
        gaze: Float[np.ndarray, "3"] | None = None,
    ) -> Float[np.ndarray, "N 3"]:
        """Points moved along their rays to a clearance of `low` ... `high` metres; those within it stay."""
        clearance = self.clearance(points, gaze)
        short = np.clip(clearance, low, high) - clearance
        return points + normalized(points - self.centre) * short[:, None]
