"""Mien's invariants of an animatable head in a GLB. Each rule has a test with a file that it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from mien.core.conventions import SHAPE_NAMES, mirrored_shape
from mien.export.findings import Findings
from mien.export.place_names import places
from mien.export.reader import Glb

LARGEST_OFFSET = 0.12  # metres: a jaw opens by half of it
HEAD_HEIGHT = (0.15, 0.45)  # metres, from the neck's end to the crown
BAD_FACES = 1e-3  # share of flipped or area-less triangles that is refused
LEAKAGE_MM, MIDLINE = 0.02, 0.010  # a one-sided shape's offset allowed beyond 10 mm on the other side
UV_MARGIN = 1e-4
NEEDED_JOINTS = ("neck", "head", "jaw", "eye_left", "eye_right")


@dataclass(frozen=True)
class GlbHead:
    """The morphed mesh of a GLB, its primitives one after the other."""

    target_names: list[str]
    target_counts: list[int]
    positions: Float[np.ndarray, "N 3"]
    normals: Float[np.ndarray, "N 3"]
    uvs: Float[np.ndarray, "N 2"]
    triangles: Int[np.ndarray, "G 3"]
    moves: Float[np.ndarray, "K N 3"]
    weights: Float[np.ndarray, "N 4"]
    bones: Int[np.ndarray, "N 4"]
    joints: dict[str, Float[np.ndarray, "3"]]
    transformed_nodes: list[str]
    vertex_ids: Int[np.ndarray, " N"] | None


def read_head(glb: Glb) -> GlbHead:
    """All that the rules look at; a damaged document raises KeyError, IndexError or ValueError."""
    mesh = glb.head
    primitives = mesh["primitives"]

    def stacked(attribute: str) -> np.ndarray:
        return np.concatenate([glb.array(p["attributes"][attribute]) for p in primitives])

    positions = stacked("POSITION").astype(float)
    counts = [len(p.get("targets", [])) for p in primitives]
    moves = [
        np.concatenate([glb.array(p["targets"][k]["POSITION"]) for p in primitives])
        for k in range(min(counts))
    ]
    joints, transformed = _joints(glb)
    return GlbHead(
        target_names=list(mesh.get("extras", {}).get("targetNames", [])),
        target_counts=counts,
        positions=positions,
        normals=stacked("NORMAL").astype(float),
        uvs=stacked("TEXCOORD_0").astype(float),
        triangles=_triangles(glb, primitives),
        moves=np.array(moves, dtype=float).reshape(-1, *positions.shape),
        weights=stacked("WEIGHTS_0").astype(float),
        bones=stacked("JOINTS_0").astype(int),
        joints=joints,
        transformed_nodes=transformed,
        vertex_ids=stacked("_VERTEX_ID")[:, 0].astype(int)
        if all("_VERTEX_ID" in p["attributes"] for p in primitives)
        else None,
    )


def _triangles(glb: Glb, primitives: list[dict]) -> Int[np.ndarray, "G 3"]:
    made, first = [], 0
    for primitive in primitives:
        made.append(glb.array(primitive["indices"]).astype(int).reshape(-1, 3) + first)
        first += glb.document["accessors"][primitive["attributes"]["POSITION"]]["count"]
    return np.concatenate(made)


def _joints(glb: Glb) -> tuple[dict[str, np.ndarray], list[str]]:
    nodes = glb.document["nodes"]
    parent = {child: i for i, node in enumerate(nodes) for child in node.get("children", [])}

    def world(index: int) -> np.ndarray:
        own = np.array(nodes[index].get("translation", (0.0, 0.0, 0.0)), dtype=float)
        return own + world(parent[index]) if index in parent else own

    joints = {
        nodes[i].get("name", ""): world(i) for skin in glb.document.get("skins", []) for i in skin["joints"]
    }
    transformed = [n.get("name", "?") for n in nodes if {"scale", "rotation", "matrix"} & set(n)]
    return joints, transformed


def _shapes(head: GlbHead, findings: Findings) -> None:
    if head.target_names != list(SHAPE_NAMES):
        wrong = [
            f"{i}: {got!r} instead of {name!r}"
            for i, (got, name) in enumerate(zip(head.target_names, SHAPE_NAMES, strict=False))
            if got != name
        ]
        what = wrong[0] if wrong else f"{len(head.target_names)} names"
        findings.error(
            "shapes", f"targetNames differ ({what}), expected ARKit's 52 in order; rename the targets"
        )
    if set(head.target_counts) != {52}:
        findings.error(
            "shapes", f"primitives have {head.target_counts} targets, expected 52 each; export again"
        )
    still = [n for n, move in zip(head.target_names, head.moves, strict=False) if not move.any()]
    if still:
        findings.warning("shapes", f"{', '.join(still)} move nothing, expected a form; build these shapes")


def _finite(head: GlbHead, findings: Findings) -> None:
    arrays = {
        "positions": head.positions,
        "normals": head.normals,
        "uvs": head.uvs,
        "morph offsets": head.moves,
    }
    for name, array in arrays.items():
        bad = int((~np.isfinite(array)).sum())
        if bad:
            findings.error(
                "finite", f"{bad} values of {name} are not finite; repair the rig that was exported"
            )


def _offsets(head: GlbHead, findings: Findings) -> None:
    lengths = np.linalg.norm(np.nan_to_num(head.moves), axis=2).max(axis=1, initial=0.0)
    findings.measures["largest offset of a shape, mm"] = 1e3 * float(lengths.max(initial=0.0))
    for name, length in zip(head.target_names, lengths, strict=False):
        if length > LARGEST_OFFSET:
            findings.error(
                "offsets", f"{name} moves a vertex by {1e3 * length:.0f} mm, expected at most "
                f"{1e3 * LARGEST_OFFSET:.0f}; check the shape's unit"
            )  # fmt: skip


def _scale(head: GlbHead, findings: Findings) -> None:
    height = float(np.ptp(head.positions[:, 1]))
    findings.measures["height, m"] = height
    low, high = HEAD_HEIGHT
    if not low <= height <= high:
        findings.error(
            "scale", f"the head is {height:.3g} m high, expected {low} to {high}; export in metres, +Y up"
        )
    if head.transformed_nodes:
        names = ", ".join(head.transformed_nodes)
        findings.error(
            "scale", f"nodes {names} carry a scale or rotation, expected translations; apply it first"
        )


def _normals(head: GlbHead, findings: Findings) -> None:
    off = np.abs(np.linalg.norm(head.normals, axis=1) - 1)
    bad = int((off > 1e-3).sum())
    if bad:
        findings.error(
            "normals", f"{bad} normals are not of unit length (worst off by {off.max():.3g}); normalise"
        )


def _weights(head: GlbHead, findings: Findings) -> None:
    off = np.abs(head.weights.sum(axis=1) - 1)
    bad = int((off > 1e-4).sum())
    if bad:
        findings.error("joint weights", f"{bad} vertices have weights that do not sum to 1; normalise them")
    if len(head.bones) and head.bones.max() >= len(head.joints):
        findings.error(
            "joint weights", f"joint {head.bones.max()} of {len(head.joints)} is used; export again"
        )


def _faces(head: GlbHead, findings: Findings) -> None:
    a, b, c = (head.positions[head.triangles[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    degenerate = np.linalg.norm(cross, axis=1) < 2e-12
    flipped = ~degenerate & ((cross * head.normals[head.triangles].sum(axis=1)).sum(axis=1) < 0)
    for name, bad in (("degenerate", degenerate), ("flipped", flipped)):
        findings.measures[f"{name} triangles"] = float(bad.sum())
        if bad.mean() > BAD_FACES:
            findings.error(
                "faces", f"{bad.sum()} of {len(bad)} triangles are {name} ({_where(head, bad)}), expected at "
                f"most {BAD_FACES:.1%}; repair the neutral head there"
            )  # fmt: skip


def _where(head: GlbHead, bad: Bool[np.ndarray, " G"]) -> str:
    """The regions of the triangles' first corners."""
    corners = head.triangles[bad, 0]
    if head.vertex_ids is None:
        return places(None, 0, head.positions[corners])
    return places(head.vertex_ids[corners], len(np.unique(head.vertex_ids)), head.positions[corners])


