"""What the shipped template measures: parts, tile usage, stretch, file sizes."""

from __future__ import annotations

import numpy as np

from mien.core.face import Part, Template
from mien.core.mesh import split_quads
from mien.geometry.uv import texels_per_vertex, uv_stretch

TILES = ("face", "head", "mouth_socket", "eye_socket_left")

TILE_HEAD = """\
| tile | used | area 1 % | 50 % | 99 % | angle 50 % | 99 % | flips | least texels a vertex at 256² |
|---|---:|---:|---:|---:|---:|---:|---:|---:|"""


def print_report(template: Template) -> None:
    print("| part | material | vertices | quads |\n|---|---|---:|---:|")
    for part in template.parts:
        vertices, quads = (run.stop - run.start for run in (part.vertices, part.quads))
        print(f"| {part.name} | {part.material} | {vertices} | {quads} |")
    print("\n" + TILE_HEAD)
    for name in TILES:
        print(tile_row(template, template.part(name)))
    sigma = np.linalg.norm(template.identity.modes, axis=2)[:, template.part("face").vertices]
    total = np.sqrt((sigma**2).sum(axis=0).mean()) * 1000
    print(f"\nidentity: {len(sigma)} modes, {total:.2f} mm standard deviation on the face")


def tile_row(template: Template, part: Part) -> str:
    topology = template.topology
    quad_uvs = topology.quad_uvs[part.quads]
    stretch = uv_stretch(
        template.vertices, split_quads(topology.quads[part.quads]), topology.uvs, split_quads(quad_uvs)
    )
    texels = texels_per_vertex(topology.uvs, quad_uvs, 256)
    area = " | ".join(f"{x:.2f}" for x in stretch.percentiles("area", 1.0, 50.0, 99.0))
    angle = " | ".join(f"{x:.2f}" for x in stretch.percentiles("angle", 50.0, 99.0))
    flips = int((stretch.uv_area <= 0).sum())
    least = texels[np.unique(quad_uvs)].min()
    return f"| {part.name} | {stretch.uv_area.sum():.1%} | {area} | {angle} | {flips} | {least:.2f} |"
