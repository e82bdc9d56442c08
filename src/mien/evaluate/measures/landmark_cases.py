"""Scans with true landmarks: real ones, ICT-FaceKit's heads, random ones, and things that are no face."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.mesh import Scan, split_quads
from mien.geometry.normals import vertex_normals
from mien.meshio.load import load_scan
from mien.scan.clean import clean_scan, select_faces
from mien.scan.landmarks.detect import detect_landmarks, simplify
from mien.scan.landmarks.file import read_landmarks
from mien.synth.scans.clutter import no_head
from mien.train.landmark_data import HELD_OUT_SEED, random_rotation, random_scan

TURNS = 4
MASK_RADIUS = 75.0  # millimetres about the tip of the nose
DARKNESS = 0.12


@dataclass(frozen=True)
class Case:
    """A scan, the truth (None where there is no face to find), and millimetres per unit of the scan."""

    name: str
    scan: Scan
    truth: Float[np.ndarray, "68 3"] | None
    millimetres: float = 1.0


def make_cases(data: Path | None, heads: int = 8) -> Iterator[Case]:
    """Everything that is measured; real scans and ICT-FaceKit from the folder `data`."""
    if data is not None:
        yield from treat_james(data)
        yield from treat_lee(data)
        yield from draw_ict_heads(data, heads)
    yield from draw_random_scans(heads)
    yield from make_no_faces()


def treat_james(data: Path) -> Iterator[Case]:
    """menpo's scan with landmarks placed by hand."""
    folder = data / "scans" / "james"
    scan = clean_scan(load_scan(folder / "james.obj", folder / "james.jpg"))
    truth = read_landmarks(folder / "james.ljson", scan)[0]
    yield from _treated("James", scan, truth, 1.0)


def treat_lee(data: Path) -> Iterator[Case]:
    """A scan without true landmarks: what MediaPipe sees in its colours stands in, and is no truth. So all
    that the rows show is how far the detectors agree and how little a poorer scan moves them."""
    folder = data / "scans" / "lee-perry-smith"
    scan = clean_scan(load_scan(folder / "LeePerrySmith.glb", folder / "color.jpg"))
    found = detect_landmarks(scan, networks="mediapipe")
    eyes_apart = float(np.linalg.norm(found.landmarks[36] - found.landmarks[45]))
    yield from _treated("Lee", found.scan, found.landmarks, 90.0 / eyes_apart)


def _treated(name: str, scan: Scan, truth: np.ndarray, millimetres: float) -> Iterator[Case]:
    """The scan as it is, without colour, dark, turned, coarse, noisy, and cut down to a mask."""
    grey = replace(scan, textures=(), corner_uvs=None, triangle_texture=None)
    dark = tuple((t * DARKNESS).astype(t.dtype) for t in scan.textures)
    normals = vertex_normals(scan.vertices, scan.triangles)
    rng = np.random.default_rng(5)
    turns = [random_rotation(rng) for _ in range(TURNS)]
    noisy = scan.vertices + rng.normal(size=(len(normals), 1)) / millimetres * normals
    near = np.linalg.norm(scan.vertices - truth[30], axis=1) < MASK_RADIUS / millimetres
    made = [
        (name, scan, truth),
        (f"{name} untextured", grey, truth),
        (f"{name} dark", replace(scan, textures=dark), truth),
        *(
            (f"{name} untextured, turned {i}", replace(grey, vertices=scan.vertices @ t.T), truth @ t.T)
            for i, t in enumerate(turns)
        ),
        (f"{name} untextured, 2,000 triangles", simplify(grey, 2000), truth),
        (f"{name} untextured, 1 mm noise", replace(grey, vertices=noisy), truth),
        (f"{name} untextured, face mask", select_faces(grey, near[grey.triangles].all(axis=1)), truth),
    ]
    for case, treated, marks in made:
        yield Case(case, treated, marks, millimetres)


def draw_ict_heads(data: Path, count: int, seed: int = 77) -> Iterator[Case]:
    """Heads of ICT-FaceKit with its own 68 vertices, turned, some with closed eyes or an open jaw."""
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
        rng = np.random.default_rng([seed, i])
        weights = np.clip(rng.normal(size=100), -2.5, 2.5)
        head = model["vertices"] + np.tensordot(weights, model["identity_deltas"], axes=1)
        shown = (("eyeBlink_L", "eyeBlink_R"), ("jawOpen",), (), ())[i % 4]
        for name in shown:
            head = head + (0.6 if name == "jawOpen" else 1.0) * model["expression_deltas"][names.index(name)]
        turn = random_rotation(rng)
        scan = clean_scan(Scan(f"ict-{i}", head.astype(np.float64) @ turn.T, triangles))
        what = {"eyeBlink_L": ", eyes closed", "jawOpen": ", jaw open"}.get(next(iter(shown), ""), "")
        yield Case(f"ICT-FaceKit {i}{what}", scan, head[ids] @ turn.T, 10.0)


def draw_random_scans(count: int) -> Iterator[Case]:
    """Drawn as in training, with a seed that training never saw."""
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


def make_no_faces() -> Iterator[Case]:
    """Things, and the back of a head."""
    for index in range(6):
        vertices, triangles = no_head(np.random.default_rng([31, index]))
        yield Case(f"no face {index}", clean_scan(Scan("no-face", vertices, triangles)), None)
    head = random_scan(HELD_OUT_SEED, 1001)
    assert head.landmarks is not None
    scan = clean_scan(Scan("back", head.vertices, head.triangles))
    behind = (scan.vertices[:, 2] < head.landmarks[27, 2] - 0.09)[scan.triangles].all(axis=1)
    yield Case("back of a head", select_faces(scan, behind), None)
