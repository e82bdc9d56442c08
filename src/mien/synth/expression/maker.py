"""Expressions of the face database: the template's 52 shapes in each subject's own form.

offset = contact[ F (sum_k w_k s_k (S_k + sum_j a_kj M_kj)) + bulge ]: the template's shapes S with form modes
M, carried by the local gradients F between template and neutral; strengths s and coefficients a are the
subject's (`expression_form`). Soft tissue keeps its volume: where skin is drawn together, a layer thicker
than the average person's bulges more. What scale and deformation transfer explain is `ExpressionMaker.plain`.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Bool, Float

from mien.anatomy.contact import Contact
from mien.anatomy.contact.behind_skin import gums, mouth_walls
from mien.core.conventions import SHAPE_NAMES
from mien.rigging.sides import left_share
from mien.synth.expression.local_deformation import LocalGradients
from mien.synth.expression.modes import build_modes, shape_rows
from mien.synth.expression.personal_form import ExpressionForm, draw_form, plain_form
from mien.synth.expression.surface import FaceSurface
from mien.synth.expression.unfold import Unfolder
from mien.synth.identity.basis import SynthBasis
from mien.synth.identity.heads import HeadMaker, NeutralHead, head_maker
from mien.synth.subject import Subject

SQUEEZE = (0.72, 1.45)  # change of area beyond which a layer's thickness does not follow
_BULGE_ROUNDS = 4
_WALLS_MOVE = 1e-6  # metres


@dataclass(frozen=True)
class BoundHead:
    """A neutral head with what its expressions need, worked out once."""

    head: NeutralHead
    form: ExpressionForm
    gradients: Float[np.ndarray, "S 3 3"]
    thickness: Float[np.ndarray, " F"]
    normals: Float[np.ndarray, "F 3"]
    areas: Float[np.ndarray, " F"]
    walls: Float[np.ndarray, "W K"]
    turned: Bool[np.ndarray, " T"]
    contacts: tuple[Contact, ...]


class ExpressionMaker:
    """Expressions on heads of one basis."""

    def __init__(self, basis: SynthBasis, heads: HeadMaker | None = None) -> None:
        self.heads = heads or head_maker(basis)
        self.template, self.count = self.heads.template, basis.n_skin
        self.modes = build_modes(self.template, basis, self.heads.former)
        shapes = self.template.shapes[:, : self.count].reshape(52, -1).astype(np.float32)
        moving = (shapes != 0).any(axis=0) | (self.modes.offsets != 0).any(axis=0)
        self._rows = np.flatnonzero(moving.reshape(-1, 3).any(axis=1))
        columns = (3 * self._rows[:, None] + np.arange(3)).ravel()
        self._shapes = np.ascontiguousarray(shapes[:, columns])
        self._modes = np.ascontiguousarray(self.modes.offsets[:, columns])
        self._left = left_share(self.template.vertices[self._rows, 0]).astype(np.float32)[:, None]
        self._sides = _mode_sides(self.modes.modes)
        seen = np.flatnonzero(self.template.vertex_mask("face", "head")[: self.count])
        self._gradients = LocalGradients(self.template.vertices[: self.count], seen, self._rows)
        self.lips, self._lids = self.heads.seat.lips, self.heads.seat.lids
        self.walls = mouth_walls(self.template)
        self.gums = gums(self.template)
        self.surface = FaceSurface(self.template)
        self._face = self.surface.vertices
        self.unfold = Unfolder(self.template, self.surface)

    def draw_form(self, subject: Subject, head: NeutralHead, *, residual: bool = True) -> ExpressionForm:
        """This subject's own way to make expressions; without `residual` what can be predicted of it."""
        return draw_form(subject, head.skin, self.modes, self.template, residual=residual)

    def bind(self, head: NeutralHead, form: ExpressionForm | None = None) -> BoundHead:
        """What the expressions of one head share. Without a form: the average person's."""
        form = form or plain_form(len(self.modes.modes))
        face = head.skin[self._face]
        normals, areas = self.surface.normals(face)
        thickness = np.zeros(len(face), np.float32)
        for name, millimetres in form.thickness.items():
            thickness += self.template.regions[name][self._face].astype(np.float32) * (1e-3 * millimetres)
        rest = head.skin.astype(np.float64)
        gradients = self._gradients(rest)
        walls = self.walls.depth(head.skin, normals)
        turned = self.unfold.turned(face)
        lids = [self._lids[side].on(rest, ball) for side, ball in head.eyes.items()]
        contacts: tuple[Contact, ...] = (self.lips.on(rest), *lids)
        return BoundHead(head, form, gradients, thickness, normals, areas, walls, turned, contacts)

    def expression(self, bound: BoundHead, weights: Float[np.ndarray, "52"]) -> Float[np.ndarray, "S 3"]:
        """The skin's offsets from the neutral, metres; zero weights give exactly zero."""
        strong = (weights * bound.form.strength).astype(np.float32)
        if not strong.any():
            return np.zeros((self.count, 3), np.float32)
        generic = (strong @ self._shapes).reshape(-1, 3)
        own = generic + self._formed(strong, bound.form)
        carried = np.zeros((self.count, 3))
        carried[self._rows] = np.einsum("sab,sb->sa", bound.gradients, own)
        template = np.zeros((self.count, 3))
        template[self._rows] = generic
        if bound.thickness.any():
            self._bulge(carried, bound)
        self.heads.seat.heal_offsets(carried, template)
        return self._touch(carried, bound, strong.astype(np.float64)).astype(np.float32)

    def plain(self, head: NeutralHead, weights: Float[np.ndarray, "52"]) -> Float[np.ndarray, "S 3"]:
        """The same as scale and deformation transfer explain it: no own strength, form or thickness."""
        return self.expression(self.bind(head), weights)

    def _formed(self, weights: Float[np.ndarray, "52"], form: ExpressionForm) -> Float[np.ndarray, "R 3"]:
        """The form modes at these weights, each side by its own."""
        left = (weights[self._sides[0]] * form.left).astype(np.float32)
        right = (weights[self._sides[1]] * form.right).astype(np.float32)
        if not (left.any() or right.any()):
            return np.zeros((len(self._rows), 3), np.float32)
        used = np.flatnonzero((left != 0) | (right != 0))
        modes = self._modes[used]
        on_left, on_right = (left[used] @ modes).reshape(-1, 3), (right[used] @ modes).reshape(-1, 3)
        return on_right + self._left * (on_left - on_right)

    def _bulge(self, offsets: Float[np.ndarray, "S 3"], bound: BoundHead) -> None:
        """A soft layer keeps its volume: its thickness goes with the inverse of the area, in place."""
        face = bound.head.skin[self._face] + offsets[self._face].astype(np.float32)
        _, areas = self.surface.normals(face)
        change = np.clip(bound.areas / np.maximum(areas, 1e-12), *SQUEEZE) - 1
        for _ in range(_BULGE_ROUNDS):
            change = self.surface.mean @ change
        offsets[self._face] += (bound.thickness * change)[:, None] * bound.normals

    def _touch(
        self, offsets: Float[np.ndarray, "S 3"], bound: BoundHead, weights: Float[np.ndarray, "52"]
    ) -> Float[np.ndarray, "S 3"]:
        """Offsets with lids on their balls, lips that touch where they should, walls behind the cheeks."""
        head = bound.head
        rest = head.skin.astype(np.float64)
        moved = rest + offsets
        face = (moved[self._face] - rest[self._face]).astype(np.float32)
        across = self.unfold(face, head.skin[self._face], bound.turned)
        touching = offsets.copy()
        touching[self._face] = face
        for contact in bound.contacts:
            touching = contact.enforce(touching, weights)
        out = rest + touching
        if np.abs(offsets[self.walls.rows]).max() > _WALLS_MOVE:
            normals, _ = self.surface.normals_of(across)
            self.walls.keep(out, normals, bound.walls)
        return out - rest


def _mode_sides(modes: tuple) -> tuple[np.ndarray, np.ndarray]:
    """For each mode the shape whose weight drives it on the left, and on the right."""
    rows = [shape_rows(mode.stem) for mode in modes]
    named = [sorted(own, key=lambda k: SHAPE_NAMES[k].endswith("Right")) for own in rows]
    return np.array([own[0] for own in named]), np.array([own[-1] for own in named])


_MAKERS: WeakKeyDictionary[SynthBasis, ExpressionMaker] = WeakKeyDictionary()


def expression_maker(basis: SynthBasis) -> ExpressionMaker:
    """The maker of this basis, built on first use."""
    if basis not in _MAKERS:
        _MAKERS[basis] = ExpressionMaker(basis)
    return _MAKERS[basis]
