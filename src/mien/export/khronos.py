"""The Khronos glTF validator, through node, where both are there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from mien.export.findings import Findings

RULE = "khronos validator"
_PACKAGE = "gltf-validator"
_SEVERITIES = ("error", "warning", "note", "note")


def khronos(glb: Path, findings: Findings) -> None:
    """Adds the validator's issues; one note where node or the package is missing."""
    findings.ran.append(RULE)
    node, modules = shutil.which("node"), node_modules()
    if node is None:
        findings.note(RULE, "not run: node is missing; install Node.js 18 or newer")
        return
    if modules is None:
        findings.note(
            RULE, f"not run: the npm package {_PACKAGE} is missing; run `npm ci` in Mien's folder "
            "or set MIEN_NODE_MODULES to a node_modules folder that holds it"
        )  # fmt: skip
        return
    script = Path(__file__).with_name("khronos.mjs")
    done = subprocess.run(
        [node, str(script), str(modules), str(glb.absolute())], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
        findings.error(RULE, f"the validator failed ({reason}); try `npm ci` again")
        return
    _add_issues(json.loads(done.stdout)["issues"], findings)


def node_modules() -> Path | None:
    """The first node_modules with the validator: MIEN_NODE_MODULES, then upward from here and from the
    current folder."""
    given = os.environ.get("MIEN_NODE_MODULES")
    candidates = [Path(given)] if given else []
    for start in (Path(__file__).resolve(), Path.cwd() / "here"):
        candidates += [parent / "node_modules" for parent in start.parents]
    return next((c.absolute() for c in candidates if (c / _PACKAGE / "package.json").is_file()), None)


def _add_issues(issues: dict, findings: Findings) -> None:
    """One finding a code, with the number of places and the first of them."""
    findings.measures |= {
        "khronos errors": issues["numErrors"],
        "khronos warnings": issues["numWarnings"],
        "khronos infos and hints": issues["numInfos"] + issues["numHints"],
    }
    by_code: dict[str, list[dict]] = {}
    for message in issues["messages"]:
        by_code.setdefault(message["code"], []).append(message)
    for code, messages in by_code.items():
        first = messages[0]
        say = getattr(findings, _SEVERITIES[first["severity"]])
        place = first.get("pointer", f"byte {first.get('offset', 0)}")
        say(RULE, f"{code} at {len(messages)} places, first {place}: {first['message']}")