def _uvs(head: GlbHead, findings: Findings) -> None:
    outside = int(((head.uvs < -UV_MARGIN) | (head.uvs > 1 + UV_MARGIN)).any(axis=1).sum())
    if outside:
        findings.error("uv tiles", f"{outside} vertices have UVs outside 0..1; give each part its own tile")


def _joint_places(head: GlbHead, findings: Findings) -> None:
    missing = [name for name in NEEDED_JOINTS if name not in head.joints]
    if missing:
        findings.error(
            "joints", f"{', '.join(missing)} missing, got {list(head.joints)}; export the skeleton"
        )
        return
    if head.joints["eye_left"][0] <= head.joints["eye_right"][0]:
        findings.error(
            "joints", "eye_left is not on the +X side, expected the subject's left there; swap sides"
        )
    low, high = head.positions.min(axis=0) - 0.05, head.positions.max(axis=0) + 0.05
    for name, place in head.joints.items():
        if (place < low).any() or (place > high).any():
            findings.error("joints", f"{name} lies at {place.round(3)}, outside the head; place it inside")


def _sides(head: GlbHead, findings: Findings) -> None:
    """Left shapes move the left; left and right move alike; nothing leaks over the midline."""
    index = {name: i for i, name in enumerate(head.target_names[: len(head.moves)])}
    worst = 0.0
    for name, i in index.items():
        other = mirrored_shape(name)
        if not name.endswith("Left") or other not in index:
            continue
        pair = head.moves[i], head.moves[index[other]]
        if name in ("jawLeft", "mouthLeft"):
            _check_direction(name, *pair, findings)
            continue
        worst = max(worst, _check_pair(name, head.positions[:, 0], *pair, findings))
    findings.measures["leakage over the midline, mm"] = worst


