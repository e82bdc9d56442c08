"""Faults of the source's neutral put right: the lips are brought together."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from mien.core.mesh import split_quads
from mien.geometry.laplacian import cotangent_laplacian, lumped_mass
from mien.geometry.solve import SpdSolver

LIP_GAP = 0.05e-3  # metres left between the touching lips


def close_lips(
    vertices: np.ndarray, quads: np.ndarray, loops: dict[str, np.ndarray], mirror: np.ndarray
) -> np.ndarray:
    """Offsets (V, 3) that lay both lips on one line and carry the red of the lips along smoothly."""
    upper, lower = loops["lips_inner_upper"], loops["lips_inner_lower"]
    line = _meeting_line(vertices[upper], vertices[lower])
    handles, targets = [], []
    for loop, sign in ((upper, 1.0), (lower, -1.0)):
        x = vertices[loop, 0]
        goal = np.stack([x, *(np.interp(x, line[:, 0], line[:, k]) for k in (1, 2))], axis=1)
        goal[1:-1, 1] += sign * LIP_GAP / 2
        handles.append(loop)
        targets.append(goal - vertices[loop])
    offsets = _spread(
        vertices, quads, np.concatenate(handles), np.concatenate(targets), _held(vertices, loops)
    )
    offsets = (offsets + offsets[mirror] * [-1, 1, 1]) / 2
    return offsets + _keep_apart(vertices + offsets, line, loops)


def _meeting_line(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Midway between the two contact lines, both as functions of x; (L, 3), x ascending, symmetric."""
    x = np.linspace(upper[0, 0], upper[-1, 0], 81)
    sides = [np.stack([np.interp(x, p[:, 0], p[:, k]) for k in (1, 2)], axis=1) for p in (upper, lower)]
    middle = np.mean(sides, axis=0)
    middle = (middle + middle[::-1]) / 2
    return np.concatenate([x[:, None], middle], axis=1)


def _held(vertices: np.ndarray, loops: dict[str, np.ndarray]) -> np.ndarray:
    """True where nothing may move: farther than 11 mm from the lips."""
    lips = np.concatenate([vertices[loops[name]] for name in ("lips_inner_upper", "lips_inner_lower")])
    near = np.zeros(len(vertices), bool)
    for start in range(0, len(vertices), 2000):
        block = vertices[start : start + 2000]
        near[start : start + 2000] = ((block[:, None] - lips[None]) ** 2).sum(axis=2).min(axis=1) < 0.011**2
    return ~near


def _spread(
    vertices: np.ndarray, quads: np.ndarray, handles: np.ndarray, targets: np.ndarray, held: np.ndarray
) -> np.ndarray:
    """The smoothest offsets (biharmonic) that meet the handles and vanish where held."""
    triangles = split_quads(quads)
    laplacian = cotangent_laplacian(vertices, triangles, max_cotangent=5.0)
    mass = lumped_mass(vertices, triangles) + 1e-9
    system = (laplacian.T @ sp.diags(1 / mass) @ laplacian).tocsr()
    handles, first = np.unique(handles, return_index=True)
    out = np.zeros_like(vertices)
    out[handles] = targets[first]
    fixed = held.copy()
    fixed[handles] = True
    free = np.flatnonzero(~fixed)
    out[free] = SpdSolver(system[free][:, free]).solve(-(system[free] @ out))
    return out


def _keep_apart(vertices: np.ndarray, line: np.ndarray, loops: dict[str, np.ndarray]) -> np.ndarray:
    """Small vertical offsets so that each lip stays on its own side of the line in front of and behind it."""
    out = np.zeros_like(vertices)
    sides = {sign: loops[f"lips_front_{name}"] for name, sign in (("upper", 1.0), ("lower", -1.0))}
    for sign, loop in sides.items():
        inner = loop[1:-1]
        height = np.interp(vertices[inner, 0], line[:, 0], line[:, 1])
        beyond = sign * (vertices[inner, 1] - height) - LIP_GAP / 2
        out[inner, 1] = -sign * np.minimum(beyond, 0)
    return out
