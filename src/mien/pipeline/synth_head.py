"""`mien data head`: one person of the face database as an asset folder, like one that was scanned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

import mien
from mien.anatomy.lips import Lips
from mien.anatomy.skin_mesh import skin_mesh
from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES
from mien.core.errors import MienError
from mien.core.face import FaceAsset, Rig, Template
from mien.core.files import check_writable_target
from mien.core.mesh import Image
from mien.database.release import DATABASE_VERSION
from mien.export.folder import SUPPORTED_FORMATS, write_asset
from mien.export.manifest import TEMPLATE_LICENCE
from mien.pipeline.progress import Progress, silent
from mien.pipeline.rig_options import check_formats
from mien.rigging.personal import meet_lips, personal_joints
from mien.rigging.quality import rig_quality
from mien.rigging.sides import shape_share
from mien.sheets.contact_sheet import draw_contact_sheet
from mien.sheets.person import Person, draw_person
from mien.synth.subject import GENERATED, Subject, draw_subject
from mien.template.load import load_template
from mien.textures.skin import static_maps

STAGES = 4
_CUT = 10  # how steeply the little that a half moves across the midline ends there
_CLOSE = SHAPE_INDEX["mouthClose"]
_TILES = ("face", "head")
_LICENCES = [
    TEMPLATE_LICENCE,
    {"what": "this person's form and colour", "licence": "CC0-1.0", "consent": GENERATED},
]


def write_person(
    seed: int,
    index: int,
    out: Path,
    *,
    resolution: int = 1024,
    formats: Sequence[str] = SUPPORTED_FORMATS,
    force: bool = False,
    progress: Progress = silent,
) -> FaceAsset:
    """Writes person `index` of the database as an asset folder, and returns what it holds.

    Raises `MienError` where `out` cannot be written, with nothing written.
    """
    check_writable_target(out, force=force)
    check_formats(formats)
    if seed < 0 or index < 0:
        raise MienError(f"seed {seed}, index {index}: expected 0 or more")
    progress("drawing the person")
    someone = draw_subject(seed, index)
    person = draw_person(someone, resolution)
    progress("building the rig")
    asset = person_asset(person, out.absolute().name)
    progress("drawing the preview")
    preview = draw_contact_sheet(asset)
    progress("writing the asset")
    write_asset(asset, out, formats=formats, force=force, preview=preview)
    return asset


def person_asset(person: Person, name: str) -> FaceAsset:
    """A drawn person with a rig, all maps that an asset folder holds, and where it came from."""
    template = load_template()
    rig = person_rig(template, person)
    asset = FaceAsset(
        name=name,
        template=template,
        rig=rig,
        maps=_maps(person, rig.neutral),
        provenance=_provenance(person.someone),
    )
    return replace(asset, quality={"rig_mm": rig_quality(template, rig)})


def person_rig(template: Template, person: Person) -> Rig:
    """The person's own 52 shapes, each drawn alone, so that they can be added: what a linear rig can hold.

    mouthClose is what it changes of an open jaw; lips that meet in the template's shapes meet in these.
    """
    rest = person.whole.neutral.astype(np.float64)
    shapes = np.array([person.pose({name: 1.0}) - rest for name in SHAPE_NAMES])
    open_jaw = {"jawOpen": 1.0}
    shapes[_CLOSE] = person.pose({**open_jaw, "mouthClose": 1.0}) - person.pose(open_jaw)
    for name, shape in zip(SHAPE_NAMES, shapes, strict=True):
        for x in (template.vertices[:, 0], rest[:, 0]):  # both: no face's midline is straight
            shape *= np.minimum(1.0, _CUT * np.broadcast_to(shape_share(name, x), len(x)))[:, None]
    skin = skin_mesh(template)
    lips = Lips(rest[: skin.count], skin.triangles, template.loops)
    met = shapes[:, : skin.count].copy()
    meet_lips(template, lips, template.vertices[: skin.count, 0], list(SHAPE_NAMES), met)
    shapes[:, : skin.count] = met
    return Rig(rest, shapes, personal_joints(template, rest), template.joint_weights)


def _maps(person: Person, neutral: Float[np.ndarray, "V 3"]) -> dict[str, Image]:
    """The person's own maps, and of the scanned asset's those that follow from them: scatter and normals."""
    albedo = {tile: person.maps[f"{tile}_albedo"] for tile in _TILES}
    relief = {tile: person.maps[f"{tile}_displacement"] for tile in _TILES}
    return static_maps(load_template(), neutral, albedo, relief) | person.maps


def _provenance(someone: Subject) -> dict[str, object]:
    return {
        "generator": f"mien {mien.__version__}, database {DATABASE_VERSION}",
        "seed": someone.seed,
        "index": someone.index,
        "attributes": someone.attributes(),
        "colour": "drawn",
        "eyes": "drawn",
        "licences": _LICENCES,
    }
