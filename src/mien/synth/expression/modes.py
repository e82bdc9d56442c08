"""Form modes: what one person's smile may do that another's does not, as offsets of the template's skin.

A mode belongs to a stem ("mouthSmile" for both its sides) and is added to the template's shape by a
subject's own coefficient. Six kinds:

* *ancestry* and *style*, compiled into the basis (`SynthBasis.units`): how the source's units of three
  ancestries differ, and how its ARKit units differ from the template's shapes;
* *turned*: the muscle pulls more upward or more sideways (offsets turned about the normal, per radian);
* *companion*: a second muscle joins in (another shape, in full);
* *formed*: part of the shape's own motion is stronger (its depth, its middle, its upper half);
* *stiff*: hair-bearing brows ride up whole, the skin under them unfolds instead (always, in full);
* *folded*: a line or lump of `mien.synth.identity.traits` that the expression deepens, at strength 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from mien.core.conventions import SHAPE_INDEX
from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.laplacian import cotangent_laplacian, lumped_mass
from mien.geometry.weights import smoothstep
from mien.rigging.sides import left_share
from mien.synth.identity.apply_traits import Former
from mien.synth.identity.basis import SynthBasis

_MM = 1e-3

# Stems whose pull turns.
TURNED = ("mouthSmile", "mouthFrown", "mouthStretch", "mouthDimple", "mouthUpperUp", "mouthLowerDown",
          "browOuterUp", "browInnerUp", "noseSneer", "cheekSquint")  # fmt: skip

# Which movements join in.
COMPANIONS: dict[str, tuple[str, ...]] = {
    "mouthSmile": ("cheekSquint", "mouthUpperUp", "mouthDimple", "mouthStretch", "eyeSquint"),
    "mouthFrown": ("mouthShrugLower", "mouthLowerDown", "mouthPress"),
    "mouthStretch": ("mouthLowerDown", "mouthFrown"),
    "mouthDimple": ("mouthPress", "mouthSmile"),
    "mouthUpperUp": ("noseSneer", "mouthSmile"),
    "mouthLowerDown": ("mouthStretch",),
    "mouthPress": ("mouthRollLower", "mouthRollUpper", "mouthDimple"),
    "mouthPucker": ("mouthFunnel",),
    "mouthFunnel": ("mouthPucker",),
    "mouthShrugLower": ("mouthShrugUpper", "mouthFrown"),
    "mouthRollLower": ("mouthPress",),
    "mouthRollUpper": ("mouthPress",),
    "mouthLeft": ("jawLeft",),
    "mouthRight": ("jawRight",),
    "cheekPuff": ("mouthPucker", "mouthPress"),
    "cheekSquint": ("eyeSquint", "mouthUpperUp"),
    "eyeSquint": ("cheekSquint", "browDown"),
    "eyeBlink": ("cheekSquint", "browDown"),
    "eyeWide": ("browInnerUp", "browOuterUp"),
    "browDown": ("noseSneer", "eyeSquint"),
    "browInnerUp": ("browOuterUp", "browDown"),
    "browOuterUp": ("browInnerUp",),
    "noseSneer": ("browDown", "mouthUpperUp", "cheekSquint"),
    "jawOpen": ("mouthLowerDown", "mouthFunnel"),
    "jawLeft": ("mouthLeft",),
    "jawRight": ("mouthRight",),
    "jawForward": ("mouthShrugLower",),
}

# Lines and lumps that an expression deepens, each with its size in the strongest expression.
FOLDS: dict[str, dict[str, float]] = {
    "mouthSmile": {"nasolabial fold": 0.9, "cheek crease": 0.5, "crow's foot, upper": 0.3,
                   "crow's foot, middle": 0.4, "crow's foot, lower": 0.4, "lower lid crease": 0.4,
                   "full cheek": 0.5, "bulge beside the mouth": 0.4},
    "cheekSquint": {"lower lid crease": 0.8, "tear trough": 0.5, "crow's foot, middle": 0.6,
                    "crow's foot, lower": 0.6},
    "eyeSquint": {"crow's foot, upper": 0.5, "crow's foot, middle": 0.5, "lower lid crease": 0.5},
    "browInnerUp": {"forehead line 1": 0.7, "forehead line 2": 0.8, "forehead line 3": 0.7},
    "browOuterUp": {"forehead line 1": 0.6, "forehead line 2": 0.7, "forehead line 3": 0.7,
                    "forehead line 4": 0.6},
    "browDown": {"frown line": 1.0, "nose root line": 0.5},
    "noseSneer": {"nose root line": 0.8, "nasolabial fold": 0.5},
    "mouthUpperUp": {"nasolabial fold": 0.5},
    "mouthFrown": {"marionette line": 0.9, "mentolabial crease": 0.4},
    "mouthStretch": {"marionette line": 0.4, "cheek crease": 0.4},
    "mouthShrugLower": {"mentolabial crease": 0.5},
    "mouthPucker": {"lip line 1": 0.8, "lip line 2": 0.8, "lip line 3": 0.8},
    "mouthPress": {"bulge beside the mouth": 0.6, "mentolabial crease": 0.2},
    "mouthDimple": {"bulge beside the mouth": 0.5, "cheek crease": 0.4},
}  # fmt: skip

DIMPLE_AT, DIMPLE_SIZE, DIMPLE_DEPTH = (37.0, -66.0), (4.0, 6.5), 1.4  # mm
CALM = {"jawOpen": 0.35, "jawLeft": 0.5, "jawRight": 0.5}  # the jaw varies less than soft parts do
FREE_OF_LIDS, FREE_OF_CORNERS = (1.0e-3, 6.0e-3), (2.0e-3, 9.0e-3)  # metres from, to
UNIT_SIGMA = 4e-3  # metres over which the source's units are smoothed
LINING_SIGMA, LINING_DEPTH = 1.5e-3, (8e-3, 25e-3)
NORMALS_SIGMA, NORMALS_FROM = 12e-3, -40e-3  # metres; the face in front of this depth
BROW_SIGMA, BROW_STIFF = 3e-3, 0.7  # metres along a brow; share of its stretch that is taken away
_STILL = 0.5e-6  # metres


@dataclass(frozen=True)
class FormMode:
    """One mode: `stem` it changes, `kind` and `name` say by what, `size` how strong it comes (see kinds)."""

    stem: str
    kind: str
    name: str
    size: float = 1.0


@dataclass(frozen=True, eq=False)
class FormModes:
    """All modes; `offsets` (M, S3) metres, both sides of the face at full weight."""

    modes: tuple[FormMode, ...]
    offsets: Float[np.ndarray, "M S3"]


def whole_shape(template: Template, stem: str, count: int) -> Float[np.ndarray, "S 3"]:
    """Both sides of a shape on the first `count` rows."""
    return template.shapes[shape_rows(stem), :count].sum(axis=0)


def shape_rows(stem: str) -> list[int]:
    """The indices of a stem's shape, or of its left and right ones."""
    names = (stem, f"{stem}Left", f"{stem}Right")
    return [SHAPE_INDEX[name] for name in names if name in SHAPE_INDEX]


