"""What the compiled basis measures: its size, and how well it carries ICT-FaceKit's faces."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from mien.core.mesh import split_quads
from mien.geometry.align import fit_similarity
from mien.geometry.closest import ClosestPoint
from mien.synth.identity.basis import read_basis
from tools.build_data_basis.light_stage import LightStage
from tools.build_template.shapes_ict import load_ict
from tools.build_template.types import Skin

_FACES, _SEED = 8, 11


def print_report(path: Path, skin: Skin, stage: LightStage) -> None:
    basis = read_basis(path)
    print(
        f"{path}: {path.stat().st_size / 1e6:.2f} MB, {len(basis.features)} features, {len(basis.axes)} axes"
    )
    rng = np.random.default_rng(_SEED)
    carried, continued, kept = [], [], []
    for _ in range(_FACES):
        weights = rng.standard_normal(len(stage.modes))
        direct = skin.vertices + stage.mean + np.tensordot(weights, stage.modes, axes=1)
        stored = basis.skin(weights, np.zeros(24), np.zeros(len(basis.features)))
        kept.append(np.linalg.norm(stored - direct, axis=1)[skin.parts[0].vertices])
        distance, sure = _surface_distance(direct, skin, stage, weights)
        carried.append(distance[sure])
        continued.append(distance[~sure])
    rows = {
        f"carried ({np.mean(sure):.0%} of the face), to ICT's surface": carried,
        "continued, to ICT's surface": continued,
        "stored, per vertex": kept,
    }
    print("| mm | 50 % | 75 % | 90 % | 95 % | 99 % |\n|---|---:|---:|---:|---:|---:|")
    for name, values in rows.items():
        row = " | ".join(
            f"{x * 1000:.3f}" for x in np.percentile(np.concatenate(values), [50, 75, 90, 95, 99])
        )
        print(f"| {name} | {row} |")


def _surface_distance(
    head: np.ndarray, skin: Skin, stage: LightStage, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """From the face part's outer vertices to ICT's surface of the same weights (metres), rigidly aligned;
    and which of them were carried."""
    ict, overlay = load_ict(), stage.overlay
    deltas = np.tensordot(weights, ict_deltas(len(ict.vertices)), axes=1)
    surface = overlay.pose.inverse()(ict.vertices + deltas)
    rows = np.flatnonzero(overlay.on_surface)
    rows = rows[rows < skin.parts[0].vertices.stop]
    there = (skin.vertices + stage.mean + overlay.offsets(deltas))[rows]
    rigid = fit_similarity(head[rows], there, with_scale=False)
    hits = ClosestPoint(surface, split_quads(ict.quads)).query(rigid(head[rows]))
    return hits.distance, stage.known[rows]


def ict_deltas(count: int) -> np.ndarray:
    """ICT-FaceKit's identity modes at its first `count` vertices, metres."""
    with np.load(Path(os.environ["MIEN_DATA"]) / "ict-facekit/ict_facekit.npz") as file:
        return file["identity_deltas"][:, :count].astype(float) * 0.01
