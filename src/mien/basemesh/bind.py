"""Binding a base mesh: the template registered onto it once, every vertex given its place on the template."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.anatomy.skin_mesh import skin_mesh
from mien.basemesh.attach import Attachment, attach, normals_of
from mien.basemesh.base_mesh import BaseMesh
from mien.basemesh.pieces import Pieces, sort_pieces
from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.errors import MienError
from mien.core.face import PreparedScan, Template
from mien.core.mesh import Scan
from mien.geometry.align import transformed
from mien.geometry.closest import ClosestPoint
from mien.geometry.weights import smoothstep
from mien.register.run import register
from mien.scan.landmarks.file import read_landmarks
from mien.scan.prepare import prepare_scan

_NEAR = 3e-3  # metres: measured skin this close to the template, facing its way, hangs on it
_CLOSE = 0.3e-3  # the same for what scanners do not see: sockets and mouths differ from mesh to mesh
_CLOSE_AGREEMENT = 0.8
_LEAST_COVERED = 0.6  # of the template's face must lie on the base mesh


@dataclass(frozen=True)
class BoundMesh:
    """A base mesh in Mien's space with its coordinates on the template: the adapter.

    `vertices` are the welded vertices (metres), `transform` takes the file's coordinates to them,
    `registered` the template's vertices on this mesh. `skin` are welded vertices, `attachment` their
    places on the template's skin (one row each), `trusted` says whose place is believed.
    """

    base: BaseMesh
    vertices: Float[np.ndarray, "W 3"]
    transform: Float[np.ndarray, "4 4"]
    registered: Float[np.ndarray, "V 3"]
    skin: Int[np.ndarray, " S"]
    attachment: Attachment
    trusted: Bool[np.ndarray, " S"]
    pieces: Pieces
    report: dict[str, float]

    @property
    def skin_triangles(self) -> Int[np.ndarray, "T 3"]:
        """Triangles of the skin in its own numbers."""
        local = np.full(len(self.vertices), -1)
        local[self.skin] = np.arange(len(self.skin))
        own = local[self.base.triangles]
        return own[(own >= 0).all(axis=1)]


# The template's vertices on a base mesh (metres), the transform from the file's coordinates, the landmarks.
BaseFit = tuple[Float[np.ndarray, "V 3"], Float[np.ndarray, "4 4"], Float[np.ndarray, "68 3"]]


def fit_base_mesh(template: Template, base: BaseMesh, landmarks: Path | None = None) -> BaseFit:
    """Registers the template onto a base mesh's neutral; seconds, and needed once a mesh.

    `landmarks` (68 or 51 points in the mesh's coordinates) are detected where neither given nor known.
    Raises `MienError` for a mesh that is no head, or landmarks that do not fit it.
    """
    if same_topology(template, base):
        prepared = _prepared(base, template.landmarks.on(base.mesh.vertices, template.topology))
        registered = transformed(prepared.transform, base.mesh.vertices)
    else:
        given = _given(base, landmarks)
        try:
            prepared = _prepared(base, given)
            registered = register(template, prepared).vertices
        except MienError as error:
            raise _of_base_mesh(error) from error
    return registered, prepared.transform, prepared.landmarks


def _of_base_mesh(error: MienError) -> MienError:
    """A refusal that speaks of the base mesh, as what was refused as a scan."""
    why = str(error).replace("a head scan", "a head").replace("a scan of one head", "a mesh of one head")
    why = why.replace(" --landmarks", " --topology-landmarks")
    advice = "" if "--topology-landmarks" in why else "; give --topology-landmarks"
    return MienError(f"--topology: the base mesh is refused: {why}{advice}")


def bind_base_mesh(
    template: Template, base: BaseMesh, landmarks: Path | None = None, fit: BaseFit | None = None
) -> BoundMesh:
    """Attaches a base mesh to the template registered onto it (`fit`, made here where it is not given).

    The same mesh gives the same binding. Raises `MienError` as `fit_base_mesh` does, and for a mesh that
    covers too little of a face.
    """
    registered, transform, points = fit or fit_base_mesh(template, base, landmarks)
    vertices = transformed(transform, base.mesh.vertices[base.welded_first])
    pieces = sort_pieces(template, registered, base, vertices, _piece_of(base, vertices, points[17:]))
    skin = np.flatnonzero(pieces.kind == "skin")
    whole = skin_mesh(template)
    normals = normals_of(vertices, base.triangles)
    attachment = attach(vertices[skin], normals[skin], registered[: whole.count], whole.triangles)
    bound = BoundMesh(
        base,
        vertices,
        transform,
        registered,
        skin,
        attachment,
        _trusted(template, attachment),
        pieces,
        _report(template, base, vertices, registered, attachment),
    )
    _refuse_uncovered(base, bound.report)
    return bound


def same_topology(template: Template, base: BaseMesh) -> bool:
    """Whether the base mesh is the template itself, so that no registration is needed."""
    ours, theirs = template.topology, base.mesh.polygons
    if len(base.mesh.vertices) != ours.n_vertices or len(theirs.corners) != ours.quads.size:
        return False
    return bool((theirs.counts == 4).all()) and np.array_equal(theirs.corners, ours.quads.ravel())


def _given(base: BaseMesh, landmarks: Path | None) -> Float[np.ndarray, "68 3"] | Path | None:
    if landmarks is None:
        return base.landmarks
    read_landmarks(landmarks)  # its own refusals come first
    return landmarks


def _prepared(base: BaseMesh, landmarks: Float[np.ndarray, "68 3"] | Path | None) -> PreparedScan:
    """The outer piece of the mesh as a scan: eyeballs and teeth would draw lids and lips to them."""
    vertices = base.mesh.vertices[base.welded_first]
    whole = Scan(base.mesh.name, vertices, base.triangles, sha256=base.mesh.sha256)
    prepared = prepare_scan(whole, landmarks=landmarks)
    back = np.linalg.inv(prepared.transform)
    piece = _piece_of(base, vertices, transformed(back, prepared.landmarks[17:]))
    skin = base.triangles[base.pieces[base.triangles[:, 0]] == piece]
    used, local = np.unique(skin, return_inverse=True)
    scan = Scan(base.mesh.name, prepared.scan.vertices[used], local.reshape(-1, 3), sha256=base.mesh.sha256)
    return PreparedScan(
        scan,
        prepared.transform,
        prepared.landmarks,
        prepared.landmark_confidence,
        prepared.unit_note,
        prepared.unit_known,
        prepared.notes,
        prepared.placed,
        prepared.found,
    )


def _piece_of(base: BaseMesh, vertices: np.ndarray, points: np.ndarray) -> int:
    """The connected piece that most of the points lie on; the larger one where they are even."""
    hits = ClosestPoint(vertices, base.triangles).query(points)
    votes = np.bincount(base.pieces[base.triangles[hits.triangle, 0]], minlength=base.pieces.max() + 1)
    sizes = np.bincount(base.pieces)
    return int(np.lexsort((sizes, votes))[-1])


def _trusted(template: Template, attachment: Attachment) -> Bool[np.ndarray, " S"]:
    measured = attachment.of(template.regions["measured"]) > 0.5
    near = measured & (attachment.distance < _NEAR) & (attachment.agreement > AGREEMENT)
    close = (attachment.distance < _CLOSE) & (attachment.agreement > _CLOSE_AGREEMENT)
    exact = attachment.distance < 1e-6
    return ((near | close) & ~attachment.border) | exact


AGREEMENT = 0.5


def kept_offset(attachment: Attachment) -> Float[np.ndarray, "S 3"]:
    """How far vertices keep standing off the template: not where the fit's own error is all there is."""
    return attachment.offset * smoothstep(attachment.distance, 0.4e-3, 1.2e-3)[:, None]


def _report(
    template: Template,
    base: BaseMesh,
    vertices: Float[np.ndarray, "W 3"],
    registered: Float[np.ndarray, "V 3"],
    attachment: Attachment,
) -> dict[str, float]:
    """How well the template lies on the base mesh: the face to the mesh, and the share of it within 3 mm."""
    face = template.face_vertices()
    face = face[template.regions["measured"][face] > 0.5]
    away = ClosestPoint(vertices, base.triangles).query(registered[face]).distance
    near = attachment.distance[attachment.distance < _NEAR]
    return {
        "template_to_mesh_median": float(np.median(away)) * MILLIMETRES_PER_METRE,
        "template_to_mesh_p95": float(np.percentile(away, 95)) * MILLIMETRES_PER_METRE,
        "mesh_to_template_median": float(np.median(near)) * MILLIMETRES_PER_METRE if len(near) else np.inf,
        "face_covered": float((away < _NEAR).mean()),
    }


def _refuse_uncovered(base: BaseMesh, report: dict[str, float]) -> None:
    if report["face_covered"] < _LEAST_COVERED:
        raise MienError(
            f"--topology: {base.mesh.name} covers {report['face_covered']:.0%} of a face, expected at least "
            f"{_LEAST_COVERED:.0%}; give a head, with --topology-landmarks if it was misread"
        )
