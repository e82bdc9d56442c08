"""OBJ and MTL: quads, one group a part, textures beside it in maps/."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from mien.core.conventions import srgb_to_linear
from mien.core.face import Part
from mien.core.mesh import Polygons, Topology, safe_name
from mien.export.images import map_kind, map_stem
from mien.export.materials import LOOKS, MaterialDefaults
from mien.rigging.head import RiggedHead


def write_obj(asset: RiggedHead, folder: Path) -> None:
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
    if topology.polygons is not None:
        lines += _polygon_lines(topology.polygons)
    else:
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


def _polygon_lines(polygons: Polygons) -> list[str]:
    """Somebody else's faces as they came: order, corners, groups, materials."""
    pairs = np.stack([polygons.corners, polygons.corner_uvs], axis=1) + 1
    corners = [f"{v}/{t}" for v, t in pairs.tolist()]
    ends = np.cumsum(polygons.counts).tolist()
    statements: dict[int, list[str]] = {}
    for face, line in polygons.statements:
        statements.setdefault(face, []).append(line)
    lines, start = [], 0
    for face, end in enumerate(ends):
        lines += statements.get(face, [])
        lines.append("f " + " ".join(corners[start:end]))
        start = end
    return lines


def _mtl(asset: RiggedHead) -> str:
    polygons = asset.template.topology.polygons
    if polygons is not None:
        return _studio_mtl(asset, polygons)
    materials = dict.fromkeys(part.material for part in asset.template.parts)
    return "\n".join(_material(name, asset) for name in materials)


def _studio_mtl(asset: RiggedHead, polygons: Polygons) -> str:
    """The mesh's own material names; one in several UDIM tiles names its maps with <UDIM>."""
    used = [line.split(maxsplit=1)[1] for _, line in polygons.statements if line.startswith("usemtl ")]
    out = []
    for name in dict.fromkeys(used):
        sets = [p for p in asset.template.parts if p.material.rpartition(".")[0] == safe_name(name)]
        sets = sets or [p for p in asset.template.parts if p.material == safe_name(name)]
        textured = [p for p in sets if f"{p.material}_albedo" in asset.maps] or sets
        if textured:
            text = _material(textured[0].material, asset, textured[0].look, name)
            tile = textured[0].material.rpartition(".")[2]
            several = len(textured) > 1 and tile.isdigit()
            out.append(text.replace(f".{tile}.", ".<UDIM>.") if several else text)
    return "\n".join(out)


def _material(name: str, asset: RiggedHead, like: str = "", written: str = "") -> str:
    look = LOOKS.get(like or name, MaterialDefaults((0.7, 0.7, 0.7), 0.5))
    textured = f"{name}_albedo" in asset.maps
    colour = np.ones(3) if textured else srgb_to_linear(np.array(look.colour))
    lines = [
        f"newmtl {written or name}",
        "Kd {:.4f} {:.4f} {:.4f}".format(*colour),
        f"Ni {look.ior:.3f}",
        "illum 2",
    ]
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
            lines.append(f"{keyword} maps/{map_stem(key)}{map_kind(key).suffix}")
    return "\n".join(lines) + "\n"
