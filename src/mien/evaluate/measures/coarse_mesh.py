"""A coarse base mesh to measure with: a quarter of the template's faces, UVs and order of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.anatomy.skin_mesh import SKIN_PARTS
from mien.core.face import Template
from mien.geometry.align import Similarity


def make_coarse_head(
    template: Template,
) -> tuple[np.ndarray, list[list[tuple[int, int]]], np.ndarray, list[str]]:
    """Vertices (centimetres), polygons of (vertex, uv) corners, UVs, and each polygon's material.

    The template is one Catmull-Clark step of a cage; its skin's quads are merged back four to one, which
    gives the cage's own edge flow with vertices on the fine surface. The head is then made somebody else's:
    other proportions, turned, shifted, in another order, quads and some triangles, its UVs turned by a
    quarter and spread over two UDIM tiles.
    """
    quads, quad_uvs, materials, uvs = _merged(template)
    vertices = PLACED(make_coarse_identity(template))
    used = np.unique(quads)
    order = np.random.default_rng(5).permutation(len(used))
    number = np.full(len(vertices), -1)
    number[used[order]] = np.arange(len(used))
    polygons: list[list[tuple[int, int]]] = []
    names: list[str] = []
    for row, (quad, corner_uvs) in enumerate(zip(number[quads].tolist(), quad_uvs.tolist(), strict=True)):
        corners = list(zip(quad, corner_uvs, strict=True))
        split = row % 97 == 0
        polygons += [corners[:3], [corners[0], corners[2], corners[3]]] if split else [corners]
        names += [materials[row]] * (2 if split else 1)
    return vertices[used[order]] * 100.0, polygons, uvs, names


_TILES = {"face": (0.9, (0.05, 0.05)), "head": (0.8, (1.1, 0.1)), "mouth_socket": (0.45, (0.02, 0.02)),
          "eye_socket_left": (0.45, (0.52, 0.02)), "eye_socket_right": (0.45, (0.02, 0.52))}  # fmt: skip


def _merged(template: Template) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    """The cage's quads with their UVs: the four fine quads of a cage quad start at its four corners."""
    quads: list[np.ndarray] = []
    quad_uvs: list[np.ndarray] = []
    uvs: list[np.ndarray] = []
    materials: list[str] = []
    topology = template.topology
    for part in template.parts:
        if part.name not in SKIN_PARTS:
            continue
        groups = topology.quads[part.quads].reshape(-1, 4, 4)
        assert (groups[:, :, 2] == groups[:, :1, 2]).all(), (
            "the template is no longer subdivided quad by quad"
        )
        quads.append(groups[:, :, 0])
        scale, shift = _TILES[part.name]
        turned = topology.uvs[:, ::-1] * [-1.0, 1.0] + [1.0, 0.0]
        quad_uvs.append(topology.quad_uvs[part.quads].reshape(-1, 4, 4)[:, :, 0] + sum(len(u) for u in uvs))
        uvs.append(turned * scale + shift)
        materials += ["skin" if part.name in ("face", "head") else "inside"] * len(groups)
    return np.concatenate(quads), np.concatenate(quad_uvs), materials, np.concatenate(uvs)


def make_coarse_identity(template: Template) -> Float[np.ndarray, "V 3"]:
    """The head that the coarse mesh shows, on the template's topology (metres, Mien's space)."""
    weights = np.zeros(len(template.identity.modes))
    weights[:6] = (0.9, -0.7, 0.6, 0.8, -0.5, 0.4)
    return template.identity.heads(template.vertices, weights).astype(float)


_ANGLE = 0.05
_TURN = np.array([[np.cos(_ANGLE), 0, np.sin(_ANGLE)], [0, 1, 0], [-np.sin(_ANGLE), 0, np.cos(_ANGLE)]])
PLACED = Similarity(1.02, _TURN, np.array([0.01, 1.6, 0.02]))  # where it stands in its scene, metres


def write_coarse_obj(path: Path, template: Template) -> Path:
    """The coarse head as an OBJ with groups and materials; returns the path."""
    vertices, polygons, uvs, materials = make_coarse_head(template)
    lines = ["# a coarse base mesh", "o base"]
    lines += ["v {:.6f} {:.6f} {:.6f}".format(*row) for row in vertices]
    lines += ["vt {:.6f} {:.6f}".format(*row) for row in uvs]
    last = ""
    for polygon, material in zip(polygons, materials, strict=True):
        if material != last:
            lines += [f"g {material}_group", f"usemtl {material}"]
            last = material
        lines.append("f " + " ".join(f"{v + 1}/{t + 1}" for v, t in polygon))
    path.write_text("\n".join(lines) + "\n")
    return path
