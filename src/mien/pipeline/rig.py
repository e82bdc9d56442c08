"""`mien rig`: one scan to an animatable head, one line a stage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import mien
from mien.core.conventions import SHAPE_NAMES
from mien.core.errors import MienError
from mien.core.face import FaceAsset, PreparedScan, Registration, Rig, Template
from mien.core.files import check_writable_target
from mien.export import SUPPORTED_FORMATS, write_asset
from mien.pipeline.progress import Progress, silent
from mien.register import register
from mien.register.unit import settle_unit
from mien.rig import build_rig, remove_expression
from mien.scan import clean_scan, load_scan, prepare_scan
from mien.template import load_template
from mien.textures import asset_maps
from mien.view import contact_sheet

STAGES = 8


@dataclass(frozen=True)
class RigOptions:
    """What a user may ask of `rig`; the meanings are those of the command line."""

    albedo: Path | None = None
    landmarks: Path | None = None
    units: str = "auto"
    keep_expression: bool = False
    resolution: int = 1024
    formats: tuple[str, ...] = ("glb", "obj")
    force: bool = False


def rig(
    scan_path: Path, out: Path, options: RigOptions | None = None, *, progress: Progress = silent
) -> FaceAsset:
    """Makes an asset folder from one scan and returns what it holds.

    Raises `MienError`, before or after any amount of work, with nothing written.
    """
    options = options or RigOptions()
    check_writable_target(out, force=options.force)
    _check_formats(options.formats)
    progress("reading the scan")
    scan = clean_scan(load_scan(scan_path, options.albedo))
    progress("finding the face")
    prepared = prepare_scan(scan, units=options.units, landmarks=options.landmarks)
    template = load_template()
    progress("fitting the template")
    prepared, registration = settle_unit(template, prepared, register(template, prepared))
    progress("building the rig")
    face_rig = _rig_of(template, registration, options.keep_expression)
    progress("baking colour and maps")
    maps, confidence, colour_source = asset_maps(template, registration, prepared, options.resolution)
    asset = FaceAsset(
        name=out.absolute().name,
        template=template,
        rig=face_rig,
        maps=maps,
        confidence=confidence,
        scan=prepared,
        registration=registration,
        provenance=_provenance(prepared, options, colour_source),
    )
    asset = replace(asset, quality=_quality(asset))
    progress("drawing the preview")
    preview = contact_sheet(asset)
    progress("writing the asset")
    write_asset(asset, out, formats=options.formats, force=options.force, preview=preview)
    progress("done")
    return asset


def _check_formats(formats: tuple[str, ...]) -> None:
    unknown = [name for name in formats if name not in SUPPORTED_FORMATS]
    if unknown:
        raise MienError(
            f"--formats: {', '.join(unknown)} is not written yet, expected some of "
            f"{', '.join(SUPPORTED_FORMATS)}; leave it out"
        )


def _rig_of(template: Template, registration: Registration, keep_expression: bool) -> Rig:
    neutral = registration.vertices
    if not keep_expression:
        neutral = remove_expression(template, neutral, registration.expression)
    return build_rig(template, neutral)


def _provenance(prepared: PreparedScan, options: RigOptions, colour_source: str) -> dict[str, object]:
    return {
        "mien": mien.__version__,
        "scan_sha256": prepared.scan.sha256,
        "scan_unit": prepared.unit_note,
        "colour": colour_source,
        "options": {
            "keep_expression": options.keep_expression,
            "landmarks": "given" if options.landmarks else "detected",
            "resolution": options.resolution,
            "units": options.units,
        },
    }


def _quality(asset: FaceAsset) -> dict[str, object]:
    from mien.rig.quality import rig_quality

    assert asset.registration is not None
    taken_out = {
        name: round(float(weight), 3)
        for name, weight in zip(SHAPE_NAMES, asset.registration.expression, strict=True)
        if weight > 0.02
    }
    return {
        "registration_mm": {key: _rounded(value) for key, value in asset.registration.report.items()},
        "expression_in_scan": taken_out,
        "rig_mm": {key: _rounded(value) for key, value in rig_quality(asset.template, asset.rig).items()},
    }


def _rounded(value: float) -> float:
    return float(np.round(value, 4))
