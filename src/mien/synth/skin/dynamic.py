"""What an expression does to skin: blood pressed out or gathered, and wrinkles where skin is pushed together.

The strain of the surface says both. Blood: J. Jimenez et al., "A practical appearance model for dynamic
facial color" (2010), measured that haemoglobin leaves what is stretched and pressed. Wrinkles: a sheet that
is shortened by a share e buckles into waves of length l whose height is about l sqrt(e) / pi; skin does so
once it is shortened beyond what its elasticity takes up, across the lines of its own tension the soonest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mien.core.conventions import SHAPE_INDEX
from mien.geometry.normals import normalized
from mien.synth.skin.fields import grid_fields, vertex_fields
from mien.synth.skin.layout import Layout, enlarged
from mien.synth.skin.look import SkinLook
from mien.synth.skin.marks import CREASE, Marks
from mien.synth.skin.splat import splat
from mien.synth.skin.tint import slopes
from mien.synth.skin.traces import threads, wander

_BLOOD_ENDS = (-1.3, 0.7)  # log share of blood: blanched, gathered
_WAVE = 2.6  # millimetres from one wrinkle of compression to the next
_STEP, _STEPS = 0.5, 36  # of the threads along which they run, millimetres
_SHARE = (0.10, 0.42)  # of the height that a free sheet would reach, in smooth and in the most wrinkled skin


@dataclass(frozen=True)
class Strain:
    """Logarithms of stretch at each vertex: of area, and of length along and across the lines of tension."""

    area: Float[np.ndarray, " V"]
    along: Float[np.ndarray, " V"]
    across: Float[np.ndarray, " V"]


def strain_of(
    rest: Float[np.ndarray, "V 3"],
    posed: Float[np.ndarray, "V 3"],
    triangles: Int[np.ndarray, "T 3"],
    tension: Float[np.ndarray, "V 3"],
) -> Strain:
    """How a pose stretches the surface; `tension` are unit directions along the surface at rest.

    Per triangle the map F of its plane at rest to its pose gives |F t| along t, |F p| across, and
    |F t x F p|; at vertices the mean over the triangles round each, by area.
    """
    edges, moved = (
        np.stack([p[triangles[:, k]] - p[triangles[:, 0]] for k in (1, 2)], -1) for p in (rest, posed)
    )
    normal = np.cross(edges[..., 0], edges[..., 1])
    area = np.linalg.norm(normal, axis=1)
    way = tension[triangles].mean(axis=1)
    unit = normal / np.maximum(area, 1e-12)[:, None]
    way = normalized(way - unit * np.einsum("td,td->t", way, unit)[:, None])
    axes = np.stack([way, np.cross(unit, way)], axis=-1)  # t and p
    flat = np.einsum("tda,tde->tae", axes, edges)
    good = np.abs(np.linalg.det(flat)) > 1e-14
    inverse = np.linalg.inv(np.where(good[:, None, None], flat, np.eye(2)))
    mapped = moved @ inverse  # columns: F t and F p
    length = np.linalg.norm(mapped, axis=1)
    whole = np.linalg.norm(np.cross(mapped[..., 0], mapped[..., 1]), axis=1)
    logs = np.log(np.clip(np.stack([whole, length[:, 0], length[:, 1]], axis=1), 0.05, 20.0))
    logs[~good] = 0.0
    sums, weight = np.zeros((len(rest), 3)), np.zeros(len(rest))
    for k in range(3):
        np.add.at(sums, triangles[:, k], area[:, None] * logs)
        np.add.at(weight, triangles[:, k], area)
    mean = sums / np.maximum(weight, 1e-15)[:, None]
    return Strain(*mean.T)


def expression_blood(strain: Strain, look: SkinLook) -> Float[np.ndarray, " V"]:
    """Change of log blood: the same blood over more area, and pressed out where skin is taut, from whichever
    direction; what is pushed together looks redder. Lips, full of blood, lose the most.
    """
    taut = np.maximum(np.maximum(strain.along, strain.across), 0.0)
    change = -0.9 * strain.area - 1.6 * taut**1.5
    fields = vertex_fields()
    if len(change) == len(fields.points):
        lids = np.maximum(fields.of("upper_lid"), fields.of("lower_lid"))
        change = change * (1.0 - 0.7 * lids)  # lids unfold: their skin is hardly taut
        change = np.where(change < 0, change * (1.0 + 0.6 * fields.of("lips")), change)
    return np.clip(change * (0.75 + 0.5 * look.flush), *_BLOOD_ENDS)


def blood_factor(change: Float[np.ndarray, "*N"], look: SkinLook) -> Float[np.ndarray, "*N 3"]:
    """What a change of log blood multiplies this subject's linear albedo by."""
    return np.exp(change[..., None] * slopes(look.skin)[:, 1])


