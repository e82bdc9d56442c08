"""`mien data head`: one person of the face database as an asset folder, like one that was scanned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mien.core.errors import MienError
from mien.core.files import check_writable_target
from mien.core.mesh import Image
from mien.core.version import __version__
from mien.database.release import DATABASE_VERSION
from mien.export.asset import FaceAsset
from mien.export.folder import SUPPORTED_FORMATS, write_asset
from mien.export.manifest import TEMPLATE_LICENCE
from mien.pipeline.progress import Progress, silent
from mien.pipeline.rig_options import check_formats
from mien.rigging.quality import rig_quality
from mien.sheets.contact_sheet import draw_contact_sheet
from mien.synth.person import SyntheticPerson
from mien.synth.subject import GENERATED, Subject
from mien.textures.skin import static_maps

STAGES = 4
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
    person = SyntheticPerson.draw(index, seed, resolution)
    progress("building the rig")
    asset = person_asset(person, out.absolute().name)
    progress("drawing the preview")
    preview = draw_contact_sheet(asset)
    progress("writing the asset")
    write_asset(asset, out, formats=formats, force=force, preview=preview)
    return asset


def person_asset(person: SyntheticPerson, name: str) -> FaceAsset:
    """A drawn person with a rig, all maps that an asset folder holds, and where it came from."""
    return FaceAsset(
        name=name,
        template=person.template,
        rig=person.rig,
        maps=_maps(person),
        provenance=_provenance(person.subject),
        quality={"rig_mm": rig_quality(person.template, person.rig)},
    )


def _maps(person: SyntheticPerson) -> dict[str, Image]:
    """The person's own maps, and of the scanned asset's those that follow from them: scatter and normals."""
    albedo = {tile: person.maps[f"{tile}_albedo"] for tile in _TILES}
    relief = {tile: person.maps[f"{tile}_displacement"] for tile in _TILES}
    return static_maps(person.template, person.neutral, albedo, relief) | person.maps


def _provenance(subject: Subject) -> dict[str, object]:
    return {
        "generator": f"mien {__version__}, database {DATABASE_VERSION}",
        "seed": subject.seed,
        "index": subject.index,
        "attributes": subject.attributes(),
        "colour": "drawn",
        "eyes": "drawn",
        "licences": _LICENCES,
    }
