"""`mien evaluate topology`: people on base meshes, measured."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mien.basemesh.base_mesh import read_base_mesh
from mien.basemesh.bind import BoundMesh, bind_base_mesh
from mien.basemesh.carry import carry
from mien.basemesh.fit_quality import topology_quality
from mien.basemesh.loops import margins
from mien.basemesh.shapes import carried_shapes
from mien.core.face import PreparedScan, Template
from mien.evaluate.measures.coarse_mesh import write_coarse_obj
from mien.evaluate.registration import RealScan, Rows
from mien.meshio.load import load_scan
from mien.register.run import register
from mien.register.unit import settle_unit
from mien.rigging.neutralise import remove_expression
from mien.rigging.personal import build_rig
from mien.rigging.rig import Rig
from mien.scan.clean import clean_scan
from mien.scan.prepare import prepare_scan
from mien.synth.scans.synthetic_scan import synthetic
from mien.template.load import load_template


def evaluate_topology(scans: list[RealScan], meshes: tuple[Path, ...], say: Callable[[str], None]) -> Rows:
    """Each scan on each base mesh and on a coarse one made here (4,400 faces, two UDIM tiles), in mm.

    Without scans, a synthetic one. Seconds are wall seconds: `seconds_bind` once a mesh.
    """
    template = load_template()
    bound: dict[str, tuple[BoundMesh, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in (*meshes, write_coarse_obj(Path(folder) / "coarse.obj", template)):
            say(f"fitting {path.name}")
            started = time.perf_counter()
            mesh = bind_base_mesh(template, read_base_mesh(path))
            bound[path.stem] = (mesh, time.perf_counter() - started)
    rows: Rows = []
    for name, rig in _people(template, scans, say):
        for mesh_name, (mesh, seconds) in bound.items():
            say(f"{name} on {mesh_name}")
            rows.append(
                {"scan": f"{name} on {mesh_name}", "seconds_bind": seconds, **_row(template, mesh, rig)}
            )
    return rows


def _row(template: Template, bound: BoundMesh, rig: Rig) -> dict[str, object]:
    started = time.perf_counter()
    loops = margins(template, bound)
    carried = carry(template, bound, rig.neutral, loops)
    shapes = carried_shapes(template, bound, carried, rig, loops)
    seconds = time.perf_counter() - started
    return {
        "seconds_carry": seconds,
        "faces": len(bound.base.mesh.polygons.counts),
        **bound.report,
        **topology_quality(template, bound, carried, shapes, rig, loops),
    }


def _people(template: Template, scans: list[RealScan], say: Callable[[str], None]) -> list[tuple[str, Rig]]:
    people: list[tuple[str, PreparedScan]] = [
        (scan.path.stem, prepare_scan(clean_scan(load_scan(scan.path, scan.albedo)))) for scan in scans
    ]
    if not people:
        people = [("synthetic", synthetic(template, 0).prepared)]
    out = []
    for name, prepared in people:
        say(f"rigging {name}")
        _, fitted = settle_unit(template, prepared, register(template, prepared))
        neutral = remove_expression(template, fitted.vertices, fitted.expression)
        out.append((name, build_rig(template, neutral)))
    return out
