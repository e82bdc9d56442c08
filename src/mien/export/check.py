"""`mien check`: the Khronos validator and Mien's own invariants on a GLB or an asset folder."""

from __future__ import annotations

from pathlib import Path

from mien.core.errors import MienError
from mien.export import khronos
from mien.export.findings import CheckReport, Findings
from mien.export.reader import read_glb
from mien.export.rules_folder import FOLDER_RULES, check_folder
from mien.export.rules_glb import GLB_RULES, read_head

__all__ = ["check_path"]


def check_path(path: Path) -> CheckReport:
    """Judges a .glb file or an asset folder; a path that is neither raises `MienError`.

    Bad content never raises: it is an error in the report, named by rule and file.
    """
    if path.is_dir():
        return _report(path, [_folder(path), *(_glb(p) for p in sorted(path.glob("*.glb")))], FOLDER_RULES)
    if path.is_file() and path.suffix.lower() == ".glb":
        return _report(path, [_glb(path)], ())
    got = "nothing" if not path.exists() else f"a {path.suffix or 'suffixless'} file"
    raise MienError(f"{path}: is {got}, expected an asset folder or a .glb file; give one of these")


def _folder(path: Path) -> Findings:
    findings = Findings(path.name)
    check_folder(path, findings)
    return findings


def _glb(path: Path) -> Findings:
    findings = Findings(path.name)
    khronos.khronos(path, findings)
    try:
        head = read_head(read_glb(path))
    except MienError as error:
        findings.error("shapes", str(error))
        return findings
    except (KeyError, IndexError, ValueError, TypeError) as error:
        findings.error("readable", f"the file refers to what is not in it ({error!r}); export it again")
        return findings
    for rule in GLB_RULES.values():
        rule(head, findings)
    return findings


def _report(path: Path, parts: list[Findings], rules: tuple[str, ...]) -> CheckReport:
    found = tuple(f for part in parts for f in part.found)
    names = (*rules, khronos.RULE, *GLB_RULES)
    further = tuple(dict.fromkeys(f.rule for f in found if f.rule not in names))
    measures = {name: float(value) for part in parts for name, value in part.measures.items()}
    return CheckReport(str(path), names + further, found, measures)
