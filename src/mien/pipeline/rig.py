"""`mien rig`: one scan to an animatable head, one line a stage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import mien
from mien.core.cache import file_digest, open_cache
from mien.core.conventions import SHAPE_NAMES
from mien.core.errors import MienError
from mien.core.face import FaceAsset, PreparedScan, Registration, Rig, Template
from mien.core.files import check_writable_target
from mien.core.mesh import Image, Scan
from mien.export import SUPPORTED_FORMATS, write_asset
from mien.export.images import encode_png
from mien.export.mask_files import write_masks
from mien.pipeline.progress import Progress, silent
from mien.pipeline.stages import Stage, Stages, at_once
from mien.register import register
from mien.register.unit import settle_unit
from mien.rig import build_rig, remove_expression
from mien.scan import clean_scan, load_scan, prepare_scan, read_landmarks
from mien.scan.mask import check_mask_file, mask_files, with_mask
from mien.template import load_template
from mien.textures.asset import LARGEST_PART_MAP, asset_maps, part_maps
from mien.textures.eyes import iris_named
from mien.topology import (
    BaseMesh,
    BoundMesh,
    bind_base_mesh,
    fit_base_mesh,
    ict_folder,
    on_base_mesh,
    read_base_mesh,
)
from mien.topology.base import mesh_file
from mien.view import contact_sheet
from mien.view.error_map import error_map
from mien.view.landmark_picture import landmark_picture

STAGES = 10


@dataclass(frozen=True)
class RigOptions:
    """What a user may ask of `rig`; the meanings are those of the command line."""

    # what is given beside the scan
    albedo: Path | None = None
    mask: Path | None = None
    landmarks: Path | None = None
    units: str = "auto"
    # what is made of it
    keep_expression: bool = False
    resolution: int = 1024
    iris: str | None = None
    # the mesh it is put on: "mien", "ict", or the path of a base mesh
    topology: str = "mien"
    topology_landmarks: Path | None = None
    ict_folder: Path | None = None
    # how it is written
    formats: tuple[str, ...] = ("glb", "obj")
    force: bool = False
    cache: bool = True


# The scan as its unit was settled, and the template on it.
Fitted = tuple[PreparedScan, Registration]
# By name; the face tile's confidence; where the skin's colour and the eyes' are from.
Maps = tuple[dict[str, Image], Image | None, str, str]


def rig(
    scan_path: Path,
    out: Path,
    options: RigOptions | None = None,
    *,
    progress: Progress = silent,
    seconds: dict[str, float] | None = None,
) -> FaceAsset:
    """Makes an asset folder from one scan and returns what it holds.

    A stage whose inputs are those of an earlier run comes from the cache (see `mien.core.cache`). `seconds`,
    if given, receives each stage's wall time. Raises `MienError`, before or after any amount of work, with
    nothing written.
    """
    options = options or RigOptions()
    _check_options(options, out)
    base = _base_mesh(options)
    stages = Stages(open_cache() if options.cache else None, progress)
    template = load_template()
    scan = _scan_stage(stages, scan_path, options)
    bound = None if base is None else _bound_mesh(stages, template, base, options)
    prepared = _prepared_stage(stages, scan, options)
    registration = _registration_stage(stages, template, prepared, options)
    face_rig = _rig_stage(stages, template, registration, options)
    maps = _maps_stage(stages, template, registration, options)
    at_once(lambda: (registration.value, face_rig.value), lambda: maps.value)
    asset = _asset_of(template, registration.value, face_rig.value, maps.value, options, out)
    written = asset if bound is None else _on_base_mesh(stages, asset, bound, options)
    preview = _preview_stage(stages, written, face_rig, maps, _topology_part(options))
    errors = stages.run("drawing the error map", lambda f: error_map(template, f[1]), registration)
    pictures = preview.value, errors.value
    with stages.timed("writing the asset"):
        _write(written, asset, pictures, options, out)
    progress("done")
    if seconds is not None:
        seconds.update(stages.seconds)
    return written


def _check_options(options: RigOptions, out: Path) -> None:
    """Refuses, before any work, what is wrong by itself."""
    check_writable_target(out, force=options.force)
    _check_formats(options.formats)
    if options.iris is not None:
        iris_named(options.iris)
    if options.mask is not None:
        check_mask_file(options.mask)
    if options.landmarks is not None:
        read_landmarks(options.landmarks)


def _check_formats(formats: tuple[str, ...]) -> None:
    unknown = [name for name in formats if name not in SUPPORTED_FORMATS]
    if unknown:
        raise MienError(
            f"--formats: {', '.join(unknown)} is not written yet, expected some of "
            f"{', '.join(SUPPORTED_FORMATS)}; leave it out"
        )


def _scan_stage(stages: Stages, path: Path, options: RigOptions) -> Stage[Scan]:
    return stages.scan(
        "reading the scan", lambda: clean_scan(load_scan(path, options.albedo)), path, options.albedo
    )


def _prepared_stage(stages: Stages, scan: Stage[Scan], options: RigOptions) -> Stage[PreparedScan]:
    def prepare(scan: Scan) -> PreparedScan:
        return prepare_scan(scan, units=options.units, landmarks=options.landmarks)

    depends = [options.units, _file_part(options.landmarks)]
    return stages.run("finding the face", prepare, scan, depends=depends, shares=scan)


def _registration_stage(
    stages: Stages, template: Template, prepared: Stage[PreparedScan], options: RigOptions
) -> Stage[Fitted]:
    def fit(prepared: PreparedScan) -> Fitted:
        if options.mask is not None:
            prepared = with_mask(prepared, options.mask)
        return settle_unit(template, prepared, register(template, prepared))

    masks = mask_files(options.mask) if options.mask is not None else []
    depends = [_file_part(file) for file in masks]
    return stages.run("fitting the template", fit, prepared, depends=depends, shares=prepared)


def _rig_stage(
    stages: Stages, template: Template, registration: Stage[Fitted], options: RigOptions
) -> Stage[Rig]:
    def build(fitted: Fitted) -> Rig:
        _, registration = fitted
        neutral = registration.vertices
        if not options.keep_expression:
            neutral = remove_expression(template, neutral, registration.expression)
        return build_rig(template, neutral)

    return stages.run("building the rig", build, registration, depends=[options.keep_expression])


def _maps_stage(
    stages: Stages, template: Template, registration: Stage[Fitted], options: RigOptions
) -> Stage[Maps]:
    def bake(parts: dict[str, Image], fitted: Fitted) -> Maps:
        prepared, registration = fitted
        return asset_maps(template, registration, prepared, options.resolution, parts, options.iris)

    size = min(options.resolution, LARGEST_PART_MAP)
    parts = stages.run("painting mouth and lashes", lambda: part_maps(size), depends=[size])
    depends = [options.resolution, options.iris]
    return stages.run("baking colour and maps", bake, parts, registration, depends=depends, shares=parts)


def _base_mesh(options: RigOptions) -> BaseMesh | None:
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


def _topology_part(options: RigOptions) -> list[object]:
    """The base mesh as a part of a key; nothing for Mien's own."""
    if options.topology == "mien":
        return []
    mesh = mesh_file(_topology_path(options))
    return [_file_part(mesh), _file_part(options.topology_landmarks)]