def build_modes(template: Template, basis: SynthBasis, former: Former) -> FormModes:
    """All form modes of a basis on its skin."""
    count = basis.n_skin
    modes: list[FormMode] = []
    offsets: list[np.ndarray] = []

    off_lids, off_corners = _off_seams(template, count)
    lining = _Lining(template)

    def add(mode: FormMode, values: Float[np.ndarray, "S 3"]) -> None:
        modes.append(mode)
        if mode.kind != "companion":
            values = values * off_lids
        if mode.kind in ("folded", "pressed"):
            values = values * off_corners
        if mode.kind != "companion":
            values = lining(values)
        offsets.append(np.where(np.abs(values) > _STILL, values, 0.0).astype(np.float32).ravel())

    smooth = _smoothing(template, count)
    for unit, cage in zip(basis.units, basis.unit_modes, strict=True):
        kind = "style" if unit.cause == "style" else "ancestry"
        add(FormMode(unit.stem, kind, unit.cause), smooth(basis.subdivision @ cage.reshape(-1, 3)))
    for stem in TURNED:
        add(FormMode(stem, "turned", "upward"), _turned(template, former, stem))
    for stem, others in COMPANIONS.items():
        for other in others:
            add(FormMode(stem, "companion", other, CALM.get(stem, 1.0)), whole_shape(template, other, count))
    for mode, values in _formed(template, count):
        add(mode, values)
    for stem, lines in FOLDS.items():
        for line, size in lines.items():
            add(FormMode(stem, "folded", line, size), former.fold(line))
    for mode, values in _pressed(template, former):
        add(mode, values)
    for stem in ("browOuterUp", "browInnerUp"):
        add(FormMode(stem, "stiff", "brow"), _stiff_brows(template, stem, count))
    return FormModes(tuple(modes), np.stack(offsets))


