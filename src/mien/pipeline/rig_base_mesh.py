"""`mien rig --topology`: the user's base mesh, read, registered onto once, and the asset moved onto it."""

from __future__ import annotations

from pathlib import Path

from mien.basemesh.asset import on_base_mesh
from mien.basemesh.base_mesh import BaseMesh, mesh_file, read_base_mesh
from mien.basemesh.bind import BoundMesh, bind_base_mesh, fit_base_mesh
from mien.basemesh.ict import ict_folder
from mien.core.errors import MienError
from mien.core.face import Template
from mien.pipeline.rig_options import RigOptions, file_part
from mien.pipeline.stages import Stages
from mien.rigging.head import RiggedHead
from mien.scan.landmarks.file import read_landmarks


def base_mesh(options: RigOptions) -> BaseMesh | None:
    """The user's base mesh, read before any work; None for Mien's own topology."""
    if options.topology == "mien":
        if options.topology_landmarks is not None:
            raise MienError(
                "--topology-landmarks: belongs to a base mesh, expected --topology MESH beside it"
            )
        return None
    base = read_base_mesh(_topology_path(options))
    if options.topology_landmarks is not None:
        read_landmarks(options.topology_landmarks)
    return base


def _topology_path(options: RigOptions) -> Path:
    return ict_folder(options.ict_folder) if options.topology == "ict" else Path(options.topology)


def topology_part(options: RigOptions) -> list[object]:
    """The base mesh as a part of a key; nothing for Mien's own."""
    if options.topology == "mien":
        return []
    mesh = mesh_file(_topology_path(options))
    return [file_part(mesh), file_part(options.topology_landmarks)]


def bound_mesh(stages: Stages, template: Template, base: BaseMesh, options: RigOptions) -> BoundMesh:
    """The user's base mesh with its places on the template, which is registered onto it once, then cached.

    It comes before the scan is fitted: a mesh that is no head is refused at once.
    """
    fit = stages.run(
        "fitting the base mesh",
        lambda: fit_base_mesh(template, base, options.topology_landmarks),
        depends=topology_part(options),
    )
    return bind_base_mesh(template, base, fit=fit.value)


def on_users_mesh(stages: Stages, asset: RiggedHead, bound: BoundMesh, options: RigOptions) -> RiggedHead:
    """The asset on the user's base mesh."""
    with stages.timed("moving onto the base mesh"):
        return on_base_mesh(asset, bound, options.resolution)
