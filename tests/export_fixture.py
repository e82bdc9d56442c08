"""A head of three small grids with everything an asset can hold: the fast fixture of the export tests."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mien.core.conventions import SHAPE_NAMES, mirrored_shape
from mien.core.face import Joint, LinearModel, Part, PreparedScan, Registration, SurfacePoints, Template
from mien.core.mesh import Image, Scan, Topology
from mien.export.findings import CheckReport
from mien.export.reader import read_glb
from mien.rigging.head import RiggedHead
from mien.rigging.rig import Rig

N = 9  # vertices along the side of a grid


def tiny_asset(size: int = 16) -> RiggedHead:
    """Face, mouth and eye: bowls of N x N vertices, symmetric in x, 20 cm high."""
    template = tiny_template()
    rig = Rig.on(template)
    registration = _registration(template)
    return RiggedHead(
        name="tiny",
        template=template,
        rig=rig,
        maps=_maps(size),
        confidence=Image(np.linspace(0, 1, size * size).reshape(size, size, 1)),
        scan=_scan(template),
        registration=registration,
        provenance={"scan_sha256": "0" * 64, "seed": 0, "options": {"resolution": size}},
        quality={"registration_mm": {"median": 0.1, "p95": np.float64(0.7), "worst": float("nan")}},
    )


def tiny_template() -> Template:
    grids = [_grid(0.09, 0.10, 0.0), _grid(0.03, 0.015, -0.02), _grid(0.02, 0.02, -0.03)]
    vertices = np.concatenate([g[0] for g in grids])
    uvs = np.concatenate([g[1] for g in grids])
    count = N * N
    quads = np.concatenate([_quads() + k * count for k in range(3)])
    topology = Topology(len(vertices), quads, uvs, quads.copy())
    names = (("face", "face"), ("mouth_socket", "mouth"), ("cornea_left", "cornea"))
    cells = (N - 1) ** 2
    parts = tuple(
        Part(name, material, slice(k * count, (k + 1) * count), slice(k * cells, (k + 1) * cells))
        for k, (name, material) in enumerate(names)
    )
    row = np.arange(count).reshape(N, N)[:, ::-1].ravel()
    mirror = np.concatenate([row + k * count for k in range(3)])
    triangle = np.arange(68) % (2 * cells)
    landmarks = SurfacePoints(triangle, np.full((68, 3), 1 / 3))
    return Template(
        vertices=vertices,
        topology=topology,
        parts=parts,
        mirror=mirror,
        landmarks=landmarks,
        dense_landmarks=landmarks,
        shapes=_shapes(vertices, mirror, count),
        joints=_joints(),
        joint_weights=_joint_weights(vertices),
        identity=LinearModel(np.zeros((1, len(vertices), 3))),
        regions={},
    )


def _grid(half_width: float, half_height: float, z: float) -> tuple[np.ndarray, np.ndarray]:
    s = np.linspace(0, 1, N)
    u, v = (a.ravel() for a in np.meshgrid(s, s))
    x, y = (2 * u - 1) * half_width, (2 * v - 1) * half_height
    return np.stack([x, y, z + 0.1 - 5 * (x**2 + y**2)], axis=1), np.stack([u, v], axis=1)


def _quads() -> np.ndarray:
    corner = np.arange(N * N).reshape(N, N)[:-1, :-1].ravel()
    return np.stack([corner, corner + 1, corner + N + 1, corner + N], axis=1)


def _shapes(vertices: np.ndarray, mirror: np.ndarray, face: int) -> np.ndarray:
    """Bumps of 1 cm on the face; on the subject's left for ...Left, exact mirror images for ...Right."""
    rng = np.random.default_rng(1)
    shapes = np.zeros((52, len(vertices), 3))
    index = {name: i for i, name in enumerate(SHAPE_NAMES)}
    for name in SHAPE_NAMES:
        if name.endswith("Right"):
            continue
        left = name.endswith("Left")
        sideways = name in ("jawLeft", "mouthLeft")  # move the middle to a side
        centre = np.array([0.05 if left and not sideways else 0.0, rng.uniform(-0.06, 0.06)])
        distance = np.linalg.norm(vertices[:face, :2] - centre, axis=1)
        bump = np.maximum(0.0, 1 - (distance / 0.035) ** 2) ** 2
        shapes[index[name], :face] = bump[:, None] * rng.normal(size=3) * 0.006
        if sideways:
            shapes[index[name], :face, 0] = 0.006 * bump
        if left:
            other = shapes[index[name]][mirror] * [-1, 1, 1]
            shapes[index[mirrored_shape(name)]] = other
        else:
            shapes[index[name], :face, 0] = 0
    return shapes