def _smoothing(template: Template, count: int) -> Callable[[np.ndarray], np.ndarray]:
    """Along the skin, over `UNIT_SIGMA`: the source's own fine edges lie elsewhere than this skin's.

    An implicit step of heat flow, (M + t L) x' = M x with t = sigma^2 / 2 (Desbrun et al. 1999).
    """
    quads, points = template.topology.quads, template.vertices[:count]
    triangles = split_quads(quads[(quads < count).all(axis=1)])
    mass = sparse.diags(np.maximum(lumped_mass(points, triangles), 1e-9))
    heat = mass + 0.5 * UNIT_SIGMA**2 * cotangent_laplacian(points, triangles, max_cotangent=3.0)
    solve = splu(heat.tocsc()).solve
    return lambda values: solve(mass @ values)


def _off_seams(template: Template, count: int) -> tuple[Float[np.ndarray, "S 1"], Float[np.ndarray, "S 1"]]:
    """0 at the lids' margins, and at the mouth's corners, to 1 a little way off.

    Lids are laid on their balls afterwards, and what is as fine as a fold does not go into a corner.
    """
    loops, points = template.loops, template.vertices
    lids = np.concatenate([line for name, line in loops.items() if name.startswith("lid_")])
    corners = loops["lips_inner_upper"][[0, -1]]
    from_lids = cKDTree(points[lids]).query(points[:count])[0]
    from_corners = cKDTree(points[corners]).query(points[:count])[0]
    return smoothstep(from_lids, *FREE_OF_LIDS)[:, None], smoothstep(from_corners, *FREE_OF_CORNERS)[:, None]


class _Lining:
    """The mouth's walls follow the face before them in a mode, fading out into the depth."""

    def __init__(self, template: Template) -> None:
        face, wall = template.part("face").vertices, template.part("mouth_socket").vertices
        self._wall = wall
        lips = np.flatnonzero(template.regions["measured"][face] > 0.2) + face.start
        distance, near = cKDTree(template.vertices[lips]).query(template.vertices[wall], k=12)
        weight = np.exp(-0.5 * (distance**2 - distance[:, :1] ** 2) / LINING_SIGMA**2)
        fade = 1 - smoothstep(distance[:, 0], *LINING_DEPTH)
        self._near, self._weight = lips[near], weight * (fade / weight.sum(axis=1))[:, None]

    def __call__(self, values: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "S 3"]:
        out = values.copy()
        out[self._wall] = np.einsum("wk,wkd->wd", self._weight, values[self._near])
        return out


def _turned(template: Template, former: Former, stem: str) -> Float[np.ndarray, "S 3"]:
    """Offsets turned by a radian's derivative about the normal, upward on either side."""
    x = template.vertices[: former.n_skin, 0]
    side = (2 * left_share(x) - 1)[:, None]
    return side * np.cross(_calm_normals(former), whole_shape(template, stem, former.n_skin))


