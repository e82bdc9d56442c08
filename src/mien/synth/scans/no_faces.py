"""Scans of things that are no face, each to be refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from mien.core.mesh import Scan
from mien.scan.clean import select_faces


def no_faces(head: Scan, landmarks: Float[np.ndarray, "68 3"]) -> Iterator[Scan]:
    """A ball, a ring, lumps, a toy animal, a body without a head; and the back and the top of `head`.

    `landmarks` are the head's (metres, upright, facing +Z).
    """
    rng = np.random.default_rng(11)
    yield _scan("ball", *_grid_surface(_ball))
    yield _scan("ring", *_grid_surface(_ring))
    yield _scan("potato", *_lumpy(rng, 0.12))
    yield _scan("boulder", *_lumpy(rng, 0.3))
    yield _scan("toy rabbit", *_rabbit())
    yield _scan("body without a head", *_body())
    centres = head.vertices[head.triangles].mean(axis=1)
    yield _named("back of the head", select_faces(head, centres[:, 2] < landmarks[27, 2] - 0.09))
    yield _named("top of the head", select_faces(head, centres[:, 1] > landmarks[27, 1] + 0.05))
    yield _named("ear and cheek", select_faces(head, centres[:, 0] > landmarks[45, 0] + 0.01))


def _named(name: str, scan: Scan) -> Scan:
    return Scan(name, scan.vertices, scan.triangles)


def _scan(name: str, vertices: np.ndarray, triangles: np.ndarray) -> Scan:
    return Scan(name, vertices, triangles)


def _ball(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    theta = np.pi * v
    return 0.1 * np.stack([np.sin(theta) * np.sin(u), np.cos(theta), np.sin(theta) * np.cos(u)], axis=-1)


def _ring(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    r = 0.08 + 0.035 * np.cos(2 * np.pi * v)
    return np.stack([r * np.sin(u), r * np.cos(u), -0.035 * np.sin(2 * np.pi * v)], axis=-1)


def _grid_surface(place, rows: int = 100, columns: int = 200) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[no-untyped-def]
    """A surface over u in 0..2 pi and v in 0..1, as triangles facing outward."""
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij")
    vertices = place(u, v).reshape(-1, 3)
    a = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    triangles = np.concatenate(
        [np.stack([a, a + columns, a + columns + 1], 1), np.stack([a, a + columns + 1, a + 1], 1)]
    )
    return vertices, triangles


def _lumpy(rng: np.random.Generator, depth: float) -> tuple[np.ndarray, np.ndarray]:
    vertices, triangles = _grid_surface(_ball)
    directions = rng.normal(size=(12, 3)) * 25.0
    waves = np.sin(vertices @ directions.T + rng.uniform(0, 2 * np.pi, 12)).mean(axis=1)
    return vertices * (1.0 + 2.0 * depth * waves[:, None]) * [0.8, 1.1, 0.95], triangles


def _ellipsoid(centre: list[float], radii: list[float]) -> tuple[np.ndarray, np.ndarray]:
    vertices, triangles = _grid_surface(_ball, 60, 120)
    return vertices / 0.1 * radii + centre, triangles


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    starts = np.cumsum([0] + [len(v) for v, _ in parts[:-1]])
    triangles = np.concatenate([t + s for (_, t), s in zip(parts, starts, strict=True)])
    return np.concatenate([v for v, _ in parts]), triangles


def _rabbit() -> tuple[np.ndarray, np.ndarray]:
    """A body, a head with a snout and eyes, two long ears."""
    parts = [([0.0, -0.10, -0.03], [0.08, 0.09, 0.11]), ([0.0, 0.02, 0.05], [0.06, 0.06, 0.07])]
    parts.append(([0.0, 0.0, 0.115], [0.025, 0.02, 0.02]))
    for side in (-1.0, 1.0):
        parts.append(([0.03 * side, 0.13, 0.03], [0.018, 0.08, 0.01]))
        parts.append(([0.035 * side, 0.035, 0.09], [0.01, 0.01, 0.01]))
    return _joined([_ellipsoid(centre, radii) for centre, radii in parts])


def _body() -> tuple[np.ndarray, np.ndarray]:
    """Shoulders, chest, a neck's stump, arms."""
    parts = [([0.0, 0.0, 0.0], [0.20, 0.30, 0.12]), ([0.0, 0.28, 0.0], [0.06, 0.08, 0.06])]
    parts += [([0.24 * side, -0.05, 0.0], [0.055, 0.28, 0.06]) for side in (-1.0, 1.0)]
    parts += [([0.08 * side, 0.12, 0.10], [0.07, 0.06, 0.05]) for side in (-1.0, 1.0)]
    return _joined([_ellipsoid(centre, radii) for centre, radii in parts])