def _check_direction(name: str, left: np.ndarray, right: np.ndarray, findings: Findings) -> None:
    if left[:, 0].sum() < 0 or right[:, 0].sum() > 0:
        findings.error(
            "sides", f"{name} and its twin move to the wrong side, expected left toward +X; swap them"
        )


def _check_pair(name: str, x: np.ndarray, left: np.ndarray, right: np.ndarray, findings: Findings) -> float:
    sizes = [np.linalg.norm(move, axis=1) for move in (left, right)]
    energy = [float((size**2).sum()) for size in sizes]
    if (x * sizes[0] ** 2).sum() < 0 or (x * sizes[1] ** 2).sum() > 0:
        findings.error("sides", f"{name} and its twin move the wrong side of the face; swap them")
        return 0.0
    if not 0.25 <= (energy[0] + 1e-12) / (energy[1] + 1e-12) <= 4.0:
        ratio = np.sqrt(energy[0] / max(energy[1], 1e-12))
        findings.warning("sides", f"{name} is {ratio:.2f} times as strong as its twin; look at both")
    leak = 1e3 * max(sizes[0][x < -MIDLINE].max(initial=0.0), sizes[1][x > MIDLINE].max(initial=0.0))
    if leak > LEAKAGE_MM:
        findings.warning(
            "sides", f"{name} or its twin moves the other side by {leak:.3f} mm; cut it at the midline"
        )
    return float(leak)


GLB_RULES: dict[str, Callable[[GlbHead, Findings], None]] = {
    "shapes": _shapes,
    "finite": _finite,
    "offsets": _offsets,
    "scale": _scale,
    "normals": _normals,
    "joint weights": _weights,
    "faces": _faces,
    "uv tiles": _uvs,
    "joints": _joint_places,
    "sides": _sides,
}
