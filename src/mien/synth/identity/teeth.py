"""Teeth of one's own: widths, lengths, wear, gaps and crowding, tooth by tooth, on the template's rows.

Sizes follow what dentists measure: incisors' widths vary by about 6 % (Kraus et al.'s and Moorrees' tables),
edges wear by about a millimetre in a life, crowding is commonest in the lower front. Needs numpy and scipy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mien.core.conventions import MILLIMETRES_PER_METRE
from mien.core.face import Template
from mien.geometry.align import fit_similarity
from mien.geometry.weights import smoothstep
from mien.synth.subject import Subject

JAWS = ("upper", "lower")
_FRONT = 6  # teeth a side, from the middle: their widths trade places, those behind keep theirs
_IN_FRONT = np.array([1.0, 1.0, 0.8, 0.5, 0.3, 0.1, 0.0, 0.0])  # how far each kind strays from the row
_WORN = np.array([1.0, 0.85, 0.9, 0.5, 0.4, 0.3, 0.3, 0.2])  # how far each kind wears down


@dataclass(frozen=True)
class ToothRow:
    """One side of a jaw, from the middle outward (T teeth, each K vertices, rows of the vertex array).

    In millimetres of the template: `local` places about each tooth's centre along the row, outward to the
    lips, and up; `height` 0 at the root, 1 at the edge; `width` along the row; `axes` (T 3 3) as rows.
    """

    rows: Int[np.ndarray, "T K"]
    local: Float[np.ndarray, "T K 3"]
    height: Float[np.ndarray, "T K"]
    width: Float[np.ndarray, " T"]
    axes: Float[np.ndarray, "T 3 3"]


@dataclass(frozen=True)
class ToothForm:
    """What makes a row one's own, a tooth each: share that widths grow by, millimetres that edges lose,
    turn (radians) and step back from the lips (mm); and the gap at the middle (mm).
    """

    wider: Float[np.ndarray, " T"]
    shorter: Float[np.ndarray, " T"]
    turn: Float[np.ndarray, " T"]
    back: Float[np.ndarray, " T"]
    gap: float


def shape_teeth(
    template: Template, subject: Subject, head: Float[np.ndarray, "V 3"]
) -> Float[np.ndarray, "V 3"]:
    """The head (metres) with this subject's own teeth where the template's have been set in."""
    out = head.copy()
    for jaw in JAWS:
        part = template.vertex_mask(f"teeth_{jaw}")
        placed = fit_similarity(template.vertices[part], head[part].astype(np.float64))
        rng = subject.stream(f"tooth form, {jaw}")
        common = _common(subject, jaw, rng)
        for side in (0, 1):
            row = tooth_rows(jaw)[side]
            moved = shaped(row, _form(row, common, rng)) / MILLIMETRES_PER_METRE
            out[row.rows] += (placed.scale * moved @ placed.rotation.T).astype(out.dtype)
    return out


def shaped(row: ToothRow, form: ToothForm) -> Float[np.ndarray, "T K 3"]:
    """How far each vertex moves, in millimetres of the template. What one tooth gains in width along the row
    the others make room for, so that teeth which only touch keep from crossing.
    """
    room = row.width[:_FRONT].sum()
    wider = form.wider.copy()
    wider[_FRONT:] = 0.0
    wider[:_FRONT] -= (wider[:_FRONT] * row.width[:_FRONT]).sum() / room + 0.5 * form.gap / room
    grown = wider * row.width
    along = 0.5 * form.gap + np.cumsum(grown) - 0.5 * grown
    along[_FRONT:] = 0.0
    new = row.local.copy()
    new[..., 0] *= 1.0 + wider[:, None]
    cosine, sine = np.cos(form.turn)[:, None], np.sin(form.turn)[:, None]
    new[..., 0], new[..., 1] = (
        cosine * new[..., 0] - sine * new[..., 1],
        sine * new[..., 0] + cosine * new[..., 1],
    )
    new[..., 0] += along[:, None]
    # A turned tooth's corner comes forward: it steps back by as much as that.
    new[..., 1] -= (form.back + 0.35 * row.width * np.abs(np.sin(form.turn)))[:, None]
    crown = smoothstep(row.height, 0.35, 1.0)
    up = np.sign(row.local[..., 2][np.arange(len(row.rows)), row.height.argmax(axis=1)])
    new[..., 2] -= (up * form.shorter)[:, None] * crown
    return np.einsum("tka,tad->tkd", new - row.local, row.axes)


@dataclass(frozen=True)
class _Common:
    """What both sides of a jaw share: how crowded, how worn (mm), the gap, and lengths and widths by kind."""

    crowded: float
    worn: float
    gap: float
    wider: Float[np.ndarray, " T"]
    shorter: Float[np.ndarray, " T"]


def _common(subject: Subject, jaw: str, rng: np.random.Generator) -> _Common:
    count = len(_IN_FRONT)
    crowded = rng.beta(1.1, 3.2) * (1.0 if jaw == "lower" else 0.7)
    gap = rng.uniform(0.4, 1.8) if rng.random() < (0.12 if jaw == "upper" else 0.05) else 0.0
    worn = 1.3 * float(np.clip((subject.age - 22.0) / 58.0, 0.0, 1.0)) * rng.uniform(0.3, 1.0)
    wider = 0.05 * rng.standard_normal(count) * _IN_FRONT
    wider[1] += 0.04 * rng.standard_normal() - (0.02 if jaw == "upper" else 0.0)
    shorter = np.abs(0.25 * rng.standard_normal(count)) * _IN_FRONT
    return _Common(float(crowded), worn, float(gap), np.clip(wider, -0.12, 0.10), shorter)


def _form(row: ToothRow, common: _Common, rng: np.random.Generator) -> ToothForm:
    count = len(row.width)
    turn = np.radians(2.0 + 6.5 * common.crowded) * rng.standard_normal(count) * _IN_FRONT
    return ToothForm(
        wider=np.clip(common.wider + 0.012 * rng.standard_normal(count), -0.14, 0.12),
        shorter=common.shorter
        + common.worn * _WORN * rng.uniform(0.75, 1.25, count)
        + np.abs(0.12 * rng.standard_normal(count)) * _IN_FRONT,
        turn=np.clip(turn, -0.2, 0.2),
        back=np.minimum(np.abs(rng.standard_normal(count)) * (0.06 + 0.4 * common.crowded), 0.6) * _IN_FRONT,
        gap=common.gap,
    )


@lru_cache(maxsize=2)
def tooth_rows(jaw: str) -> tuple[ToothRow, ToothRow]:
    """The template's teeth of a jaw: the subject's left side, then the right one."""
    from mien.template.load import load_template

    template = load_template()
    part = template.part(f"teeth_{jaw}")
    quads = template.topology.quads[part.quads]
    first, count = int(quads.min()), int(np.ptp(quads)) + 1
    edges = np.concatenate([quads[:, [k, (k + 1) % 4]] for k in range(4)]) - first
    links = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count))
    which = connected_components(links, directed=False)[1]
    teeth = np.stack([first + np.flatnonzero(which == k) for k in range(which.max() + 1)])
    points = template.vertices[teeth] * MILLIMETRES_PER_METRE
    centre = points.mean(axis=1)
    sides = []
    for side in (1.0, -1.0):
        own = np.flatnonzero(side * centre[:, 0] > 0)
        own = own[np.argsort(-centre[own, 2])]  # from the front to the back
        sides.append(_row(teeth[own], points[own], up=-1.0 if jaw == "upper" else 1.0, side=side))
    return sides[0], sides[1]


def _row(teeth: np.ndarray, points: np.ndarray, *, up: float, side: float) -> ToothRow:
    """Measures a row of teeth whose edges lie `up` (1 or -1)."""
    centre = points.mean(axis=1)
    # The row begins at the mirror image of its first tooth.
    before = np.concatenate([(centre[:1] * [-1.0, 1.0, 1.0]), centre])
    ahead = np.concatenate([before[2:] - before[:-2], before[-1:] - before[-2:-1]])
    ahead[:, 1] = 0.0
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    vertical = np.tile([0.0, 1.0, 0.0], (len(teeth), 1))
    outward = side * np.cross(ahead, vertical)
    axes = np.stack([ahead, outward, vertical], axis=1)
    local = np.einsum("tkd,tad->tka", points - centre[:, None], axes)
    level = up * points[..., 1]
    low, high = level.min(axis=1, keepdims=True), level.max(axis=1, keepdims=True)
    return ToothRow(teeth, local, (level - low) / (high - low), np.ptp(local[..., 0], axis=1), axes)
