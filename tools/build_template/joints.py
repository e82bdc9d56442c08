"""Joints at rest and skin weights."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

from mien.core.face import Joint
from mien.geometry.align import Similarity
from tools.build_template.shapes_ict import jaw_hinge, jaw_motions
from tools.build_template.source import Source
from tools.build_template.types import Skin

_SMOOTHING = 4  # passes over the jaw's weights
JOINT_NAMES = ("neck", "head", "jaw", "eye_left", "eye_right")


def build_joints(skin: Skin, source: Source) -> tuple[Joint, ...]:
    """Neck and head from the source's helpers, the jaw where jawOpen turns, eyes at their centres."""
    return (
        Joint("neck", None, source.joint("neck")),
        Joint("head", "neck", source.joint("head")),
        Joint("jaw", "head", jaw_hinge(skin)),
        Joint("eye_left", "head", skin.eyes["left"].centre),
        Joint("eye_right", "head", skin.eyes["right"].centre),
    )


def skin_joint_weights(skin: Skin, jaw_open: np.ndarray) -> np.ndarray:
    """(V, J): neck to head by a harmonic ramp, jaw by its share of the opening's rotation; symmetric."""
    head = _neck_ramp(skin)
    jaw = _jaw_share(skin, jaw_open, jaw_motions(skin)["jawOpen"])
    weights = np.zeros((len(skin.vertices), len(JOINT_NAMES)))
    weights[:, 2] = head * jaw
    weights[:, 1] = head * (1 - jaw)
    weights[:, 0] = 1 - head
    return (weights + weights[skin.mirror]) / 2


def _neck_ramp(skin: Skin) -> np.ndarray:
    """1 on face, ears and skull, 0 at the neck's base, harmonic between."""
    v = skin.vertices
    fixed_one = np.ones(len(v), bool)
    head = next(part for part in skin.parts if part.name == "head")
    fixed_one[head.vertices] = v[head.vertices, 1] > -0.05
    fixed_zero = np.zeros(len(v), bool)
    fixed_zero[skin.loops["neck"]] = True
    fixed_one[skin.loops["neck"]] = False
    laplacian = _graph_laplacian(skin.quads, len(v))
    free = np.flatnonzero(~fixed_one & ~fixed_zero)
    out = fixed_one.astype(float)
    out[free] = spla.spsolve(laplacian[free][:, free].tocsc(), -laplacian[free] @ out)
    return np.clip(out, 0, 1)


def _jaw_share(skin: Skin, jaw_open: np.ndarray, motion: Similarity) -> np.ndarray:
    """Share of the lower teeth's rotation that comes nearest to jawOpen, made a little smoother."""
    rigid = motion(skin.vertices) - skin.vertices
    share = (jaw_open * rigid).sum(axis=1) / np.maximum((rigid**2).sum(axis=1), 1e-9)
    laplacian = _graph_laplacian(skin.quads, len(skin.vertices))
    share = np.clip(share, 0, 1)
    for _ in range(_SMOOTHING):
        share = share - 0.5 * (laplacian @ share) / laplacian.diagonal()
    return np.where((jaw_open != 0).any(axis=1), np.clip(share, 0, 1), 0.0)


def _graph_laplacian(quads: np.ndarray, n: int) -> sp.csr_matrix:
    pairs = np.concatenate([quads[:, [i, (i + 1) % 4]] for i in range(4)])
    graph = sp.coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (n, n))
    graph = ((graph + graph.T) > 0).astype(float)
    return (sp.diags(np.asarray(graph.sum(axis=1)).ravel()) - graph).tocsr()
