"""A rigged head with its maps: what pictures are drawn of and what an asset folder holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from mien.core.face import PreparedScan, Registration, Template
from mien.core.mesh import Image
from mien.rigging.rig import Rig


@dataclass(frozen=True)
class RiggedHead:
    """One person's head: template, rig, and maps keyed as in the asset folder ("face_albedo", ...).

    `confidence` is per texel of the face tile (1 measured ... 0 template); `scan` and `registration` are
    there where a scan was registered, for `scan/registered.ply`. `provenance` and `quality` are plain JSON
    values.
    """

    name: str
    template: Template
    rig: Rig
    maps: dict[str, Image]
    confidence: Image | None = None
    scan: PreparedScan | None = None
    registration: Registration | None = None
    provenance: dict[str, object] = field(default_factory=dict)
    quality: dict[str, object] = field(default_factory=dict)
