"""When a fit must not be trusted: the rules by which a scan is refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from mien.core.errors import MienError
from mien.core.face import PreparedScan, Template
from mien.geometry.normals import vertex_normals
from mien.register.fitted_skin import FittedSkin
from mien.register.linear_fit import landmark_error
from mien.register.morphable_model import LinearHead
from mien.register.scan_surface import ScanSurface, pair

# Limits between heads and what is none, each with what was measured of heads (James; synthetic scans, down to
# a torn mask): docs/registration.md, "What is refused". Lengths at the template's size.
NEAR = 0.006  # metres: a face vertex of the linear fit with scan surface this near is supported; by eye
FEWEST_SUPPORTED = 0.55  # share of the face; James 0.999, synthetic scans 0.97 to 0.46
WORST_QUARTILE = 0.0026  # metres: three quarters of the face lie nearer (faces 0.7-1.4 mm, animals 3-5 mm)
WORST_LANDMARKS = 0.010  # metres, median over the inner landmarks; heads 1.4 to 2.5 mm
WORST_IDENTITY = 4.0  # standard deviations, root mean square over the modes; heads 0.4 to 0.7
WORST_EXPECTED = 2.0  # millimetres: the error that the whole fit itself expects, median; James 0.16
FACE_RADIUS = 0.075  # metres round the middle of the face; by eye


@dataclass(frozen=True)
class FitEvidence:
    """What the rules look at, of a linear fit: metres at the template's size, shares, standard deviations."""

    landmark_median: float
    supported: float
    surface_quartile: float
    identity_rms: float

    def complaint(self) -> str | None:
        """What is wrong in words, or None."""
        if not self.landmark_median <= WORST_LANDMARKS:
            return (
                f"its landmarks lie {1000 * self.landmark_median:.0f} mm from the fitted head's "
                f"(at most {1000 * WORST_LANDMARKS:.0f} mm are plausible)"
            )
        if not self.supported >= FEWEST_SUPPORTED:
            return (
                f"only {100 * self.supported:.0f} % of a face finds surface within {1000 * NEAR:.0f} mm "
                f"(at least {100 * FEWEST_SUPPORTED:.0f} % are needed)"
            )
        if not self.surface_quartile <= WORST_QUARTILE:
            return (
                f"a quarter of its surface lies over {1000 * self.surface_quartile:.1f} mm from the closest "
                f"face (at most {1000 * WORST_QUARTILE:.1f} mm are plausible)"
            )
        if not self.identity_rms <= WORST_IDENTITY:
            return (
                f"the closest face lies {self.identity_rms:.1f} standard deviations from the mean "
                f"(at most {WORST_IDENTITY:.0f} are plausible)"
            )
        return None


def plausibility(
    template: Template, skin: FittedSkin, surface: ScanSurface, prepared: PreparedScan, head: LinearHead
) -> FitEvidence:
    """Looks at the middle of the face only: holes, hair and clothes elsewhere do not count."""
    error = landmark_error(template, head, prepared)[17:]
    vertices = head.vertices(template)[skin.index]
    centre = face_vertices(template, skin)
    normals = vertex_normals(vertices, skin.triangles)[centre]
    pairs = pair(surface, vertices[centre], normals, reach=1.0, min_cosine=0.25)
    weight = skin.mass[centre] * surface.followed(pairs.hits)
    near = (pairs.hits.distance / head.pose.scale < NEAR) & (pairs.weight > 0.1)
    seen = ~surface.closest.on_border(pairs.hits) & (surface.followed(pairs.hits) > 0.5)
    distance = pairs.hits.distance / head.pose.scale
    identity = head.identity
    return FitEvidence(
        float(np.nanmedian(error)),
        float(weight @ near / max(weight.sum(), 1e-12)),
        float(np.percentile(distance[seen], 75)) if seen.any() else np.inf,
        float(np.sqrt(np.mean(identity**2))) if len(identity) else 0.0,
    )


def refuse_implausible(prepared: PreparedScan, found: FitEvidence) -> None:
    """Raises `MienError` where the linear fit is no face."""
    complaint = found.complaint()
    if complaint:
        raise MienError(
            f"{prepared.scan.name}: this does not look like a face: {complaint}; "
            "check the scan and its landmarks, or give them with --landmarks"
        )


def refuse_untrusted(prepared: PreparedScan, report: dict[str, float]) -> None:
    """Raises `MienError` where the fit's own expected error is millimetres all over the face."""
    expected = report["expected_error_median_mm"] / report["scale"]
    if not expected <= WORST_EXPECTED:
        raise MienError(
            f"{prepared.scan.name}: the fit cannot be trusted: over the middle of the face it is expected to "
            f"lie {expected:.1f} mm off (at most {WORST_EXPECTED:.0f} mm are accepted); the scan shows too "
            "little of the face, is too rough or too coarse; give a better one"
        )


def face_vertices(template: Template, skin: FittedSkin) -> Int[np.ndarray, " C"]:
    """Skin vertices that a scanner sees within `FACE_RADIUS` of the middle of the face."""
    landmarks = template.landmarks.on(template.vertices, template.topology)
    middle = landmarks[27:].mean(axis=0)
    near = np.linalg.norm(skin.rest - middle, axis=1) < FACE_RADIUS
    return np.flatnonzero(near & (skin.measured > 0.5))