def _bound_mesh(stages: Stages, template: Template, base: BaseMesh, options: RigOptions) -> BoundMesh:
    """The user's base mesh with its places on the template, which is registered onto it once, then cached.

    It comes before the scan is fitted: a mesh that is no head is refused at once.
    """
    fit = stages.run(
        "fitting the base mesh",
        lambda: fit_base_mesh(template, base, options.topology_landmarks),
        depends=_topology_part(options),
    )
    return bind_base_mesh(template, base, fit=fit.value)


def _on_base_mesh(stages: Stages, asset: FaceAsset, bound: BoundMesh, options: RigOptions) -> FaceAsset:
    """The asset on the user's base mesh."""
    with stages.timed("moving onto the base mesh"):
        return on_base_mesh(asset, bound, options.resolution)


def _preview_stage(
    stages: Stages, asset: FaceAsset, face_rig: Stage[Rig], maps: Stage[Maps], topology: list[object]
) -> Stage[np.ndarray]:
    return stages.run(
        "drawing the preview",
        lambda *_: contact_sheet(asset),
        face_rig,
        maps,
        depends=[asset.name, *topology],
    )


def _file_part(path: Path | None) -> list[str | None] | None:
    """A given file as a part of a key: its kind and content."""
    return None if path is None else [path.suffix.lower(), file_digest(path)]


def _asset_of(
    template: Template, fitted: Fitted, face_rig: Rig, maps: Maps, options: RigOptions, out: Path
) -> FaceAsset:
    (prepared, registration), (images, confidence, *colours) = fitted, maps
    asset = FaceAsset(
        name=out.absolute().name,
        template=template,
        rig=face_rig,
        maps=images,
        confidence=confidence,
        scan=prepared,
        registration=registration,
        provenance=_provenance(prepared, options, colours),
    )
    return replace(asset, quality=_quality(asset))


def _write(
    asset: FaceAsset,
    scanned: FaceAsset,
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


def _write_edited(asset: FaceAsset, folder: Path) -> None:
    """What a user may edit and give back, and pictures of it."""
    write_masks(asset, folder)
    if asset.scan is not None:
        (folder / "landmarks.png").write_bytes(encode_png(landmark_picture(asset.scan)))


def _provenance(prepared: PreparedScan, options: RigOptions, colours: list[str]) -> dict[str, object]:
    return {
        "mien": mien.__version__,
        "scan_sha256": prepared.scan.sha256,
        "scan_unit": prepared.unit_note,
        "colour": colours[0],
        "eyes": colours[1],
        "options": {
            "iris": options.iris or "as in the scan",
            "keep_expression": options.keep_expression,
            "landmarks": "given" if options.landmarks else "detected",
            "mask": "given" if options.mask else "guessed",
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
        "registration_mm": {
            key: _rounded(value)
            for key, value in asset.registration.report.items()
            if not key.startswith("seconds_")
        },
        "expression_in_scan": taken_out,
        "rig_mm": {key: _rounded(value) for key, value in rig_quality(asset.template, asset.rig).items()},
    }


def _rounded(value: float) -> float:
    return float(np.round(value, 4))