def wrinkle_patterns(layout: Layout, look: SkinLook, resolution: int) -> Float[np.ndarray, "2 R R"]:
    """Where this subject's skin folds when it is pushed together: grooves that run along the lines of tension
    and across them, 0 to 1. They are the same in every expression, as they are in people.
    """
    out = np.zeros((2, resolution, resolution), np.float32)
    fields = grid_fields(layout.grid.part)
    bare = np.clip(1.0 - fields.of("scalp") - fields.of("lips"), 0.0, 1.0)
    for n, turned in enumerate((0.0, 0.5 * np.pi)):
        rng = np.random.default_rng([look.seed, len(layout.tile.triangles), 50 + n])
        seeds = layout.grid.scatter(1.4 / (_WAVE * 0.7 * _STEP * _STEPS) * bare, rng)
        count = len(seeds)
        turn = turned + 0.05 * rng.standard_normal((count, 1)) + 0.10 * wander(count, _STEPS, 4.0, rng)
        courses = threads(layout.grid, seeds, layout.tension, _STEPS, _STEP, turn)
        share = (np.arange(_STEPS) + 0.5) / _STEPS
        reach = rng.uniform(0.45, 1.0, (count, 1))
        fade = np.clip(1.0 - (np.abs(share - 0.5) / (0.5 * reach)) ** 2, 0.0, 1.0)
        strength = fade * rng.uniform(0.4, 1.0, (count, 1)) * (1.0 + 0.2 * wander(count, _STEPS, 3.0, rng))
        keep = courses.on & (strength > 0.02)
        width = np.repeat(0.22 * _WAVE * rng.uniform(0.5, 1.0, (count, 1)), _STEPS, axis=1)
        radius = np.c_[np.full(int(keep.sum()), 2.2 * _STEP), width[keep]]
        marks = layout.grid.marks(
            courses.places[keep], courses.ahead[keep], radius, np.clip(strength[keep], 0, 1), resolution
        )
        splat(
            out[n], Marks(marks.centre, marks.to_surface, marks.radius, marks.strength), CREASE, deepest=True
        )
    return out


def expression_relief(
    layout: Layout, look: SkinLook, strain: Strain, patterns: Float[np.ndarray, "2 R R"]
) -> Float[np.ndarray, "R R"]:
    """Change of displacement (mm): grooves of `wrinkle_patterns` as deep as the skin is shortened there.

    Old and inelastic skin folds sooner and deeper. Zero where skin is not shortened.
    """
    resolution = patterns.shape[1]
    out = np.zeros((resolution, resolution), np.float32)
    for pattern, height in zip(patterns, fold_heights(look, strain), strict=True):
        out -= enlarged(layout.whole(height), resolution) * pattern
    return np.minimum(out, 0.0)


def fold_heights(look: SkinLook, strain: Strain) -> Float[np.ndarray, "2 V"]:
    """How deep (mm) skin folds along the lines of tension and across them, at each vertex."""
    slack = 0.02 + 0.10 * look.elasticity
    share = _SHARE[0] + (_SHARE[1] - _SHARE[0]) * (0.35 * look.old + 0.65 * look.wrinkles)
    # Shortening across the lines of tension folds skin along them; the other way it resists twice as long.
    shortened = np.stack([-strain.across - slack, -strain.along - 2.0 * slack])
    height = share * _WAVE / np.pi * np.sqrt(1.0 - np.exp(-np.maximum(shortened, 0.0)))
    fields = vertex_fields()
    if len(strain.area) == len(fields.points):
        height *= np.clip(1.0 - fields.of("scalp"), 0.0, 1.0)
    return height


def shape_strain(layout: Layout, weights: dict[str, float]) -> Strain:
    """The strain of a combination of the template's 52 shapes on the template itself."""
    template = layout.template
    offset = sum(weight * template.shapes[SHAPE_INDEX[name]] for name, weight in weights.items())
    triangles = face_and_head_triangles(layout)
    return strain_of(template.vertices, template.vertices + offset, triangles, layout.tension)


def face_and_head_triangles(layout: Layout) -> Int[np.ndarray, "T 3"]:
    """The triangles of face and head."""
    topology = layout.template.topology
    spans = [layout.template.part(name).quads for name in ("face", "head")]
    return np.concatenate([topology.triangles[2 * s.start : 2 * s.stop] for s in spans])
