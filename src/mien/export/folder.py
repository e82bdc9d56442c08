"""The whole asset folder, written at once or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from mien.core.errors import MienError
from mien.core.files import whole_folder
from mien.export.glb import glb_bytes
from mien.export.images import encode_png, write_map
from mien.export.manifest import manifest
from mien.export.obj import write_obj
from mien.export.scanfiles import write_scan_folder
from mien.rigging.head import RiggedHead

SUPPORTED_FORMATS = ("glb", "obj")


def write_asset(
    asset: RiggedHead,
    out: Path,
    *,
    formats: Sequence[str] = SUPPORTED_FORMATS,
    force: bool = False,
    preview: np.ndarray | None = None,
    error_picture: np.ndarray | None = None,
    extra_files: Callable[[Path], None] | None = None,
) -> None:
    """Writes the asset folder `out`; the asset takes the folder's name.

    `preview` and `error_picture` are sRGB pictures (H, W, 3), uint8 or floats in 0..1. `extra_files` may
    add files to the staging folder; they are listed in asset.json like the others. Raises `MienError`,
    and leaves nothing behind, where a format is unknown or `out` cannot be written.
    """
    unknown = sorted(set(formats) - set(SUPPORTED_FORMATS))
    if unknown:
        raise MienError(
            f"format {', '.join(unknown)} is not written, expected some of {', '.join(SUPPORTED_FORMATS)}"
        )
    asset = replace(asset, name=out.absolute().name)
    with whole_folder(out, force=force) as folder:
        _run_both(_jobs(asset, folder, formats))
        if asset.scan is not None and asset.registration is not None:
            write_scan_folder(asset.template, asset.scan, asset.registration, folder / "scan", error_picture)
        if preview is not None:
            (folder / "preview.png").write_bytes(encode_png(preview))
        if extra_files is not None:
            extra_files(folder)
        text = json.dumps(manifest(asset, folder), indent=1, allow_nan=False, ensure_ascii=False)
        (folder / "asset.json").write_text(text + "\n", encoding="utf-8")


def _jobs(asset: RiggedHead, folder: Path, formats: Sequence[str]) -> list[Callable[[], object]]:
    """What can be written independently: the GLB, the OBJ, each map."""
    (folder / "maps").mkdir()
    jobs: list[Callable[[], object]] = []
    if "glb" in formats:
        jobs.append(lambda: (folder / f"{asset.name}.glb").write_bytes(glb_bytes(asset)))
    if "obj" in formats:
        jobs.append(lambda: write_obj(asset, folder))
    jobs += [partial(write_map, key, image, folder / "maps") for key, image in asset.maps.items()]
    confidence = asset.confidence
    if confidence is not None:
        encoded = partial(encode_png, confidence.pixels[..., :1])
        jobs.append(lambda: (folder / "confidence.png").write_bytes(encoded()))
    return jobs


def _run_both(jobs: list[Callable[[], object]]) -> None:
    """On two threads (the encoders leave the interpreter free); the first job's error, if any, is raised."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()
