"""OBJ and MTL: quads, one group a part, textures beside it in maps/."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from mien.core.conventions import srgb_to_linear
from mien.core.face import FaceAsset, Part
from mien.core.mesh import Topology
from mien.export.images import map_kind
from mien.export.materials import LOOKS, Look


def write_obj(asset: FaceAsset, folder: Path) -> None:
    """NAME.obj (metres, vertices in template order, so that ids match) and NAME.mtl."""
    mtl = folder / f"{asset.name}.mtl"
    mtl.write_text(_mtl(asset))
    topology = asset.template.topology
    lines = [
        "# Mien: metres, +Y up, face toward +Z",
        f"mtllib {mtl.name}",
        _rows("v", asset.rig.neutral),
        _rows("vt", topology.uvs),
    ]
    for part in asset.template.parts:
        lines += [f"g {part.name}", f"usemtl {part.material}", _faces(topology, part)]
    (folder / f"{asset.name}.obj").write_text("\n".join(lines) + "\n")


def _rows(keyword: str, values: Float[np.ndarray, "N k"]) -> str:
    pattern = keyword + " %.7f" * values.shape[1]
    return "\n".join(pattern % tuple(row) for row in values.tolist())


def _faces(topology: Topology, part: Part) -> str:
    corners: Int[np.ndarray, "F 4 2"] = np.stack(
        [topology.quads[part.quads], topology.quad_uvs[part.quads]], axis=2
    )
    rows = (corners.astype(np.int64) + 1).reshape(len(corners), 8).tolist()
    return "\n".join("f {}/{} {}/{} {}/{} {}/{}".format(*row) for row in rows)


def _mtl(asset: FaceAsset) -> str:
    materials = dict.fromkeys(part.material for part in asset.template.parts)
    return "\n".join(_material(name, asset) for name in materials)


def _material(name: str, asset: FaceAsset) -> str:
    look = LOOKS.get(name, Look((0.7, 0.7, 0.7), 0.5))
    textured = f"{name}_albedo" in asset.maps
    colour = np.ones(3) if textured else srgb_to_linear(np.array(look.colour))
    lines = [f"newmtl {name}", "Kd {:.4f} {:.4f} {:.4f}".format(*colour), f"Ni {look.ior:.3f}", "illum 2"]
    if look.alpha < 1:
        lines.append(f"d {look.alpha:.3f}")
    for keyword, kind in (
        ("map_Kd", "albedo"),
        ("map_Pr", "roughness"),
        ("norm", "normal"),
        ("map_d", "alpha"),
    ):
        key = f"{name}_{kind}"
        if key in asset.maps:
            lines.append(f"{keyword} maps/{key}{map_kind(key).suffix}")
    return "\n".join(lines) + "\n"
