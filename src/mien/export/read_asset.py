"""An asset folder read back: for rendering and for everything that edits assets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.core.conventions import SHAPE_NAMES
from mien.core.errors import MienError
from mien.core.face import Joint, Template
from mien.core.mesh import Image
from mien.export.images import map_key, map_kind
from mien.export.manifest import topology_sha256
from mien.export.read_base_mesh import template_of
from mien.export.reader import Glb, read_glb
from mien.rigging.head import RiggedHead
from mien.rigging.rig import Rig


def read_asset(folder: Path, template: Template) -> RiggedHead:
    """Reads what `write_asset` wrote; the scan itself is not in the folder and stays None.

    A base mesh of the user's comes with the folder. Raises `MienError` where the folder is no asset, or one
    of another version of `template`.
    """
    manifest = _manifest(folder)
    own = "polygons" not in manifest["topology"]
    if own and manifest["topology"]["sha256"] != topology_sha256(template.topology):
        raise MienError(
            f"{folder}: was made on another version of the template; make it again with this version"
        )
    glb_path = folder / f"{manifest['name']}.glb"
    if not glb_path.is_file():
        raise MienError(f"{folder}: holds no {glb_path.name}; write the asset with --formats glb,obj")
    glb = read_glb(glb_path)
    if not own:
        template = template_of(glb, manifest)
    return RiggedHead(
        name=manifest["name"],
        template=template,
        rig=_rig(glb, manifest, template),
        maps={map_key(path.stem): _read_map(path) for path in sorted((folder / "maps").glob("*.*"))},
        provenance=manifest["provenance"],
        quality=manifest["quality"],
    )


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "asset.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest.get("format") != "mien.asset":
            raise ValueError('no "format": "mien.asset"')
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise MienError(
            f"{folder}: is no asset folder, {path.name}: {reason}; give what mien rig wrote"
        ) from error
    return manifest


def _rig(glb: Glb, manifest: dict[str, Any], template: Template) -> Rig:
    """Vertices that were split at seams are equal, so each template vertex takes any of its copies."""
    neutral = template.vertices.copy()
    shapes = np.zeros((len(SHAPE_NAMES), *neutral.shape))
    for primitive in glb.head["primitives"]:
        ids = glb.array(primitive["attributes"]["_VERTEX_ID"])[:, 0].astype(int)
        neutral[ids] = glb.array(primitive["attributes"]["POSITION"])
        for n, target in enumerate(primitive["targets"]):
            shapes[n, ids] = glb.array(target["POSITION"])
    joints = tuple(
        Joint(joint["name"], joint["parent"], np.array(joint["position"])) for joint in manifest["joints"]
    )
    return Rig.on(template, neutral, shapes, joints)


def _read_map(path: Path) -> Image:
    kind = map_kind(path.stem)
    if path.suffix == ".exr":
        import OpenEXR

        pixels = OpenEXR.File(str(path), separate_channels=True).channels()["Y"].pixels
        return Image(pixels.astype(np.float32)[..., None], kind.colour_space, kind.unit)
    raw = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if raw is None:
        raise MienError(f"{path}: is no image that can be read; make the asset again")
    raw = raw[..., None] if raw.ndim == 2 else raw[..., [2, 1, 0, 3][: raw.shape[2]]]
    return Image(raw.astype(np.float32) / (255 if raw.dtype == np.uint8 else 65535), kind.colour_space)