def _calm_normals(former: Former) -> Float[np.ndarray, "S 3"]:
    """Normals of the face without its features, a function of place: both lips of a mouth have the same."""
    frame, outer = former.frame, former.frame.outer[::6]
    outer = outer[frame.vertices[outer, 2] > NORMALS_FROM]
    distance, near = cKDTree(frame.vertices[outer]).query(frame.vertices, k=160)
    weight = np.exp(-0.5 * (distance / NORMALS_SIGMA) ** 2) + 1e-12
    total = np.einsum("sk,skd->sd", weight, frame.normals[outer][near])
    return total / np.linalg.norm(total, axis=1, keepdims=True)


def _formed(template: Template, count: int) -> list[tuple[FormMode, np.ndarray]]:
    """Parts of a shape's own motion."""
    points = template.vertices[:count] / _MM
    middle = np.exp(-0.5 * (points[:, :1] / 9.0) ** 2)
    upper = smoothstep(points[:, 1:2], -75.0, -45.0)
    depth = np.array([0.0, 0.0, 1.0])
    out = []
    for stem in ("mouthPucker", "mouthFunnel", "jawOpen", "mouthShrugLower"):
        out.append(
            (
                FormMode(stem, "formed", "depth", CALM.get(stem, 1.0)),
                whole_shape(template, stem, count) * depth,
            )
        )
    for stem in ("mouthUpperUp", "mouthLowerDown", "mouthSmile", "mouthPucker", "browInnerUp"):
        shape = whole_shape(template, stem, count)
        out.append((FormMode(stem, "formed", "middle"), shape * (middle - 0.4) * _touched(shape)))
    puff = whole_shape(template, "cheekPuff", count)
    out.append((FormMode("cheekPuff", "formed", "upper"), puff * (upper - 0.5)))
    return out


def _touched(shape: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "S 1"]:
    return (np.linalg.norm(shape, axis=1, keepdims=True) > 1e-5).astype(float)


def _pressed(template: Template, former: Former) -> list[tuple[FormMode, np.ndarray]]:
    """Dimples, and lips that flatten as they are drawn wide."""
    frame = former.frame
    points = frame.vertices / _MM
    place = np.stack([np.abs(points[:, 0]), points[:, 1]], axis=1)
    away = (((place - DIMPLE_AT) / DIMPLE_SIZE) ** 2).sum(axis=1)
    seen = np.zeros(len(points))
    face = template.part("face").vertices
    seen[face] = smoothstep(points[face, 2], -10.0, 5.0)
    dimple = -DIMPLE_DEPTH * _MM * (np.exp(-0.5 * away) * seen)[:, None] * frame.normals
    lips = template.regions["lips"][: len(points)] * seen
    flat = -1.0 * _MM * lips[:, None] * _calm_normals(former)
    return [
        (FormMode("mouthSmile", "pressed", "dimple"), dimple),
        (FormMode("mouthDimple", "pressed", "dimple"), dimple),
        (FormMode("mouthSmile", "pressed", "flat lips"), flat),
        (FormMode("mouthStretch", "pressed", "flat lips"), flat),
    ]


def _stiff_brows(template: Template, stem: str, count: int) -> Float[np.ndarray, "S 3"]:
    """Takes from a shape most of what stretches a brow in height: each place goes with the brow's middle."""
    shape, points = whole_shape(template, stem, count), template.vertices[:count]
    out = np.zeros_like(shape)
    for side in ("left", "right"):
        share = template.regions[f"brow_{side}"][:count]
        rows = np.flatnonzero(share > 0)
        across = points[rows, None, 0] - points[rows, 0]
        weight = np.exp(-0.5 * (across / BROW_SIGMA) ** 2) * share[rows]
        middle = weight @ shape[rows] / weight.sum(axis=1, keepdims=True)
        out[rows] = BROW_STIFF * share[rows, None] * (middle - shape[rows])
    return out
