"""`mien check`: the Khronos validator and Mien's own invariants on a GLB or an asset folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.core.errors import MienError
from mien.export import khronos
from mien.export.findings import CheckReport, Findings
from mien.export.reader import read_glb
from mien.export.rules_folder import FOLDER_RULES, check_folder
from mien.export.rules_glb import GLB_RULES, GlbHead, read_head

__all__ = ["check_path"]

_READABLE, _TOPOLOGY = "readable", "topology"


def check_path(path: Path) -> CheckReport:
    """Judges a .glb file or an asset folder; a path that is neither raises `MienError`.

    Bad content never raises: it is an error in the report, named by rule and file.
    """
    glb_rules = (khronos.RULE, _READABLE, *GLB_RULES)
    if path.is_dir():
        return _report(path, _folder(path), (*FOLDER_RULES, *glb_rules, _TOPOLOGY))
    if path.is_file() and path.suffix.lower() == ".glb":
        findings = Findings(path.name)
        _glb(path, findings)
        return _report(path, [findings], glb_rules)
    got = "nothing" if not path.exists() else f"a {path.suffix or 'suffixless'} file"
    raise MienError(f"{path}: is {got}, expected an asset folder or a .glb file; give one of these")


def _folder(path: Path) -> list[Findings]:
    own = Findings(path.name)
    parts = [own]
    content = check_folder(path, own)
    for glb in sorted(path.glob("*.glb")):
        parts.append(Findings(glb.name))
        head = _glb(glb, parts[-1])
        if head is not None and content is not None:
            _same_topology(head, content["topology"]["vertices"], parts[-1])
    return parts


def _glb(path: Path, findings: Findings) -> GlbHead | None:
    khronos.khronos(path, findings)
    findings.ran.append(_READABLE)
    try:
        head = read_head(read_glb(path))
    except MienError as error:
        findings.error(_READABLE, str(error))
        return None
    except (KeyError, IndexError, ValueError, TypeError) as error:
        findings.error(_READABLE, f"the file refers to what is not in it ({error!r}); export it again")
        return None
    for name, rule in GLB_RULES.items():
        findings.ran.append(name)
        rule(head, findings)
    return head


def _same_topology(head: GlbHead, vertices: int, findings: Findings) -> None:
    """The GLB holds each vertex of the topology that asset.json describes."""
    findings.ran.append(_TOPOLOGY)
    if head.vertex_ids is None:
        findings.error(_TOPOLOGY, "no attribute _VERTEX_ID, expected the template's vertex ids; export again")
    elif not np.array_equal(np.unique(head.vertex_ids), np.arange(vertices)):
        findings.error(
            _TOPOLOGY, f"{len(np.unique(head.vertex_ids))} of the template's vertices are there, asset.json "
            f"says {vertices}; write the asset again"
        )  # fmt: skip


def _report(path: Path, parts: list[Findings], rules: tuple[str, ...]) -> CheckReport:
    ran = {rule for part in parts for rule in part.ran}
    return CheckReport(
        path=str(path),
        rules=tuple(rule for rule in rules if rule in ran),
        not_run=tuple(rule for rule in rules if rule not in ran),
        findings=tuple(finding for part in parts for finding in part.found),
        measures={name: float(value) for part in parts for name, value in part.measures.items()},
    )
