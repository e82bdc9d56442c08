"""Detected landmarks against the truth, Mien's networks beside MediaPipe's.

`python -m mien.evaluate.landmarks` prints the table. Real scans and ICT-FaceKit are read from the folder that
MIEN_DATA names; without it the rows on synthetic heads and on things that are no face remain.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.errors import MienError
from mien.core.mesh import Scan, split_quads
from mien.geometry.normals import vertex_normals
from mien.scan import clean_scan, load_scan, read_landmarks
from mien.scan.clean import select_faces
from mien.scan.detect import detect_landmarks, simplify
from mien.train.clutter import no_head
from mien.train.landmark_data import HELD_OUT_SEED, random_rotation, random_scan

NETWORKS = ("mien", "mediapipe")


@dataclass(frozen=True)
class Case:
    """A scan, the truth (None where there is no face to find), and millimetres per unit of the scan."""

    name: str
    scan: Scan
    truth: Float[np.ndarray, "68 3"] | None
    millimetres: float = 1.0


@dataclass(frozen=True)
class Row:
    """One scan, one detector: mean distances in millimetres (NaN where refused), the inner one also in
    percent of the outer eye corners' distance, and seconds."""

    case: str
    networks: str
    found: bool
    inner: float = np.nan
    percent: float = np.nan
    brows: float = np.nan
    eyes: float = np.nan
    mouth: float = np.nan
    jaw: float = np.nan
    seconds: float = np.nan


def measure(case: Case, networks: str) -> Row:
    """Runs the detector on the case."""
    started = time.perf_counter()
    try:
        points = detect_landmarks(case.scan, networks=networks).landmarks
    except MienError:
        points = None
    seconds = time.perf_counter() - started
    if points is None or case.truth is None:
        return Row(case.name, networks, points is not None, seconds=seconds)
    error = np.linalg.norm(points - case.truth, axis=1) * case.millimetres
    inner = float(error[17:].mean())
    eyes_apart = float(np.linalg.norm(case.truth[36] - case.truth[45])) * case.millimetres
    return Row(
        case.name,
        networks,
        True,
        inner=inner,
        percent=100 * inner / eyes_apart,
        brows=float(error[17:27].mean()),
        eyes=float(error[36:48].mean()),
        mouth=float(error[48:].mean()),
        jaw=float(error[:17].mean()),
        seconds=seconds,
    )


def cases(data: Path | None, heads: int = 8) -> Iterator[Case]:
    """Everything that is measured."""
    if data is not None:
        yield from _james(data)
        yield from _ict(data, heads)
    yield from _synthetic(heads)
    yield from _no_faces()


def _james(data: Path) -> Iterator[Case]:
    folder = data / "scans" / "james"
    scan = clean_scan(load_scan(folder / "james.obj", folder / "james.jpg"))
    truth = read_landmarks(folder / "james.ljson", scan)[0]
    grey = replace(scan, textures=(), corner_uvs=None, triangle_texture=None)
    yield Case("James", scan, truth)
    yield Case("James grey", grey, truth)
    dark = tuple((t * 0.12).astype(np.uint8) for t in scan.textures)
    yield Case("James dark", replace(scan, textures=dark), truth)
    rng = np.random.default_rng(5)
    for i in range(4):
        turn = random_rotation(rng)
        yield Case(f"James grey turned {i}", replace(grey, vertices=grey.vertices @ turn.T), truth @ turn.T)
    yield Case("James grey 2,000 triangles", simplify(grey, 2000), truth)
    normals = vertex_normals(grey.vertices, grey.triangles)
    noisy = grey.vertices + rng.normal(size=(len(normals), 1)) * normals
    yield Case("James grey 1 mm noise", replace(grey, vertices=noisy), truth)
    near = np.linalg.norm(grey.vertices - truth[30], axis=1) < 75.0
    yield Case("James grey face mask", select_faces(grey, near[grey.triangles].all(axis=1)), truth)


def _ict(data: Path, count: int) -> Iterator[Case]:
    """Heads of ICT-FaceKit with its own 68 vertices, some with closed eyes or an open jaw."""
    folder = data / "ict-facekit"
    model = np.load(folder / "ict_facekit.npz")
    ids = json.loads((folder / "FaceXModel" / "vertex_indices.json").read_text())["idx_to_landmark_verts"]
    names = [str(n) for n in model["expression_names"]]
    highest = model["faces"].max(axis=1)
    skin, eyeballs = highest < 11248, (highest >= 21451) & (highest < 24591)
    faces = model["faces"][skin | eyeballs]
    whole = faces[faces[:, 3] >= 0]
    triangles = np.concatenate([split_quads(whole), faces[faces[:, 3] < 0][:, :3]]).astype(np.int64)
    for i in range(count):
        rng = np.random.default_rng([77, i])
        weights = np.clip(rng.normal(size=100), -2.5, 2.5)
        head = model["vertices"] + np.tensordot(weights, model["identity_deltas"], axes=1)
        for name in (("eyeBlink_L", "eyeBlink_R"), ("jawOpen",), (), ())[i % 4]:
            head = head + (0.6 if name == "jawOpen" else 1.0) * model["expression_deltas"][names.index(name)]
        turn = random_rotation(rng)
        scan = clean_scan(Scan(f"ict-{i}", head.astype(np.float64) @ turn.T, triangles))
        yield Case(f"ICT-FaceKit {i}", scan, head[ids] @ turn.T, 10.0)


def _synthetic(count: int) -> Iterator[Case]:
    """Random scans that training never saw."""
    made = 0
    for index in range(1000, 2000):
        scan = random_scan(HELD_OUT_SEED, index)
        if scan.landmarks is None:
            continue
        clean = clean_scan(Scan(f"random-{index}", scan.vertices, scan.triangles))
        yield Case(f"random scan {index}", clean, scan.landmarks, 1000.0)
        made += 1
        if made == count:
            return


def _no_faces() -> Iterator[Case]:
    for index in range(6):
        vertices, triangles = no_head(np.random.default_rng([31, index]))
        yield Case(f"no face {index}", clean_scan(Scan("no-face", vertices, triangles)), None)
    head = random_scan(HELD_OUT_SEED, 1001)
    assert head.landmarks is not None
    scan = clean_scan(Scan("back", head.vertices, head.triangles))
    behind = (scan.vertices[:, 2] < head.landmarks[27, 2] - 0.09)[scan.triangles].all(axis=1)
    yield Case("back of a head", select_faces(scan, behind), None)


def table(rows: list[Row]) -> str:
    """Markdown."""
    head = ("scan", "networks", "inner", "%", "brows", "eyes", "mouth", "jaw", "s")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for r in rows:
        numbers = (r.inner, r.percent, r.brows, r.eyes, r.mouth, r.jaw)
        shown = ["refused"] + ["–"] * 5 if not r.found else [f"{n:.2f}" for n in numbers]
        if r.found and np.isnan(r.inner):
            shown[0] = "taken for a face"
        lines.append(f"| {r.case} | {r.networks} | {' | '.join(shown)} | {r.seconds:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    folder = os.environ.get("MIEN_DATA")
    rows = [measure(case, n) for case in cases(Path(folder) if folder else None) for n in NETWORKS]
    print(table(rows))  # noqa: T201


if __name__ == "__main__":
    main()
