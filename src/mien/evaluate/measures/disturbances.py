"""Disturbances of a scan: turned, scaled, mirrored, cropped, thinned and roughened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from mien.core.mesh import Scan
from mien.geometry.normals import vertex_normals
from mien.scan.clean import select_faces
from mien.scan.landmarks.detect import simplify
from mien.synth.scans.synthetic_scan import cropped

Change = Callable[[Scan, Float[np.ndarray, "68 3"], np.random.Generator], Scan]


@dataclass(frozen=True)
class Disturbance:
    """A disturbance: a change of the mesh, then a linear map of space."""

    name: str
    change: Change | None = None
    turn: Float[np.ndarray, "4 4"] = field(default_factory=lambda: np.eye(4))


def list_disturbances() -> list[Disturbance]:
    """All of them; each is made with a random generator of its own."""
    rng = np.random.default_rng(20)
    turned = [Disturbance(f"turned at random {k + 1}", turn=_random_turn(rng)) for k in range(3)]
    scales = [Disturbance(f"scaled by {s:g}", turn=np.diag([s, s, s, 1.0])) for s in (0.001, 1000.0, 37.0)]
    far = np.eye(4)
    far[:3, 3] = 100.0, -250.0, 40.0
    return [
        Disturbance("undisturbed"),
        *turned,
        Disturbance("upside down", turn=np.diag([-1.0, -1.0, 1.0, 1.0])),
        *scales,
        Disturbance("moved 270 m away", turn=far),
        Disturbance("mirrored", turn=np.diag([-1.0, 1.0, 1.0, 1.0])),
        Disturbance("crop: head", _crop("head")),
        Disturbance("crop: face with ears", _crop("face")),
        Disturbance("crop: bare mask", _crop("mask")),
        Disturbance("crop: left half", _half),
        Disturbance("crop: without the mouth", _without_mouth),
        *(Disturbance(f"{n:,} triangles", _thinned(n)) for n in (20_000, 5000, 2000)),
        *(Disturbance(f"noise {mm:g} mm", _noisy(mm / 1000)) for mm in (0.2, 0.5, 1.0)),
        Disturbance(
            "2,000 triangles, mask, turned", _chain(_crop("mask"), _thinned(2000)), _random_turn(rng)
        ),
        Disturbance(
            "noise 1 mm, 5,000 triangles, turned", _chain(_thinned(5000), _noisy(0.001)), _random_turn(rng)
        ),
    ]


def _crop(crop: str) -> Change:
    def change(scan: Scan, landmarks: np.ndarray, _rng: np.random.Generator) -> Scan:
        return select_faces(scan, cropped(_centres(scan), landmarks, crop))  # type: ignore[arg-type]

    return change


def _half(scan: Scan, landmarks: np.ndarray, _rng: np.random.Generator) -> Scan:
    return select_faces(scan, _centres(scan)[:, 0] > landmarks[27:31, 0].mean())


def _without_mouth(scan: Scan, landmarks: np.ndarray, _rng: np.random.Generator) -> Scan:
    return select_faces(scan, _centres(scan)[:, 1] > landmarks[33, 1])


def _thinned(count: int) -> Change:
    return lambda scan, _landmarks, _rng: simplify(scan, count)


def _noisy(metres: float) -> Change:
    def change(scan: Scan, _landmarks: np.ndarray, rng: np.random.Generator) -> Scan:
        normals = vertex_normals(scan.vertices, scan.triangles)
        return replace(scan, vertices=scan.vertices + metres * rng.normal(size=(len(normals), 1)) * normals)

    return change


def _chain(*changes: Change) -> Change:
    def change(scan: Scan, landmarks: np.ndarray, rng: np.random.Generator) -> Scan:
        for one in changes:
            scan = one(scan, landmarks, rng)
        return scan

    return change


def _centres(scan: Scan) -> Float[np.ndarray, "M 3"]:
    return scan.vertices[scan.triangles].mean(axis=1)


def _random_turn(rng: np.random.Generator) -> Float[np.ndarray, "4 4"]:
    """Uniform over all rotations (the QR of a Gaussian matrix)."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    out = np.eye(4)
    out[:3, :3] = q * np.linalg.det(q)
    return out
