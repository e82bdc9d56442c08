"""What `import mien` offers as functions; what each needs is imported when it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from mien.core.face import Template
    from mien.export.asset import FaceAsset
    from mien.rigging.head import RiggedHead
    from mien.synth.person import SyntheticPerson


def rig(
    scan: Path | str,
    out: Path | str | None = None,
    *,
    albedo: Path | str | None = None,
    mask: Path | str | None = None,
    landmarks: Path | str | None = None,
    units: str = "auto",
    people: Path | str | None = None,
    keep_expression: bool = False,
    resolution: int = 1024,
    iris: str | None = None,
    topology: str = "mien",
    topology_landmarks: Path | str | None = None,
    ict_folder: Path | str | None = None,
    formats: tuple[str, ...] = ("glb", "obj"),
    force: bool = False,
    cache: bool = True,
    progress: Callable[[str], None] | None = None,
) -> FaceAsset:
    """Turns one scan into an animatable head; if `out` is given, its asset folder is also written.

    The options are those of `mien rig`. `albedo` is a texture in the scan's UV, `mask` paints what to
    follow, `landmarks` are 68 or 51 points in the scan's coordinates, `units` is "auto", "m", "cm" or "mm",
    `people` a PCA model that `mien data model` wrote. `keep_expression` keeps closed eyes or a smile in the
    neutral; `resolution` is 1024, 2048 or 4096 texels; `iris` a colour name or #rrggbb. `topology` is
    "mien", "ict" (with your copy's `ict_folder`) or the path of your own base mesh, with its
    `topology_landmarks` if you have them. `formats` and `force` (replace a non-empty folder) are for
    writing; without `cache` every stage is computed anew; `progress` is called with each stage's name.
    Raises `MienError`, with nothing written, where the scan or an option is refused.
    """
    from mien.pipeline.progress import silent
    from mien.pipeline.rig import rig_scan
    from mien.pipeline.rig_options import RigOptions

    options = RigOptions(
        albedo=_path(albedo),
        mask=_path(mask),
        landmarks=_path(landmarks),
        units=units,
        people=_path(people),
        keep_expression=keep_expression,
        resolution=resolution,
        iris=iris,
        topology=topology,
        topology_landmarks=_path(topology_landmarks),
        ict_folder=_path(ict_folder),
        formats=formats,
        force=force,
        cache=cache,
    )
    return rig_scan(Path(scan), _path(out), options, progress=progress or silent)


def load(folder: Path | str) -> FaceAsset:
    """Reads an asset folder that Mien wrote; raises `MienError` if `folder` is not one."""
    from mien.export.asset import FaceAsset

    return FaceAsset.load(folder)


def load_template() -> Template:
    """The generic head: topology, canonical UV, landmarks, 52 blendshapes, joints, PCA modes."""
    from mien.template.load import load_template

    return load_template()


def draw_portrait(
    face: SyntheticPerson | RiggedHead,
    out: Path | str | None = None,
    *,
    expression: Mapping[str, float] | None = None,
    yaw: float = 18.0,
    size: tuple[int, int] = (600, 660),
) -> np.ndarray:
    """Draws a face in portrait light: sRGB uint8 (height, width, 3), also written to the PNG `out`.

    `face` is a synthetic person or an asset; `expression` are weights by blendshape, `yaw` degrees to the
    subject's left, `size` width and height in pixels.
    """
    from mien.sheets.portraits import portrait_of
    from mien.sheets.write import write_picture

    picture = portrait_of(face, yaw, size, dict(expression or {}))
    if out is not None:
        write_picture(Path(out), picture)
    return picture


def _path(given: Path | str | None) -> Path | None:
    return None if given is None else Path(given)
