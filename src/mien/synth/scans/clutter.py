"""What stands between a head and a clean scan: noise, hair, beards, collars, glasses, holes, cuts."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mien.geometry.normals import vertex_normals
from mien.synth.scans.linear_heads import HeadLevel

Mesh = tuple[np.ndarray, np.ndarray]  # vertices (metres) and triangles


def waves(
    points: Float[np.ndarray, "N 3"],
    rng: np.random.Generator,
    shortest: float,
    longest: float,
    count: int = 12,
) -> Float[np.ndarray, " N"]:
    """A smooth random field of unit root mean square with wavelengths between the two (metres)."""
    direction = rng.normal(size=(count, 3))
    length = np.linalg.norm(direction, axis=1, keepdims=True) * rng.uniform(shortest, longest, (count, 1))
    direction *= 2 * np.pi / length
    phase = points.astype(np.float32) @ direction.T.astype(np.float32)
    phase += rng.uniform(0, 2 * np.pi, count).astype(np.float32)
    return np.sin(phase).sum(axis=1).astype(np.float64) * np.sqrt(2.0 / count)


def roughen_head(
    level: HeadLevel, vertices: Float[np.ndarray, "N 3"], rng: np.random.Generator
) -> Float[np.ndarray, "N 3"]:
    """The head with scanner noise, and at random hair on the scalp and a beard."""
    normals = vertex_normals(vertices, level.triangles)
    offset = np.zeros(len(vertices))
    if rng.random() < 0.6:
        offset += waves(vertices, rng, 0.004, 0.03) * 0.0006 * rng.random()
    if rng.random() < 0.5:
        offset += rng.standard_normal(len(vertices)) * 0.001 * rng.random() ** 2
    if rng.random() < 0.6:
        lumps = 1.0 + 0.6 * waves(vertices, rng, 0.01, 0.06)
        offset += level.regions["scalp"] * rng.uniform(0.002, 0.05) * np.maximum(lumps, 0.0)
    if rng.random() < 0.2:
        lumps = 1.0 + 0.8 * waves(vertices, rng, 0.004, 0.02)
        offset += level.regions["beard"] * rng.uniform(0.001, 0.006) * np.maximum(lumps, 0.0)
    return vertices + offset[:, None] * normals


def cut(
    vertices: np.ndarray,
    triangles: np.ndarray,
    landmarks: Float[np.ndarray, "68 3"],
    rng: np.random.Generator,
) -> Int[np.ndarray, "M 3"]:
    """Triangles left after a missing back, a bare face mask or a cut neck, and after holes."""
    centres = vertices[triangles].mean(axis=1)
    keep = np.ones(len(triangles), bool)
    kind = rng.random()
    if kind < 0.3:
        normal = np.array([0.0, 0.0, 1.0]) + 0.3 * rng.normal(size=3)
        keep &= (centres - landmarks[27]) @ normal > rng.uniform(-0.13, -0.05)
    elif kind < 0.6:
        middle = 0.5 * (landmarks[27] + landmarks[33]) + [0.0, rng.uniform(-0.015, 0.015), -0.02]
        ragged = 1.0 + 0.08 * waves(centres, rng, 0.02, 0.1, 6)
        keep &= np.linalg.norm(centres - middle, axis=1) < rng.uniform(0.065, 0.14) * ragged
    if rng.random() < 0.4:
        keep &= centres[:, 1] > landmarks[8, 1] - rng.uniform(0.0, 0.08)
    if rng.random() < 0.35:
        for _ in range(rng.integers(1, 7)):
            ball = vertices[rng.integers(len(vertices))]
            keep &= np.linalg.norm(centres - ball, axis=1) > rng.uniform(0.003, 0.016)
    return triangles[keep]


def things(landmarks: Float[np.ndarray, "68 3"], rng: np.random.Generator) -> list[Mesh]:
    """At random: hair hanging round the head, shoulders, a collar, glasses, loose scraps."""
    made: list[Mesh] = []
    middle = landmarks[27] + [0.0, 0.01, -0.07]
    if rng.random() < 0.25:
        made.append(_hair(middle, rng))
    if rng.random() < 0.4:
        size = np.array([rng.uniform(0.12, 0.26), rng.uniform(0.07, 0.2), rng.uniform(0.07, 0.14)])
        top = landmarks[8] + [0.0, -rng.uniform(0.0, 0.08), -rng.uniform(0.04, 0.09)]
        made.append(blob(top - [0.0, size[1], 0.0], size, rng, 0.05))
    if rng.random() < 0.25:
        made.append(_collar(landmarks[8], rng))
    if rng.random() < 0.07:
        made.extend(_glasses(landmarks, rng))
    for _ in range(rng.integers(0, 4) if rng.random() < 0.3 else 0):
        where = landmarks[rng.integers(68)] + rng.normal(size=3) * 0.06 + [0, 0, -0.03]
        made.append(blob(where, rng.uniform(0.003, 0.02, 3), rng, 0.3, 8))
    return made


def blob(
    centre: np.ndarray, radii: np.ndarray, rng: np.random.Generator, rough: float = 0.0, rings: int = 24
) -> Mesh:
    """A lumpy ellipsoid."""
    theta, phi = np.meshgrid(
        np.linspace(0, np.pi, rings), np.linspace(0, 2 * np.pi, 2 * rings), indexing="ij"
    )
    unit = np.stack([np.sin(theta) * np.cos(phi), np.cos(theta), np.sin(theta) * np.sin(phi)], -1).reshape(
        -1, 3
    )
    lumps = 1.0 + rough * waves(unit, rng, 0.4, 2.0) if rough else np.ones(len(unit))
    return centre + unit * lumps[:, None] * radii, _grid(rings, 2 * rings)[:, ::-1]


def _grid(rows: int, columns: int) -> Int[np.ndarray, "M 3"]:
    a = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    first = np.stack([a, a + columns, a + columns + 1], 1)
    return np.concatenate([first, np.stack([a, a + columns + 1, a + 1], 1)])


def _hair(middle: np.ndarray, rng: np.random.Generator) -> Mesh:
    """A lumpy shell about the head, open where the face is."""
    radii = np.array([0.085, 0.125, 0.105]) * rng.uniform(1.05, 1.35) * [1, rng.uniform(0.95, 1.4), 1]
    vertices, triangles = blob(middle + [0.0, -0.01, -0.015], radii, rng, rng.uniform(0.02, 0.12), 32)
    centres = vertices[triangles].mean(axis=1) - middle
    half = rng.uniform(0.055, 0.085)
    brow = rng.uniform(0.02, 0.08)
    face = (centres[:, 2] > -0.02) & (np.abs(centres[:, 0]) < half) & (centres[:, 1] < brow)
    return vertices, triangles[~face]


def _collar(chin: np.ndarray, rng: np.random.Generator) -> Mesh:
    around = np.linspace(0, 2 * np.pi, 40)
    height = np.linspace(0, 1, 6)
    t, h = np.meshgrid(around, height, indexing="ij")
    radius = rng.uniform(0.06, 0.09) + h * rng.uniform(-0.01, 0.08)
    y = chin[1] - rng.uniform(0.02, 0.08) - h * rng.uniform(0.02, 0.09)
    points = np.stack([np.sin(t) * radius, y, chin[2] - 0.07 + np.cos(t) * radius], -1).reshape(-1, 3)
    points += rng.normal(size=points.shape) * 0.002
    return points, _grid(40, 6)[:, :: rng.choice([-1, 1])]


def _glasses(landmarks: np.ndarray, rng: np.random.Generator) -> list[Mesh]:
    made = []
    radius, thick = rng.uniform(0.02, 0.028), rng.uniform(0.001, 0.003)
    for eye in (landmarks[36:42], landmarks[42:48]):
        a, b = np.meshgrid(np.linspace(0, 2 * np.pi, 30), np.linspace(0, 2 * np.pi, 7), indexing="ij")
        ring = np.stack(
            [
                (radius + thick * np.cos(b)) * np.cos(a),
                (radius + thick * np.cos(b)) * np.sin(a),
                thick * np.sin(b),
            ],
            -1,
        )
        made.append((eye.mean(0) + [0, -0.003, 0.012] + ring.reshape(-1, 3), _grid(30, 7)))
    return made


def merged(meshes: list[Mesh]) -> Mesh:
    """One mesh of several."""
    starts = np.cumsum([0] + [len(v) for v, _ in meshes[:-1]])
    triangles = np.concatenate([t + s for (_, t), s in zip(meshes, starts, strict=True)])
    return np.concatenate([v for v, _ in meshes]), triangles.astype(np.int64)


def no_head(rng: np.random.Generator) -> Mesh:
    """Something that is no head, of a head's size: balls, boxes, lumps, a body, a toy animal."""
    kind = rng.integers(5)
    size = rng.uniform(0.06, 0.16)
    if kind == 0:
        return blob(np.zeros(3), np.full(3, size) * rng.uniform(0.6, 1.4, 3), rng, rng.choice([0.0, 0.03]))
    if kind == 1:
        return _box(size * rng.uniform(0.4, 1.2, 3), rng)
    if kind == 2:
        return blob(np.zeros(3), np.full(3, size), rng, rng.uniform(0.05, 0.25), 40)
    parts = []
    for _ in range(rng.integers(2, 9)):
        where = rng.normal(size=3) * size * 0.7
        parts.append(blob(where, size * rng.uniform(0.1, 0.9, 3), rng, rng.uniform(0, 0.1), 16))
    if kind == 4:
        parts.append(_box(size * rng.uniform(0.3, 1.0, 3), rng))
    return merged(parts)


def _box(half: np.ndarray, rng: np.random.Generator) -> Mesh:
    n = 12
    sides = []
    u, v = np.meshgrid(np.linspace(-1, 1, n), np.linspace(-1, 1, n), indexing="ij")
    for axis in range(3):
        for sign in (1.0, -1.0):
            points = np.zeros((n * n, 3))
            points[:, (axis + 1) % 3], points[:, (axis + 2) % 3] = u.ravel(), sign * v.ravel()
            points[:, axis] = sign
            sides.append((points * half, _grid(n, n)))
    vertices, triangles = merged(sides)
    return vertices + rng.normal(size=vertices.shape) * 0.002 * rng.random(), triangles
