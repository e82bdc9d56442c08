"""The types in which the rooms meet: template, registration, rig, asset."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.core.conventions import SHAPE_NAMES
from mien.core.mesh import Scan, Topology


@dataclass(frozen=True)
class Part:
    """A contiguous run of vertices and quads: "face", "head", "teeth_upper", "eye_left", ...

    `material` names the texture set ("face", "head", "mouth", "teeth", "eye", "cornea", "lash", ...).
    On somebody else's mesh `vertices` is the shortest run that holds the part, and `look` says which of
    the template's materials its own one resembles.
    """

    name: str
    material: str
    vertices: slice
    quads: slice
    look: str = ""


@dataclass(frozen=True)
class Joint:
    """A joint at rest: its world position (metres) and its parent's name (None at the root)."""

    name: str
    parent: str | None
    position: Float[np.ndarray, "3"]


@dataclass(frozen=True)
class SurfacePoints:
    """Points fixed on the surface: a triangle of `Topology.triangles` and barycentric weights."""

    triangle: Int[np.ndarray, " L"]
    barycentric: Float[np.ndarray, "L 3"]

    def on(self, vertices: Float[np.ndarray, "V 3"], topology: Topology) -> Float[np.ndarray, "L 3"]:
        """Their positions on a mesh of this topology."""
        corners = vertices[topology.triangles[self.triangle]]
        return np.einsum("lk,lkd->ld", self.barycentric, corners)


@dataclass(frozen=True)
class LinearModel:
    """Heads as mean + sum_k w_k modes_k, w ~ N(0, 1): modes are scaled to one standard deviation."""

    modes: Float[np.ndarray, "K V 3"]

    def heads(
        self, mean: Float[np.ndarray, "V 3"], weights: Float[np.ndarray, " K"]
    ) -> Float[np.ndarray, "V 3"]:
        """The head of these weights (metres); fewer weights than modes leave the rest at zero."""
        return mean + np.tensordot(weights, self.modes[: len(weights)], axes=1)


@dataclass(frozen=True)
class Template:
    """The generic head. Metres; vertices of all parts in one array.

    `mirror[i]` is the vertex on the other side (an involution). `landmarks` are the 68 of Multi-PIE,
    `dense_landmarks` more points in the same form. `shapes` are the 52 of `SHAPE_NAMES` as offsets.
    `regions` are vertex weights in 0..1 by name ("lips", "upper_lid_left", "measured", ...).
    `loops` are ordered vertex loops by name: lid margins, lips, nostrils, neck ("lid_upper_left", ...).
    `people` holds more of how people differ than `identity` does, on the skin alone (other rows are 0).
    """

    vertices: Float[np.ndarray, "V 3"]
    topology: Topology
    parts: tuple[Part, ...]
    mirror: Int[np.ndarray, " V"]
    landmarks: SurfacePoints
    dense_landmarks: SurfacePoints
    shapes: Float[np.ndarray, "52 V 3"]
    joints: tuple[Joint, ...]
    joint_weights: Float[np.ndarray, "V J"]
    identity: LinearModel
    regions: dict[str, Float[np.ndarray, " V"]]
    loops: dict[str, Int[np.ndarray, " _"]] = field(default_factory=dict)
    people: LinearModel | None = None

    @property
    def fitted(self) -> LinearModel:
        """The model of heads that registration fits: `people`, or `identity` where there is none."""
        return self.identity if self.people is None else self.people

    def part(self, name: str) -> Part:
        """The part of this name; an unknown one raises `KeyError`."""
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(f"no part {name!r}; there are {[p.name for p in self.parts]}")

    def face_vertices(self) -> Int[np.ndarray, " N"]:
        """The vertices of the face: what pictures are framed by."""
        if any(part.name == "face" for part in self.parts) or "face" not in self.regions:
            face = self.part("face").vertices
            return np.arange(face.start, face.stop)
        return np.flatnonzero(self.regions["face"] > 0.5)

    def vertex_mask(self, *names: str) -> Bool[np.ndarray, " V"]:
        """True at the vertices of these parts."""
        mask = np.zeros(self.topology.n_vertices, dtype=bool)
        for name in names:
            mask[self.part(name).vertices] = True
        return mask


@dataclass(frozen=True)
class PreparedScan:
    """A clean scan in Mien's own space (metres, upright, facing +Z), with its landmarks.

    `transform` takes homogeneous points of the file's coordinates to this space. `landmarks` are the
    68 of Multi-PIE in this space; a confidence of 0 means "not seen" (position then meaningless).
    `unit_note` says in one sentence where the scale came from, `notes` what else was changed.
    `placed` says which landmarks somebody moved by hand; `found` is where detection had them, as far as it
    is known (NaN where it saw none).
    """

    scan: Scan
    transform: Float[np.ndarray, "4 4"]
    landmarks: Float[np.ndarray, "68 3"]
    landmark_confidence: Float[np.ndarray, "68"]
    unit_note: str
    unit_known: bool = True
    notes: tuple[str, ...] = ()
    placed: Bool[np.ndarray, "68"] | None = None
    found: Float[np.ndarray, "68 3"] | None = None


@dataclass(frozen=True)
class Registration:
    """The template carried onto a scan (metres, Mien's space).

    `vertices` is the head as scanned; `expression` the estimated weights of the 52 shapes in it;
    `linear` the linear fit alone. `distance_mm` is the distance of each vertex to the scan (NaN where
    nothing was measured), `confidence` 1 measured ... 0 template: it falls with `expected_error_mm`, how far
    each vertex is expected to lie off the person's true surface; `expected_slip_mm` is how far each
    is expected to have slid along the surface (NaN off the skin, both). `report` holds plain numbers. `bare`
    is 1 where the scan shows skin and 0 where hair or cloth hides it, so that it was not followed.
    """

    vertices: Float[np.ndarray, "V 3"]
    linear: Float[np.ndarray, "V 3"]
    identity: Float[np.ndarray, " K"]
    expression: Float[np.ndarray, "52"]
    distance_mm: Float[np.ndarray, " V"]
    confidence: Float[np.ndarray, " V"]
    report: dict[str, float]
    bare: Float[np.ndarray, " V"] | None = None
    expected_error_mm: Float[np.ndarray, " V"] | None = None
    expected_slip_mm: Float[np.ndarray, " V"] | None = None


assert len(SHAPE_NAMES) == 52
