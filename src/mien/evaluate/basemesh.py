"""People on other base meshes: how near the mesh lies to the person, lids, lips, leakage."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mien.basemesh.base_mesh import read_base_mesh
from mien.basemesh.bind import BoundMesh, bind_base_mesh
from mien.basemesh.carry import carry
from mien.basemesh.fit_quality import topology_quality
from mien.basemesh.loops import margins
from mien.basemesh.shapes import carried_shapes
from mien.core.face import PreparedScan, Template
from mien.evaluate.measures.aims import Aim, Verdict
from mien.evaluate.measures.coarse_mesh import write_coarse_obj
from mien.evaluate.measures.evaluation import Findings, Rows, Say
from mien.evaluate.measures.given_scans import ScanEvaluation, pair_scans, prepare_real, register_and_settle
from mien.rigging.neutralise import remove_expression
from mien.rigging.personal import build_rig
from mien.rigging.rig import Rig
from mien.synth.scans.synthetic_scan import synthetic
from mien.template.load import load_template


@dataclass(frozen=True, kw_only=True)
class EvaluateBasemesh(ScanEvaluation):
    """Puts people, your scans or else a synthetic one, onto base meshes: yours, and a coarse one made for the
    purpose (4,400 faces, two UDIM tiles). Measures the distance between mesh and person both ways, flipped
    triangles, blink gap, lip seal, leakage and seconds."""

    meshes: tuple[Path, ...] = ()
    """Your base meshes with UVs, or ICT-FaceKit's folder FaceXModel."""

    def measure(self, say: Say) -> Findings:
        """A row a person and mesh; lengths in millimetres."""
        scans = pair_scans(self.scans, self.albedo)
        template = load_template()
        bound = _bind_meshes(template, self.meshes, say)
        people = [(scan.path.stem, prepare_real(scan)) for scan in scans]
        rows: Rows = []
        for name, prepared in people or [("synthetic", synthetic(template, 0).prepared)]:
            say(f"rigging {name}")
            rig = _rig(template, prepared)
            for mesh_name, (mesh, seconds) in bound.items():
                say(f"{name} on {mesh_name}")
                numbers = measure_carry(template, mesh, rig)
                rows.append({"scan": f"{name} on {mesh_name}", "seconds_bind": seconds, **numbers})
        return Findings({"basemesh": rows}, tuple(_report(rows)))


def _bind_meshes(
    template: Template, meshes: tuple[Path, ...], say: Say
) -> dict[str, tuple[BoundMesh, float]]:
    """By name, each mesh bound to the template, and the wall seconds that took; the coarse one last."""
    bound: dict[str, tuple[BoundMesh, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in (*meshes, write_coarse_obj(Path(folder) / "coarse.obj", template)):
            say(f"fitting {path.name}")
            started = time.perf_counter()
            mesh = bind_base_mesh(template, read_base_mesh(path))
            bound[path.stem] = (mesh, time.perf_counter() - started)
    return bound


def _rig(template: Template, prepared: PreparedScan) -> Rig:
    _, fitted = register_and_settle(template, prepared)
    return build_rig(template, remove_expression(template, fitted.vertices, fitted.expression))


def measure_carry(template: Template, bound: BoundMesh, rig: Rig) -> dict[str, object]:
    """One person on one mesh: quality in millimetres, wall seconds of carrying neutral and shapes over."""
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


def _report(rows: Rows) -> list[Verdict]:
    """Residuals of each person and mesh; nothing is aimed at."""
    aims = {
        "mesh_to_person_median": Aim("base mesh to person, median, mm"),
        "mesh_to_person_p95": Aim("base mesh to person, 95 %, mm"),
    }
    return [aim.judge(float(str(row[key])), str(row["scan"])) for row in rows for key, aim in aims.items()]
