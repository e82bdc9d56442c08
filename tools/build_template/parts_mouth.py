"""Teeth, gums and tongue set into the mouth: behind the lips, bite closed."""

from __future__ import annotations

import igl
import numpy as np
from jaxtyping import Float

from mien.core.mesh import split_quads
from tools.build_template.parts_grid import Sheet, smoothstep, symmetric_part
from tools.build_template.parts_gums import LOWER_GUM, UPPER_GUM, gum_sheet
from tools.build_template.parts_teeth import LOWER, LOWER_ARCH, UPPER, UPPER_ARCH, teeth_sheet
from tools.build_template.parts_tongue import tongue_sheet
from tools.build_template.types import PartMesh, Skin

EDGE_BELOW_LIP = 2.6e-3  # at rest the upper incisors' edge stands this far below the line of the lips
OVERJET = 2.2e-3  # of the upper incisors' facial face over the lower's
LIP_CLEARANCE = 0.5e-3


def build_mouth(skin: Skin) -> list[PartMesh]:
    """The parts teeth_upper, teeth_lower, gums_upper, gums_lower and tongue."""
    upper, upper_group = teeth_sheet(UPPER, UPPER_ARCH, -1.0)
    lower, lower_group = teeth_sheet(LOWER, LOWER_ARCH, 1.0)
    gums = gum_sheet(upper, UPPER_GUM, -1.0), gum_sheet(lower, LOWER_GUM, 1.0)
    upper_at = _behind_lips(skin, upper.vertices, _edge(skin))
    lower_at = _behind_lips(skin, lower.vertices, upper_at - [0.0, 0.0, OVERJET])
    tongue = _moved(tongue_sheet(), lower_at + np.array([0.0, 2.0e-3, 0.0]))
    return [
        _rigid("teeth_upper", "teeth", _moved(upper, upper_at), "head", upper_group),
        _rigid("teeth_lower", "teeth", _moved(lower, lower_at), "jaw", lower_group + 16),
        _rigid("gums_upper", "mouth", _moved(gums[0], upper_at), "head"),
        _rigid("gums_lower", "mouth", _moved(gums[1], lower_at), "jaw"),
        symmetric_part("tongue", "mouth", tongue, _tongue_weights(tongue.vertices)),
    ]


def _edge(skin: Skin) -> Float[np.ndarray, "3"]:
    """The upper incisors' edge as far forward as the lips' line; to be pushed back from there."""
    line = skin.vertices[skin.loops["lips_inner_upper"]]
    stomion = line[len(line) // 2]
    return np.array([0.0, stomion[1] - EDGE_BELOW_LIP, stomion[2]])


def _behind_lips(
    skin: Skin, teeth: Float[np.ndarray, "V 3"], at: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "3"]:
    """Moves the row straight back until every crown is clear of lips and cheeks.

    Raises `ValueError` where there is no room within 20 mm.
    """
    triangles = split_quads(skin.quads)
    for back in np.arange(0.0, 20e-3, 0.2e-3):
        moved = teeth + at - [0.0, 0.0, back]
        distance = igl.point_mesh_squared_distance(moved, skin.vertices, triangles)[0]
        inside = igl.fast_winding_number(skin.vertices, triangles, moved) > 0.5
        if distance.min() > LIP_CLEARANCE**2 and not inside.any():
            return at - [0.0, 0.0, back]
    raise ValueError("the teeth find no room behind the lips")


def _moved(sheet: Sheet, offset: Float[np.ndarray, "3"]) -> Sheet:
    return Sheet(sheet.vertices + offset, sheet.quads, sheet.uvs, sheet.quad_uvs)


def _rigid(name: str, material: str, sheet: Sheet, joint: str, group: np.ndarray | None = None) -> PartMesh:
    weights = {joint: np.ones(len(sheet.vertices))}
    return symmetric_part(name, material, sheet, weights, group_of_vertex=group)


def _tongue_weights(vertices: Float[np.ndarray, "V 3"]) -> dict[str, Float[np.ndarray, " V"]]:
    """The jaw carries the tongue; its root, at the back, stays half with the head."""
    low, high = vertices[:, 2].min(), vertices[:, 2].max()
    head = 0.5 * (1 - smoothstep(0.0, 0.4, (vertices[:, 2] - low) / (high - low)))
    return {"jaw": 1 - head, "head": head}
