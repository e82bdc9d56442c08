"""`mien rig`: one scan to an animatable head, one line a stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.core.cache import open_cache
from mien.core.face import PreparedScan, Template
from mien.core.files import check_writable_target
from mien.core.mesh import Image, Scan
from mien.export.asset import FaceAsset
from mien.export.folder import write_asset
from mien.export.images import encode_png
from mien.export.write_masks import write_masks
from mien.meshio.load import load_scan
from mien.pipeline.progress import Progress, silent
from mien.pipeline.rig_asset import Fitted, Maps, asset_of
from mien.pipeline.rig_base_mesh import base_mesh, bound_mesh, on_users_mesh, topology_part
from mien.pipeline.rig_options import RigOptions, check_formats, file_part
from mien.pipeline.stages import CachedStage, Stages, at_once
from mien.register.rescale import settle_unit
from mien.register.run import register
from mien.rigging.head import RiggedHead
from mien.rigging.neutralise import remove_expression
from mien.rigging.personal import build_rig
from mien.rigging.rig import Rig
from mien.scan.clean import clean_scan
from mien.scan.landmarks.file import read_landmarks
from mien.scan.mask import check_mask_file, mask_files, with_mask
from mien.scan.prepare import prepare_scan
from mien.sheets.contact_sheet import draw_contact_sheet, warm_lights
from mien.sheets.error_map import error_map
from mien.sheets.landmark_picture import landmark_picture
from mien.template.load import load_template, read_people
from mien.textures.asset import LARGEST_PART_MAP, asset_maps, part_maps
from mien.textures.eyes import iris_named

STAGES = 10


def rig_scan(
    scan_path: Path,
    out: Path | None,
    options: RigOptions | None = None,
    *,
    progress: Progress = silent,
    seconds: dict[str, float] | None = None,
) -> FaceAsset:
    """Makes an asset of one scan, writes its folder where `out` is given, and returns it.

    A stage whose inputs are those of an earlier run comes from the cache (see `mien.core.cache`). `seconds`,
    if given, receives each stage's wall time. Raises `MienError`, before or after any amount of work, with
    nothing written.
    """
    options = options or RigOptions()
    _check_options(options, out)
    base = base_mesh(options)
    stages = Stages(
        open_cache() if options.cache else None, progress, (load_template,), subject=scan_path.name
    )
    template = load_template()
    scan = _scan_stage(stages, scan_path, options)
    bound = None if base is None else bound_mesh(stages, template, base, options)
    prepared = _prepared_stage(stages, scan, options)
    registration = _registration_stage(stages, template, prepared, options)
    face_rig = _rig_stage(stages, template, registration, options)
    maps = _maps_stage(stages, template, registration, options)
    beside = warm_lights if out is not None else lambda: None
    at_once(lambda: (registration.value, face_rig.value), lambda: (beside(), maps.value))
    name = scan_path.stem if out is None else out.absolute().name
    asset = asset_of(template, registration.value, face_rig.value, maps.value, options, name)
    made = asset if bound is None else on_users_mesh(stages, asset, bound, options)
    if out is not None:
        preview = _preview_stage(stages, made, face_rig, maps, topology_part(options))
        errors = _error_map_stage(stages, template, registration)
        pictures = preview.value, errors.value
        with stages.timed("writing the asset"):
            _write(made, asset, pictures, options, out)
    progress("done")
    if seconds is not None:
        seconds.update(stages.seconds)
    return FaceAsset.of(made)


def _check_options(options: RigOptions, out: Path | None) -> None:
    """Refuses, before any work, what is wrong by itself."""
    if out is not None:
        check_writable_target(out, force=options.force)
    check_formats(options.formats)
    if options.iris is not None:
        iris_named(options.iris)
    if options.mask is not None:
        check_mask_file(options.mask)
    if options.landmarks is not None:
        read_landmarks(options.landmarks)
    if options.people is not None:
        read_people(options.people)


def _scan_stage(stages: Stages, path: Path, options: RigOptions) -> CachedStage[Scan]:
    return stages.scan(
        "reading the scan", lambda: clean_scan(load_scan(path, options.albedo)), path, options.albedo
    )


def _prepared_stage(
    stages: Stages, scan: CachedStage[Scan], options: RigOptions
) -> CachedStage[PreparedScan]:
    def prepare(scan: Scan) -> PreparedScan:
        return prepare_scan(scan, units=options.units, landmarks=options.landmarks)

    depends = [options.units, file_part(options.landmarks)]
    return stages.run("finding the face", prepare, scan, depends=depends, shares=scan)


def _registration_stage(
    stages: Stages, template: Template, prepared: CachedStage[PreparedScan], options: RigOptions
) -> CachedStage[Fitted]:
    def fit(prepared: PreparedScan) -> Fitted:
        if options.mask is not None:
            prepared = with_mask(prepared, options.mask)
        used = (
            template if options.people is None else replace(template, people=read_people(options.people)[0])
        )
        return settle_unit(used, prepared, register(used, prepared))

    masks = mask_files(options.mask) if options.mask is not None else []
    depends = [file_part(file) for file in [*masks, options.people]]
    return stages.run("fitting the template", fit, prepared, depends=depends, shares=prepared)


def _rig_stage(
    stages: Stages, template: Template, registration: CachedStage[Fitted], options: RigOptions
) -> CachedStage[Rig]:
    def build(fitted: Fitted) -> Rig:
        _, registration = fitted
        neutral = registration.vertices
        if not options.keep_expression:
            neutral = remove_expression(template, neutral, registration.expression)
        return build_rig(template, neutral)

    return stages.run("building the rig", build, registration, depends=[options.keep_expression])


def _maps_stage(
    stages: Stages, template: Template, registration: CachedStage[Fitted], options: RigOptions
) -> CachedStage[Maps]:
    def bake(parts: dict[str, Image], fitted: Fitted) -> Maps:
        prepared, registration = fitted
        return asset_maps(template, registration, prepared, options.resolution, parts, options.iris)

    size = min(options.resolution, LARGEST_PART_MAP)
    parts = stages.run("painting mouth and lashes", lambda: part_maps(size), depends=[size])
    depends = [options.resolution, options.iris]
    return stages.run("baking colour and maps", bake, parts, registration, depends=depends, shares=parts)


def _preview_stage(
    stages: Stages,
    asset: RiggedHead,
    face_rig: CachedStage[Rig],
    maps: CachedStage[Maps],
    topology: list[object],
) -> CachedStage[np.ndarray]:
    return stages.run(
        "drawing the preview",
        lambda *_: draw_contact_sheet(asset),
        face_rig,
        maps,
        depends=[asset.name, *topology],
        holds=[asset_of, base_mesh, bound_mesh, on_users_mesh],
    )


def _error_map_stage(
    stages: Stages, template: Template, registration: CachedStage[Fitted]
) -> CachedStage[np.ndarray]:
    return stages.run("drawing the error map", lambda fitted: error_map(template, fitted[1]), registration)


def _write(
    asset: RiggedHead,
    scanned: RiggedHead,
    pictures: tuple[np.ndarray, np.ndarray],
    options: RigOptions,
    out: Path,
) -> None:
    """`scanned` is the asset on Mien's own topology, whose mask is drawn; `pictures`: preview, errors."""
    write_asset(
        asset,
        out,
        formats=options.formats,
        force=options.force,
        preview=pictures[0],
        error_picture=pictures[1],
        extra_files=lambda folder: _write_edited(scanned, folder / "scan"),
    )


def _write_edited(asset: RiggedHead, folder: Path) -> None:
    """What a user may edit and give back, and pictures of it."""
    write_masks(asset, folder)
    if asset.scan is not None:
        (folder / "landmarks.png").write_bytes(encode_png(landmark_picture(asset.scan)))