def _joints() -> tuple[Joint, ...]:
    def joint(name: str, parent: str | None, *position: float) -> Joint:
        return Joint(name, parent, np.array(position))

    return (
        joint("neck", None, 0, -0.12, 0.0),
        joint("head", "neck", 0, -0.04, 0.01),
        joint("jaw", "head", 0, -0.03, 0.02),
        joint("eye_left", "head", 0.03, 0.03, 0.05),
        joint("eye_right", "head", -0.03, 0.03, 0.05),
    )


def _joint_weights(vertices: np.ndarray) -> np.ndarray:
    down = np.clip(0.5 - vertices[:, 1] / 0.2, 0, 1)
    weights = np.zeros((len(vertices), 5))
    weights[:, 0], weights[:, 1], weights[:, 2] = 0.3 * down, 1 - down, 0.7 * down
    return weights


def _maps(size: int) -> dict[str, Image]:
    ramp = np.linspace(0, 1, size)
    u, v = np.meshgrid(ramp, ramp)
    normal = np.stack([0.5 + 0.1 * np.sin(9 * u), 0.5 + 0.1 * np.cos(7 * v), np.ones_like(u)], axis=2)
    direction = 2 * normal - 1
    normal = 0.5 + 0.5 * direction / np.linalg.norm(direction, axis=2, keepdims=True)
    return {
        "face_albedo": Image(np.stack([0.5 + 0.3 * u, 0.4 + 0.2 * v, 0.3 + 0.1 * u], axis=2), "srgb"),
        "face_specular": Image((0.3 + 0.4 * u)[..., None]),
        "face_roughness": Image((0.4 + 0.2 * v)[..., None]),
        "face_scatter": Image(np.full((size, size, 3), 0.5)),
        "face_normal": Image(normal),
        "face_displacement": Image((0.3 * np.sin(20 * u * v))[..., None], unit="mm"),
        "mouth_albedo": Image(np.full((size, size, 3), 0.4), "srgb"),
    }


def _scan(template: Template) -> PreparedScan:
    """As if the file were in millimetres, lying upside down."""
    transform = np.diag([-0.001, -0.001, 0.001, 1.0])
    transform[:3, 3] = (0.01, 0.02, 0.03)
    raw = Scan("tiny", np.zeros((3, 3)), np.array([[0, 1, 2]]), sha256="0" * 64)
    points = template.landmarks.on(template.vertices, template.topology)
    confidence = np.ones(68)
    confidence[3] = 0.0
    return PreparedScan(raw, transform, points, confidence, "millimetres, from the size of the face")


def _registration(template: Template) -> Registration:
    distance = np.full(len(template.vertices), np.nan)
    distance[: N * N] = 0.1
    return Registration(
        vertices=template.vertices + np.array([0.0, 0.001, 0.0]),
        linear=template.vertices,
        identity=np.zeros(1),
        expression=np.zeros(52),
        distance_mm=distance,
        confidence=np.isfinite(distance).astype(float),
        report={"median_mm": 0.1},
    )


def errors_of(report: CheckReport, rule: str) -> str:
    """A failed report's errors of one rule, as text."""
    assert not report.passed
    return "\n".join(
        f"{f.file}: {f.message}" for f in report.findings if (f.severity, f.rule) == ("error", rule)
    )


def edit_glb(glb: Path, edit: Callable[[dict], object]) -> None:
    """Rewrites the JSON chunk of a GLB."""
    parsed = read_glb(glb)
    edit(parsed.document)
    text = json.dumps(parsed.document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(parsed.binary), b"BIN\0") + parsed.binary
    glb.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
